"""Explains why PyTorch cannot export a model, and what to change."""

from __future__ import annotations

import re
import traceback
from collections.abc import Mapping
from types import TracebackType

import torch

from ...errors import ArgumentError, CompileError, PockError
from .frames import is_users

__all__ = ["explain"]

#: Pattern in PyTorch's error → advice for the model; the first match applies.
_ADVICE: tuple[tuple[str, str], ...] = (
    (
        r"Constant \S+ is mutated",
        "A tensor of a module is changed in place, but it is no buffer: register it (register_buffer), so that a step "
        "carries it from call to call.",
    ),
    (
        r"found a fake tensor in the exported program",
        "A tensor leaves the graph while the model runs: a parameter's .data is changed in place, or a tensor of this call "
        "is kept outside. Compute a new tensor instead, and keep state in buffers.",
    ),
    (
        r"GuardOnDataDependentSymNode|Could not guard on data-dependent|DataDependentOutputException.*(equal|nonzero)",
        "Control flow depends on the values of a tensor (`if`, `while`, `assert`, a Python bool or number of a tensor): "
        "compute both sides and choose with torch.where, or decide before compiling, from shapes and attributes.",
    ),
    (
        r"_local_scalar_dense|\.item\(\)|DataDependentOutputException",
        "A Python number is taken from a tensor (.item(), int(), float(), range over a value): keep it a tensor, or "
        "make it an attribute of the module.",
    ),
    (
        r"DynamicOutputShapeException|unbacked symint|data-dependent shape",
        "The shape of a tensor depends on data (mask indexing, nonzero, unique): use torch.where, or multiply by a mask.",
    ),
    (
        r"in-place|inplace|_version|mutat",
        "A tensor is changed in place where its old value or another view of it is still needed: use the operator "
        "without the underscore, and torch.cat or torch.where instead of assignments to views of an input.",
    ),
    (
        r"Tensor\.numpy|numpy\(\)|can't be converted to|__array__",
        "The forward pass leaves PyTorch (numpy): express it with torch operators.",
    ),
)
#: The same for models that fail in PyTorch, too.
_MISTAKES: tuple[tuple[str, str], ...] = (
    (
        r"Expected more than 1 value per channel",
        "batch normalisation in training mode needs several values per channel: use a larger batch, or put the module "
        "into eval mode",
    ),
    (
        r"Input type .* should be the same|have the same dtype|expected scalar type|not support dtype",
        "PyTorch does not mix these element types: convert the input before, or in the model (x.float())",
    ),
    (
        r"Cannot view a tensor|mismatch|must match|must have same|shapes cannot be multiplied|size of tensor|shape",
        "the example inputs do not fit the model",
    ),
)
_GENERAL = (
    "The model must be a static graph: no control flow that depends on data, no .item(), no shapes that depend on data."
)


def explain(error: Exception, what: str, modules: Mapping[int, str]) -> PockError:
    """Return the error to raise in place of PyTorch's.

    Args:
        error: the exception that PyTorch raised.
        what: a description of the exported function.
        modules: ``id`` of a module → its path in the model.
    """
    # The paragraphs after the first one explain how to debug PyTorch.
    text = f"{type(error).__name__}: {error}".strip().split("\n\n", 1)[0][:600]
    module, line = _place(error.__traceback__, modules)
    place = "".join([f" in module '{module}'" if module else "", f" at {line}" if line else ""])
    for pattern, advice in _ADVICE:
        if re.search(pattern, f"{type(error).__name__}: {error}"):
            return CompileError("import", f"PyTorch cannot export the model ({what}){place}\n{advice}\n{text}")
    if (module is None and not line) or type(error).__module__.startswith("torch."):
        return CompileError("import", f"PyTorch cannot export the model ({what}){place}\n{_GENERAL}\n{text}")
    mistake = next((advice for pattern, advice in _MISTAKES if re.search(pattern, text)), "")
    return ArgumentError(
        f"model: it does not run with the example inputs ({what}){place}: {text}\n"
        + "; ".join(filter(None, [mistake, "model(*inputs) in the same mode shows the same error"]))
    )


def _place(trace: TracebackType | None, modules: Mapping[int, str]) -> tuple[str | None, str]:
    """Return the path of the innermost module that was running, and the innermost line of the user's code."""
    module, line = None, ""
    for frame, number in traceback.walk_tb(trace):
        owner = frame.f_locals.get("self")
        if isinstance(owner, torch.nn.Module) and id(owner) in modules:
            module = modules[id(owner)]
        if is_users(frame):
            line = _quoted(frame.f_code.co_filename, number)
    return module, line


def _quoted(file: str, number: int) -> str:
    summary = traceback.FrameSummary(file, number, "")
    code = (summary.line or "").strip()
    return f"{file}:{number}" + (f": `{code[:100]}{'…' * (len(code) > 100)}`" if code else "")
