"""Elementwise arithmetic of several operands, with PyTorch's type promotion."""

from __future__ import annotations

import functools
import math

from ..._ops import _pock_ops_gen as pock
from ..builder import Builder, Number, Value, is_float
from ..registry import Unsupported, converts

Operand = Value | Number

# Binary -------------------------------------------------------------------------------


def operands(b: Builder, x: Operand, y: Operand) -> tuple[Value, Value]:
    """Return both operands in the result's element type."""
    return b.lift(x, b.out_dtype), b.lift(y, b.out_dtype)


@converts("aten.add.Tensor", "aten.add.Scalar")
def add(b: Builder, x: Operand, y: Operand, alpha: Number) -> Value:
    if b.out_dtype == "i1":
        return b.binary(pock.OrOp, *operands(b, x, y))
    x, y = operands(b, x, y)
    return b.add(x, b.scale(y, alpha))


@converts("aten.sub.Tensor", "aten.sub.Scalar")
def sub(b: Builder, x: Operand, y: Operand, alpha: Number) -> Value:
    x, y = operands(b, x, y)
    return b.sub(x, b.scale(y, alpha))


@converts("aten.rsub.Tensor", "aten.rsub.Scalar")
def rsub(b: Builder, x: Operand, y: Operand, alpha: Number) -> Value:
    return sub(b, y, x, alpha)


@converts("aten.mul.Tensor", "aten.mul.Scalar")
def mul(b: Builder, x: Operand, y: Operand) -> Value:
    if b.out_dtype == "i1":
        return b.binary(pock.AndOp, *operands(b, x, y))
    return b.mul(*operands(b, x, y))


@converts("aten.div.Tensor", "aten.div.Scalar", "aten.true_divide.Tensor")
def div(b: Builder, x: Operand, y: Operand) -> Value:
    return b.div(*operands(b, x, y))


@converts("aten.pow.Tensor_Scalar", "aten.pow.Tensor_Tensor", "aten.pow.Scalar")
def power(b: Builder, x: Operand, y: Operand) -> Value:
    if is_float(b.out_dtype):
        return b.binary(pock.PowOp, *operands(b, x, y))
    if not isinstance(y, int) or not 0 <= y <= 64:
        raise Unsupported(f"on {b.out_dtype}, with an exponent that is not a small constant")
    return functools.reduce(b.mul, [b.cast(x, b.out_dtype)] * y) if y else b.splat(b.out_shape, 1, b.out_dtype)


@converts("aten.ldexp.Tensor")
def ldexp(b: Builder, x: Value, y: Value) -> Value:
    x, y = operands(b, x, y)
    return b.mul(x, b.binary(pock.PowOp, b.lift(2, b.out_dtype), y))


@converts("aten.maximum", "aten.max.other")
def maximum(b: Builder, x: Value, y: Value) -> Value:
    x, y = operands(b, x, y)
    if is_float(b.out_dtype):
        return b.binary(pock.MaximumOp, x, y)
    return b.select(b.compare("gt", x, y), x, y)


@converts("aten.minimum", "aten.min.other")
def minimum(b: Builder, x: Value, y: Value) -> Value:
    x, y = operands(b, x, y)
    if is_float(b.out_dtype):
        return b.binary(pock.MinimumOp, x, y)
    return b.select(b.compare("lt", x, y), x, y)


@converts("aten.clamp")
def clamp(b: Builder, x: Value, low: Number | None, high: Number | None) -> Value:
    x = b.cast(x, b.out_dtype)
    if not is_float(b.out_dtype):
        return clamp_tensor(b, x, low, high)
    if low is not None and high is not None and low > high:
        return b.splat(b.out_shape, high, b.out_dtype)
    limits = {"min": low, "max": high}
    return b.unary(pock.ClampOp, x, **{key: float(limit) for key, limit in limits.items() if limit is not None})


@converts("aten.clamp_min")
def clamp_min(b: Builder, x: Value, low: Number) -> Value:
    return clamp(b, x, low, None)


@converts("aten.clamp_max")
def clamp_max(b: Builder, x: Value, high: Number) -> Value:
    return clamp(b, x, None, high)


@converts("aten.clamp.Tensor")
def clamp_tensor(b: Builder, x: Value, low: Operand | None, high: Operand | None) -> Value:
    # Selects, not maximum and minimum: at a limit the gradient is the input's alone.
    x = b.cast(x, b.out_dtype)
    if low is not None:
        low = b.lift(low, b.out_dtype)
        x = b.select(b.compare("lt", x, low), low, x)
    if high is not None:
        high = b.lift(high, b.out_dtype)
        x = b.select(b.compare("gt", x, high), high, x)
    return x


