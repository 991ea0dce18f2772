"""A compiled training step with its parameters: what `compile` returns."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from . import _checkpoint, _export
from ._abi import Call, Instance, to_array
from ._artifact import Artifact
from ._manifest import Array, Memory, TensorSlot, TensorSpec, dtype_of
from .errors import ArgumentError, CheckpointError
from .report import Report

__all__ = ["Step"]

_MISSING = object()


class Step:
    """One training step, compiled ahead of time; parameters live in it.

    Calls on one step exclude each other; different steps run side by side.

    >>> loss = step(x, y)                     # doctest: +SKIP
    >>> loss = step(x, y, lr=0.01)            # doctest: +SKIP

    Args:
        artifact: what the compiler made.
        values: initial parameters and buffers by PyTorch's names.
    """

    def __init__(self, artifact: Artifact, values: Mapping[str, Array]) -> None:
        self._artifact = artifact
        manifest = artifact.manifest
        self._instance = Instance(artifact.library, manifest)
        self._lock = threading.Lock()
        labels = dict(artifact.labels)
        self._step = Call(self._instance, "step", manifest.functions["step"], labels)
        predict = manifest.functions.get("predict")
        self._predict = Call(self._instance, "predict", predict) if predict else None
        self._names = [spec.name for spec in self.inputs]
        lr, loss = self._step.function.inputs[-1], self._step.function.outputs[0]
        if lr.name != "lr" or lr.elements != 1 or loss.elements != 1:
            raise ArgumentError(f"manifest: expected the step's last input to be lr and a scalar loss, but got {lr}")
        self._lr = self._instance.output(lr)
        self._loss = self._instance.output(loss)
        #: Parameters and buffers that the compiled functions do not use.
        self._unused: dict[str, Array] = {}
        self._initialize(values)

    def _initialize(self, values: Mapping[str, Array]) -> None:
        """Fill the memory for the first time."""
        persistent = self._persistent()
        if missing := [name for name in persistent if name not in values]:
            raise ArgumentError(f"values: no initial value of {', '.join(missing)}")
        for name, slot in persistent.items():
            self._instance.view(name)[...] = _checked(name, values[name], slot.torch_shape, dtype_of(slot.dtype))
        names = self._artifact.state_names or list(values)
        self._unused = {
            name: np.array(values[name])
            for name in names
            if name in values and name not in persistent and name not in self._artifact.aliases
        }
        self._instance.initialize()
        self._instance.prepare()

    def _persistent(self) -> dict[str, TensorSlot]:
        return self._artifact.manifest.of_kind("parameter", "buffer")

    # Running ------------------------------------------------------------------------------

    def __call__(self, *inputs: Any, target: Any = _MISSING, lr: float | None = None) -> float:
        """Run one training step and return the loss before the update.

        Args:
            inputs: the model's inputs, then the target (unless given by name), as numpy
                arrays or torch tensors; not copied if contiguous and aligned.
            target: the target, by name.
            lr: the learning rate of this step; the optimizer's if not given.

        Raises:
            ArgumentError: an argument has a wrong shape, dtype, label or value; nothing ran.
        """
        values = inputs if target is _MISSING else (*inputs, target)
        if len(values) != len(self._names):
            expected = ", ".join(map(str, self.inputs))
            raise ArgumentError(f"step: expected {len(self._names)} arguments ({expected}), but got {len(values)}")
        rate = self._artifact.optimizer.lr if lr is None else _learning_rate(lr)
        with self._lock:
            arrays = [self._step.bind(index, value) for index, value in enumerate(values)]
            self._lr[()] = rate
            arrays.append(self._lr)
            self._step.run(arrays, (self._loss,))
            return float(self._loss)

    def predict(self, *inputs: Any) -> Any:
        """Run the forward pass with the parameters as they are.

        Args:
            inputs: the model's inputs, as for the step.

        Returns:
            A new array, or a tuple of them if the model has several outputs.
        """
        if self._predict is None:
            raise ArgumentError("predict: the model returns only its loss; there is no separate forward pass")
        function = self._predict.function
        if len(inputs) != len(function.inputs):
            expected = f"{len(function.inputs)} arguments ({', '.join(map(str, function.inputs))})"
            raise ArgumentError(f"predict: expected {expected}, but got {len(inputs)}")
        outputs = [self._instance.output(spec) for spec in function.outputs]
        with self._lock:
            self._predict.run([self._predict.bind(index, value) for index, value in enumerate(inputs)], outputs)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    # State --------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Array]:
        """Return copies of parameters and buffers, under PyTorch's names and in its layout."""
        with self._lock:
            return self._state_dict()

    def _state_dict(self) -> dict[str, Array]:
        persistent = self._persistent()
        result = {}
        for name in self._artifact.state_names or [*persistent, *self._unused]:
            source = self._artifact.aliases.get(name, name)
            value = self._instance.view(source) if source in persistent else self._unused.get(source)
            if value is not None:
                result[name] = np.array(value, order="C")
        return result

    def optimizer_state_dict(self) -> dict[str, Array]:
        """Return copies of the optimizer's state: ``<parameter>.<state>``, ``optimizer.step``."""
        with self._lock:
            return self._optimizer_state_dict()

    def _optimizer_state_dict(self) -> dict[str, Array]:
        slots = self._artifact.manifest.of_kind("state")
        return {name: np.array(self._instance.view(name), order="C") for name in slots}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Set all parameters and buffers.

        Args:
            state_dict: numpy arrays or tensors by PyTorch's names; all, and no others.

        Raises:
            ArgumentError: names, a shape or a dtype differ; nothing has changed.
        """
        arrays = {name: to_array(name, value) for name, value in _mapping("state_dict", state_dict).items()}
        with self._lock:
            current = self._state_dict()
            self._write_state(_matched("state_dict", arrays, current))

    def load_optimizer_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Set the whole state of the optimizer; the counterpart of `optimizer_state_dict`."""
        arrays = {name: to_array(name, value) for name, value in _mapping("optimizer state", state_dict).items()}
        with self._lock:
            for name, value in _matched("optimizer state", arrays, self._optimizer_state_dict()).items():
                self._instance.view(name)[...] = value

    def _write_state(self, arrays: Mapping[str, Array]) -> None:
        """Write checked values, then recompute what depends on them."""
        aliases = self._artifact.aliases
        for alias, source in aliases.items():
            if alias in arrays and not np.array_equal(arrays[alias], arrays[source], equal_nan=True):
                raise ArgumentError(f"state_dict: {alias} and {source} are one tensor, but their values differ")
        persistent = self._persistent()
        for name, value in arrays.items():
            if name in persistent:
                self._instance.view(name)[...] = value
            elif name not in aliases:
                self._unused[name][...] = value
        self._instance.prepare()

    def write_back(self, model: Any) -> None:
        """Copy parameters and buffers into a torch model, by its ``load_state_dict``."""
        import torch

        model.load_state_dict({name: torch.from_numpy(value) for name, value in self.state_dict().items()})

    def reset_optimizer(self) -> None:
        """Forget momenta and the number of steps."""
        with self._lock:
            self._instance.initialize()

    # Checkpoints --------------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write parameters, buffers and optimizer state; the old file stays whole if this is killed."""
        with self._lock:
            tensors = self._state_dict() | self._optimizer_state_dict()
        _checkpoint.write(Path(path), tensors, self._identity())

    def load(self, path: str | os.PathLike[str], *, optimizer_state: bool = True) -> None:
        """Read what `save` wrote.

        Args:
            path: the checkpoint.
            optimizer_state: False leaves the optimizer's state as it is, and so accepts
                checkpoints of another scheme or optimizer.

        Raises:
            CheckpointError: truncated, foreign, or of another model, optimizer or scheme;
                nothing has changed.
        """
        path = Path(path)
        tensors, metadata = _checkpoint.read(path)
        self._check_identity(path, metadata, optimizer_state)
        with self._lock:
            state, slots = self._state_dict(), self._optimizer_state_dict()
            own = {name: value for name, value in tensors.items() if name in state or _is_model(name, metadata)}
            rest = {name: value for name, value in tensors.items() if name not in own}
            try:
                own = _matched("checkpoint", own, state)
                rest = _matched("checkpoint", rest, slots) if optimizer_state else {}
                self._write_state(own)
            except ArgumentError as error:
                raise CheckpointError(f"{path}: {error}") from None
            for name, value in rest.items():
                self._instance.view(name)[...] = value

    def _identity(self) -> dict[str, Any]:
        artifact = self._artifact
        return {
            "model": artifact.name,
            "model_hash": artifact.fingerprint(),
            "optimizer": artifact.optimizer.to_dict(),
            "optimizer_state": sorted(artifact.manifest.of_kind("state")),
            "scheme": artifact.scheme.to_json(),
            "scheme_hash": artifact.scheme.digest(artifact.fractions),
        }

    def _check_identity(self, path: Path, metadata: Mapping[str, Any], optimizer_state: bool) -> None:
        """Refuse a checkpoint that belongs to something else, saying to what."""
        own = self._identity()
        if metadata.get("exported"):
            raise CheckpointError(f"{path}: parameters of an export, without optimizer state; use load_state_dict")
        if metadata.get("model_hash") != own["model_hash"]:
            raise CheckpointError(
                f"{path}: belongs to another model, {metadata.get('model')!r}; this one is {own['model']!r} "
                "and has other parameters or buffers"
            )
        if not optimizer_state:
            return
        hint = "; load(path, optimizer_state=False) takes the parameters only"
        saved = metadata.get("optimizer")
        kind = saved.get("kind") if isinstance(saved, dict) else None
        if kind != own["optimizer"]["kind"]:
            raise CheckpointError(
                f"{path}: has the state of optimizer {kind!r}, but this step uses {own['optimizer']['kind']!r}{hint}"
            )
        if metadata.get("scheme_hash") != own["scheme_hash"]:
            raise CheckpointError(
                f"{path}: has optimizer state for the scheme {metadata.get('scheme')}, "
                f"but this step trains {own['scheme']}{hint}"
            )
        if metadata.get("optimizer_state") != own["optimizer_state"]:
            raise CheckpointError(f"{path}: its {kind} keeps other state than this step's; other settings?{hint}")

    # Looking at it ------------------------------------------------------------------------

    @property
    def memory(self) -> Memory:
        """What the step costs, in bytes."""
        return self._artifact.manifest.memory

    def report(self) -> Report:
        """Return the contract: what trains, in which mode, with which arithmetic, at what cost."""
        return Report.of(self._artifact)

    @property
    def name(self) -> str:
        """The model's name, prefix of the C functions."""
        return self._artifact.name

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What a call takes by position: the model's inputs, then the target."""
        return self._step.function.inputs[:-1]

    @property
    def artifact(self) -> Artifact:
        """What the compiler made."""
        return self._artifact

    @property
    def stages(self) -> tuple[str, ...]:
        """The names that `ir` takes, in order."""
        return tuple(dump.name for dump in self._artifact.dumps)

    @property
    def timings(self) -> dict[str, float]:
        """Seconds that each stage took."""
        return dict(self._artifact.timings)

    @property
    def library_path(self) -> Path:
        """The shared library; it is removed with the step, `export` keeps it."""
        return self._artifact.library

    def ir(self, stage: str) -> str:
        """Return the module after a stage, as MLIR text.

        Raises:
            ArgumentError: there is no such stage.
        """
        for dump in self._artifact.dumps:
            if dump.name == stage:
                return self._artifact.print_ir(dump.ir)
        raise ArgumentError(f"stage: expected one of {', '.join(self.stages)}, but got {stage!r}")

    def export(self, directory: str | os.PathLike[str]) -> dict[str, Path]:
        """Write libraries, header, memory images, parameters and manifest for firmware.

        Returns:
            The files, by role: ``shared_library``, ``static_library``, ``header``,
            ``constants``, ``state``, ``parameters``, ``manifest``.
        """
        with self._lock:
            return _export.export(self._artifact, self._instance, self._state_dict(), Path(directory))


