"""From a PyTorch model to a compiled training step: the order of the stages."""

from __future__ import annotations

import hashlib
import shlex
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .api.optimizer_groups import OptimizerGroups
from .api.options import MemoryOptions, Training
from .api.request import LOSSES, Request
from .api.resolve import read_scheme_error, resolve_scheme
from .api.scheme import ParameterInfo, Scheme
from .api.tuning import Tuning
from .artifact.artifact import Artifact, StageDump
from .artifact.footprint import Footprint, require_freestanding
from .artifact.footprint import check as check_footprint
from .artifact.manifest import Manifest
from .artifact.memory import read_limit_error
from .core.build import write_code
from .core.extension import Core, load_core
from .core.ir_text import add_module_attributes, dropout_layers, scheme_attr
from .core.stages import PIPELINES, STAGES, anchored, with_options
from .errors import CompileError, MemoryLimitError, PockError
from .runtime.torch_state import TorchState
from .step import Step
from .support.files import failure_folder
from .targets.target import Target

__all__ = ["LOSSES", "STAGES", "compile"]


def compile(
    model: Any,
    inputs: Any,
    kwargs: Mapping[str, Any] | None = None,
    *,
    loss: str | Callable[..., Any] | None,
    optimizer: Any,
    scheme: Scheme | Mapping[str, float],
    target: str | Target = "host",
    name: str | None = None,
    example_target: Any = None,
    accumulate: int = 1,
    clip_grad_norm: float | None = None,
    clip_grad_value: float | None = None,
    seed: int = 0,
    precision: str = "f32",
    on_nan: str = "ignore",
    memory_limit: int | str | None = None,
    memory: MemoryOptions | None = None,
    arithmetic: str | None = None,
    ram: int | str | None = None,
    flash: int | str | None = None,
    tuning: str | Path | Tuning | None = None,
    dump_ir_dir: str | Path | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> Step:
    """Compile the training step of a model; the model itself is not changed.

    Args:
        model: a ``torch.nn.Module`` or a ``torch.export.ExportedProgram``.
        inputs: the forward's positional arguments, a tuple, or a mapping of its keyword
            arguments: example tensors, also nested in tuples, lists and dicts, fix shapes and
            dtypes; numbers, strings and None are compiled in.
        kwargs: keyword arguments, where there are positional ones too.
        loss: ``cross_entropy``, ``mse``, ``l1``, ``bce_with_logits`` (of the model's output, or
            of its ``logits``), a callable ``(output, target)`` in torch ops, or None if the
            model returns its loss, alone or as ``loss``.
        optimizer: `SGD`, `Adam`, `AdamW`, or a ``torch.optim`` instance of these with all its
            parameter groups; every call then reads its learning rates, so that torch's
            schedulers work. If it has trained already, the step goes on with its moments and
            step count; it keeps its own from then on.
        scheme: which parameters train, and which part of each.
        target: a `Target`, or the name of one: ``host``, ``aarch64-linux``, ``cortex-m7`` ….
        name: prefix of the exported C functions; the model's class name if not given.
        example_target: fixes shape and dtype of the target for a callable loss; a tensor, or
            several in a tuple, list or dict, passed to the loss as such.
        accumulate: update on every n-th call, with the mean of the n calls' gradients.
        clip_grad_norm: scale the gradients so that their norm, of all together, is at most
            this; as ``torch.nn.utils.clip_grad_norm_``.
        clip_grad_value: clamp the gradients' entries to this; before ``clip_grad_norm``.
        seed: of dropout, if the model is in training mode.
        precision: ``f32``, or ``bf16``: activations, gradients and frozen weights of at least
            1024 elements are stored in bfloat16. Parameters that train, sums, and the
            optimizer's state stay float32. Matrix products round their operands to bfloat16
            on targets with instructions for that (AVX512-BF16), as in ``torch.autocast``.
        on_nan: what a call does whose loss is NaN or infinite: ``ignore`` updates, as PyTorch does;
            ``error`` raises a `LossNotFiniteError`; ``skip`` returns the loss. The last two change
            nothing: parameters, buffers, optimizer state and counters are as before the call.
            `Step.loss_is_finite` and `Step.skipped` tell.
        memory_limit: of parameters, optimizer state and arena together, inputs and outputs excepted:
            bytes, or a text like ``"64MB"`` (units of 1024). Where the step needs more, it computes
            again in the backward pass what costs least to compute, instead of keeping it; results
            stay the same to the bit. `Memory.recomputed_flops` says what that costs.
        memory: switches of what the compiler does to need less, for measurements and checks.
        arithmetic: ``fast``, or ``portable``: results are the same, bit for bit, on all targets.
            The target's if not given: on microcontrollers, portable costs nothing.
        ram: refuse a step whose state, arena and stack need more bytes; as a number, or ``256K``.
        flash: refuse a step whose code, constants and initial state need more; ``1M``.
        tuning: what `tune` has measured, or the file with it; what it says of other kernels and
            of other targets is ignored.
        dump_ir_dir: write the module after every stage there, as ``NN-stage.mlir``.
        on_stage: called with each stage's name before it runs.

    Raises:
        ArgumentError: an argument is not acceptable.
        IndexRangeError: a constant index of the model is out of range.
        SchemeError: the scheme does not fit the model, or nothing would train.
        UnsupportedOpsError: the model uses what the frontend does not know.
        MemoryLimitError: no way was found to stay within ``memory_limit``; it has the smallest
            limit that fits, and what stands in the way.
        SizeError: the step does not fit into ``ram`` or ``flash``.
        CompileError: a stage failed; the error has a command that shows it again.
    """
    request = Request.check(
        model,
        inputs,
        kwargs,
        loss=loss,
        optimizer=optimizer,
        scheme=scheme,
        target=target,
        name=name,
        training=Training(accumulate, clip_grad_norm, clip_grad_value, seed, precision, on_nan),
        tuning=tuning,
        memory=memory,
        memory_limit=memory_limit,
        arithmetic=arithmetic,
        ram=ram,
        flash=flash,
    )
    compiler = _Compiler(
        request.name,
        load_core(),
        Path(dump_ir_dir) if dump_ir_dir else None,
        on_stage,
        request.memory.pipeline_options(),
    )
    imported = compiler.run_import(model, request, loss, example_target)
    parameters: Sequence[ParameterInfo] = imported.parameters
    fractions, without_gradient = resolve_scheme(request.scheme, parameters, imported.gradients)
    trained = [name for name, fraction in fractions.items() if fraction > 0]
    groups = OptimizerGroups.resolve(request.optimizer, parameters, trained, _named_parameters(model, loss))
    taken = None
    if request.torch_optimizer is not None:
        settings = {name: groups.optimizers[groups.of.get(name, 0)] for name in trained}
        taken = TorchState.of(request.torch_optimizer, settings, _named_parameters(model, loss))
    attributes = request.attributes() | groups.attributes() | {"pock.scheme": scheme_attr(fractions)}
    compiler.begin_module(imported.ir, attributes)
    compiler.run_pipelines()
    manifest = compiler.manifest()
    object_code, library, directory = compiler.link(request.target)
    try:
        if request.target.bare_metal:
            require_freestanding(object_code)
        if request.target.limited:
            check_footprint(Footprint.of(manifest, object_code), request.target)
    except BaseException:
        directory.cleanup()
        raise
    state_names = _state_names(model)
    artifact = Artifact(
        manifest=manifest,
        library=library,
        object_code=object_code,
        optimizer=request.optimizer if request.torch_optimizer is None else groups.optimizers[0],
        groups=groups,
        scheme=request.scheme,
        fractions=fractions,
        without_gradient=without_gradient,
        parameters=tuple(parameters),
        target=request.target,
        training=request.training,
        dropout=tuple(dropout_layers(compiler.dumps[0].ir)),
        arguments=tuple(imported.arguments),
        named_outputs=imported.named_outputs,
        loss=_loss_name(loss),
        norm_modes=dict(imported.norm_modes),
        converted={name: (found.given, found.used) for name, found in imported.converted.items()},
        state_names=state_names,
        aliases={alias: name for alias, name in imported.aliases.items() if alias in state_names},
        fixed=imported.fixed,
        dumps=tuple(compiler.dumps),
        timings=compiler.timings,
        print_ir=compiler.without_locations,
        directory=directory,
    )
    step = Step(artifact, imported.values, request.torch_optimizer)
    if taken is not None:
        step.load_optimizer_state_dict(taken.arrays(manifest, step.optimizer_state_dict()))
    return step


def _named_parameters(model: Any, loss: Any) -> Iterator[tuple[str, object]]:
    """Name and object of the parameters, a loss module's included: what a torch optimizer may hold."""
    yield from model.named_parameters()
    if hasattr(loss, "named_parameters"):
        yield from ((f"loss.{name}", parameter) for name, parameter in loss.named_parameters())


def _loss_name(loss: Any) -> str:
    if loss is None:
        return "returned by the model"
    return loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)


