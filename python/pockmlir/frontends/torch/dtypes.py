"""Element types: PyTorch's, the dialect's and numpy's."""

from __future__ import annotations

import torch

from ...core.elements import numpy_dtype

__all__ = [
    "CONVERTED",
    "DTYPES",
    "NARROW",
    "dtype_name",
    "numpy_dtype",
    "spell_dtype",
]

#: The element types of the pock dialect (docs/Architecture.md) by their PyTorch type.
DTYPES: dict[torch.dtype, str] = {
    torch.float32: "f32",
    torch.float64: "f64",
    torch.bool: "i1",
    torch.int8: "i8",
    torch.int32: "i32",
    torch.int64: "i64",
}
#: Integers that are computed in a wider type, and brought back into their range after every operator.
NARROW: dict[torch.dtype, str] = {torch.uint8: "i32", torch.int16: "i32"}
#: Inputs that are converted before the model sees them: no code computes in these types.
CONVERTED: dict[torch.dtype, torch.dtype] = {
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
    torch.uint16: torch.int32,
    torch.uint32: torch.int64,
}


def dtype_name(dtype: torch.dtype) -> str | None:
    """Return the dialect's type for values of a PyTorch element type, None if there is none."""
    return DTYPES.get(dtype) or NARROW.get(dtype)


def spell_dtype(dtype: torch.dtype) -> str:
    """Return PyTorch's name of an element type, for example ``float32``."""
    return str(dtype).removeprefix("torch.")
