"""Builds pock ops, and derives the result types from the operands' shapes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from ..._ops import _pock_ops_gen as pock
from .declarations import Declarations
from .emitter import Emitter, Number, Unsupported, Value, dtype_of, is_float, rank_of, shape_of

__all__ = ["Builder", "Number", "Unsupported", "Value", "dtype_of", "is_float", "rank_of", "shape_of"]


def _dtype_among(*operands: Value | Number) -> str:
    """The element type of the first tensor; Python numbers take the type of the other operand."""
    return next(dtype_of(x) for x in operands if isinstance(x, Value))


class Builder(Emitter):
    """Emits ops at the end of a function; see `Emitter`.

    Attributes:
        active: the operands that depend on a parameter that may train; None if unknown.
        bounds: cache of `bounds.bounds`: integer value → its least and largest entry, None if unknown. Front
            ends may add entries.
    """

    def __init__(self, name: str, declarations: Declarations) -> None:
        super().__init__(name, declarations)
        self.active: set[Value] | None = None
        self.bounds: dict[Value, tuple[int, int] | None] = {}
        self._streams = 0

    # Elementwise --------------------------------------------------------------------

    def unary(self, op_class: Any, x: Value, **attributes: Any) -> Value:
        """Emit a floating-point op whose result has the type of its only operand."""
        if not is_float(dtype_of(x)):
            raise Unsupported(f"on {dtype_of(x)}")
        return self.emit(op_class, x.type, x, **attributes)

    def binary(self, op_class: Any, x: Value, y: Value) -> Value:
        """Emit a broadcasting op of two operands of the same element type."""
        shape = np.broadcast_shapes(shape_of(x), shape_of(y))
        return self.emit(op_class, self.type(shape, dtype_of(x)), x, y)

    def _arith(self, op_class: Any, x: Value | Number, y: Value | Number, floats_only: bool = False) -> Value:
        dtype = _dtype_among(x, y)
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

    def promoted(self, *operands: Value | Number) -> str:
        """Return the element type of the computation, which all tensor operands have."""
        found = {dtype_of(x) for x in operands if isinstance(x, Value)}
        if len(found) != 1:
            raise Unsupported(f"on operands of {' and '.join(sorted(found)) or 'no element type'}")
        return found.pop()

    def select(self, condition: Value, x: Value | Number, y: Value | Number) -> Value:
        """Emit ``condition ? x : y``; numbers take the other operand's type."""
        dtype = _dtype_among(x, y)
        x, y = self.lift(x, dtype), self.lift(y, dtype)
        shape = np.broadcast_shapes(shape_of(condition), shape_of(x), shape_of(y))
        return self.emit(pock.SelectOp, self.type(shape, dtype), condition, x, y)

    def either(self, x: Value, y: Value) -> Value:
        """Emit ``x or y`` of two conditions."""
        return self.binary(pock.OrOp, x, y)

    def both(self, x: Value, y: Value) -> Value:
        """Emit ``x and y`` of two conditions."""
        return self.binary(pock.AndOp, x, y)

    # Quantisation -------------------------------------------------------------------

    def quantize(self, x: Value, scale: float, zero_point: int, least: int = -128, most: int = 127) -> Value:
        """Emit the integers of 8 bits that stand for real numbers."""
        result = self.type(shape_of(x), "i8")
        return self.emit(pock.QuantizeOp, result, x, scale=float(scale), zero_point=zero_point, min=least, max=most)

    def dequantize(self, x: Value, scale: float, zero_point: int) -> Value:
        """Emit the real numbers that integers stand for."""
        return self.emit(pock.DequantizeOp, self.type(shape_of(x), "f32"), x, scale=float(scale), zero_point=zero_point)

    def load_real(self, name: str) -> Value:
        """Return the value of a parameter; the real numbers, if it is quantised."""
        value = self.load(name)
        quantization = self._declarations.quantizations.get(name)
        if quantization is None:
            return value
        if quantization.axis is None:
            return self.dequantize(value, float(quantization.scale), quantization.zero_point)
        buffer, factor = self._declarations.scales(name)
        scales = self.load(buffer)
        scales = self.reshape(scales, (*shape_of(scales), *[1] * (rank_of(value) - quantization.axis - 1)))
        with self.at(name):
            return self.emit(
                pock.DequantizeOp,
                self.type(shape_of(value), "f32"),
                value,
                scales=scales,
                scale=factor,
                zero_point=quantization.zero_point,
            )

    # Gradients and random numbers ---------------------------------------------------

    @property
    def _differentiates(self) -> bool:
        return self.active is None or bool(self.active)

    def is_active(self, value: Value) -> bool:
        """Return whether an operand of the current operator may have a gradient."""
        return self.active is None or value in self.active

    def constant_to_gradients(self, x: Value) -> Value:
        """Emit the same values without gradient; return x if the current operator has no active operand."""
        return self.emit(pock.StopGradientOp, x.type, x) if self._differentiates else x

    def with_derivatives(self, value: Value, *derivatives: tuple[Value, Value]) -> Value:
        """Give a value its own derivatives instead of those of the ops that compute it.

        Args:
            value: the value; its shape is the broadcast shape of the operands.
            derivatives: pairs of an operand and the derivative with respect to it.
        """
        if not self._differentiates:
            return value
        return self.emit(pock.WithDerivativesOp, value.type, value, *map(list, zip(*derivatives, strict=True)))

    def reduced_with_derivative(self, value: Value, x: Value, derivative: Value, dims: Iterable[int]) -> Value:
        """Give a reduction with kept dimensions a derivative with respect to its operand.

        This costs no computation: the gradient passes through zeros, which are folded.
        """
        if not self._differentiates:
            return value
        zeros = self.splat(shape_of(x), 0, dtype_of(x))
        passes = self.with_derivatives(zeros, (x, self.unary(pock.NegOp, derivative)))
        return self.sub(self.constant_to_gradients(value), self.sum(passes, dims, True))

    def dropout(self, x: Value, p: float, shared: Iterable[int] = ()) -> Value:
        """Zero entries with probability p and scale the others; ``@predict`` returns x.

        Args:
            x: the tensor, of any floating-point type.
            p: the probability of zero.
            shared: dimensions along which the mask is constant.
        """
        if not self.is_random or p == 0:
            return x
        if p >= 1:
            return self.mul(x, 0.0)
        strides, size = [0] * rank_of(x), 1
        for dim in reversed([d for d in range(rank_of(x)) if d not in set(shared)]):
            strides[dim] = size
            size *= shape_of(x)[dim]
        stream, self._streams = self._streams, self._streams + 1
        self.dropout_layers.append(self.module or "(model)")
        return self.emit(pock.DropoutOp, x.type, x, *self.random_inputs(), p=float(p), stream=stream, strides=strides)

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
        """Emit a slice along one dimension, unless it is the whole tensor."""
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
        """Emit the entries at non-negative indices along a dimension."""
        shape = (*shape_of(x)[:dim], *shape_of(indices), *shape_of(x)[dim + 1 :])
        return self.emit(pock.TakeOp, self.type(shape, dtype_of(x)), x, indices, dim=dim)

    def scatter_add(self, x: Value, indices: Value, updates: Value, dim: int) -> Value:
        """Emit x with updates added at the positions that `take` reads."""
        return self.emit(pock.ScatterAddOp, x.type, x, indices, updates, dim=dim)

    # Reductions ---------------------------------------------------------------------

    def reduce(self, op_class: Any, x: Value, dims: Iterable[int], keepdim: bool = False) -> Value:
        """Emit a reduction over dimensions; return x if there are none."""
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
