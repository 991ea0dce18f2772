"""Builds pock ops: infers result types, promotes operands, makes constants.

The dialect is not registered in torch-mlir's context, so nothing infers types there; the
helpers below do it for the ops that converters compose. The real verifiers run when
pock-opt parses the result.
"""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch_mlir import ir

from .._ops import _pock_ops_gen as pock
from .registry import Unsupported
from .spec import DTYPES, numpy_dtype

__all__ = ["Builder", "Missing", "Value", "dtype_of", "is_float", "rank_of", "shape_of"]

Value: TypeAlias = Any  # torch_mlir.ir.Value; the wheel has no types
Number: TypeAlias = bool | int | float

_TORCH = {name: dtype for dtype, name in DTYPES.items()}


@dataclass(frozen=True)
class Missing:
    """A result that a converter cannot give; using it is what is reported."""

    reason: str


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
def _takes_result_type(op_class: Any) -> bool:
    return "result" in inspect.signature(op_class.__init__).parameters


class Builder:
    """Emits ops at the current insertion point and location.

    Args:
        make_buffer: returns the value of a constant that becomes a buffer.
        make_seed: returns seed and step of the random numbers; None where a function has none.

    Attributes:
        results: the types of the operator being converted, None where not a tensor.
        active: the operands that depend on a parameter that may train.
        module: path of the module being converted.
        norm_modes: where converters of batch normalisation record their mode.
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
        self.module = ""
        self.norm_modes: dict[str, str] = {}
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
            entry = ir.IntegerAttr.get(element, int(bool(value)) if dtype == "i1" else int(value))
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

    # Elementwise --------------------------------------------------------------------

    def unary(self, op_class: Any, x: Value, **attributes: Any) -> Value:
        """Emit a floating-point op of one operand and the same result type."""
        if not is_float(dtype_of(x)):
            raise Unsupported(f"on {dtype_of(x)}")
        return self.emit(op_class, x.type, x, **attributes)

    def binary(self, op_class: Any, x: Value, y: Value) -> Value:
        """Emit a broadcasting op of two operands of one element type."""
        shape = np.broadcast_shapes(shape_of(x), shape_of(y))
        return self.emit(op_class, self.type(shape, dtype_of(x)), x, y)

    def _arith(self, op_class: Any, x: Value | Number, y: Value | Number, floats_only: bool = False) -> Value:
        dtype = dtype_of(y if isinstance(x, bool | int | float) else x)
        if dtype == "i1" or (floats_only and not is_float(dtype)):
            raise Unsupported(f"on {dtype}")
        return self.binary(op_class, self.lift(x, dtype), self.lift(y, dtype))

    def add(self, x: Value | Number, y: Value | Number) -> Value:
        """Emit ``x + y``; numbers take the other operand's type."""
        return self._arith(pock.AddOp, x, y)

    def sub(self, x: Value | Number, y: Value | Number) -> Value:
        """Emit ``x - y``."""
        return self._arith(pock.SubOp, x, y)

    def mul(self, x: Value | Number, y: Value | Number) -> Value:
        """Emit ``x * y``."""
        return self._arith(pock.MulOp, x, y)

    def div(self, x: Value | Number, y: Value | Number) -> Value:
        """Emit ``x / y``."""
        return self._arith(pock.DivOp, x, y, floats_only=True)

    def scale(self, x: Value, factor: Number) -> Value:
        """Emit ``x * factor``, nothing if the factor is one."""
        return x if factor == 1 else self.mul(x, factor)

    def compare(self, predicate: str, x: Value | Number, y: Value | Number) -> Value:
        """Emit a comparison (``eq``, ``ne``, ``lt``, ``le``, ``gt``, ``ge``)."""
        dtype = self.promoted(x, y)
        x, y = self.lift(x, dtype), self.lift(y, dtype)
        result = self.type(np.broadcast_shapes(shape_of(x), shape_of(y)), "i1")
        return self.emit(pock.CmpOp, result, x, y, predicate=self.enum(f"cmp<{predicate}>"))

    def select(self, condition: Value, x: Value | Number, y: Value | Number) -> Value:
        """Emit ``condition ? x : y``; numbers take the other operand's type."""
        dtype = dtype_of(y if isinstance(x, bool | int | float) else x)
        x, y = self.lift(x, dtype), self.lift(y, dtype)
        shape = np.broadcast_shapes(shape_of(condition), shape_of(x), shape_of(y))
        return self.emit(pock.SelectOp, self.type(shape, dtype), condition, x, y)

    def either(self, x: Value, y: Value) -> Value:
        """Emit ``x or y`` of two conditions."""
        return self.binary(pock.OrOp, x, y)

    def both(self, x: Value, y: Value) -> Value:
        """Emit ``x and y`` of two conditions."""
        return self.binary(pock.AndOp, x, y)

    # Gradients and random numbers ---------------------------------------------------

    def is_active(self, value: Value) -> bool:
        """Return whether an operand of the operator may have a gradient."""
        return value in self.active

    def constant_to_gradients(self, x: Value) -> Value:
        """Emit the same values without gradient, if they could have one."""
        return self.emit(pock.StopGradientOp, x.type, x) if self.active else x

    def dropout(self, x: Value, p: float, shared: Iterable[int] = ()) -> Value:
        """Zero entries with probability p and scale the others; nothing in ``@predict``.

        Args:
            x: of any floating-point type.
            p: probability of zero.
            shared: dimensions along which the mask is the same.
        """
        if self._make_seed is None or p == 0:
            return x
        if p >= 1:
            return self.mul(x, 0.0)
        strides, size = [0] * rank_of(x), 1
        for dim in reversed([d for d in range(rank_of(x)) if d not in set(shared)]):
            strides[dim] = size
            size *= shape_of(x)[dim]
        stream, self._streams = self._streams, self._streams + 1
        return self.emit(pock.DropoutOp, x.type, x, *self._make_seed(), p=float(p), stream=stream, strides=strides)

    # Data movement ------------------------------------------------------------------

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """Emit a reshape, if the shape differs."""
        if shape_of(x) == tuple(shape):
            return x
        return self.emit(pock.ReshapeOp, self.type(shape, dtype_of(x)), x)

    def expand(self, x: Value, shape: Sequence[int]) -> Value:
        """Emit a broadcast to a shape, if it differs."""
        if shape_of(x) == tuple(shape):
            return x
        return self.emit(pock.ExpandOp, self.type(shape, dtype_of(x)), x)

    def transpose(self, x: Value, permutation: Sequence[int]) -> Value:
        """Emit a permutation of dimensions, unless it is the identity."""
        if list(permutation) == list(range(rank_of(x))):
            return x
        result = self.type([shape_of(x)[i] for i in permutation], dtype_of(x))
        return self.emit(pock.TransposeOp, result, x, permutation=list(permutation))

    def slice(self, x: Value, dim: int, start: int, limit: int, stride: int = 1) -> Value:
        """Emit a slice along one dimension, unless it is the whole."""
        shape = list(shape_of(x))
        if (start, limit, stride) == (0, shape[dim], 1):
            return x
        starts, limits, strides = [0] * len(shape), list(shape), [1] * len(shape)
        starts[dim], limits[dim], strides[dim] = start, limit, stride
        shape[dim] = max(0, math.ceil((limit - start) / stride))
        result = self.type(shape, dtype_of(x))
        return self.emit(pock.SliceOp, result, x, starts=starts, limits=limits, strides=strides)

    def concat(self, xs: Sequence[Value], dim: int) -> Value:
        """Emit a concatenation, unless there is only one operand."""
        if len(xs) == 1:
            return xs[0]
        shape = list(shape_of(xs[0]))
        shape[dim] = sum(shape_of(x)[dim] for x in xs)
        return self.emit(pock.ConcatOp, self.type(shape, dtype_of(xs[0])), list(xs), dim=dim)

    def take(self, x: Value, indices: Value, dim: int) -> Value:
        """Emit the entries at indices, none of them negative, along a dimension."""
        shape = (*shape_of(x)[:dim], *shape_of(indices), *shape_of(x)[dim + 1 :])
        return self.emit(pock.TakeOp, self.type(shape, dtype_of(x)), x, indices, dim=dim)

    def scatter_add(self, x: Value, indices: Value, updates: Value, dim: int) -> Value:
        """Emit a tensor with updates added where `take` would read."""
        return self.emit(pock.ScatterAddOp, x.type, x, indices, updates, dim=dim)

    # Reductions ---------------------------------------------------------------------

    def reduce(self, op_class: Any, x: Value, dims: Iterable[int], keepdim: bool = False) -> Value:
        """Emit a reduction over dimensions, nothing if there are none."""
        reduced = sorted(dims)
        if not reduced:
            return x
        shape = [1 if i in reduced else size for i, size in enumerate(shape_of(x)) if keepdim or i not in reduced]
        return self.emit(op_class, self.type(shape, dtype_of(x)), x, dims=reduced, keepdim=keepdim)

    def sum(self, x: Value, dims: Iterable[int], keepdim: bool = False) -> Value:
        """Emit a sum."""
        return self.reduce(pock.SumOp, x, dims, keepdim)

    def mean(self, x: Value, dims: Iterable[int], keepdim: bool = False) -> Value:
        """Emit a mean."""
        return self.reduce(pock.MeanOp, x, dims, keepdim)
