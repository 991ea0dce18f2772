"""The element types of tensors: what each is called in the IR, numpy, PyTorch and C."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np

__all__ = ["COMPUTED", "ELEMENTS", "Element", "element_of", "is_float"]


@dataclass(frozen=True)
class Element:
    """One element type.

    Attributes:
        name: MLIR's.
        numpy: numpy's type; its items are as large as the compiler's.
        torch: PyTorch's name, as in ``torch.float32``.
        c: the type in C headers; None where no function of the C ABI takes or returns it.
    """

    name: str
    numpy: np.dtype[Any]
    torch: str
    c: str | None

    @property
    def bytes(self) -> int:
        """The size of one entry in memory."""
        return int(self.numpy.itemsize)


#: All of them, by name. A front end may use those of `COMPUTED`; bf16 is how the compiler stores f32.
ELEMENTS: Mapping[str, Element] = {
    element.name: element
    for element in (
        Element("f32", np.dtype(np.float32), "float32", "float"),
        Element("f64", np.dtype(np.float64), "float64", "double"),
        Element("i1", np.dtype(np.bool_), "bool", "uint8_t"),
        Element("i8", np.dtype(np.int8), "int8", "int8_t"),
        Element("i32", np.dtype(np.int32), "int32", "int32_t"),
        Element("i64", np.dtype(np.int64), "int64", "int64_t"),
        Element("bf16", np.dtype(ml_dtypes.bfloat16), "bfloat16", None),
    )
}

#: The element types of models at stage ``import``.
COMPUTED = tuple(name for name in ELEMENTS if name != "bf16")


def element_of(dtype: np.dtype[Any]) -> Element | None:
    """Return the element type of a numpy array, None if there is none."""
    return next((element for element in ELEMENTS.values() if element.numpy == dtype), None)


def is_float(name: str) -> bool:
    """Return whether an element type is a floating-point one.

    >>> is_float("f32"), is_float("i32")
    (True, False)
    """
    return name in ("f32", "f64", "bf16")
