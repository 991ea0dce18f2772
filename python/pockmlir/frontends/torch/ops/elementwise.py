"""Elementwise arithmetic of several operands, with PyTorch's type promotion."""

from __future__ import annotations

import functools
import math
from typing import Any

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Number, Value, dtype_of, is_float
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
    return functools.reduce(b.mul, [b.lift(x, b.out_dtype)] * y) if y else b.splat(b.out_shape, 1, b.out_dtype)


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


@converts("aten.fmax")
def fmax(b: Builder, x: Value, y: Value) -> Value:
    # Use selects: for equal operands, only the first one has a gradient.
    x, y = operands(b, x, y)
    return b.select(b.either(b.compare("ge", x, y), b.compare("ne", y, y)), x, y)


@converts("aten.fmin")
def fmin(b: Builder, x: Value, y: Value) -> Value:
    x, y = operands(b, x, y)
    return b.select(b.either(b.compare("le", x, y), b.compare("ne", y, y)), x, y)


@converts("aten.addcmul")
def addcmul(b: Builder, x: Value, y: Value, z: Value, value: Number) -> Value:
    x, y, z = (b.cast(v, b.out_dtype) for v in (x, y, z))
    return b.add(x, b.mul(b.scale(y, value), z))


@converts("aten.addcdiv")
def addcdiv(b: Builder, x: Value, y: Value, z: Value, value: Number) -> Value:
    x, y, z = (b.cast(v, b.out_dtype) for v in (x, y, z))
    return b.add(x, b.scale(b.div(y, z), value))


@converts("aten.lerp.Scalar", "aten.lerp.Tensor")
def lerp(b: Builder, x: Value, y: Value, weight: Operand) -> Value:
    # PyTorch has two formulas, so that the result is exact at both ends.
    def from_x() -> Value:
        return b.add(x, b.mul(weight, b.sub(y, x)))

    def from_y() -> Value:
        return b.sub(y, b.mul(b.sub(y, x), b.sub(1, b.lift(weight, b.out_dtype))))

    if isinstance(weight, bool | int | float):
        return from_x() if abs(weight) < 0.5 else from_y()
    near_x = b.compare("lt", b.unary(pock.AbsOp, weight), 0.5)
    value = b.select(near_x, from_x(), from_y())
    return b.with_derivatives(value, (x, b.sub(1, weight)), (y, weight), (weight, b.sub(y, x)))


# Functions of two operands ------------------------------------------------------------


def _log_of_sum(b: Builder, x: Value, y: Value) -> Value:
    # Equal operands may both be infinite; define their difference as zero.
    distance = b.select(b.compare("eq", x, y), 0, b.sub(x, y))
    tail = b.unary(pock.Log1pOp, b.unary(pock.ExpOp, b.unary(pock.NegOp, b.unary(pock.AbsOp, distance))))
    return b.add(b.binary(pock.MaximumOp, x, y), tail)


@converts("aten.logaddexp")
def logaddexp(b: Builder, x: Value, y: Value) -> Value:
    x, y = operands(b, x, y)
    return _with_shares(b, _log_of_sum(b, x, y), x, y, 1)


@converts("aten.logaddexp2")
def logaddexp2(b: Builder, x: Value, y: Value) -> Value:
    x, y = operands(b, x, y)
    log2 = math.log(2)
    return _with_shares(b, b.div(_log_of_sum(b, b.mul(x, log2), b.mul(y, log2)), log2), x, y, log2)


def _with_shares(b: Builder, value: Value, x: Value, y: Value, factor: float) -> Value:
    """Give each operand its share in the sum as derivative, which is undefined if both are infinite."""
    shares = [b.unary(pock.SigmoidOp, b.scale(b.sub(*pair), factor)) for pair in ((x, y), (y, x))]
    return b.with_derivatives(value, (x, shares[0]), (y, shares[1]))