@converts("aten.clamp_min.Tensor")
def clamp_min_tensor(b: Builder, x: Value, low: Value) -> Value:
    return clamp_tensor(b, x, low, None)


@converts("aten.clamp_max.Tensor")
def clamp_max_tensor(b: Builder, x: Value, high: Value) -> Value:
    return clamp_tensor(b, x, None, high)


@converts("aten.fmax")
def fmax(b: Builder, x: Value, y: Value) -> Value:
    # Selects: among equals the gradient is the first operand's alone.
    x, y = operands(b, x, y)
    return b.select(b.either(b.compare("ge", x, y), b.compare("ne", y, y)), x, y)


@converts("aten.fmin")
def fmin(b: Builder, x: Value, y: Value) -> Value:
    x, y = operands(b, x, y)
    return b.select(b.either(b.compare("le", x, y), b.compare("ne", y, y)), x, y)


@converts("aten.addcmul")
def addcmul(b: Builder, x: Value, y: Value, z: Value, value: Number) -> Value:
    x, y, z = (b.cast(v, b.out_dtype) for v in (x, y, z))
    return b.add(x, b.scale(b.mul(y, z), value))


@converts("aten.addcdiv")
def addcdiv(b: Builder, x: Value, y: Value, z: Value, value: Number) -> Value:
    x, y, z = (b.cast(v, b.out_dtype) for v in (x, y, z))
    return b.add(x, b.scale(b.div(y, z), value))


@converts("aten.lerp.Scalar", "aten.lerp.Tensor")
def lerp(b: Builder, x: Value, y: Value, weight: Operand) -> Value:
    # PyTorch's two forms, exact at both ends.
    def from_x() -> Value:
        return b.add(x, b.mul(weight, b.sub(y, x)))

    def from_y() -> Value:
        return b.sub(y, b.mul(b.sub(y, x), b.sub(1, b.lift(weight, b.out_dtype))))

    if isinstance(weight, bool | int | float):
        return from_x() if abs(weight) < 0.5 else from_y()
    near_x = b.compare("lt", b.unary(pock.AbsOp, weight), 0.5)
    return b.select(near_x, from_x(), from_y())


# Functions of two operands ------------------------------------------------------------


@converts("aten.logaddexp")
def logaddexp(b: Builder, x: Value, y: Value) -> Value:
    x, y = operands(b, x, y)
    # Equal operands may both be infinite; their difference counts as zero.
    distance = b.select(b.compare("eq", x, y), 0, b.sub(x, y))
    tail = b.unary(pock.Log1pOp, b.unary(pock.ExpOp, b.unary(pock.NegOp, b.unary(pock.AbsOp, distance))))
    return b.add(b.binary(pock.MaximumOp, x, y), tail)


@converts("aten.logaddexp2")
def logaddexp2(b: Builder, x: Value, y: Value) -> Value:
    x, y = operands(b, x, y)
    return b.div(logaddexp(b, b.mul(x, math.log(2)), b.mul(y, math.log(2))), math.log(2))


@converts("aten.hypot")
def hypot(b: Builder, x: Value, y: Value) -> Value:
    x, y = operands(b, x, y)
    return b.unary(pock.SqrtOp, b.add(b.mul(x, x), b.mul(y, y)))


@converts("aten.xlogy.Tensor", "aten.xlogy.Scalar_Other", "aten.xlogy.Scalar_Self")
def xlogy(b: Builder, x: Operand, y: Operand) -> Value:
    x, y = operands(b, x, y)
    nothing = b.both(b.compare("eq", x, 0), b.compare("le", y, 0))
    return b.mul(x, b.unary(pock.LogOp, b.select(nothing, 1, y)))


@converts("aten.atan2")
def atan2(b: Builder, y: Value, x: Value) -> Value:
    y, x = operands(b, y, x)
    # The quotient is the smaller over the larger: it never overflows, and 0 / 0 only at the origin.
    steep = b.compare("gt", b.unary(pock.AbsOp, y), b.unary(pock.AbsOp, x))
    below = b.select(steep, y, x)
    below = b.select(b.compare("eq", below, 0), 1, below)
    angle = b.unary(pock.AtanOp, b.div(b.select(steep, b.unary(pock.NegOp, x), y), below))
    left = b.select(b.compare("lt", y, 0), b.lift(-math.pi, b.out_dtype), math.pi)
    flat = b.select(b.compare("lt", x, 0), left, 0)
    return b.add(angle, b.select(steep, b.mul(b.unary(pock.SignOp, y), math.pi / 2), flat))
