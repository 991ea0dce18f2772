"""Says what it is about a model that PyTorch cannot export, and what to do instead."""

from __future__ import annotations

import os
import re
import traceback

import torch

__all__ = ["explain"]

#: What PyTorch's error says → what to change in the model; the first match counts.
_ADVICE: tuple[tuple[str, str], ...] = (
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
    (
        r"Input type .* should be the same|have the same dtype|expected scalar type|not support dtype",
        "PyTorch does not mix these element types: convert the input before, or in the model (x.float()).",
    ),
    (
        r"Cannot view a tensor|mismatch|must match|shapes cannot be multiplied|size of tensor",
        "The example inputs do not fit the model; call model(*inputs) to see the same error.",
    ),
)
_GENERAL = (
    "The model must be a static graph: no control flow that depends on data, no .item(), no shapes that depend on data."
)


#: Where code lies that says nothing to the user.
_FOREIGN = tuple(
    os.path.dirname(os.path.abspath(file)) + os.sep for file in (torch.__file__, os.path.dirname(__file__))
)


def explain(error: Exception, what: str) -> str:
    """Return the text of the error that is raised for PyTorch's."""
    text = f"{type(error).__name__}: {error}"
    advice = next((advice for pattern, advice in _ADVICE if re.search(pattern, text)), _GENERAL)
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not f.filename.startswith(("<", *_FOREIGN))]
    place = f" at {frames[-1].filename}:{frames[-1].lineno}: `{frames[-1].line}`" if frames else ""
    return f"PyTorch cannot export the model ({what}){place}\n{advice}\n{text}"
