"""Losses."""

from __future__ import annotations

from ...._ops import _pock_ops_gen as pock
from ...common.checks import check_range
from ...common.layers import Reduction
from ...common.layers import cross_entropy as cross_entropy_of_classes
from ..builder import Builder, Number, Value, dtype_of, is_float, rank_of, shape_of
from ..registry import HINTS, Unsupported, converts
from .elementwise import xlogy
from .functions import absolute

#: The reductions in the order of PyTorch's numbers for them.
_REDUCTIONS: tuple[Reduction, ...] = ("none", "mean", "sum")

HINTS["aten.ctc_loss.IntList"] = HINTS["aten.ctc_loss.Tensor"] = (
    "not planned: its recursion over alignments has no op; train with a frame-wise loss"
)
HINTS["aten.multilabel_margin_loss"] = "its targets end at the first -1, which depends on data; use multi_margin_loss"


def _named(code: int) -> Reduction:
    if not 0 <= code < len(_REDUCTIONS):
        raise Unsupported(f"with reduction {code}; expected 0 (none), 1 (mean) or 2 (sum)")
    return _REDUCTIONS[code]


def _reduction(b: Builder, code: int) -> object:
    return b.enum(f"reduction<{_named(code)}>")


def _reduce(b: Builder, values: Value, code: int) -> Value:
    name = _named(code)
    if name == "none":
        return values
    return (b.mean if name == "mean" else b.sum)(values, range(rank_of(values)))


@converts("aten.cross_entropy_loss")
def cross_entropy(
    b: Builder, x: Value, target: Value, weight: Value | None, reduction: int, ignore_index: int, smoothing: float
) -> Value:
    if is_float(dtype_of(target)):
        return _soft_cross_entropy(b, x, target, weight, reduction, smoothing)
    if rank_of(x) == 1:
        x, target = b.reshape(x, (1, *shape_of(x))), b.reshape(target, (1,))
    loss = cross_entropy_of_classes(
        b, x, target, weight=weight, reduction=_named(reduction), ignore_index=ignore_index, label_smoothing=smoothing
    )
    return b.reshape(loss, b.out_shape)


def _soft_cross_entropy(
    b: Builder, x: Value, target: Value, weight: Value | None, reduction: int, smoothing: float
) -> Value:
    """Cross entropy whose target is a distribution over the classes."""
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
    counts = b.compare("ne", target, ignore_index)
    loss = b.unary(pock.NegOp, b.sum(b.select(is_class, x, 0), [1]))
    divisors = b.cast(counts, dtype_of(x))
    if weight is not None:
        per_class = b.reshape(weight, (shape_of(weight)[0], *([1] * len(rest))))
        per_row = b.sum(b.select(is_class, per_class, 0), [1])
        loss, divisors = b.mul(per_row, loss), b.select(counts, per_row, 0)
    # Use a select, not a product with zero: the loss of an ignored entry may be infinite.
    loss = b.select(counts, loss, 0)
    if reduction != 0:
        dims = range(rank_of(loss))
        total = b.sum(loss, dims)
        loss = b.div(total, b.sum(divisors, dims)) if reduction == 1 else total
    return b.reshape(loss, b.out_shape)


@converts("aten.mse_loss")
def mse_loss(b: Builder, x: Value, target: Value, reduction: int) -> Value:
    x, target = b.cast(x, b.out_dtype), b.cast(target, b.out_dtype)
    return b.emit(pock.MseLossOp, b.out, x, target, reduction=_reduction(b, reduction))


@converts("aten.l1_loss")
def l1_loss(b: Builder, x: Value, target: Value, reduction: int) -> Value:
    x, target = b.cast(x, b.out_dtype), b.cast(target, b.out_dtype)
    if not is_float(b.out_dtype):
        return _reduce(b, absolute(b, b.sub(x, target)), reduction)
    return b.emit(pock.L1LossOp, b.out, x, target, reduction=_reduction(b, reduction))


@converts("aten.binary_cross_entropy_with_logits")
def bce_with_logits(
    b: Builder, x: Value, target: Value, weight: Value | None, pos_weight: Value | None, reduction: int
) -> Value:
    attribute = _reduction(b, reduction)
    operands = {"weight": weight, "pos_weight": pos_weight}
    return b.emit(pock.BceWithLogitsOp, [b.out], x, b.cast(target, dtype_of(x)), **operands, reduction=attribute)[0]


@converts("aten.binary_cross_entropy")
def binary_cross_entropy(b: Builder, x: Value, target: Value, weight: Value | None, reduction: int) -> Value:
    loss = b.emit(pock.BceOp, x.type, x, b.cast(target, dtype_of(x)))
    return _reduce(b, loss if weight is None else b.mul(loss, weight), reduction)


def _rounded_off(b: Builder, distance: Value, radius: Number, slope: Number) -> Value:
    """Return a function that is a parabola up to a radius, and a line of this slope beyond it."""
    far = b.compare("ge", distance, radius)
    # Use zero where the line applies: the gradient of an infinite square would be NaN.
    near = b.select(far, 0, distance)
    square = b.mul(b.mul(near, near), 0.5 * slope / radius)
    return b.select(far, b.scale(b.sub(distance, 0.5 * radius), slope), square)


@converts("aten.smooth_l1_loss")
def smooth_l1_loss(b: Builder, x: Value, target: Value, reduction: int, beta: Number) -> Value:
    distance = b.unary(pock.AbsOp, b.sub(x, target))
    if beta == 0:
        return _reduce(b, distance, reduction)
    return _reduce(b, _rounded_off(b, distance, beta, 1), reduction)


@converts("aten.huber_loss")
def huber_loss(b: Builder, x: Value, target: Value, reduction: int, delta: Number) -> Value:
    distance = b.unary(pock.AbsOp, b.sub(x, target))
    return _reduce(b, _rounded_off(b, distance, delta, delta), reduction)


@converts("aten.kl_div")
def kl_div(b: Builder, x: Value, target: Value, reduction: int, log_target: bool) -> Value:
    if log_target:
        return _reduce(b, b.mul(b.unary(pock.ExpOp, target), b.sub(target, x)), reduction)
    return _reduce(b, b.sub(xlogy(b, target, target), b.mul(target, x)), reduction)
