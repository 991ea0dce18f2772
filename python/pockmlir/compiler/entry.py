"""The ways in: `compile`, `plan`, `import_model`."""

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
from ..report.plan import Plan
from ..step import Step
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
        model: a ``torch.nn.Module``, a ``torch.export.ExportedProgram``, or an ``ImportedModel`` that another
            front end has built (`pockmlir.frontends.common`): that has its inputs and its loss in it.
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
    chosen = require_rules(scheme)
    imported = import_model(
        model,
        inputs,
        kwargs,
        loss=loss,
        optimizer=optimizer,
        example_target=example_target,
        on_nan=on_nan,
        dump_ir_dir=dump_ir_dir,
        on_stage=on_stage,
        target=target,
        name=name,
        accumulate=accumulate,
        clip_grad_norm=clip_grad_norm,
        clip_grad_value=clip_grad_value,
        seed=seed,
        precision=precision,
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
    on_stage: Callable[[str], None] | None = None,
    **options: Unpack[Options],
) -> Plan:
    """Return what `compile` with the same arguments would give: memory, and operations and launches per layer.

    No code is generated. Several plans of one model are cheaper by `import_model`, which is most of the work.

    Raises:
        ArgumentError, SchemeError, UnsupportedOpsError, MemoryLimitError, CompileError: as `compile`. What only code
            shows, a `SizeError` and whether a microcontroller's code needs a C library, is not known yet.
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
    dump_ir_dir: str | Path | None = None,
    on_stage: Callable[[str], None] | None = None,
    **options: Unpack[Options],
) -> Imported:
    """Import a model once, to plan and compile it with several schemes, limits or targets.

    Parameters and buffers are copied: what happens to the model afterwards does not matter.

    Args:
        model: as for `compile`, like all arguments that are not named here.
        inputs: example inputs.
        kwargs: keyword arguments.
        loss: name, callable or None.
        optimizer: that of every plan which is not given another one.
        example_target: of a callable loss.
        on_nan: fixed for all plans, as it is part of the imported loss.
        dump_ir_dir: where the module of a failed import is written.
        on_stage: called with ``import`` before it runs.
        options: those of `compile` from ``target`` on, for every plan that is not given others.

    Raises:
        ArgumentError: an argument is not acceptable.
        IndexRangeError: a constant index of the model is out of range.
        UnsupportedOpsError: the model uses what the frontend does not know.
        CompileError: PyTorch cannot export the model.
    """
    # They take a moment to import, as all that front ends share.
    from ..frontends.common.imported import ImportedModel
    from .built import BuiltSource

    kind = BuiltSource if isinstance(model, ImportedModel) else TorchSource
    source = kind.check(model, inputs, kwargs, loss=loss, example_target=example_target, on_nan=on_nan)
    request = Request.check(source, optimizer, **options)
    return Imported(source, request, StageRunner(request.name, dump_ir_dir, on_stage))
