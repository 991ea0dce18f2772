"""`Step`: a compiled training step with its parameters."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .api.options import check_seed
from .artifact import compiled_file
from .artifact.arguments import Arguments
from .artifact.artifact import Artifact
from .artifact.compiled_file import Images
from .artifact.footprint import Footprint
from .artifact.image import Identity, Kind, unseal
from .artifact.manifest import Array, TensorSpec
from .artifact.memory import Memory
from .core.extension import load_core
from .errors import ArgumentError, LossNotFiniteError, TargetError
from .export import folder
from .report.plan import Plan
from .report.profile import Profile
from .report.report import Report
from .runtime import checkpoint
from .runtime.abi import Call, Instance, Segments
from .runtime.counters import Counters
from .runtime.dispatched import DispatchedInstance
from .runtime.foreign import ForeignInstance, refuse
from .runtime.learning_rates import LearningRates
from .runtime.profile_run import profile_function
from .runtime.state import State
from .support.files import write_bytes
from .support.needs import require_torch

__all__ = ["Step"]


class Step:
    """A training step, compiled ahead of time, and its parameters.

    Calls on one step exclude each other. Different steps may run at the same time.

    >>> loss = step(x, y)                               # doctest: +SKIP
    >>> loss = step(x, y, lr=0.01)                      # doctest: +SKIP
    >>> loss = step(input_ids=ids, target=y)            # doctest: +SKIP

    Args:
        artifact: the result of the compilation.
        values: initial parameters and buffers by PyTorch's names.
        torch_optimizer: a ``torch.optim`` instance, or None. Every call reads the learning rates in
            its ``param_groups``, so torch's schedulers take effect.
    """

    def __init__(self, artifact: Artifact, values: Mapping[str, Array], torch_optimizer: Any = None) -> None:
        instance, counters = _instance_of(artifact), Counters.of(artifact)
        self._assemble(artifact, instance, State.initial(artifact, instance, counters, values), counters)
        self._rates = LearningRates(artifact.optimizers, torch_optimizer)

    @classmethod
    def restore(cls, artifact: Artifact, images: Images) -> Step:
        """Return a step with everything that another one had in its memory; see `images`."""
        step = cls.__new__(cls)
        instance = _instance_of(artifact, images)
        counters = Counters.of(artifact)
        counters.micro_step, counters.calls, counters.seed = images.counters
        step._assemble(artifact, instance, State(artifact, instance, counters, images.unused), counters)
        step._rates = LearningRates(artifact.optimizers)
        return step

    def _assemble(self, artifact: Artifact, instance: Segments, state: State, counters: Counters) -> None:
        self._artifact = artifact
        self._native = artifact.target.native
        self._instance = instance
        self._lock = threading.Lock()
        calls = {
            name: Call(instance, name, function, artifact.given_dtypes)
            for name, function in artifact.manifest.functions.items()
        }
        self._step, self._predict = calls["step"], calls.get("predict")
        self._accumulate = calls.get("accumulate")
        _check_signature(self._step, len(artifact.optimizers))
        self._scalars = {spec.name: instance.output(spec) for spec in self._step.function.scalars}
        self._outputs = [instance.output(spec) for spec in self._step.function.outputs]
        self._grad_norm: float | None = None
        self._loss_is_finite: bool | None = None
        self._skipped = 0
        self._arguments = Arguments("step", self.inputs, artifact.arguments)
        if self._predict:
            names = [spec.name for spec in self.inputs]
            self._predict_arguments = Arguments("predict", self._predict.function.tensors, artifact.arguments, names)
        self._counters = counters
        self._state = state

    # Running ------------------------------------------------------------------------------

    def __call__(
        self, *inputs: Any, lr: float | Sequence[float] | None = None, seed: int | None = None, **named: Any
    ) -> float:
        """Run one training step and return the loss before the update.

        With ``accumulate=n``, every n-th call updates; the others only accumulate their gradients.
        After an error, parameters, buffers, optimizer state and counters are as before the call.

        Args:
            inputs: the model's inputs, then the target, as numpy arrays or torch tensors;
                not copied if contiguous and aligned.
            lr: the learning rate of this call, or one per parameter group; the optimizer's if
                None.
            seed: the seed of dropout in this call; that of ``compile`` if None.
            named: inputs and ``target`` by name.

        Raises:
            ArgumentError: an argument is missing, or has a wrong shape or dtype.
            IndexRangeError: an index or a label is out of range.
            IntegerDivisionError: integers are divided by zero.
            LossNotFiniteError: the loss is NaN or infinite, and the step was compiled with
                ``on_nan="error"``.
            TargetError: the step is for another machine.
        """
        self._require_native("step")
        values = self._arguments.flatten(inputs, named)
        rates = self._rates.of_call(lr)
        checked = None if seed is None else check_seed(seed)
        with self._lock:
            return self._run(values, rates, self._counters.seed if checked is None else checked)

    def _run(self, values: Sequence[Any], rates: list[float], seed: int) -> float:
        """Run the step, or only accumulate; count the call if it succeeds."""
        call, arrays = self._bind(values, rates, seed)
        try:
            call.run(arrays, self._outputs[: len(call.function.outputs)])
        except LossNotFiniteError:
            self._loss_is_finite = False
            if self._artifact.training.on_nan != "skip":
                raise
            self._skipped += 1
            return float(self._outputs[0])
        if self._counters.updates:
            self._rates.mark_stepped()
            self._grad_norm = float(self._outputs[1]) if len(self._outputs) > 1 else None
        self._counters.advance()
        loss = float(self._outputs[0])
        self._loss_is_finite = math.isfinite(loss)
        return loss

    def _bind(self, values: Sequence[Any], rates: list[float], seed: int) -> tuple[Call, list[Array]]:
        """Return the function that the next call runs, and all its checked inputs."""
        call = self._step if self._counters.updates or self._accumulate is None else self._accumulate
        arrays = [call.bind(index, value) for index, value in enumerate(values)]
        self._scalars["lr"][...] = rates if self._scalars["lr"].ndim else rates[0]
        if self._counters.dropout:
            self._scalars["random_seed"][()] = seed
            self._scalars["random_step"][()] = self._counters.calls
        return call, arrays + [self._scalars[spec.name] for spec in call.function.scalars]

    def request(self, **named: Any) -> tuple[str, list[Array]]:
        """Return the call that these inputs stand for, to be run on another machine; count the call.

        Returns:
            The name of the compiled function, and copies of all its inputs.
        """
        values = self._arguments.flatten((), named)
        with self._lock:
            call, arrays = self._bind(values, self._rates.of_call(None), self._counters.seed)
            self._counters.advance()
            return call.name, [array.copy() for array in arrays]

    def predict_request(self, **named: Any) -> tuple[str, list[Array]]:
        """Return the call of `predict` for these inputs, like `request`; counters do not change."""
        if self._predict is None:
            raise ArgumentError("predict: the model returns only its loss; there is no separate forward pass")
        values = self._predict_arguments.flatten((), named)
        with self._lock:
            return self._predict.name, [self._predict.bind(index, value).copy() for index, value in enumerate(values)]

    def predict(self, *inputs: Any, **named: Any) -> Any:
        """Run the forward pass with the current parameters, in eval mode.

        Args:
            inputs: the model's inputs, as for the step, without those that only the loss needs.
            named: inputs by name; inputs that only the loss needs are ignored.

        Raises:
            IndexRangeError, IntegerDivisionError: as for a call.

        Returns:
            A new array; a tuple of arrays if the model returns several, a dict by name if it
            returns a mapping or a dataclass.
        """
        self._require_native("predict")
        if self._predict is None:
            raise ArgumentError("predict: the model returns only its loss; there is no separate forward pass")
        values = self._predict_arguments.flatten(inputs, named)
        specs = self._predict.function.outputs
        outputs = [self._instance.output(spec) for spec in specs]
        with self._lock:
            self._predict.run([self._predict.bind(index, value) for index, value in enumerate(values)], outputs)
        if self._artifact.named_outputs:
            return {spec.name: output for spec, output in zip(specs, outputs, strict=True)}
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    def _require_native(self, what: str) -> None:
        if not self._native:
            raise refuse(self._artifact.target, what)

    @property
    def grad_norm(self) -> float | None:
        """The norm of all gradients at the last update, before clipping; None without ``clip_grad_norm``."""
        return self._grad_norm

    @property
    def loss_is_finite(self) -> bool | None:
        """Whether the loss of the last call was neither NaN nor infinite; None before the first call."""
        return self._loss_is_finite

    @property
    def skipped(self) -> int:
        """Number of calls that changed nothing because their loss was not finite (``on_nan="skip"``)."""
        return self._skipped

    @property
    def micro_step(self) -> int:
        """Number of calls that have accumulated gradients since the last update; 0 unless ``accumulate`` is given."""
        return self._counters.micro_step

    # State --------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Array]:
        """Return copies of parameters and buffers, under PyTorch's names and in its layout."""
        with self._lock:
            return self._state.real()

    def quantized_state_dict(self) -> dict[str, Array]:
        """Return copies like `state_dict`, but quantised parameters as the integers that the step computes with."""
        with self._lock:
            return self._state.model()

    def optimizer_state_dict(self) -> dict[str, Array]:
        """Return copies of the optimizer's state: ``<parameter>.<state>``, ``optimizer.step``.

        With accumulation also ``optimizer.micro_step`` and the gradients ``<parameter>.grad``; with dropout
        also ``dropout.step`` and ``dropout.seed``.
        """
        with self._lock:
            return self._state.optimizer()

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Set all parameters and buffers.

        Args:
            state_dict: numpy arrays or tensors by PyTorch's names; exactly those of the model.

        Raises:
            ArgumentError: names, a shape or a dtype differ; nothing has changed.
        """
        with self._lock:
            self._state.set_model(state_dict)

    def load_optimizer_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Set the whole state of the optimizer; the counterpart of `optimizer_state_dict`."""
        with self._lock:
            self._state.set_optimizer(state_dict)

    def set_state_image(self, image: bytes | Array) -> None:
        """Copy segment ``state`` from another machine, with everything that was trained there.

        Args:
            image: the bytes of an image file, whose footer is checked; or those of the segment alone, unchecked.

        Raises:
            ArgumentError: the image is another step's, truncated or damaged; nothing has changed.
        """
        with self._lock:
            instance, size = self._instance, self._artifact.manifest.segments["state"]
            identity = Identity.of(instance.manifest, instance.constants, instance.state)
            instance.state[:size] = unseal(image, Kind.STATE, identity, size)

    def write_back(self, model: Any) -> None:
        """Copy parameters and buffers into the torch model that was compiled, or an equal one.

        Args:
            model: a module or `QuantizedModel`, by its ``load_state_dict``; an exported program or a graph of
                PT2E, whose integers then stand for the trained parameters.

        Raises:
            ArgumentError: a graph has no tensor of a name, another shape, or integers that cannot hold a value:
                those of a weight with zero points, which trains as float32; nothing has changed.
        """
        require_torch("writing back into a PyTorch model")
        from .frontends.torch.write_back import write_back

        write_back(model, self.state_dict())

    def reset_optimizer(self) -> None:
        """Zero momenta, accumulated gradients and the number of updates; the counters of dropout stay."""
        with self._lock:
            self._state.reset_optimizer()
            self._grad_norm = None

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write parameters, buffers and optimizer state atomically: if this is killed, the old file stays complete."""
        with self._lock:
            tensors, identity = self._state.model() | self._state.optimizer(), self._state.identity()
        checkpoint.write(Path(path), tensors, identity)

    @property
    def images(self) -> Images:
        """Copies of the step's memory, without the arena, and its counters."""
        with self._lock:
            counters = self._counters
            return Images(
                self._instance.constants.copy(),
                self._instance.state.copy(),
                {name: value.copy() for name, value in self._state.unused.items()},
                (counters.micro_step, counters.calls, counters.seed),
            )

    def save_compiled(self, path: str | os.PathLike[str]) -> str:
        """Write a file that `pockmlir.load` makes this step of, without PyTorch and without compiling.

        It has the code, and all that the step has in its memory now. Equal steps give equal bytes. A ``torch.optim``
        instance is not in it: the step that is loaded has the learning rates of the compilation. A step for another
        machine with an operating system can be loaded there.

        Args:
            path: the file; ``.pock`` by convention. It is replaced atomically.

        Returns:
            The hash of the file, ``sha256:…``, for ``load(expect=…)``.

        Raises:
            TargetError: the target has no shared libraries; `export` the step.
        """
        data = compiled_file.pack(self._artifact, self.images)
        write_bytes(Path(path), data)
        return compiled_file.digest(data)

    def __reduce__(self) -> tuple[Any, ...]:
        return _unpickle, (compiled_file.pack(self._artifact, self.images),)

    def __deepcopy__(self, memo: dict[int, Any]) -> Step:
        """Return a step with memory of its own and the same code; it reads the same ``torch.optim`` instance."""
        step = Step.restore(self._artifact, self.images)
        step._rates = self._rates
        return step

    def load(self, path: str | os.PathLike[str], *, optimizer_state: bool = True) -> None:
        """Read a checkpoint that `save` has written.

        Args:
            path: the checkpoint.
            optimizer_state: False keeps the current optimizer state; then checkpoints of another
                scheme or optimizer are accepted.

        Raises:
            CheckpointError: the file is truncated, foreign, or of another model, optimizer or scheme;
                nothing has changed.
        """
        with self._lock:
            self._state.load(Path(path), optimizer_state=optimizer_state)

    # Looking at it ------------------------------------------------------------------------

    @property
    def memory(self) -> Memory:
        """The memory of the step, in bytes."""
        return self._artifact.manifest.memory

    @property
    def plan(self) -> Plan:
        """The plan of the step: memory, and operations and launches per layer."""
        made = self._artifact
        costs = load_core().kernel_costs(made.dump("plan"))
        return Plan.of(made.manifest, costs, made.scheme, made.fractions, made.without_gradient)

    @property
    def footprint(self) -> Footprint:
        """The RAM and flash that the step needs on a device, in bytes; known before anything is linked."""
        return self._artifact.footprint

    def report(self) -> Report:
        """Return the contract of the step: what trains, modes, arithmetic, memory."""
        return Report.of(self._artifact)

    def profile(
        self,
        *inputs: Any,
        runs: int = 20,
        warmup: int = 3,
        predict: bool = False,
        on_run: Callable[[int, int], None] | None = None,
        **named: Any,
    ) -> Profile:
        """Return the time of every kernel, with its layer, operations and bytes.

        Compiles the step again with readings of the clock between the kernels, and runs it on a copy
        of the parameters: this step does not change.

        Args:
            inputs: inputs as for a call.
            runs: number of runs of which medians are taken.
            warmup: number of runs before them.
            predict: profile `predict` instead of the step that updates.
            on_run: called with the number of finished runs and of all runs.
            named: inputs by name.

        Raises:
            ArgumentError: as for a call; or the model has no `predict`.
        """
        self._require_native("profile")
        if predict and self._predict is None:
            raise ArgumentError("profile: the model returns only its loss; there is no predict")
        arguments = self._predict_arguments if predict else self._arguments
        values = arguments.flatten(inputs, named)
        with self._lock:
            memory = self._instance.constants.copy(), self._instance.state.copy()
        function = "predict" if predict else "step"
        return profile_function(
            self._artifact, memory, values, function=function, runs=runs, warmup=warmup, on_run=on_run
        )

    @property
    def name(self) -> str:
        """The model's name, prefix of the C functions."""
        return self._artifact.name

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """The tensors of a call: the model's inputs, then the target."""
        return self._step.function.tensors

    @property
    def artifact(self) -> Artifact:
        """The result of the compilation."""
        return self._artifact

    @property
    def stages(self) -> tuple[str, ...]:
        """The names of the stages, in order; arguments of `ir`."""
        return tuple(dump.name for dump in self._artifact.dumps)

    @property
    def timings(self) -> dict[str, float]:
        """Seconds that each stage took."""
        return dict(self._artifact.timings)

    @property
    def library_path(self) -> Path:
        """The path of the shared library. The file is removed with the step; `export` copies it.

        Raises:
            TargetError: the target has no shared libraries.
        """
        if self._artifact.library is None:
            raise TargetError(f"library_path: {self._artifact.target.name} has no shared libraries; export the step")
        return self._artifact.library

    def ir(self, stage: str) -> str:
        """Return the module after a stage, as MLIR text.

        Raises:
            ArgumentError: there is no such stage.
        """
        return self._artifact.print_ir(self._artifact.dump(stage))

    def export(self, directory: str | os.PathLike[str]) -> dict[str, Path]:
        """Write libraries, header, memory images, parameters and manifest for firmware.

        Returns:
            The files, by role: ``shared_library``, ``static_library``, ``header``,
            ``constants``, ``state``, ``parameters``, ``manifest``.
        """
        with self._lock:
            return folder.export(self._artifact, self._instance, self._state.model(), Path(directory))


