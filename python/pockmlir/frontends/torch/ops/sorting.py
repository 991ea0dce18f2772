"""Sorting: order statistics, and the entries that they name.

The dialect has no op that sorts. A short row is sorted by counting for each entry how many entries
precede it, in one kernel over pairs. A long row is sorted by Batcher's bitonic network (1968),
whose stages are elementwise. Both compute positions, without gradient. The values are then read at
these positions, so that the gradient is PyTorch's. As in PyTorch's stable sort, equal entries keep
their order and NaN is the largest value; this also holds where PyTorch leaves the order unspecified.
"""

from __future__ import annotations

import math

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Value, dtype_of, is_float, rank_of, shape_of
from ..registry import HINTS, converts
from .comparison import isnan
from .indexing import flat, flat_position
from .reduction import argmax_dim

HINTS["aten.mode"] = "the most frequent value has no op; compute it outside"

#: Longer rows are sorted by the network. Its work is size * log(size)**2, that of counting is size**2.
_COUNTED = 512


@converts("aten.sort", "aten.sort.stable")
def sort(b: Builder, x: Value, *options: bool | int | None) -> list[Value]:
    dim, descending = options[-2:]
    assert isinstance(dim, int)
    return _ordered(b, x, dim, bool(descending))


@converts("aten.argsort.stable")
def argsort(b: Builder, x: Value, stable: bool, dim: int, descending: bool) -> Value:
    return _ordered(b, x, dim, descending)[1]


@converts("aten.topk")
def topk(b: Builder, x: Value, k: int, dim: int, largest: bool, is_sorted: bool) -> list[Value]:
    return _ordered(b, x, dim, largest, 0, k)


@converts("aten.kthvalue")
def kthvalue(b: Builder, x: Value, k: int, dim: int, keepdim: bool) -> list[Value]:
    return _single(b, _ordered(b, x, dim, False, k - 1, k))


@converts("aten.median.dim")
def median(b: Builder, x: Value, dim: int, keepdim: bool) -> list[Value]:
    return _single(b, _median(b, x, dim))


@converts("aten.median")
def median_all(b: Builder, x: Value) -> Value:
    x = flat(b, x)
    value = b.reshape(_median(b, x, 0)[0], ())
    if not b.active:
        return value
    # All entries with this value share the gradient, as for amax.
    is_median = b.either(b.compare("eq", x, value), b.both(isnan(b, x), isnan(b, value)))
    return b.reduce(pock.AmaxOp, b.select(is_median, x, -math.inf), [0])


def _median(b: Builder, x: Value, dim: int) -> list[Value]:
    """Return value and index of each row's lower median, or of its first NaN; the dimension is kept."""
    if rank_of(x) == 0:
        return [x, b.splat((), 0, "i64")]
    dim %= rank_of(x)
    middle = (shape_of(x)[dim] - 1) // 2
    value, index = _ordered(b, x, dim, False, middle, middle + 1)
    if not is_float(dtype_of(x)):
        return [value, index]
    kept = [1 if d == dim else size for d, size in enumerate(shape_of(x))]
    first = b.reshape(argmax_dim(b, b.constant_to_gradients(x), dim), kept)
    index = b.select(isnan(b, b.take(flat(b, x), flat_position(b, x, dim, first), 0)), first, index)
    b.bounds[index] = 0, shape_of(x)[dim] - 1
    return [b.take(flat(b, x), flat_position(b, x, dim, index), 0), index]


def _single(b: Builder, found: list[Value]) -> list[Value]:
    """Return values and indices of one entry per row in the shapes of the operator's results."""
    return [b.reshape(value, tuple(result.shape)) for value, result in zip(found, b.results, strict=True)]


def _ordered(b: Builder, x: Value, dim: int, descending: bool, begin: int = 0, end: int | None = None) -> list[Value]:
    """Return values and indices of the entries from rank `begin` to `end` along a dimension."""
    if rank_of(x) == 0:
        return [x, b.splat((), 0, "i64")]
    dim %= rank_of(x)
    size = shape_of(x)[dim]
    end = size if end is None else end
    order = [d for d in range(rank_of(x)) if d != dim] + [dim]
    rows = b.transpose(b.constant_to_gradients(x), order)
    if dtype_of(rows) == "i1":
        rows = b.cast(rows, "i8")
    positions = _counted if size <= _COUNTED else _network
    indices = b.transpose(positions(b, rows, descending, begin, end), [order.index(d) for d in range(rank_of(x))])
    b.bounds[indices] = 0, size - 1
    return [b.take(flat(b, x), flat_position(b, x, dim, indices), 0), indices]


