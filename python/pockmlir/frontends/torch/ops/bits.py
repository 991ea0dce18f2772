"""Operations on the bits of integers, and on truth values as integers of one bit."""

from __future__ import annotations

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Number, Value, dtype_of
from ..registry import converts
from .elementwise import operands

Operand = Value | Number


@converts(
    "aten.bitwise_and.Tensor", "aten.bitwise_and.Scalar", "aten.bitwise_and.Scalar_Tensor",
    "aten.__and__.Tensor", "aten.__and__.Scalar",
)  # fmt: skip
def bitwise_and(b: Builder, x: Operand, y: Operand) -> Value:
    return b.binary(pock.AndOp, *operands(b, x, y))


@converts(
    "aten.bitwise_or.Tensor", "aten.bitwise_or.Scalar", "aten.bitwise_or.Scalar_Tensor",
    "aten.__or__.Tensor", "aten.__or__.Scalar",
)  # fmt: skip
def bitwise_or(b: Builder, x: Operand, y: Operand) -> Value:
    return b.binary(pock.OrOp, *operands(b, x, y))


@converts(
    "aten.bitwise_xor.Tensor", "aten.bitwise_xor.Scalar", "aten.bitwise_xor.Scalar_Tensor",
    "aten.__xor__.Tensor", "aten.__xor__.Scalar",
)  # fmt: skip
def bitwise_xor(b: Builder, x: Operand, y: Operand) -> Value:
    x, y = operands(b, x, y)
    if b.out_dtype == "i1":
        return b.compare("ne", x, y)
    # x ^ y = (x | y) - (x & y): the bits of the second operand are a subset, so nothing is borrowed.
    return b.sub(b.binary(pock.OrOp, x, y), b.binary(pock.AndOp, x, y))


@converts("aten.bitwise_not")
def bitwise_not(b: Builder, x: Value) -> Value:
    return flipped(b, x)


def flipped(b: Builder, x: Value) -> Value:
    """Return ``~x`` of integers as ``-1 - x``, which reverses their order and never overflows."""
    return b.emit(pock.NotOp, x.type, x) if dtype_of(x) == "i1" else b.sub(-1, x)


@converts(
    "aten.__lshift__.Scalar", "aten.__lshift__.Tensor", "aten.bitwise_left_shift.Tensor",
    "aten.bitwise_left_shift.Tensor_Scalar", "aten.bitwise_left_shift.Scalar_Tensor",
)  # fmt: skip
def left_shift(b: Builder, x: Operand, count: Operand) -> Value:
    return b.binary(pock.ShiftLeftOp, *operands(b, x, count))


@converts(
    "aten.__rshift__.Scalar", "aten.__rshift__.Tensor", "aten.bitwise_right_shift.Tensor",
    "aten.bitwise_right_shift.Tensor_Scalar", "aten.bitwise_right_shift.Scalar_Tensor",
)  # fmt: skip
def right_shift(b: Builder, x: Operand, count: Operand) -> Value:
    return b.binary(pock.ShiftRightOp, *operands(b, x, count))


def low_bits(b: Builder, x: Value, mask: int) -> Value:
    """Return ``x & mask`` of integers."""
    return b.binary(pock.AndOp, x, b.lift(mask, dtype_of(x)))