def _instance_of(artifact: Artifact, images: Images | None = None) -> Segments:
    """Return memory for the step, bound to its code if this machine can run it."""
    memory = (None, None) if images is None else (images.constants, images.state)
    if artifact.library and artifact.target.native:
        return Instance(artifact.library, artifact.manifest, *memory)
    instance = DispatchedInstance(artifact) if artifact.target.dispatched else ForeignInstance(artifact)
    if images is not None:
        instance.constants, instance.state = images.constants, images.state
    return instance


def _unpickle(data: bytes) -> Step:
    return Step.restore(*compiled_file.unpack(np.frombuffer(data, np.uint8).copy(), "pickle"))


def _check_signature(step: Call, groups: int) -> None:
    """Refuse a manifest whose step has another signature than this class expects."""
    function = step.function
    shape = () if groups == 1 else (groups,)
    names = [spec.name for spec in function.scalars]
    if names[-1:] != ["lr"] or function.scalars[-1].shape != shape or function.inputs[-1].name != "lr":
        last = function.inputs[-1] if function.inputs else "nothing"
        raise ArgumentError(f"manifest: expected the step's last input to be lr: float32{list(shape)}, but got {last}")
    if any(spec.elements != 1 for spec in function.outputs) or not 1 <= len(function.outputs) <= 2:
        raise ArgumentError("manifest: expected the step to return the loss and at most the gradients' norm")
