"""Elementwise functions of one operand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..._ops import _pock_ops_gen as pock
from ..builder import Builder, Value, dtype_of, is_float
from ..registry import converts
from ..spec import numpy_dtype


def register_unary(family: str, table: dict[str, Any]) -> None:
    """Register operators that are one floating-point op of the result's element type.

    Args:
        family: the module that they belong to.
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
    return b.sub(b.cast(b.compare("gt", x, 0), dtype_of(x)), b.cast(b.compare("lt", x, 0), dtype_of(x)))


@converts("aten.square")
def square(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    return b.mul(x, x)


@converts("aten.reciprocal")
def reciprocal(b: Builder, x: Value) -> Value:
    return b.div(1, b.cast(x, b.out_dtype))


@converts("aten.log2")
def log2(b: Builder, x: Value) -> Value:
    return b.div(b.unary(pock.LogOp, b.cast(x, b.out_dtype)), math.log(2))


@converts("aten.log10")
def log10(b: Builder, x: Value) -> Value:
    return b.div(b.unary(pock.LogOp, b.cast(x, b.out_dtype)), math.log(10))


@converts("aten.exp2")
def exp2(b: Builder, x: Value) -> Value:
    return b.unary(pock.ExpOp, b.mul(b.cast(x, b.out_dtype), math.log(2)))


@converts("aten.logit")
def logit(b: Builder, x: Value, eps: float | None) -> Value:
    x = b.cast(x, b.out_dtype)
    if eps is not None:
        x = b.unary(pock.ClampOp, x, min=eps, max=1 - eps)
    return b.unary(pock.LogOp, b.div(x, b.sub(1, x)))


@converts("aten.erfc")
def erfc(b: Builder, x: Value) -> Value:
    return b.sub(1, b.unary(pock.ErfOp, b.cast(x, b.out_dtype)))


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
    return b.div(b.unary(pock.SinOp, x), b.unary(pock.CosOp, x))


@converts("aten.asin")
def asin(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    # (1 - x) (1 + x) keeps its digits near the ends, 1 - x^2 does not.
    return b.unary(pock.AtanOp, b.div(x, b.unary(pock.SqrtOp, b.mul(b.sub(1, x), b.add(1, x)))))


@converts("aten.acos")
def acos(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    half = b.unary(pock.AtanOp, b.unary(pock.SqrtOp, b.div(b.sub(1, x), b.add(1, x))))
    return b.mul(half, 2)


@converts("aten.sinh")
def sinh(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    return b.mul(b.sub(b.unary(pock.Expm1Op, x), b.unary(pock.Expm1Op, b.unary(pock.NegOp, x))), 0.5)


@converts("aten.cosh")
def cosh(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    return b.mul(b.add(b.unary(pock.ExpOp, x), b.unary(pock.ExpOp, b.unary(pock.NegOp, x))), 0.5)


@converts("aten.asinh")
def asinh(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    # Odd: computed for positive numbers, where nothing cancels.
    negative = b.compare("lt", x, 0)
    size = b.select(negative, b.unary(pock.NegOp, x), x)
    square = b.mul(size, size)
    root = b.unary(pock.SqrtOp, b.add(square, 1))
    result = b.unary(pock.Log1pOp, b.add(size, b.div(square, b.add(root, 1))))
    return b.select(negative, b.unary(pock.NegOp, result), result)


@converts("aten.acosh")
def acosh(b: Builder, x: Value) -> Value:
    above = b.sub(b.cast(x, b.out_dtype), 1)
    return b.unary(pock.Log1pOp, b.add(above, b.unary(pock.SqrtOp, b.mul(above, b.add(above, 2)))))


@converts("aten.atanh")
def atanh(b: Builder, x: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    return b.mul(b.sub(b.unary(pock.Log1pOp, x), b.unary(pock.Log1pOp, b.unary(pock.NegOp, x))), 0.5)
