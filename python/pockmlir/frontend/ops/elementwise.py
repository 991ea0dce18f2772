"""Elementwise arithmetic, with PyTorch's type promotion."""

from __future__ import annotations

import math
from typing import Any

from ..._ops import _pock_ops_gen as pock
from ..builder import Builder, Missing, Number, Value, dtype_of, is_float
from ..registry import HINTS, Unsupported, converts

Operand = Value | Number

for _name in ("sin", "cos", "tan", "atan", "floor", "ceil", "round", "trunc", "fmod.Scalar", "remainder.Scalar"):
    HINTS[f"aten.{_name}"] = "no such elementwise op; compute it outside the model"

_FLOAT_UNARY = {
    "aten.exp": pock.ExpOp,
    "aten.expm1": pock.Expm1Op,
    "aten.log": pock.LogOp,
    "aten.log1p": pock.Log1pOp,
    "aten.sqrt": pock.SqrtOp,
    "aten.rsqrt": pock.RsqrtOp,
    "aten.erf": pock.ErfOp,
}


def _register_unary(name: str, op_class: Any) -> None:
    @converts(name)
    def convert(b: Builder, x: Value) -> Value:
        return b.unary(op_class, b.cast(x, b.out_dtype))


for _name, _class in _FLOAT_UNARY.items():
    _register_unary(_name, _class)


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
    return b.unary(pock.SignOp, x)


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


# Binary -------------------------------------------------------------------------------


def _operands(b: Builder, x: Operand, y: Operand) -> tuple[Value, Value]:
    return b.lift(x, b.out_dtype), b.lift(y, b.out_dtype)


@converts("aten.add.Tensor", "aten.add.Scalar")
def add(b: Builder, x: Operand, y: Operand, alpha: Number) -> Value:
    if b.out_dtype == "i1":
        return b.binary(pock.OrOp, *_operands(b, x, y))
    x, y = _operands(b, x, y)
    return b.add(x, b.scale(y, alpha))


@converts("aten.sub.Tensor", "aten.sub.Scalar")
def sub(b: Builder, x: Operand, y: Operand, alpha: Number) -> Value:
    x, y = _operands(b, x, y)
    return b.sub(x, b.scale(y, alpha))


@converts("aten.rsub.Tensor", "aten.rsub.Scalar")
def rsub(b: Builder, x: Operand, y: Operand, alpha: Number) -> Value:
    return sub(b, y, x, alpha)


@converts("aten.mul.Tensor", "aten.mul.Scalar")
def mul(b: Builder, x: Operand, y: Operand) -> Value:
    if b.out_dtype == "i1":
        return b.binary(pock.AndOp, *_operands(b, x, y))
    return b.mul(*_operands(b, x, y))


@converts("aten.div.Tensor", "aten.div.Scalar", "aten.true_divide.Tensor")
def div(b: Builder, x: Operand, y: Operand) -> Value:
    return b.div(*_operands(b, x, y))


@converts("aten.div.Tensor_mode")
def div_mode(b: Builder, x: Operand, y: Operand, mode: str | None) -> Value:
    if mode is not None:
        raise Unsupported(f"rounding_mode='{mode}'")
    return div(b, x, y)


@converts("aten.pow.Tensor_Scalar", "aten.pow.Tensor_Tensor", "aten.pow.Scalar")
def power(b: Builder, x: Operand, y: Operand) -> Value:
    if is_float(b.out_dtype):
        return b.binary(pock.PowOp, *_operands(b, x, y))
    if y == 2:
        return b.mul(*_operands(b, x, x))
    raise Unsupported(f"on {b.out_dtype}")


@converts("aten.maximum", "aten.max.other")
def maximum(b: Builder, x: Value, y: Value) -> Value:
    x, y = _operands(b, x, y)
    if is_float(b.out_dtype):
        return b.binary(pock.MaximumOp, x, y)
    return b.select(b.compare("gt", x, y), x, y)


@converts("aten.minimum", "aten.min.other")
def minimum(b: Builder, x: Value, y: Value) -> Value:
    x, y = _operands(b, x, y)
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


@converts("aten._to_copy", "aten.type_as", "prims.convert_element_type")
def to_dtype(b: Builder, x: Value, *args: Any) -> Value:
    return b.cast(x, b.out_dtype)


@converts("aten.native_dropout")
def native_dropout(b: Builder, x: Value, p: float, train: bool | None) -> list[Value | Missing]:
    if train is not False and p > 0:
        raise Unsupported(f"dropout with p={p:g} in training mode; set p=0 or call .eval() on this module")
    return [x, Missing("the mask of a dropout")]


for _name in ("bernoulli.p", "bernoulli", "rand", "randn", "rand_like", "randn_like", "normal_functional"):
    HINTS[f"aten.{_name}"] = "random numbers in the model; for dropout set p=0 or call .eval() on the module"


@converts("aten.clone", "aten.alias")
def identity(b: Builder, x: Value, *args: Any) -> Value:
    return x


@converts("aten.detach")
def detach(b: Builder, x: Value) -> Value:
    if b.differentiable:
        raise Unsupported("detach or no_grad on a value that trained parameters lead to")
    return x


@converts("aten._assert_tensor_metadata")
def assertion(b: Builder, *args: Any) -> None:
    """Checked by PyTorch when it exported the model."""
