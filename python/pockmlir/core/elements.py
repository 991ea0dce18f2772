"""The element types of tensors: the compiler's table, with numpy's and C's types for each."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import ml_dtypes
import numpy as np

from .extension import load_core

__all__ = ["ElementType", "element_types", "numpy_dtype"]


@dataclass(frozen=True)
class ElementType:
    """An element type.

    >>> element_types()["i8"].numpy, element_types()["i8"].c
    (dtype('int8'), 'int8_t')

    Attributes:
        name: as MLIR writes it, ``f32``.
        bits: the width of a value.
        bytes: what it takes in memory.
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
    def c(self) -> str:
        """C's type; of bits where C has none."""
        if self.kind == "integer":
            return f"int{self.bits}_t"
        return {"f32": "float", "f64": "double"}.get(self.name, f"uint{8 * self.bytes}_t")


@functools.cache
def element_types() -> Mapping[str, ElementType]:
    """Name → element type, of all that there are."""
    return {entry["name"]: ElementType(**entry) for entry in json.loads(load_core().element_types())}


@functools.cache
def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return numpy's type for an element type.

    Raises:
        KeyError: there is none of that name.
    """
    return element_types()[name].numpy
