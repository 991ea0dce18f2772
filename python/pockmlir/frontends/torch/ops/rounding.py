"""Rounding, and the divisions that round. Their gradient is zero where PyTorch's is.

Divisions of integers are integer operations, exact for all of them.
"""

from __future__ import annotations

from ...._ops import _pock_ops_gen as pock
from ...common.bounds import bounds
from ...common.checks import check_nonzero
from ..builder import Builder, Value, dtype_of, is_float
from ..registry import Unsupported, converts
from .elementwise import Operand, div, is_negative, operands


@converts("aten.floor")
def floor(b: Builder, x: Value) -> Value:
    return b.unary(pock.FloorOp, x) if is_float(b.out_dtype) else x


@converts("aten.ceil")
def ceil(b: Builder, x: Value) -> Value:
    if not is_float(b.out_dtype):
        return x
    return b.unary(pock.NegOp, b.unary(pock.FloorOp, b.unary(pock.NegOp, x)))


@converts("aten.round")
def round_even(b: Builder, x: Value) -> Value:
    return b.unary(pock.RoundOp, x) if is_float(b.out_dtype) else x


@converts("aten.round.decimals")
def round_decimals(b: Builder, x: Value, decimals: int) -> Value:
    # Like PyTorch, only divide by integral powers of ten, because 0.1 has no exact representation.
    if decimals < 0:
        return b.mul(round_even(b, b.div(x, 10.0**-decimals)), 10.0**-decimals)
    return b.div(round_even(b, b.mul(x, 10.0**decimals)), 10.0**decimals)


@converts("aten.trunc", "aten.fix")
def trunc(b: Builder, x: Value) -> Value:
    if not is_float(b.out_dtype):
        return x
    # Keep the sign of zeros.
    return b.select(b.compare("lt", x, 0), ceil(b, x), b.unary(pock.FloorOp, x))


@converts("aten.frac")
def frac(b: Builder, x: Value) -> Value:
    return b.sub(x, trunc(b, x))


def quotient(b: Builder, x: Value, y: Value, mode: str) -> Value:
    """Return the quotient rounded down (``floor``) or toward zero (``trunc``)."""
    if not is_float(dtype_of(x)):
        return b.binary(pock.TruncDivOp if mode == "trunc" else pock.FloorDivOp, x, _divisor(b, y))
    return trunc(b, b.div(x, y)) if mode == "trunc" else _floored(b, x, y)


def _divisor(b: Builder, y: Value) -> Value:
    """Return the divisor of an integer division, checked to be nonzero."""
    if (known := b.known(y)) is not None and (known == 0).any():
        raise Unsupported("by zero on integers, where PyTorch raises ZeroDivisionError")
    check_nonzero(b, y)
    return y


def _remainder(b: Builder, x: Value, y: Value) -> tuple[Value, Value]:
    """Return the exact remainder of truncation, and whether it is nonzero with another sign than the divisor."""
    rest = b.binary(pock.FmodOp, x, y)
    other_sign = b.compare("ne", b.compare("lt", rest, 0), b.compare("lt", y, 0))
    return rest, b.both(other_sign, b.compare("ne", rest, 0))


def _floored(b: Builder, x: Value, y: Value) -> Value:
    """Return the floor of the exact quotient, as PyTorch and Python compute it."""
    rest, below = _remainder(b, x, y)
    multiple = b.div(b.sub(x, rest), y)
    # `multiple` is an integer up to rounding errors.
    whole = b.unary(pock.RoundOp, b.select(below, b.sub(multiple, 1), multiple))
    rounded = b.div(x, y)
    zero = b.select(is_negative(b, rounded), b.lift(-0.0, b.out_dtype), 0.0)
    result = b.select(b.compare("eq", whole, 0), zero, whole)
    return b.constant_to_gradients(b.select(b.compare("eq", y, 0), rounded, result))


@converts("aten.div.Tensor_mode", "aten.div.Scalar_mode")
def div_mode(b: Builder, x: Operand, y: Operand, mode: str | None) -> Value:
    if mode is None:
        return div(b, x, y)
    return quotient(b, *operands(b, x, y), mode)


@converts("aten.floor_divide", "aten.floor_divide.Scalar")
def floor_divide(b: Builder, x: Operand, y: Operand) -> Value:
    return quotient(b, *operands(b, x, y), "floor")


@converts("aten.fmod.Tensor", "aten.fmod.Scalar")
def fmod(b: Builder, x: Operand, y: Operand) -> Value:
    x, y = operands(b, x, y)
    if is_float(b.out_dtype):
        one, whole = b.lift(1, b.out_dtype), trunc(b, b.div(x, y))
        return b.with_derivatives(b.binary(pock.FmodOp, x, y), (x, one), (y, b.unary(pock.NegOp, whole)))
    return b.sub(x, b.mul(quotient(b, x, y, "trunc"), y))


@converts("aten.remainder.Tensor", "aten.remainder.Scalar", "aten.remainder.Scalar_Tensor")
def remainder(b: Builder, x: Operand, y: Operand) -> Value:
    x, y = operands(b, x, y)
    if is_float(b.out_dtype):
        rest, below = _remainder(b, x, y)
        value = b.select(below, b.add(rest, y), rest)
        one = b.lift(1, b.out_dtype)
        return b.with_derivatives(value, (x, one), (y, b.unary(pock.NegOp, _floored(b, x, y))))
    result = b.sub(x, b.mul(quotient(b, x, y, "floor"), y))
    # The result has known bounds whatever the input is, for example if it is hashed into a table.
    divisor = bounds(b, y)
    b.bounds[result] = (0, divisor[1] - 1) if divisor and divisor[0] > 0 else None
    return result
