"""Writing at indices: additions are `pock.scatter_add`; assignments are made of it and a select.

If an index occurs several times, PyTorch's result is unspecified. Here the entry gets the mean of
the assigned values, which is exact if all of them are equal.
"""

from __future__ import annotations

import math

import numpy as np

from ...common.checks import check_range
from ..builder import Builder, Number, Value, dtype_of, is_float, rank_of, shape_of
from ..registry import HINTS, Unsupported, converts
from .comparison import isfinite
from .indexing import Indexed, checked_position, flat, wrapped
from .rounding import quotient

for _name in ("scatter_reduce.two", "index_reduce", "scatter.value_reduce"):
    HINTS[f"aten.{_name}"] = "only sums and means are scattered"


def _zeros(b: Builder, x: Value, dtype: str | None = None) -> Value:
    return b.splat(shape_of(x), 0, dtype or dtype_of(x))


def _hits(b: Builder, x: Value, indices: Value, dim: int, dtype: str) -> Value:
    """Return how often every entry along a dimension is indexed, in a shape that broadcasts."""
    counts = b.scatter_add(b.splat((shape_of(x)[dim],), 0, dtype), indices, b.splat(shape_of(indices), 1, dtype), 0)
    return b.reshape(counts, [size if i == dim else 1 for i, size in enumerate(shape_of(x))])


def overwrite(b: Builder, x: Value, indices: Value, updates: Value, dim: int) -> Value:
    """Return a tensor with entries at indices replaced; `updates` has the shape of `take`'s result, or one entry."""
    known = b.known(indices)
    hits = _hits(b, x, indices, dim, dtype_of(x) if is_float(dtype_of(x)) else "i64")
    chosen = b.compare("gt", hits, 0)
    updates = b.cast(updates, dtype_of(x))
    if all(size == 1 for size in shape_of(updates)):
        return b.select(chosen, b.reshape(updates, ()), x)
    shape = (*shape_of(x)[:dim], *shape_of(indices), *shape_of(x)[dim + 1 :])
    wide = b.expand(updates, shape)
    if dtype_of(x) == "i1":
        written = b.compare("gt", b.scatter_add(_zeros(b, x, "i64"), indices, b.cast(wide, "i64"), dim), 0)
        return b.select(chosen, written, x)
    written = b.scatter_add(_zeros(b, x), indices, wide, dim)
    is_unique = known is not None and len(np.unique(known)) == known.size
    return b.select(chosen, written if is_unique else _mean(b, written, hits), x)


def _mean(b: Builder, total: Value, hits: Value) -> Value:
    """Return total / hits, rounded down for integers; the total where there are no hits."""
    hits = b.cast(b.select(b.compare("gt", hits, 1), hits, 1), dtype_of(total))
    return b.div(total, hits) if is_float(dtype_of(total)) else quotient(b, total, hits, "floor")


@converts("aten.index_put")
def index_put(b: Builder, x: Value, indices: list[Value | None], values: Value, accumulate: bool) -> Value:
    given = [i for i in indices if i is not None]
    if len(given) == 1 and dtype_of(given[0]) == "i1" and b.known(given[0]) is None:
        return _put_masked(b, x, indices, values, accumulate)
    at = Indexed(b, x, indices)
    values = b.cast(values, dtype_of(x))
    if accumulate:
        return at.restored(b, b.scatter_add(at.view, at.index, b.expand(values, at.result_shape()), at.dim))
    return at.restored(b, overwrite(b, at.view, at.index, values, at.dim))


def _put_masked(b: Builder, x: Value, indices: list[Value | None], values: Value, accumulate: bool) -> Value:
    """Assign one value where a mask is true."""
    if any(size != 1 for size in shape_of(values)):
        raise Unsupported("assignment of several values to a mask; where each goes depends on data: use torch.where")
    place, mask = next((i, index) for i, index in enumerate(indices) if index is not None)
    mask = b.reshape(mask, (*shape_of(mask), *([1] * (rank_of(x) - place - rank_of(mask)))))
    value = b.reshape(b.cast(values, dtype_of(x)), ())
    return b.select(mask, b.add(x, value) if accumulate else value, x)


def _is_along(b: Builder, x: Value, source: Value, dim: int, indices: Value) -> tuple[Value, Value, Value]:
    """Return tensor, positions and source of a scatter as vectors; crop a source larger than the indices."""
    for d, size in enumerate(shape_of(indices)):
        source = b.slice(source, d, 0, size)
    return flat(b, x), flat(b, checked_position(b, x, dim, indices)), flat(b, source)


