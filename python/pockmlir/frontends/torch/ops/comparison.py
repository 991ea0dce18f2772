"""Comparisons, logic and choice."""

from __future__ import annotations

import math

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Number, Value, dtype_of, is_float
from ..registry import converts
from .elementwise import is_negative

Operand = Value | Number


def _register_comparison(predicate: str) -> None:
    @converts(f"aten.{predicate}.Tensor", f"aten.{predicate}.Scalar")
    def convert(b: Builder, x: Operand, y: Operand) -> Value:
        return b.compare(predicate, x, y)


for _predicate in ("eq", "ne", "lt", "le", "gt", "ge"):
    _register_comparison(_predicate)


@converts("aten.isnan")
def isnan(b: Builder, x: Value) -> Value:
    return b.compare("ne", x, x)


@converts("aten.isfinite")
def isfinite(b: Builder, x: Value) -> Value:
    return b.compare("lt", _absolute(b, x), math.inf)


@converts("aten.isinf")
def isinf(b: Builder, x: Value) -> Value:
    return b.compare("eq", _absolute(b, x), math.inf)


def _absolute(b: Builder, x: Value) -> Value:
    return b.unary(pock.AbsOp, x if is_float(dtype_of(x)) else b.cast(x, "f64"))


@converts("aten.signbit")
def signbit(b: Builder, x: Value) -> Value:
    return is_negative(b, x)


@converts("aten.copysign.Tensor")
def copysign(b: Builder, x: Value, y: Value) -> Value:
    x = b.cast(x, b.out_dtype)
    size = b.unary(pock.AbsOp, x)
    value = b.select(is_negative(b, y), b.unary(pock.NegOp, size), size)
    return b.with_derivatives(value, (x, b.select(b.compare("eq", x, 0), 0, b.div(value, x))))


@converts("aten.heaviside")
def heaviside(b: Builder, x: Value, at_zero: Value) -> Value:
    step = b.cast(b.compare("gt", x, 0), b.out_dtype)
    return b.select(b.compare("eq", x, 0), b.cast(at_zero, b.out_dtype), step)


@converts("aten.logical_and")
def logical_and(b: Builder, x: Value, y: Value) -> Value:
    return b.binary(pock.AndOp, b.cast(x, "i1"), b.cast(y, "i1"))


@converts("aten.logical_or")
def logical_or(b: Builder, x: Value, y: Value) -> Value:
    return b.binary(pock.OrOp, b.cast(x, "i1"), b.cast(y, "i1"))


@converts("aten.logical_xor")
def logical_xor(b: Builder, x: Value, y: Value) -> Value:
    return b.compare("ne", b.cast(x, "i1"), b.cast(y, "i1"))


@converts("aten.logical_not")
def logical_not(b: Builder, x: Value) -> Value:
    x = b.cast(x, "i1")
    return b.emit(pock.NotOp, x.type, x)


@converts("aten.where.self", "aten.where.Scalar", "aten.where.ScalarOther", "aten.where.ScalarSelf")
def where(b: Builder, condition: Value, x: Operand, y: Operand) -> Value:
    return b.select(b.cast(condition, "i1"), b.lift(x, b.out_dtype), b.lift(y, b.out_dtype))


@converts("aten.masked_fill.Scalar", "aten.masked_fill.Tensor")
def masked_fill(b: Builder, x: Value, mask: Value, value: Operand) -> Value:
    return b.select(mask, b.lift(value, dtype_of(x)), x)
