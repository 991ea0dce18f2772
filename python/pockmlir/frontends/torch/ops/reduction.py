"""Reductions: sums, means, extrema, variances, norms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...._ops import _pock_ops_gen as pock
from ....core.elements import numpy_dtype
from ..builder import Builder, Value, dtype_of, is_float, rank_of, shape_of
from ..registry import converts
from .bits import flipped


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


def amax_dims(b: Builder, x: Value, dims: list[int], keepdim: bool) -> Value:
    """Return the maximum over dimensions."""
    if dtype_of(x) == "i1":
        return b.compare("gt", b.sum(b.cast(x, "i64"), dims, keepdim), 0)
    return b.reduce(pock.AmaxOp, x, dims, keepdim)


def halving(b: Builder, x: Value, dims: list[int], combine: Callable[[Value, Value], Value]) -> Value:
    """Reduce over dimensions, kept as size 1, by combining halves: log2(size) steps."""
    for dim in dims:
        rest: list[Value] = []
        while (size := shape_of(x)[dim]) > 1:
            half = size // 2
            if size % 2:
                rest.append(b.slice(x, dim, size - 1, size))
            x = combine(b.slice(x, dim, 0, half), b.slice(x, dim, half, 2 * half))
        for value in rest:
            x = combine(x, value)
    return x


def negated(b: Builder, x: Value) -> Value:
    """Return ``-x``, of integers ``-1 - x``: it reverses the order of values and is its own inverse."""
    return b.unary(pock.NegOp, x) if is_float(dtype_of(x)) else flipped(b, x)


@converts("aten.amax")
def amax(b: Builder, x: Value, dims: list[int], keepdim: bool) -> Value:
    return amax_dims(b, x, dims_of(x, dims), keepdim)


@converts("aten.amin")
def amin(b: Builder, x: Value, dims: list[int], keepdim: bool) -> Value:
    return negated(b, amax(b, negated(b, x), dims, keepdim))


def _extremum(b: Builder, x: Value, reduce: Callable[..., Value]) -> Value:
    """Return an extremum of all entries; the entries equal to it share the gradient, or those that are NaN."""
    dims = dims_of(x, None)
    if not is_float(dtype_of(x)) or not dims:
        return reduce(b, x, dims, False)
    value = reduce(b, x, dims, True)
    chosen = b.cast(b.either(b.compare("eq", x, value), b.compare("ne", x, x)), dtype_of(x))
    slope = b.div(chosen, b.sum(chosen, dims, True))
    return b.reshape(b.reduced_with_derivative(value, x, slope, dims), ())


@converts("aten.max")
def max_all(b: Builder, x: Value) -> Value:
    return _extremum(b, x, amax)


@converts("aten.min")
def min_all(b: Builder, x: Value) -> Value:
    return _extremum(b, x, amin)


def argmax_dim(b: Builder, x: Value, dim: int) -> Value:
    """Return the index of the first maximum, or of the first NaN, along a dimension."""
    if dtype_of(x) == "i1":
        x = b.cast(x, "i8")
    shape = [size for i, size in enumerate(shape_of(x)) if i != dim]
    return b.emit(pock.ArgmaxOp, b.type(shape, "i64"), x, dim=dim)


def _chosen(b: Builder, x: Value, index: Value, dim: int, keepdim: bool) -> list[Value]:
    # Do not use amax: only the entry at the index has a gradient.
    kept = [1 if i == dim else size for i, size in enumerate(shape_of(x))]
    position = b.emit(pock.IotaOp, b.type(shape_of(x), "i64"), dim=dim)
    chosen = b.compare("eq", position, b.reshape(index, kept))
    value = b.sum(b.select(chosen, x, b.lift(0, dtype_of(x))), [dim], keepdim)
    return [value, b.reshape(index, kept) if keepdim else index]


@converts("aten.max.dim")
def max_dim(b: Builder, x: Value, dim: int, keepdim: bool) -> list[Value]:
    if rank_of(x) == 0:
        return [x, b.splat((), 0, "i64")]
    dim %= rank_of(x)
    return _chosen(b, x, argmax_dim(b, x, dim), dim, keepdim)


@converts("aten.min.dim")
def min_dim(b: Builder, x: Value, dim: int, keepdim: bool) -> list[Value]:
    if rank_of(x) == 0:
        return [x, b.splat((), 0, "i64")]
    dim %= rank_of(x)
    return _chosen(b, x, argmax_dim(b, negated(b, x), dim), dim, keepdim)


@converts("aten.argmax")
def argmax(b: Builder, x: Value, dim: int | None, keepdim: bool) -> Value:
    if dim is None or rank_of(x) == 0:
        x, dim = b.reshape(x, (math.prod(shape_of(x)),)), 0
    return b.reshape(argmax_dim(b, x, dim % rank_of(x)), b.out_shape)


@converts("aten.argmin")
def argmin(b: Builder, x: Value, dim: int | None, keepdim: bool) -> Value:
    return argmax(b, negated(b, x), dim, keepdim)


@converts("aten.logsumexp")
def logsumexp(b: Builder, x: Value, dims: list[int], keepdim: bool) -> Value:
    x = b.cast(x, b.out_dtype)
    over = dims_of(x, dims)
    top = amax_dims(b, b.constant_to_gradients(x), over, True)
    # The shift must be finite, because the difference of infinite numbers is NaN. If an entry is infinite, the
    # largest shift prevents the exponentials of finite entries from overflowing, so that their gradient is 0.
    largest = float(np.finfo(numpy_dtype(b.out_dtype)).max)
    shift = b.unary(pock.ClampOp, top, min=-largest, max=largest)
    total = b.sum(b.unary(pock.ExpOp, b.sub(x, shift)), over, True)
    return b.reshape(b.add(b.unary(pock.LogOp, total), shift), b.out_shape)


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