def _learning_rate(value: object) -> float:
    """Return a learning rate, or raise an error that names it."""
    try:
        rate = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise ArgumentError(f"lr: expected a number, but got {value!r}") from None
    if not math.isfinite(rate) or rate < 0.0:
        raise ArgumentError(f"lr: expected a finite number >= 0, but got {value!r}")
    return rate


def _mapping(what: str, value: object) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise ArgumentError(f"{what}: expected a mapping of names to arrays, but got {type(value).__name__}")
    return value


def _checked(name: str, value: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return the value if it has this shape and dtype."""
    if value.shape != shape or value.dtype != dtype:
        raise ArgumentError(
            f"{name}: expected {dtype.name}{list(shape)}, but got {value.dtype.name}{list(value.shape)}"
        )
    return value


def _matched(what: str, given: Mapping[str, Array], current: Mapping[str, Array]) -> dict[str, Array]:
    """Return the given values if they have the names, shapes and dtypes of the current ones."""
    if missing := [name for name in current if name not in given]:
        raise ArgumentError(f"{what}: missing {', '.join(missing)}")
    if unexpected := [name for name in given if name not in current]:
        raise ArgumentError(f"{what}: unexpected {', '.join(unexpected)}")
    return {name: _checked(name, given[name], value.shape, value.dtype) for name, value in current.items()}


def _is_model(name: str, metadata: Mapping[str, Any]) -> bool:
    """Whether a tensor of a checkpoint is the model's, as its metadata tells."""
    return name not in metadata.get("optimizer_state", ())
