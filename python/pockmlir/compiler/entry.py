"""The entry points: `compile`, `plan`, `import_model`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Unpack

from ..api.keywords import Options
from ..api.options import MemoryOptions
from ..api.request import Request, require_rules
from ..api.scheme import Scheme
from ..api.source import TorchSource
from ..api.tuning import Tuning
from ..cache.store import Store
from ..report.plan import Plan
from ..step import Step
from ..support.collection import collecting_rarely
from ..targets.target import Target
from .imported import Imported
from .runner import StageRunner

__all__ = ["compile", "import_model", "plan"]


def compile(
    model: Any,
    inputs: Any = None,
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
    rounding: str = "stochastic",
    gradients: str = "float32",
    on_nan: str = "ignore",
    memory_limit: int | str | None = None,
    memory: MemoryOptions | None = None,
    arithmetic: str | None = None,
    ram: int | str | None = None,
    flash: int | str | None = None,
    tuning: str | Path | Tuning | None = None,
    cache: bool = True,
    dump_ir_dir: str | Path | None = None,
    on_stage: Callable[[str], None] | None = None,
) -> Step:
    """Compile the training step of a model; the model itself is not changed.

    Args:
        model: a ``torch.nn.Module``, a ``torch.export.ExportedProgram`` (also of PT2E quantisation), the result of
            `quantize`, or an ``ImportedModel`` from another front end (`pockmlir.frontends.common`), which contains
            its inputs and its loss.
        inputs: a tuple of the forward's positional arguments, or a mapping of its keyword
            arguments. Example tensors, also nested in tuples, lists and dicts, determine
            shapes and dtypes; numbers, strings and None are compiled in.
        kwargs: keyword arguments in addition to positional ones.
        loss: ``cross_entropy``, ``mse``, ``l1``, ``bce_with_logits`` (of the model's output, or
            of its ``logits``), a callable ``(output, target)`` in torch ops, or None if the
            model returns its loss, alone or as ``loss``.
        optimizer: `SGD`, `Adam`, `AdamW`, or a ``torch.optim`` instance of these with all its
            parameter groups. Every call then reads the learning rates of the instance, so that
            torch's schedulers work. If the instance has trained already, the step starts with
            a copy of its moments and step count.
        scheme: the parameters that train, and the fraction of each.
        target: a `Target`, or the name of one: ``host``, ``aarch64-linux``, ``cortex-m7`` ….
        name: prefix of the exported C functions; the model's class name if not given.
        example_target: determines shape and dtype of the target for a callable loss: a tensor,
            or several in a tuple, list or dict, which the loss receives in this form.
        accumulate: update on every n-th call, with the mean of the n calls' gradients.
        clip_grad_norm: limit for the norm of all gradients together; they are scaled like in
            ``torch.nn.utils.clip_grad_norm_``.
        clip_grad_value: limit for the absolute value of the gradients' entries, which are
            clamped to it before ``clip_grad_norm``.
        seed: the seed of dropout, if the model is in training mode.
        precision: ``f32``, or ``bf16``: activations, gradients and frozen weights of at least
            1024 elements are stored in bfloat16. Parameters that train, sums, and the
            optimizer's state stay float32. Matrix products round their operands to bfloat16
            on targets with instructions for that (AVX512-BF16), as in ``torch.autocast``. ``int8`` requires a
            quantised model: of `quantize`, or a graph of ``convert_pt2e``. Such a model has integer layers with
            ``f32``, too; ``int8`` only makes it an error if it has none.
        rounding: of changes of parameters that are stored as integers: ``stochastic``, whose mean is exact, so that
            changes smaller than a step are not lost; or ``nearest``. It depends on the step's count and ``seed``.
        gradients: ``float32``, or ``int16`` for a quantised model: products of gradients with integer weights and
            activations round each gradient tensor to integers of 16 bits, or fewer if their sums could overflow 32
            bits, with one power of two for its largest entry. The sums are exact. For processors without a
            floating-point unit. ``float16`` is the same with numbers and sums of float16, for processors with Helium
            (Cortex-M55, M85), whose vectors have twice as many of these; its results are not those of other targets.
            Gradients of biases, other layers and updates stay float32.
        on_nan: the action of a call whose loss is NaN or infinite: ``ignore`` updates like PyTorch;
            ``error`` raises a `LossNotFiniteError`; ``skip`` returns the loss. The last two leave
            parameters, buffers, optimizer state and counters unchanged. `Step.loss_is_finite` and
            `Step.skipped` report such calls.
        memory_limit: limit for parameters, optimizer state and arena together, without inputs and
            outputs: bytes, or a text like ``"64MB"`` (units of 1024). If the step needs more, it
            recomputes the cheapest values in the backward pass instead of saving them. Results are
            bit-identical. `Memory.recomputed_flops` gives the cost.
        memory: switches for the compiler's memory optimizations, for measurements and checks.
        arithmetic: ``fast``, or ``portable`` for bit-identical results on all targets. The default is
            the target's: on microcontrollers, portable costs nothing.
        ram: refuse a step whose state, arena and stack need more bytes; a number, or a text like ``256K``.
        flash: refuse a step whose code, constants and initial state need more bytes; for example ``1M``.
        tuning: the result of `tune`, or its file; entries for other kernels and targets are ignored.
        cache: whether results of earlier compilations may be used, and those of this one kept; see `pockmlir.cache`.
        dump_ir_dir: folder for the module after every stage, ``NN-stage.mlir``.
        on_stage: called with each stage's name before it runs.

    Raises:
        ArgumentError: an argument is invalid.
        IndexRangeError: a constant index of the model is out of range.
        SchemeError: the scheme does not fit the model, or nothing would train.
        UnsupportedOpsError: the model uses unsupported operators.
        MemoryLimitError: no plan within ``memory_limit`` was found; the error has the smallest
            limit that fits, and the obstacles.
        SizeError: the step does not fit into ``ram`` or ``flash``.
        CompileError: a stage failed; the error has a command that reproduces the failure.
    """
    chosen = require_rules(scheme)
    with collecting_rarely():
        imported = import_model(
            model,
            inputs,
            kwargs,
            loss=loss,
            optimizer=optimizer,
            example_target=example_target,
            on_nan=on_nan,
            cache=cache,
            dump_ir_dir=dump_ir_dir,
            on_stage=on_stage,
            target=target,
            name=name,
            accumulate=accumulate,
            clip_grad_norm=clip_grad_norm,
            clip_grad_value=clip_grad_value,
            seed=seed,
            precision=precision,
            rounding=rounding,
            gradients=gradients,
            memory_limit=memory_limit,
            memory=memory,
            arithmetic=arithmetic,
            ram=ram,
            flash=flash,
            tuning=tuning,
        )
        return imported.compile(chosen, dump_ir_dir=dump_ir_dir, on_stage=on_stage)


def plan(
    model: Any,
    inputs: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    loss: str | Callable[..., Any] | None,
    optimizer: Any,
    scheme: Scheme | Mapping[str, float],
    example_target: Any = None,
    on_nan: str = "ignore",
    cache: bool = True,
    on_stage: Callable[[str], None] | None = None,
    **options: Unpack[Options],
) -> Plan:
    """Return the memory, and the operations and launches per layer, of the step that `compile` would return.

    No code is generated. To make several plans of one model, use `import_model`: the import takes most of the time.

    Raises:
        ArgumentError, SchemeError, UnsupportedOpsError, MemoryLimitError, CompileError: as `compile`. Errors of code
            generation do not occur: a `SizeError`, or the need for a C library on a microcontroller.
    """
    chosen = require_rules(scheme)
    imported = import_model(
        model,
        inputs,
        kwargs,
        loss=loss,
        optimizer=optimizer,
        example_target=example_target,
        on_nan=on_nan,
        cache=cache,
        on_stage=on_stage,
        **options,
    )
    return imported.plan(chosen, on_stage=on_stage)


def import_model(
    model: Any,
    inputs: Any = None,
    kwargs: Mapping[str, Any] | None = None,
    *,
    loss: str | Callable[..., Any] | None,
    optimizer: Any,
    example_target: Any = None,
    on_nan: str = "ignore",
    cache: bool = True,
    dump_ir_dir: str | Path | None = None,
    on_stage: Callable[[str], None] | None = None,
    **options: Unpack[Options],
) -> Imported:
    """Import a model once, to plan and compile it with several schemes, limits or targets.

    Parameters and buffers are copied, so later changes of the model have no effect.

    Args:
        model: as for `compile`.
        inputs: as for `compile`.
        kwargs: as for `compile`.
        loss: as for `compile`.
        optimizer: the default optimizer of plans and steps.
        example_target: as for `compile`.
        on_nan: as for `compile`; it applies to all plans, because it is part of the imported loss.
        cache: as for `compile`, also for the steps that are compiled.
        dump_ir_dir: folder for the module of a failed import.
        on_stage: called with ``import`` before the import runs.
        options: options of `compile` from ``target`` on; defaults for plans and steps.

    Raises:
        ArgumentError: an argument is invalid.
        IndexRangeError: a constant index of the model is out of range.
        UnsupportedOpsError: the model uses unsupported operators.
        CompileError: PyTorch cannot export the model.
    """
    # Import lazily, because the shared modules of the front ends take a moment to import.
    from ..frontends.common.imported import ImportedModel
    from .built import BuiltSource

    kind = BuiltSource if isinstance(model, ImportedModel) else TorchSource
    source = kind.check(model, inputs, kwargs, loss=loss, example_target=example_target, on_nan=on_nan)
    request = Request.check(source, optimizer, **options)
    runner = StageRunner(request.name, dump_ir_dir, on_stage)
    with collecting_rarely():
        return Imported(source, request, runner, Store.open() if cache else None)
