"""Reductions: sums, means, extrema, variances, norms."""

from __future__ import annotations

import math
from typing import Any

from ..._ops import _pock_ops_gen as pock
from ..builder import Builder, Number, Value, dtype_of, is_float, rank_of, shape_of
from ..registry import Unsupported, converts


def dims_of(x: Value, dims: int | list[int] | None) -> list[int]:
    """Return the dimensions to reduce, ascending; none or an empty list means all."""
    rank = rank_of(x)
    if dims is None or dims == []:
        return list(range(rank))
    return sorted({d % rank for d in ([dims] if isinstance(dims, int) else dims)}) if rank else []


@converts("aten.sum")
def sum_all(b: Builder, x: Value, dtype: Any) -> Value:
    return b.sum(b.cast(x, b.out_dtype), range(rank_of(x)))


@converts("aten.sum.dim_IntList")
def sum_dims(b: Builder, x: Value, dims: list[int] | None, keepdim: bool, dtype: Any) -> Value:
    return b.sum(b.cast(x, b.out_dtype), dims_of(x, dims), keepdim)


@converts("aten.mean")
def mean_all(b: Builder, x: Value, dtype: Any) -> Value:
    return b.mean(b.cast(x, b.out_dtype), range(rank_of(x)))


@converts("aten.mean.dim")
def mean_dims(b: Builder, x: Value, dims: list[int] | None, keepdim: bool, dtype: Any) -> Value:
    return b.mean(b.cast(x, b.out_dtype), dims_of(x, dims), keepdim)


# Extrema ------------------------------------------------------------------------------


def _amax(b: Builder, x: Value, dims: list[int], keepdim: bool) -> Value:
    if not is_float(dtype_of(x)):
        raise Unsupported(f"on {dtype_of(x)}")
    return b.reduce(pock.AmaxOp, x, dims, keepdim)


def _negated(b: Builder, x: Value) -> Value:
    return b.unary(pock.NegOp, x)


@converts("aten.amax")
def amax(b: Builder, x: Value, dims: list[int], keepdim: bool) -> Value:
    return _amax(b, x, dims_of(x, dims), keepdim)


@converts("aten.amin")
def amin(b: Builder, x: Value, dims: list[int], keepdim: bool) -> Value:
    return _negated(b, amax(b, _negated(b, x), dims, keepdim))


@converts("aten.max")
def max_all(b: Builder, x: Value) -> Value:
    return _amax(b, x, dims_of(x, None), False)


@converts("aten.min")
def min_all(b: Builder, x: Value) -> Value:
    return _negated(b, max_all(b, _negated(b, x)))


def _argmax(b: Builder, x: Value, dim: int) -> Value:
    if not is_float(dtype_of(x)):
        raise Unsupported(f"on {dtype_of(x)}")
    shape = [size for i, size in enumerate(shape_of(x)) if i != dim]
    return b.emit(pock.ArgmaxOp, b.type(shape, "i64"), x, dim=dim)


@converts("aten.max.dim")
def max_dim(b: Builder, x: Value, dim: int, keepdim: bool) -> list[Value]:
    if rank_of(x) == 0:
        return [x, b.splat((), 0, "i64")]
    # Not amax: the gradient goes to the one entry that the index names.
    dim %= rank_of(x)
    index = _argmax(b, x, dim)
    kept = [1 if i == dim else size for i, size in enumerate(shape_of(x))]
    position = b.emit(pock.IotaOp, b.type(shape_of(x), "i64"), dim=dim)
    chosen = b.compare("eq", position, b.reshape(index, kept))
    value = b.sum(b.select(chosen, x, 0), [dim], keepdim)
    return [value, b.reshape(index, kept) if keepdim else index]


@converts("aten.min.dim")
def min_dim(b: Builder, x: Value, dim: int, keepdim: bool) -> list[Value]:
    value, index = max_dim(b, _negated(b, x), dim, keepdim)
    return [_negated(b, value), index]


@converts("aten.argmax")
def argmax(b: Builder, x: Value, dim: int | None, keepdim: bool) -> Value:
    if dim is None or rank_of(x) == 0:
        x, dim = b.reshape(x, (math.prod(shape_of(x)),)), 0
    return b.reshape(_argmax(b, x, dim % rank_of(x)), b.out_shape)


@converts("aten.argmin")
def argmin(b: Builder, x: Value, dim: int | None, keepdim: bool) -> Value:
    return argmax(b, _negated(b, x), dim, keepdim)


@converts("aten.logsumexp")
def logsumexp(b: Builder, x: Value, dims: list[int], keepdim: bool) -> Value:
    x = b.cast(x, b.out_dtype)
    over = dims_of(x, dims)
    top = _amax(b, x, over, True)
    total = b.sum(b.unary(pock.ExpOp, b.sub(x, top)), over, True)
    return b.reshape(b.add(b.unary(pock.LogOp, total), top), b.out_shape)


# Truth --------------------------------------------------------------------------------


def _count(b: Builder, x: Value, dims: list[int], keepdim: bool) -> Value:
    return b.sum(b.cast(b.cast(x, "i1"), "i64"), dims, keepdim)


@converts("aten.any", "aten.any.dim", "aten.any.dims")
def any_true(b: Builder, x: Value, dims: int | list[int] | None = None, keepdim: bool = False) -> Value:
    return b.compare("gt", _count(b, x, dims_of(x, dims), keepdim), 0)


@converts("aten.all", "aten.all.dim", "aten.all.dims")
def all_true(b: Builder, x: Value, dims: int | list[int] | None = None, keepdim: bool = False) -> Value:
    over = dims_of(x, dims)
    return b.compare("eq", _count(b, x, over, keepdim), math.prod(shape_of(x)[d] for d in over))


# Variances and norms ------------------------------------------------------------------


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
    if order == math.inf:
        return _amax(b, b.unary(pock.AbsOp, x), over, keepdim)
    raise Unsupported(f"norm of order {order}; 1, 2 and inf are supported")


@converts("aten.norm.ScalarOpt_dim")
def norm(b: Builder, x: Value, order: Number | None, dims: list[int], keepdim: bool) -> Value:
    return vector_norm(b, x, 2 if order is None else order, dims, keepdim, None)
