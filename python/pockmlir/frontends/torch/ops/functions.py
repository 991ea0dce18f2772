"""Elementwise functions of one operand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ...._ops import _pock_ops_gen as pock
from ....core.elements import numpy_dtype
from ..builder import Builder, Value, dtype_of, is_float
from ..registry import converts


def register_unary(family: str, table: dict[str, Any]) -> None:
    """Register operators that convert to a single floating-point op of the result's element type.

    Args:
        family: the module of the operators.
        table: operator → op class.
    """
    for name, op_class in table.items():
        _register(family, name, op_class)


def _register(family: str, name: str, op_class: Any) -> None:
    def convert(b: Builder, x: Value) -> Value:
        return b.unary(op_class, b.cast(x, b.out_dtype))

    convert.__module__ = family
    converts(name)(convert)


register_unary(
    __name__,
    {
        "aten.exp": pock.ExpOp,
        "aten.expm1": pock.Expm1Op,
        "aten.log": pock.LogOp,
        "aten.log1p": pock.Log1pOp,
        "aten.sqrt": pock.SqrtOp,
        "aten.rsqrt": pock.RsqrtOp,
        "aten.erf": pock.ErfOp,
        "aten.erfc": pock.ErfcOp,
        "aten.sin": pock.SinOp,
        "aten.cos": pock.CosOp,
        "aten.atan": pock.AtanOp,
    },
)


@converts("aten.neg")
def neg(b: Builder, x: Value) -> Value:
    return b.unary(pock.NegOp, x) if is_float(dtype_of(x)) else b.sub(0, x)


@converts("aten.abs")
def absolute(b: Builder, x: Value) -> Value:
    if is_float(dtype_of(x)):
        return b.unary(pock.AbsOp, x)
    return b.select(b.compare("lt", x, 0), b.sub(0, x), x)


@converts("aten.sign", "aten.sgn")
def sign(b: Builder, x: Value) -> Value:
    if is_float(dtype_of(x)):
        return b.unary(pock.SignOp, x)
    if dtype_of(x) == "i1":
        return x
    return b.sub(b.cast(b.compare("gt", x, 0), dtype_of(x)), b.cast(b.compare("lt", x, 0), dtype_of(x)))


@converts("aten.square")
def square(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    return b.mul(x, x)


@converts("aten.reciprocal")
def reciprocal(b: Builder, x: Value) -> Value:
    return b.div(1, b.cast(x, b.out_dtype))


def _logarithm(b: Builder, x: Value, base: float) -> Value:
    x = b.cast(x, b.out_dtype)
    return b.div(b.unary(pock.LogOp, x), math.log(base))


@converts("aten.log2")
def log2(b: Builder, x: Value) -> Value:
    return _logarithm(b, x, 2)


@converts("aten.log10")
def log10(b: Builder, x: Value) -> Value:
    return _logarithm(b, x, 10)


@converts("aten.exp2")
def exp2(b: Builder, x: Value) -> Value:
    # Do not use exp(x log 2): the rounding error of the product grows with x.
    return b.binary(pock.PowOp, b.lift(2, b.out_dtype), b.cast(x, b.out_dtype))


@converts("aten.logit")
def logit(b: Builder, x: Value, eps: float | None) -> Value:
    x = b.cast(x, b.out_dtype)
    low, high = (0.0, 1.0) if eps is None else (eps, 1 - eps)
    inner = x if eps is None else b.unary(pock.ClampOp, x, min=low, max=high)
    value = b.unary(pock.LogOp, b.div(inner, b.sub(1, inner)))
    inside = b.both(b.compare("ge", x, low), b.compare("le", x, high))
    slope = b.div(1, b.mul(x, b.sub(1, x)))
    return b.with_derivatives(value, (x, b.select(inside, slope, math.nan if eps is None else 0.0)))


@converts("aten.sinc")
def sinc(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    angle = b.mul(x, math.pi)
    sine = b.unary(pock.SinOp, angle)
    zero = b.compare("eq", angle, 0)
    value = b.select(zero, 1, b.div(sine, angle))
    # This is PyTorch's formula, which loses digits near zero.
    square = b.mul(b.mul(x, x), math.pi)
    slope = b.div(b.sub(b.mul(angle, b.unary(pock.CosOp, angle)), sine), square)
    return b.with_derivatives(value, (x, b.select(b.compare("eq", square, 0), 0, slope)))


@converts("aten.special_entr")
def entr(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    logarithm = b.unary(pock.LogOp, x)
    # The result is zero at zero, and minus infinity, not NaN, below zero.
    value = b.select(b.compare("eq", x, 0), 0, b.unary(pock.NegOp, b.mul(x, logarithm)))
    value = b.select(b.compare("lt", x, 0), -math.inf, value)
    return b.with_derivatives(value, (x, b.sub(-1, logarithm)))


@converts("aten.nan_to_num")
def nan_to_num(b: Builder, x: Value, nan: float | None, positive: float | None, negative: float | None) -> Value:
    if not is_float(dtype_of(x)):
        return x
    largest = float(np.finfo(numpy_dtype(dtype_of(x))).max)
    x = b.select(b.compare("ne", x, x), 0.0 if nan is None else nan, x)
    x = b.select(b.compare("eq", x, math.inf), largest if positive is None else positive, x)
    return b.select(b.compare("eq", x, -math.inf), -largest if negative is None else negative, x)


# Trigonometric and hyperbolic ---------------------------------------------------------


@converts("aten.tan")
def tan(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    value = b.div(b.unary(pock.SinOp, x), b.unary(pock.CosOp, x))
    return b.with_derivatives(value, (x, b.add(1, b.mul(value, value))))


def _sides(b: Builder, x: Value) -> Value:
    """Return 1 - x^2 as (1 - x) (1 + x), which is accurate near -1 and 1."""
    return b.mul(b.sub(1, x), b.add(1, x))


@converts("aten.asin")
def asin(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    height = _sides(b, x)
    value = b.unary(pock.AtanOp, b.div(x, b.unary(pock.SqrtOp, height)))
    return b.with_derivatives(value, (x, b.unary(pock.RsqrtOp, height)))


@converts("aten.acos")
def acos(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    half = b.unary(pock.AtanOp, b.unary(pock.SqrtOp, b.div(b.sub(1, x), b.add(1, x))))
    slope = b.unary(pock.NegOp, b.unary(pock.RsqrtOp, _sides(b, x)))
    return b.with_derivatives(b.mul(half, 2), (x, slope))


def _hyperbolic(b: Builder, x: Value) -> tuple[Value, Value]:
    """Return sinh and cosh of x."""
    minus = b.unary(pock.NegOp, x)
    sine = b.mul(b.sub(b.unary(pock.Expm1Op, x), b.unary(pock.Expm1Op, minus)), 0.5)
    cosine = b.mul(b.add(b.unary(pock.ExpOp, x), b.unary(pock.ExpOp, minus)), 0.5)
    return sine, cosine


@converts("aten.sinh")
def sinh(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    sine, cosine = _hyperbolic(b, x)
    return b.with_derivatives(sine, (x, cosine))


@converts("aten.cosh")
def cosh(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    sine, cosine = _hyperbolic(b, x)
    return b.with_derivatives(cosine, (x, sine))


#: For larger x, x^2 + 1 and x^2 - 1 round to x^2, even in f64, so asinh and acosh are log(2 x).
_FAR = 1e9


@converts("aten.asinh")
def asinh(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    # The function is odd: compute it for positive numbers, where nothing cancels.
    size = b.unary(pock.AbsOp, x)
    far = b.compare("gt", size, _FAR)
    near = b.select(far, 1, size)
    square = b.mul(near, near)
    root = b.unary(pock.SqrtOp, b.add(square, 1))
    result = b.unary(pock.Log1pOp, b.add(near, b.div(square, b.add(root, 1))))
    result = b.select(far, b.add(b.unary(pock.LogOp, size), math.log(2)), result)
    # Keep the sign of zeros.
    value = b.select(b.compare("lt", x, 0), b.unary(pock.NegOp, result), b.select(b.compare("eq", x, 0), x, result))
    slope = b.select(far, b.div(1, size), b.unary(pock.RsqrtOp, b.add(square, 1)))
    return b.with_derivatives(value, (x, slope))


@converts("aten.acosh")
def acosh(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    far = b.compare("gt", x, _FAR)
    above = b.select(far, 1, b.sub(x, 1))
    square = b.mul(above, b.add(above, 2))
    result = b.unary(pock.Log1pOp, b.add(above, b.unary(pock.SqrtOp, square)))
    result = b.select(b.compare("lt", x, 1), math.nan, result)
    value = b.select(far, b.add(b.unary(pock.LogOp, x), math.log(2)), result)
    # This is x^2 - 1; adding zero makes it 0 instead of -0 at -1.
    height = b.add(b.mul(b.sub(x, 1), b.add(x, 1)), 0.0)
    slope = b.select(far, b.div(1, x), b.unary(pock.RsqrtOp, height))
    return b.with_derivatives(value, (x, slope))


@converts("aten.atanh")
def atanh(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    value = b.mul(b.sub(b.unary(pock.Log1pOp, x), b.unary(pock.Log1pOp, b.unary(pock.NegOp, x))), 0.5)
    return b.with_derivatives(value, (x, b.div(1, _sides(b, x))))