@converts("aten.hypot")
def hypot(b: Builder, x: Value, y: Value) -> Value:
    x, y = operands(b, x, y)
    width, height = b.unary(pock.AbsOp, x), b.unary(pock.AbsOp, y)
    larger, smaller = b.binary(pock.MaximumOp, width, height), b.binary(pock.MinimumOp, width, height)
    # Squares would overflow or underflow, the quotient does not. Replace the quotient by zero where it is NaN.
    whole = b.either(b.compare("eq", larger, 0), b.compare("eq", larger, math.inf))
    quotient = b.div(b.select(whole, 0, smaller), b.select(whole, 1, larger))
    value = b.mul(larger, b.unary(pock.SqrtOp, b.add(b.mul(quotient, quotient), 1)))
    # The result is infinite even if the other operand is NaN.
    infinite = b.either(b.compare("eq", width, math.inf), b.compare("eq", height, math.inf))
    value = b.select(infinite, math.inf, value)
    return b.with_derivatives(value, (x, b.div(x, value)), (y, b.div(y, value)))


def _times_logarithm(b: Builder, x: Value, y: Value, op_class: Any, limit: float) -> Value:
    """Return x log(y), or x log1p(y): zero where x is zero, unless y is NaN."""
    logarithm = b.unary(op_class, y)
    zero = b.compare("eq", x, 0)
    value = b.select(b.both(zero, b.compare("eq", y, y)), 0, b.mul(x, logarithm))
    slope = b.select(b.both(zero, b.compare("le", y, limit)), 0, logarithm)
    return b.with_derivatives(value, (x, slope), (y, b.div(x, b.sub(y, limit) if limit else y)))


@converts("aten.xlogy.Tensor", "aten.xlogy.Scalar_Other", "aten.xlogy.Scalar_Self")
def xlogy(b: Builder, x: Operand, y: Operand) -> Value:
    return _times_logarithm(b, *operands(b, x, y), pock.LogOp, 0)


@converts("aten.special_xlog1py", "aten.special_xlog1py.other_scalar", "aten.special_xlog1py.self_scalar")
def xlog1py(b: Builder, x: Operand, y: Operand) -> Value:
    return _times_logarithm(b, *operands(b, x, y), pock.Log1pOp, -1)


def is_negative(b: Builder, x: Value) -> Value:
    """Return whether a number is less than zero, or is negative zero."""
    negative = b.compare("lt", x, 0)
    # Negative zero is not less than zero, but its reciprocal is.
    return b.either(negative, b.compare("lt", b.div(1, x), 0)) if is_float(dtype_of(x)) else negative


@converts("aten.atan2")
def atan2(b: Builder, y: Value, x: Value) -> Value:
    y, x = operands(b, y, x)
    height, width = b.unary(pock.AbsOp, y), b.unary(pock.AbsOp, x)
    # Divide the smaller by the larger one, which never overflows. If they are equal, both may be zero or
    # infinite: set the quotient to one, or to zero at the origin.
    steep, equal = b.compare("gt", height, width), b.compare("eq", height, width)
    numerator, denominator = b.select(steep, width, height), b.select(steep, height, width)
    quotient = b.div(b.select(equal, 1, numerator), b.select(equal, 1, denominator))
    quotient = b.select(b.both(equal, b.compare("eq", height, 0)), 0, quotient)
    angle = b.unary(pock.AtanOp, quotient)
    angle = b.select(steep, b.sub(math.pi / 2, angle), angle)
    angle = b.select(is_negative(b, x), b.sub(math.pi, angle), angle)
    value = b.select(is_negative(b, y), b.unary(pock.NegOp, angle), angle)
    square = b.add(b.mul(y, y), b.mul(x, x))
    inverse = b.select(b.compare("eq", square, 0), 0, b.div(1, square))
    return b.with_derivatives(value, (y, b.mul(x, inverse)), (x, b.unary(pock.NegOp, b.mul(y, inverse))))