@converts("aten.scatter_add")
def scatter_add(b: Builder, x: Value, dim: int, indices: Value, source: Value) -> Value:
    if rank_of(x) == 0:
        check_range(b, indices, 1)
        return b.add(x, b.sum(source, range(rank_of(source))))
    target, position, updates = _is_along(b, x, source, dim, indices)
    return b.reshape(b.scatter_add(target, position, updates, 0), shape_of(x))


@converts("aten.scatter.src")
def scatter(b: Builder, x: Value, dim: int, indices: Value, source: Value) -> Value:
    target, position, updates = _is_along(b, x, source, dim, indices)
    return b.reshape(overwrite(b, target, position, updates, 0), shape_of(x))


@converts("aten.scatter.value")
def scatter_value(b: Builder, x: Value, dim: int, indices: Value, value: Number) -> Value:
    position = flat(b, checked_position(b, x, dim, indices))
    return b.reshape(overwrite(b, flat(b, x), position, b.lift(value, dtype_of(x)), 0), shape_of(x))


@converts("aten.scatter.reduce")
def scatter_with_reduction(b: Builder, x: Value, dim: int, indices: Value, source: Value, reduce: str) -> Value:
    if reduce != "add":
        raise Unsupported(f"reduction '{reduce}'; only sums and means are scattered")
    return scatter_add(b, x, dim, indices, source)


@converts("aten.scatter_reduce.two")
def scatter_reduce(
    b: Builder, x: Value, dim: int, indices: Value, source: Value, reduce: str, include_self: bool
) -> Value:
    if reduce not in ("sum", "mean"):
        raise Unsupported(f"reduction '{reduce}'; only sums and means are scattered")
    target, position, updates = _is_along(b, x, source, dim, indices)
    hits = _hits(b, target, position, 0, dtype_of(x) if is_float(dtype_of(x)) else "i64")
    if not include_self:
        target = b.select(b.compare("gt", hits, 0), b.lift(0, dtype_of(x)), target)
    result = b.scatter_add(target, position, updates, 0)
    if reduce == "mean":
        result = _mean(b, result, b.add(hits, 1) if include_self else hits)
    return b.reshape(result, shape_of(x))


def _vector(b: Builder, x: Value) -> Value:
    return b.reshape(x, (1,)) if rank_of(x) == 0 else x


@converts("aten.index_add")
def index_add(b: Builder, x: Value, dim: int, indices: Value, source: Value, alpha: Number) -> Value:
    dim %= rank_of(x)
    check_range(b, indices, shape_of(x)[dim])
    return b.scatter_add(x, _vector(b, indices), b.scale(b.cast(source, dtype_of(x)), alpha), dim)


@converts("aten.index_copy")
def index_copy(b: Builder, x: Value, dim: int, indices: Value, source: Value) -> Value:
    dim %= rank_of(x)
    check_range(b, indices, shape_of(x)[dim])
    return overwrite(b, x, _vector(b, indices), source, dim)


@converts("aten.index_fill.int_Scalar", "aten.index_fill.int_Tensor")
def index_fill(b: Builder, x: Value, dim: int, indices: Value, value: Value | Number) -> Value:
    dim %= rank_of(x)
    return overwrite(b, x, _vector(b, wrapped(b, indices, shape_of(x)[dim])), b.lift(value, dtype_of(x)), dim)


@converts("aten.put")
def put(b: Builder, x: Value, indices: Value, source: Value, accumulate: bool) -> Value:
    target, position = flat(b, x), flat(b, indices)
    position = wrapped(b, position, shape_of(target)[0])
    write = b.scatter_add if accumulate else lambda *args: overwrite(b, *args)
    return b.reshape(write(target, position, flat(b, source), 0), shape_of(x))


@converts("aten.max_unpool2d")
def max_unpool(b: Builder, x: Value, indices: Value, size: list[int]) -> Value:
    """Write the entries of each plane to their indices in the flattened result."""
    count, area = math.prod(shape_of(x)[-2:]), math.prod(size)
    planes = math.prod(shape_of(x)[:-2])
    check_range(b, indices, area)
    offset = b.mul(b.iota((planes, 1), 0), area)
    position = b.reshape(b.add(b.cast(b.reshape(indices, (planes, count)), "i64"), offset), (planes * count,))
    written = b.scatter_add(b.splat((planes * area,), 0, dtype_of(x)), position, flat(b, x), 0)
    hits = b.scatter_add(b.splat((planes * area,), 0, "i32"), position, b.splat((planes * count,), 1, "i32"), 0)
    # Overlapping windows write their common maximum several times, but it must count once. As in PyTorch, each
    # of them gets the whole gradient, so the correction has no gradient.
    often = b.both(b.compare("gt", hits, 1), isfinite(b, written))
    once = b.div(written, b.cast(hits, dtype_of(x)))
    correction = b.constant_to_gradients(b.sub(once, written))
    return b.reshape(b.select(often, b.add(written, correction), written), b.out_shape)
