"""Maps PyTorch's element types to those of the dialect."""

from __future__ import annotations

import torch

from ...core.elements import computed_types, element_types

__all__ = [
    "CONVERTED",
    "DTYPES",
    "NARROW",
    "dtype_name",
    "spell_dtype",
]

#: The element types of the pock dialect (docs/Architecture.md) by their PyTorch type.
DTYPES: dict[torch.dtype, str] = {getattr(torch, element_types()[name].torch): name for name in computed_types()}
#: Integers that are computed in a wider type, and wrapped around into their range after every operator.
NARROW: dict[torch.dtype, str] = {torch.uint8: "i32", torch.int16: "i32"}
#: Types of inputs that are converted before the step: no code computes in these types.
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
