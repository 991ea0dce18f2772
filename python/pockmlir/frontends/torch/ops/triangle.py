"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Value, dtype_of, rank_of, shape_of
from ..registry import converts
from .indexing import take_constant
from .scatter import overwrite


def _triangle(b: Builder, x: Value, predicate: str, diagonal: int) -> Value:
    size = shape_of(x)[-2:]
    row, column = b.iota(size, 0), b.iota(size, 1)
    kept = b.compare(predicate, b.add(row, diagonal) if diagonal else row, column)
    if dtype_of(x) == "i1":
        return b.both(b.expand(kept, shape_of(x)), x)
    return b.select(kept, x, b.lift(0, dtype_of(x)))


@converts("aten.tril")
def tril(b: Builder, x: Value, diagonal: int) -> Value:
    return _triangle(b, x, "ge", diagonal)


@converts("aten.triu")
def triu(b: Builder, x: Value, diagonal: int) -> Value:
    return _triangle(b, x, "le", diagonal)


def _positions(rows: int, columns: int, offset: int) -> np.ndarray[Any, Any]:
    """Return the positions of a diagonal in the flattened matrix."""
    first = offset if offset >= 0 else -offset * columns
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    return first + np.arange(count) * (columns + 1)


def _matrices(b: Builder, x: Value, first: int, second: int) -> tuple[Value, list[int]]:
    """Return a tensor with two dimensions moved to the end, and the permutation."""
    rank = rank_of(x)
    last = [first % rank, second % rank]
    order = [d for d in range(rank) if d not in last] + last
    return b.transpose(x, order), order


@converts("aten.diagonal", "aten.diagonal_copy")
def diagonal(b: Builder, x: Value, offset: int, first: int, second: int) -> Value:
    moved, _ = _matrices(b, x, first, second)
    *batch, rows, columns = shape_of(moved)
    flat = b.reshape(moved, (*batch, rows * columns))
    return take_constant(b, flat, len(batch), _positions(rows, columns, offset))


@converts("aten.diagonal_scatter")
def diagonal_scatter(b: Builder, x: Value, source: Value, offset: int, first: int, second: int) -> Value:
    moved, order = _matrices(b, x, first, second)
    *batch, rows, columns = shape_of(moved)
    position = b.constant(_positions(rows, columns, offset), "i64")
    flat = overwrite(b, b.reshape(moved, (*batch, rows * columns)), position, source, len(batch))
    return b.transpose(b.reshape(flat, shape_of(moved)), [order.index(i) for i in range(len(order))])


@converts("aten.diag_embed")
def diag_embed(b: Builder, x: Value, offset: int, first: int, second: int) -> Value:
    *batch, count = shape_of(x)
    size = count + abs(offset)
    start = int(_positions(size, size, offset)[0]) if count else 0
    rank = rank_of(x)
    zeros = [0] * (rank - 1)
    # The diagonal's entries are size + 1 apart.
    behind = size * size - start - (count - 1) * (size + 1) - 1
    flat = b.emit(
        pock.PadOp, b.type((*batch, size * size), dtype_of(x)), x,
        low=[*zeros, start], high=[*zeros, behind], interior=[*zeros, size], value=0.0,
    )  # fmt: skip
    matrices = b.reshape(flat, (*batch, size, size))
    first, second = first % (rank + 1), second % (rank + 1)
    others = iter(range(rank - 1))
    places = {first: rank - 1, second: rank}
    return b.transpose(matrices, [places[d] if d in places else next(others) for d in range(rank + 1)])
