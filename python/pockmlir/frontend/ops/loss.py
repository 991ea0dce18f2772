"""Losses."""

from __future__ import annotations

import math

from ..._ops import _pock_ops_gen as pock
from ..builder import Builder, Number, Value, dtype_of, is_float, rank_of, shape_of
from ..checks import check_range
from ..registry import HINTS, converts

_REDUCTIONS = ("none", "mean", "sum")

HINTS["aten.ctc_loss.IntList"] = HINTS["aten.ctc_loss.Tensor"] = (
    "not planned: its recursion over alignments has no op; train with a frame-wise loss"
)
HINTS["aten.multilabel_margin_loss"] = "its targets end at the first -1, which depends on data; use multi_margin_loss"


def _reduction(b: Builder, code: int) -> object:
    return b.enum(f"reduction<{_REDUCTIONS[code]}>")


def _reduce(b: Builder, values: Value, code: int) -> Value:
    if code == 0:
        return values
    return (b.mean if code == 1 else b.sum)(values, range(rank_of(values)))


@converts("aten.cross_entropy_loss")
def cross_entropy(
    b: Builder, x: Value, target: Value, weight: Value | None, reduction: int, ignore_index: int, smoothing: float
) -> Value:
    if is_float(dtype_of(target)):
        return _soft_cross_entropy(b, x, target, weight, reduction, smoothing)
    if rank_of(x) == 1:
        x, target = b.reshape(x, (1, *shape_of(x))), b.reshape(target, (1,))
    check_range(b, target, shape_of(x)[1], ignored=ignore_index)
    loss = b.emit(
        pock.CrossEntropyOp, b.type(shape_of(target) if reduction == 0 else (), dtype_of(x)), x, target,
        weight=weight, reduction=_reduction(b, reduction), ignore_index=ignore_index, label_smoothing=smoothing,
    )  # fmt: skip
    return b.reshape(loss, b.out_shape)


def _soft_cross_entropy(
    b: Builder, x: Value, target: Value, weight: Value | None, reduction: int, smoothing: float
) -> Value:
    """Cross entropy with a distribution over the classes as target."""
    dim = 0 if rank_of(x) == 1 else 1
    classes = shape_of(x)[dim]
    if smoothing > 0:
        target = b.add(b.mul(target, 1 - smoothing), smoothing / classes)
    terms = b.mul(b.unary(pock.LogSoftmaxOp, x, dim=dim), target)
    if weight is not None:
        terms = b.mul(terms, b.reshape(weight, (classes, *([1] * (rank_of(x) - dim - 1)))))
    loss = b.unary(pock.NegOp, b.sum(terms, [dim]))
    return _reduce(b, loss, reduction)


@converts("aten.nll_loss_nd")
def nll_loss(b: Builder, x: Value, target: Value, weight: Value | None, reduction: int, ignore_index: int) -> Value:
    if rank_of(x) == 1:
        x, target = b.reshape(x, (1, *shape_of(x))), b.reshape(target, (1,))
    batch, classes, *rest = shape_of(x)
    check_range(b, target, classes, ignored=ignore_index)
    index = b.emit(pock.IotaOp, b.type(shape_of(x), dtype_of(target)), dim=1)
    is_class = b.compare("eq", index, b.reshape(target, (batch, 1, *rest)))
    valid = b.cast(b.compare("ne", target, ignore_index), dtype_of(x))
    if weight is not None:
        per_class = b.reshape(weight, (shape_of(weight)[0], *([1] * len(rest))))
        valid = b.mul(valid, b.sum(b.select(is_class, per_class, 0), [1]))
    picked = b.sum(b.select(is_class, x, 0), [1])
    loss = b.unary(pock.NegOp, b.mul(picked, valid))
    if reduction != 0:
        dims = range(rank_of(loss))
        total = b.sum(loss, dims)
        loss = b.div(total, b.sum(valid, dims)) if reduction == 1 else total
    return b.reshape(loss, b.out_shape)


@converts("aten.mse_loss")
def mse_loss(b: Builder, x: Value, target: Value, reduction: int) -> Value:
    x, target = b.cast(x, b.out_dtype), b.cast(target, b.out_dtype)
    return b.emit(pock.MseLossOp, b.out, x, target, reduction=_reduction(b, reduction))


@converts("aten.l1_loss")
def l1_loss(b: Builder, x: Value, target: Value, reduction: int) -> Value:
    x, target = b.cast(x, b.out_dtype), b.cast(target, b.out_dtype)
    return b.emit(pock.L1LossOp, b.out, x, target, reduction=_reduction(b, reduction))


@converts("aten.binary_cross_entropy_with_logits")
def bce_with_logits(
    b: Builder, x: Value, target: Value, weight: Value | None, pos_weight: Value | None, reduction: int
) -> Value:
    attribute = _reduction(b, reduction)
    operands = {"weight": weight, "pos_weight": pos_weight}
    return b.emit(pock.BceWithLogitsOp, [b.out], x, b.cast(target, dtype_of(x)), **operands, reduction=attribute)[0]


def _bounded_log(b: Builder, x: Value) -> Value:
    """Return max(log(x), -100), without gradient where that is -100."""
    tiny = b.compare("lt", x, math.exp(-100))
    return b.select(tiny, -100.0, b.unary(pock.LogOp, b.select(tiny, 1, x)))


@converts("aten.binary_cross_entropy")
def binary_cross_entropy(b: Builder, x: Value, target: Value, weight: Value | None, reduction: int) -> Value:
    target = b.cast(target, dtype_of(x))
    rest = b.mul(b.sub(1, target), _bounded_log(b, b.sub(1, x)))
    loss = b.unary(pock.NegOp, b.add(b.mul(target, _bounded_log(b, x)), rest))
    return _reduce(b, loss if weight is None else b.mul(loss, weight), reduction)


@converts("aten.smooth_l1_loss")
def smooth_l1_loss(b: Builder, x: Value, target: Value, reduction: int, beta: Number) -> Value:
    distance = b.unary(pock.AbsOp, b.sub(x, target))
    if beta == 0:
        return _reduce(b, distance, reduction)
    square = b.mul(b.mul(distance, distance), 0.5 / beta)
    near = b.compare("lt", distance, beta)
    return _reduce(b, b.select(near, square, b.sub(distance, 0.5 * beta)), reduction)


@converts("aten.huber_loss")
def huber_loss(b: Builder, x: Value, target: Value, reduction: int, delta: Number) -> Value:
    distance = b.unary(pock.AbsOp, b.sub(x, target))
    square = b.mul(b.mul(distance, distance), 0.5)
    near = b.compare("le", distance, delta)
    return _reduce(b, b.select(near, square, b.mul(b.sub(distance, 0.5 * delta), delta)), reduction)


@converts("aten.kl_div")
def kl_div(b: Builder, x: Value, target: Value, reduction: int, log_target: bool) -> Value:
    if log_target:
        return _reduce(b, b.mul(b.unary(pock.ExpOp, target), b.sub(target, x)), reduction)
    positive = b.compare("gt", target, 0)
    # log of one where the target is zero, so that no gradient there is infinite.
    entropy = b.mul(target, b.unary(pock.LogOp, b.select(positive, target, 1)))
    return _reduce(b, b.sub(b.select(positive, entropy, 0), b.mul(target, x)), reduction)
