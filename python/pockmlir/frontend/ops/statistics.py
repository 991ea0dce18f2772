"""Variances, norms and distances."""

from __future__ import annotations

import math
from typing import Any

from ..._ops import _pock_ops_gen as pock
from ..builder import Builder, Number, Value, dtype_of, shape_of
from ..registry import Unsupported, converts
from .reduction import amax_dims, dims_of, negated


def _variance(b: Builder, x: Value, dims: list[int], correction: Number, keepdim: bool) -> Value:
    centered = b.sub(x, b.mean(x, dims, True))
    count = math.prod(shape_of(x)[d] for d in dims)
    if count <= correction:
        raise Unsupported(f"variance of {count} values with correction {correction}")
    return b.mul(b.sum(b.mul(centered, centered), dims, keepdim), 1 / (count - correction))


def safe_sqrt(b: Builder, x: Value) -> Value:
    """Return the square root with gradient zero at zero, as PyTorch's std and norm have."""
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


@converts("aten.var_mean.correction")
def var_mean(b: Builder, x: Value, dims: list[int] | None, correction: Number | None, keepdim: bool) -> list[Value]:
    return [var_correction(b, x, dims, correction, keepdim), b.mean(x, dims_of(x, dims), keepdim)]


@converts("aten.var_mean.dim")
def var_mean_dim(b: Builder, x: Value, dims: list[int] | None, unbiased: bool, keepdim: bool) -> list[Value]:
    return [var(b, x, dims, unbiased, keepdim), b.mean(x, dims_of(x, dims), keepdim)]


@converts("aten.linalg_vector_norm")
def vector_norm(b: Builder, x: Value, order: Number, dims: list[int] | None, keepdim: bool, dtype: Any) -> Value:
    x = b.cast(x, b.out_dtype)
    over = dims_of(x, dims)
    if order == 2:
        return safe_sqrt(b, b.sum(b.mul(x, x), over, keepdim))
    if order == 1:
        return b.sum(b.unary(pock.AbsOp, x), over, keepdim)
    size = b.unary(pock.AbsOp, x)
    if order == math.inf:
        return amax_dims(b, size, over, keepdim)
    if order == -math.inf:
        return negated(b, amax_dims(b, negated(b, size), over, keepdim))
    nonzero = b.compare("ne", size, 0)
    if order == 0:
        return b.sum(b.cast(nonzero, dtype_of(x)), over, keepdim)
    # Powers of one in place of zero, so that no gradient there is infinite.
    powers = b.select(nonzero, b.binary(pock.PowOp, b.select(nonzero, size, 1), b.lift(order, dtype_of(x))), 0)
    total = b.sum(powers, over, keepdim)
    positive = b.compare("gt", total, 0)
    root = b.binary(pock.PowOp, b.select(positive, total, 1), b.lift(1 / order, dtype_of(x)))
    return b.select(positive, root, 0)


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