def _state_names(model: Any) -> tuple[str, ...]:
    """Return the keys of the model's ``state_dict``: buffers that PyTorch does not save are none."""
    state = model.state_dict
    return tuple(state() if callable(state) else state)


class _Compiler:
    """Runs the stages and remembers the module after each."""

    def __init__(
        self,
        name: str,
        core: Core,
        dump_dir: Path | None,
        on_stage: Callable[[str], None] | None,
        options: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self.options = options or {}
        self.name = name
        self.core = core
        self.dump_dir = dump_dir
        self.on_stage = on_stage
        self.dumps: list[StageDump] = []
        self.timings: dict[str, float] = {}

    def run_import(self, model: Any, request: Request, loss: Any, example_target: Any) -> Any:
        """Import the model through torch.export and torch-mlir."""
        from .frontends.torch import import_model

        self._begin("import")
        begin = time.perf_counter()
        imported = import_model(
            model,
            request.inputs,
            loss,
            kwargs=request.kwargs,
            target_example=example_target,
            check_loss=request.training.on_nan != "ignore",
        )
        self.timings["import"] = time.perf_counter() - begin
        return imported

    def begin_module(self, ir: str, attributes: Mapping[str, str]) -> None:
        """Verify the imported module and add what the frontend does not know."""
        try:
            # The frontend writes the generic form; an empty pipeline prints it for people.
            ir = self.core.run_pipeline(ir, anchored(), True)
        except RuntimeError as error:
            self.record("import", ir)
            raise self._failure("import", None, error) from error
        self.record("import", add_module_attributes(ir, attributes))

    def run_pipelines(self) -> None:
        """Run all pipelines, each on the module that the one before left."""
        for stage, pipeline in PIPELINES.items():
            self._begin(stage)
            options = self.options.get(stage, {})
            try:
                ir, seconds = self._run(stage, pipeline, options)
            except MemoryLimitError as limit:
                # Winograd's algorithm is faster and takes memory of its own.
                try:
                    ir, seconds = self._run(stage, pipeline, {**options, "winograd": "never"})
                except MemoryLimitError as without:
                    raise min(limit, without, key=lambda error: error.smallest) from None
            self.timings[stage] = seconds
            self.record(stage, ir)

    def _run(self, stage: str, pipeline: str, options: Mapping[str, str]) -> tuple[str, float]:
        """Run one pipeline on the module that the stage before left; return the module and seconds."""
        passes = anchored(with_options(pipeline, options))
        try:
            # Locations travel along: a late failure can still name the model's module.
            ((_, ir, seconds),) = self.core.run_stages(self.dumps[-1].ir, [(stage, passes)], True)
        except RuntimeError as error:
            if limit := read_limit_error(str(error)):
                raise limit from None
            if refused := read_scheme_error(str(error)):
                raise refused from None
            raise self._failure(stage, passes, error) from error
        return ir, seconds

    def record(self, stage: str, ir: str) -> None:
        """Remember the module after a stage; write it if dumps are asked for."""
        if self.dump_dir:
            self.dump_dir.mkdir(parents=True, exist_ok=True)
            (self.dump_dir / f"{len(self.dumps):02}-{stage}.mlir").write_text(ir)
        self.dumps.append(StageDump(stage, ir, self.timings.get(stage, 0.0)))

    def manifest(self) -> Manifest:
        """Return the manifest of the module at stage ``plan``."""
        try:
            return Manifest.from_json(self.core.manifest(self._at("plan")))
        except RuntimeError as error:
            raise self._failure("manifest", None, error) from error

    def link(self, target: Target) -> tuple[bytes, Path | None, tempfile.TemporaryDirectory[str]]:
        """Generate code and link it; return object code, library if there is one, and the directory that owns it."""
        self._begin("object")
        begin = time.perf_counter()
        try:
            objects = self.core.emit_objects(self._at("llvm"))
        except RuntimeError as error:
            raise self._failure("object", None, error) from error
        self.timings["object"] = time.perf_counter() - begin
        self._begin("link")
        begin = time.perf_counter()
        directory = tempfile.TemporaryDirectory(prefix="pock-")
        try:
            object_file, library = write_code(
                objects, Path(directory.name), self.name, shared=not target.bare_metal, native=target.native
            )
            self.timings["link"] = time.perf_counter() - begin
            return object_file.read_bytes(), library, directory
        except BaseException:
            directory.cleanup()
            raise

    def without_locations(self, ir: str) -> str:
        """Print a module without its source locations."""
        return self.core.parse_check(ir)

    def _at(self, stage: str) -> str:
        return next(dump.ir for dump in self.dumps if dump.name == stage)

    def _begin(self, stage: str) -> None:
        if self.on_stage:
            self.on_stage(stage)

    def _failure(self, stage: str, pipeline: str | None, error: Exception) -> PockError:
        """Write the stage's input to a file that survives; say how to run the stage on it."""
        ir = self.dumps[-1].ir
        name = f"{self.name}-before-{stage}"
        if self.dump_dir:
            self.dump_dir.mkdir(parents=True, exist_ok=True)
            path = self.dump_dir / f"{name}.mlir"
        else:
            # The same failure has the same file.
            path = failure_folder() / f"{name}-{hashlib.sha256(ir.encode()).hexdigest()[:12]}.mlir"
        path.write_text(ir)
        command = None
        if pipeline:
            command = f"pock-opt --pass-pipeline='{pipeline}' {shlex.quote(str(path))}"
        return CompileError(stage, str(error), reproducer=command, ir_path=str(path))
