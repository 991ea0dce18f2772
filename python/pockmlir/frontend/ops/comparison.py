"""Comparisons, logic and choice."""

from __future__ import annotations

from ..._ops import _pock_ops_gen as pock
from ..builder import Builder, Number, Value, dtype_of
from ..registry import Unsupported, converts

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


def _require_bool(b: Builder) -> None:
    if b.out_dtype != "i1":
        raise Unsupported(f"bitwise on {b.out_dtype}")


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


@converts("aten.bitwise_and.Tensor", "aten.bitwise_and.Scalar", "aten.__and__.Tensor", "aten.__and__.Scalar")
def bitwise_and(b: Builder, x: Operand, y: Operand) -> Value:
    _require_bool(b)
    return logical_and(b, b.lift(x, "i1"), b.lift(y, "i1"))


@converts("aten.bitwise_or.Tensor", "aten.bitwise_or.Scalar", "aten.__or__.Tensor", "aten.__or__.Scalar")
def bitwise_or(b: Builder, x: Operand, y: Operand) -> Value:
    _require_bool(b)
    return logical_or(b, b.lift(x, "i1"), b.lift(y, "i1"))


@converts("aten.bitwise_xor.Tensor", "aten.bitwise_xor.Scalar", "aten.__xor__.Tensor", "aten.__xor__.Scalar")
def bitwise_xor(b: Builder, x: Operand, y: Operand) -> Value:
    _require_bool(b)
    return logical_xor(b, b.lift(x, "i1"), b.lift(y, "i1"))


@converts("aten.bitwise_not")
def bitwise_not(b: Builder, x: Value) -> Value:
    _require_bool(b)
    return logical_not(b, x)


@converts("aten.where.self", "aten.where.Scalar", "aten.where.ScalarOther", "aten.where.ScalarSelf")
def where(b: Builder, condition: Value, x: Operand, y: Operand) -> Value:
    return b.select(b.cast(condition, "i1"), b.lift(x, b.out_dtype), b.lift(y, b.out_dtype))


@converts("aten.masked_fill.Scalar", "aten.masked_fill.Tensor")
def masked_fill(b: Builder, x: Value, mask: Value, value: Operand) -> Value:
    return b.select(mask, b.lift(value, dtype_of(x)), x)
