"""Activation functions."""

from __future__ import annotations

import math
from typing import Any

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Number, Value, dtype_of, is_float, rank_of, shape_of
from ..registry import Unsupported, converts
from .clamp import clamp
from .functions import register_unary

register_unary(
    __name__,
    {
        "aten.sigmoid": pock.SigmoidOp,
        "aten.tanh": pock.TanhOp,
        "aten.silu": pock.SiluOp,
        "aten.hardswish": pock.HardswishOp,
        "aten.hardsigmoid": pock.HardsigmoidOp,
    },
)


@converts("aten.relu")
def relu(b: Builder, x: Value) -> Value:
    return b.unary(pock.ReluOp, x) if is_float(dtype_of(x)) else clamp(b, x, 0, None)


def _limited(b: Builder, x: Value, low: Number, high: Number) -> Value:
    if not is_float(dtype_of(x)):
        return clamp(b, x, low, high)
    return b.unary(pock.HardtanhOp, x, min=float(low), max=float(high))


@converts("aten.hardtanh")
def hardtanh(b: Builder, x: Value, low: Number, high: Number) -> Value:
    if math.isnan(low) or math.isnan(high):
        raise Unsupported("a limit that is NaN")
    return _limited(b, x, low, high)


@converts("aten.relu6")
def relu6(b: Builder, x: Value) -> Value:
    return _limited(b, x, 0, 6)


@converts("aten.leaky_relu")
def leaky_relu(b: Builder, x: Value, slope: Number) -> Value:
    return b.unary(pock.LeakyReluOp, x, slope=float(slope))


@converts("aten.prelu")
def prelu(b: Builder, x: Value, weight: Value) -> Value:
    if shape_of(weight) != () and rank_of(x) > 1:
        weight = b.reshape(weight, [*shape_of(weight), *([1] * (rank_of(x) - 2))])
    return b.select(b.compare("gt", x, 0), x, b.mul(x, weight))


@converts("aten.elu")
def elu(b: Builder, x: Value, alpha: Number, scale: Number, input_scale: Number) -> Value:
    return b.unary(pock.EluOp, x, alpha=float(alpha), scale=float(scale), input_scale=float(input_scale))


@converts("aten.celu")
def celu(b: Builder, x: Value, alpha: Number) -> Value:
    return b.unary(pock.EluOp, x, alpha=float(alpha), input_scale=1.0 / alpha)


@converts("aten.selu")
def selu(b: Builder, x: Value) -> Value:
    # The constants of torch.nn.SELU.
    return b.unary(pock.EluOp, x, alpha=1.6732632423543772848170429916717, scale=1.0507009873554804934193349852946)


@converts("aten.gelu")
def gelu(b: Builder, x: Value, approximate: str) -> Value:
    attributes = {"approximate": b.enum("gelu<tanh>")} if approximate == "tanh" else {}
    return b.unary(pock.GeluOp, x, **attributes)


@converts("aten.softplus")
def softplus(b: Builder, x: Value, beta: Number, threshold: Number) -> Value:
    return b.unary(pock.SoftplusOp, x, beta=float(beta), threshold=float(threshold))


@converts("aten.mish")
def mish(b: Builder, x: Value) -> Value:
    return b.mul(x, b.unary(pock.TanhOp, b.unary(pock.SoftplusOp, x)))


@converts("aten.log_sigmoid")
def log_sigmoid(b: Builder, x: Value) -> Value:
    # As PyTorch: min(x, 0) - log1p(exp(-|x|)); softplus would have a threshold.
    tail = b.unary(pock.Log1pOp, b.unary(pock.ExpOp, b.unary(pock.NegOp, b.unary(pock.AbsOp, x))))
    return b.sub(b.binary(pock.MinimumOp, x, b.lift(0, dtype_of(x))), tail)


@converts("aten.threshold")
def threshold(b: Builder, x: Value, limit: Number, value: Number) -> Value:
    # NaN stays.
    return b.select(b.compare("le", x, limit), value, x)


@converts("aten.glu")
def glu(b: Builder, x: Value, dim: int) -> Value:
    dim %= rank_of(x)
    half = shape_of(x)[dim] // 2
    return b.mul(b.slice(x, dim, 0, half), b.unary(pock.SigmoidOp, b.slice(x, dim, half, 2 * half)))


def _softmax_like(b: Builder, op_class: Any, x: Value, dim: int) -> Value:
    x = b.cast(x, b.out_dtype)
    if rank_of(x) == 0:
        return b.reshape(b.unary(op_class, b.reshape(x, (1,)), dim=0), ())
    return b.unary(op_class, x, dim=dim % rank_of(x))


@converts("aten.softmax.int", "aten._softmax")
def softmax(b: Builder, x: Value, dim: int, dtype: Any) -> Value:
    return _softmax_like(b, pock.SoftmaxOp, x, dim)


@converts("aten._safe_softmax")
def safe_softmax(b: Builder, x: Value, dim: int, dtype: Any) -> Value:
    # A row of minus infinities gives zeros.
    x = b.cast(x, b.out_dtype)
    return b.unary(pock.SoftmaxOp, x, dim=dim % rank_of(x), safe=True)


@converts("aten.log_softmax.int", "aten._log_softmax")
def log_softmax(b: Builder, x: Value, dim: int, dtype: Any) -> Value:
    return _softmax_like(b, pock.LogSoftmaxOp, x, dim)


@converts("aten.rrelu")
def rrelu(b: Builder, x: Value, lower: Number, upper: Number, training: bool, generator: Any) -> Value:
    if training:
        raise Unsupported("random slopes in training mode; call .eval() on this module or use leaky_relu")
    return leaky_relu(b, x, (lower + upper) / 2)
