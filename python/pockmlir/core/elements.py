"""The element types of tensors, with numpy's and C's types for each."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import ml_dtypes
import numpy as np

__all__ = ["ElementType", "computed_types", "element_of", "element_types", "is_float", "numpy_dtype"]


@dataclass(frozen=True)
class ElementType:
    """An element type.

    >>> element_types()["i8"].numpy, element_types()["i8"].c
    (dtype('int8'), 'int8_t')

    Attributes:
        name: the name in MLIR, such as ``f32``.
        bits: the width of a value.
        bytes: the size of a value in memory.
        kind: ``boolean``, ``integer`` or ``float``.
    """

    name: str
    bits: int
    bytes: int
    kind: Literal["boolean", "integer", "float"]

    @property
    def numpy(self) -> np.dtype[Any]:
        """Numpy's type."""
        code: Any = np.bool_ if self.kind == "boolean" else f"{self.kind[0]}{self.bytes}"
        dtype: np.dtype[Any] = np.dtype(ml_dtypes.bfloat16 if self.name == "bf16" else code)
        return dtype

    @property
    def torch(self) -> str:
        """PyTorch's name, such as ``float32`` for ``torch.float32``."""
        return {"i1": "bool", "bf16": "bfloat16"}.get(
            self.name, f"{'int' if self.kind == 'integer' else 'float'}{self.bits}"
        )

    @property
    def c(self) -> str:
        """C's type, or an unsigned integer with the bits of a value if C has no type."""
        if self.kind == "integer":
            return f"int{self.bits}_t"
        return {"f32": "float", "f64": "double"}.get(self.name, f"uint{8 * self.bytes}_t")


#: Equal to the compiler's table, which a process that only runs a step does not load.
_TYPES = (
    ElementType("i1", 1, 1, "boolean"),
    ElementType("i8", 8, 1, "integer"),
    ElementType("i16", 16, 2, "integer"),
    ElementType("f16", 16, 2, "float"),
    ElementType("bf16", 16, 2, "float"),
    ElementType("i32", 32, 4, "integer"),
    ElementType("f32", 32, 4, "float"),
    ElementType("i64", 64, 8, "integer"),
    ElementType("f64", 64, 8, "float"),
)


@functools.cache
def element_types() -> Mapping[str, ElementType]:
    """All element types by name."""
    return {entry.name: entry for entry in _TYPES}


@functools.cache
def computed_types() -> tuple[str, ...]:
    """The names of the element types that a model may have; those of 16 bits only stand for f32 within a step."""
    return tuple(name for name, element in element_types().items() if element.bits != 16)


def element_of(dtype: np.dtype[Any]) -> ElementType | None:
    """Return the element type for a numpy type, None if there is none."""
    return next((element for element in element_types().values() if element.numpy == dtype), None)


def is_float(name: str) -> bool:
    """Return whether an element type is a floating-point one.

    >>> is_float("f32"), is_float("i32")
    (True, False)
    """
    return element_types()[name].kind == "float"


@functools.cache
def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return numpy's type for an element type.

    Raises:
        KeyError: there is no element type of that name.
    """
    return element_types()[name].numpy
