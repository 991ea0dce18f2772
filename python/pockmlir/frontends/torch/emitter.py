"""Emits pock ops and constants: types, element types, promotion.

The dialect is not registered in torch-mlir's context, so nothing infers types there; the
helpers below do it for the ops that converters compose. The real verifiers run when
pock-opt parses the result.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch_mlir import ir

from ..._ops import _pock_ops_gen as pock
from .dtypes import DTYPES, numpy_dtype

__all__ = ["Emitter", "Lazy", "Missing", "Number", "Value", "dtype_of", "is_float", "rank_of", "shape_of"]

Value: TypeAlias = Any  # torch_mlir.ir.Value; the wheel has no types
Number: TypeAlias = bool | int | float

_TORCH = {name: dtype for dtype, name in DTYPES.items()}


@dataclass(frozen=True)
class Missing:
    """A result that a converter cannot give; using it is what is reported."""

    reason: str


@dataclass(frozen=True)
class Lazy:
    """A value that is emitted where it is first used."""

    make: Callable[[], Value]
    differentiable: bool = False


def shape_of(value: Value) -> tuple[int, ...]:
    """Return the shape of a value."""
    return tuple(value.type.shape)


def rank_of(value: Value) -> int:
    """Return the rank of a value."""
    return int(value.type.rank)


def dtype_of(value: Value) -> str:
    """Return the element type of a value, for example ``f32``."""
    return str(value.type.element_type)


def is_float(dtype: str) -> bool:
    """Return whether an element type is a floating-point one."""
    return dtype.startswith("f")


@functools.cache
def _wrapped(value: int, dtype: np.dtype[Any]) -> int:
    """Return an integer brought into the range of a type as PyTorch does it with scalars: modulo its size."""
    half = 1 << (8 * dtype.itemsize - 1)
    return (value + half) % (2 * half) - half


def _takes_result_type(op_class: Any) -> bool:
    return "result" in inspect.signature(op_class.__init__).parameters


class Emitter:
    """Emits ops at the current insertion point and location.

    Args:
        make_buffer: returns the value of a constant that becomes a buffer.
        make_seed: returns seed and step of the random numbers; None where a function has none.

    Attributes:
        results: the types of the operator being converted, None where not a tensor.
        active: the operands that depend on a parameter that may train.
        operator: name of the operator being converted.
        module: path of the module that it is in.
        inputs: names of the function's inputs.
        bounds: the least and the largest entry of integers, as far as known; converters may add to it.
        norm_modes: where converters of batch normalisation record their mode.
        dropout_layers: module of each active dropout, in order of execution.
        given: results of each op whose gradients are given, by its number.
    """

    #: Larger constants become buffers, so that they can live where parameters do.
    INLINE_ELEMENTS = 1024

    def __init__(
        self,
        make_buffer: Callable[[np.ndarray[Any, Any]], Value],
        make_seed: Callable[[], tuple[Value, Value]] | None = None,
    ) -> None:
        self.results: list[Any] = []
        self.active: set[Value] = set()
        self.operator = ""
        self.module = ""
        self.inputs: dict[Value, str] = {}
        self.bounds: dict[Value, tuple[int, int] | None] = {}
        self.norm_modes: dict[str, str] = {}
        self.dropout_layers: list[str] = []
        self.given: dict[int, list[Value]] = {}
        self._make_buffer = make_buffer
        self._make_seed = make_seed
        self._streams = 0
        self._known: dict[Value, np.ndarray[Any, Any]] = {}

    # Types --------------------------------------------------------------------------

    def type(self, shape: Iterable[int], dtype: str) -> Any:
        """Return a tensor type."""
        return ir.RankedTensorType.get(list(shape), ir.Type.parse(dtype))

    @property
    def out(self) -> Any:
        """The type of the operator's only or first result."""
        return self.results[0]

    @property
    def out_shape(self) -> tuple[int, ...]:
        """The shape of the operator's first result."""
        return tuple(self.out.shape)

    @property
    def out_dtype(self) -> str:
        """The element type of the operator's first result."""
        return str(self.out.element_type)

    # Emission -----------------------------------------------------------------------

    def emit(self, op_class: Any, types: Any, *operands: Value, **attributes: Any) -> Any:
        """Create an op; return its result, or the list of its results."""
        if isinstance(types, list):
            return list(op_class(*operands, **attributes, results=types).operation.results)
        if _takes_result_type(op_class):
            return op_class(types, *operands, **attributes).operation.results[0]
        return op_class(*operands, **attributes, results=[types]).operation.results[0]

    def enum(self, text: str) -> Any:
        """Return an attribute of the dialect, such as ``cmp<gt>``."""
        return ir.Attribute.parse(f"#pock.{text}")

    def constant(self, array: np.ndarray[Any, Any], dtype: str) -> Value:
        """Return a constant tensor; large ones that are no splat become buffers."""
        array = np.asarray(array, dtype=numpy_dtype(dtype), order="C")
        first = array.reshape(-1)[:1]
        if array.size > 0 and array.tobytes() == first.tobytes() * array.size:
            return self.splat(array.shape, first[0].item(), dtype)
        if array.size > self.INLINE_ELEMENTS:
            value = self._make_buffer(array)
        elif dtype == "i1":
            # The text of long i1 constants has bytes for torch-mlir's MLIR, bits for ours.
            value = self.cast(self.constant(array, "i8"), "i1")
        else:
            attribute = ir.DenseElementsAttr.get(array, type=ir.Type.parse(dtype), shape=list(array.shape))
            value = self.emit(pock.ConstantOp, self.type(array.shape, dtype), value=attribute)
        self._known[value] = array
        return value

    def known(self, value: Value) -> np.ndarray[Any, Any] | None:
        """Return the entries of a value that is a constant, None if it is not."""
        return self._known.get(value)

    def splat(self, shape: Iterable[int], value: Number, dtype: str) -> Value:
        """Return a constant tensor of equal entries."""
        element = ir.Type.parse(dtype)
        if is_float(dtype):
            entry = ir.FloatAttr.get(element, float(value))
        else:
            value = bool(value) if dtype == "i1" else _wrapped(int(value), numpy_dtype(dtype))
            entry = ir.IntegerAttr.get(element, int(value))
        result = self.type(shape, dtype)
        constant = self.emit(pock.ConstantOp, result, value=ir.DenseElementsAttr.get_splat(result, entry))
        self._known[constant] = np.full(tuple(shape), value, numpy_dtype(dtype))
        return constant

    def iota(self, shape: Sequence[int], dim: int, dtype: str = "i64") -> Value:
        """Return the index along a dimension."""
        return self.emit(pock.IotaOp, self.type(shape, dtype), dim=dim)

    def lift(self, value: Value | Number, dtype: str) -> Value:
        """Return a tensor of an element type for a tensor or a Python number."""
        if isinstance(value, bool | int | float):
            return self.splat((), value, dtype)
        return self.cast(value, dtype)

    def cast(self, x: Value, dtype: str) -> Value:
        """Convert the element type, if it differs."""
        if dtype_of(x) == dtype:
            return x
        return self.emit(pock.CastOp, self.type(shape_of(x), dtype), x)

    def promoted(self, *operands: Value | Number) -> str:
        """Return the element type in which PyTorch computes with two operands."""

        def meta(x: Value | Number) -> Any:
            if isinstance(x, bool | int | float):
                return x
            return torch.empty((1,) * rank_of(x), dtype=_TORCH[dtype_of(x)])

        return DTYPES[torch.result_type(*map(meta, operands))]
