"""Variances, norms and distances."""

from __future__ import annotations

import math
from typing import Any

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Number, Value, dtype_of, rank_of, shape_of
from ..registry import converts
from .reduction import amax_dims, dims_of, negated


def _variance(b: Builder, x: Value, dims: list[int], correction: Number, keepdim: bool) -> Value:
    # The gradient through the mean is a sum of differences from the mean, which is zero.
    centered = b.sub(x, b.constant_to_gradients(b.mean(x, dims, True)))
    total = b.sum(b.mul(centered, centered), dims, keepdim)
    divisor = math.prod(shape_of(x)[d] for d in dims) - correction
    return b.mul(total, 1 / divisor) if divisor > 0 else b.div(total, 0.0)


def safe_sqrt(b: Builder, x: Value) -> Value:
    """Return the square root with gradient zero at zero, as in PyTorch's std and norm."""
    zero = b.compare("eq", x, 0)
    return b.select(zero, 0, b.unary(pock.SqrtOp, b.select(zero, 1, x)))


@converts("aten.var.dim")
def var(b: Builder, x: Value, dims: Any, unbiased: bool = True, keepdim: bool = False) -> Value:
    if isinstance(dims, bool):
        dims, unbiased = None, dims
    return _variance(b, x, dims_of(x, dims), int(unbiased), keepdim)


@converts("aten.std.dim")
def std(b: Builder, x: Value, dims: Any, unbiased: bool = True, keepdim: bool = False) -> Value:
    return safe_sqrt(b, var(b, x, dims, unbiased, keepdim))


@converts("aten.var.correction")
def var_correction(b: Builder, x: Value, dims: list[int] | None, correction: Number | None, keepdim: bool) -> Value:
    return _variance(b, x, dims_of(x, dims), 1 if correction is None else correction, keepdim)


@converts("aten.std.correction")
def std_correction(b: Builder, x: Value, dims: list[int] | None, correction: Number | None, keepdim: bool) -> Value:
    return safe_sqrt(b, var_correction(b, x, dims, correction, keepdim))


@converts("aten.std_mean.correction")
def std_mean(b: Builder, x: Value, dims: list[int] | None, correction: Number | None, keepdim: bool) -> list[Value]:
    return [std_correction(b, x, dims, correction, keepdim), b.mean(x, dims_of(x, dims), keepdim)]


@converts("aten.var_mean.correction")
def var_mean(b: Builder, x: Value, dims: list[int] | None, correction: Number | None, keepdim: bool) -> list[Value]:
    return [var_correction(b, x, dims, correction, keepdim), b.mean(x, dims_of(x, dims), keepdim)]


@converts("aten.var_mean.dim")
def var_mean_dim(b: Builder, x: Value, dims: list[int] | None, unbiased: bool, keepdim: bool) -> list[Value]:
    return [var(b, x, dims, unbiased, keepdim), b.mean(x, dims_of(x, dims), keepdim)]


@converts("aten.linalg_vector_norm")
def vector_norm(b: Builder, x: Value, order: Number, dims: list[int] | None, keepdim: bool, dtype: Any) -> Value:
    x = b.cast(x, b.out_dtype)
    return _norm(b, x, order, dims_of(x, dims), keepdim)


def _norm(b: Builder, x: Value, order: Number, over: list[int], keepdim: bool) -> Value:
    if order == 2:
        return safe_sqrt(b, b.sum(b.mul(x, x), over, keepdim))
    if order == 1:
        return b.sum(b.unary(pock.AbsOp, x), over, keepdim)
    size = b.unary(pock.AbsOp, x)
    if order == 0:
        return b.sum(b.cast(b.compare("ne", size, 0), dtype_of(x)), over, keepdim)
    value, slope = _extreme(b, size, order, over) if math.isinf(order) else _power_sum(b, size, order, over)
    slope = b.mul(b.unary(pock.SignOp, x), slope)
    kept = [1 if i in over else size for i, size in enumerate(shape_of(x)) if keepdim or i not in over]
    return b.reshape(b.reduced_with_derivative(value, x, slope, over), kept)


def _extreme(b: Builder, size: Value, order: float, dims: list[int]) -> tuple[Value, Value]:
    """Return the largest or smallest size and its derivative, shared by equal sizes, zero for all if it is NaN."""
    fixed = b.constant_to_gradients(size)
    value = amax_dims(b, fixed, dims, True) if order > 0 else negated(b, amax_dims(b, negated(b, fixed), dims, True))
    chosen = b.cast(b.compare("eq", size, value), dtype_of(size))
    count = b.sum(chosen, dims, True)
    return value, b.div(chosen, b.select(b.compare("eq", count, 0), 1, count))


def _power_sum(b: Builder, size: Value, order: float, dims: list[int]) -> tuple[Value, Value]:
    """Return sum(size^p)^(1/p) and its derivative, zero at zeros and where the norm is zero."""

    def power(x: Value, exponent: float) -> Value:
        return b.binary(pock.PowOp, x, b.lift(exponent, dtype_of(x)))

    value = power(b.sum(power(size, order), dims, True), 1 / order)
    factors = [
        b.select(b.compare("eq", x, 0), 0, power(x, exponent))
        for x, exponent in ((size, order - 1), (value, 1 - order))
    ]
    return value, b.mul(*factors)


@converts("aten.norm.ScalarOpt_dim")
def norm(b: Builder, x: Value, order: Number | None, dims: list[int], keepdim: bool) -> Value:
    return vector_norm(b, x, 2 if order is None else order, dims, keepdim, None)


@converts("aten.norm.Scalar")
def norm_of_all(b: Builder, x: Value, order: Number) -> Value:
    return vector_norm(b, x, order, None, False, None)


@converts("aten.dist")
def dist(b: Builder, x: Value, y: Value, order: Number) -> Value:
    return vector_norm(b, b.sub(x, y), order, None, False, None)


@converts("aten.cdist")
def cdist(b: Builder, x: Value, y: Value, order: Number, mode: int | None) -> Value:
    *left, rows, size = shape_of(x)
    *right, columns, _ = shape_of(y)
    distance = b.sub(b.reshape(x, (*left, rows, 1, size)), b.reshape(y, (*right, 1, columns, size)))
    return vector_norm(b, distance, order, [-1], False, None)


@converts("aten.renorm")
def renorm(b: Builder, x: Value, order: Number, dim: int, limit: Number) -> Value:
    over = [i for i in range(rank_of(x)) if i != dim % rank_of(x)]
    exceeds = b.compare("gt", _norm(b, b.constant_to_gradients(x), order, over, True), limit)
    # Use ones in place of entries whose norm does not change: the gradient of the norm may be NaN there.
    size = _norm(b, b.select(exceeds, x, 1), order, over, True)
    # The constant 1e-7 is PyTorch's.
    return b.select(exceeds, b.mul(x, b.div(limit, b.add(size, 1e-7))), x)