def _before(b: Builder, x: Value, y: Value, descending: bool) -> Value:
    """Return whether the value x is ordered before the value y."""
    if not is_float(dtype_of(x)):
        return b.compare("gt" if descending else "lt", x, y)
    # A comparison with NaN is false.
    if descending:
        return b.both(_not(b, b.compare("le", x, y)), _not(b, isnan(b, y)))
    return b.both(_not(b, b.compare("ge", x, y)), _not(b, isnan(b, x)))


def _not(b: Builder, x: Value) -> Value:
    return b.emit(pock.NotOp, x.type, x)


def _precedes(b: Builder, x: Value, i: Value, y: Value, j: Value, descending: bool) -> Value:
    """Return whether entry i, of value x, comes before entry j, of value y."""
    equal = _not(b, b.either(_before(b, x, y, descending), _before(b, y, x, descending)))
    return b.either(_before(b, x, y, descending), b.both(equal, b.compare("lt", i, j)))


def _counted(b: Builder, x: Value, descending: bool, begin: int, end: int) -> Value:
    """Return the positions of the entries of ranks `begin` to `end`; the rank is the number of preceding entries."""
    *batch, size = shape_of(x)
    kept, count = len(batch), end - begin
    rank = b.sum(
        b.cast(
            _precedes(
                b, b.reshape(x, (*batch, 1, size)), b.iota((1, size), 1, "i32"),
                b.reshape(x, (*batch, size, 1)), b.iota((size, 1), 0, "i32"), descending,
            ), "i32"),
        [kept + 1],
    )  # fmt: skip
    wanted = b.iota((count, 1), 0, "i32")
    is_there = b.compare("eq", b.reshape(rank, (*batch, 1, size)), b.add(wanted, begin) if begin else wanted)
    here = b.expand(b.iota((1, size), 1, "i64"), (*batch, count, size))
    return b.sum(b.select(is_there, here, b.lift(0, "i64")), [kept + 1])


def _network(b: Builder, x: Value, descending: bool, begin: int, end: int) -> Value:
    """Return the positions of the entries of ranks `begin` to `end`, sorted with their values."""
    *batch, size = shape_of(x)
    padded = 1 << (size - 1).bit_length()
    index = b.expand(b.iota((padded,), 0, "i32"), (*batch, padded))
    if padded > size:
        # Padding comes last: no value is ordered behind it, and its index is greater than those of equal entries.
        x = b.concat([x, b.splat((*batch, padded - size), _last(dtype_of(x), descending), dtype_of(x))], len(batch))
    for exponent in range(1, padded.bit_length()):
        block = 1 << exponent
        for distance in (1 << e for e in reversed(range(exponent))):
            x, index = _exchange(b, x, index, block, distance, descending)
    return b.cast(b.slice(index, len(batch), begin, end), "i64")


def _last(dtype: str, descending: bool) -> float | int:
    """The value that is ordered last."""
    if is_float(dtype):
        return -math.inf if descending else math.nan
    bits = int(dtype[1:]) - 1
    return -(1 << bits) if descending else (1 << bits) - 1


def _exchange(b: Builder, x: Value, index: Value, block: int, distance: int, descending: bool) -> tuple[Value, Value]:
    """Order pairs of entries that are `distance` apart; the direction alternates between blocks."""
    *batch, size = shape_of(x)
    blocks = max(1, size // (2 * block))
    turns = min(2, size // block)
    view = (*batch, blocks, turns, block // (2 * distance), 2, distance)
    side = len(batch) + 3
    own, own_index = b.reshape(x, view), b.reshape(index, view)
    other, other_index = (_swapped(b, value, side) for value in (own, own_index))
    first = b.compare("eq", b.iota((turns, 1, 2, 1), 0, "i32"), b.iota((turns, 1, 2, 1), 2, "i32"))
    stays = b.compare(
        "eq", b.cast(_precedes(b, own, own_index, other, other_index, descending), "i8"), b.cast(first, "i8")
    )
    values = b.reshape(b.select(stays, own, other), (*batch, size))
    return values, b.reshape(b.select(stays, own_index, other_index), (*batch, size))


def _swapped(b: Builder, x: Value, dim: int) -> Value:
    return b.concat([b.slice(x, dim, 1, 2), b.slice(x, dim, 0, 1)], dim)
