"""Reading at indices: embedding, gather, advanced indexing. All of it is `pock.take`.

Several indices are first combined into one index into the flattened dimensions. For constant
indices this is computed at import, otherwise by integer arithmetic at run time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...._ops import _pock_ops_gen as pock
from ...common.bounds import bounds
from ...common.checks import check_range
from ..builder import Builder, Number, Value, dtype_of, rank_of, shape_of
from ..registry import HINTS, Unsupported, converts

for _name in ("nonzero", "masked_select", "unique", "_unique2", "unique_consecutive", "bincount", "histc"):
    HINTS[f"aten.{_name}"] = "the shape of its result depends on the data; select with torch.where instead"
HINTS["aten.masked_scatter"] = "not planned: where an entry goes depends on the data; use torch.where"
HINTS["aten.embedding_renorm"] = "embedding with max_norm changes its weight in the forward pass; drop max_norm"
for _name in ("searchsorted.Tensor", "bucketize.Tensor"):
    HINTS[f"aten.{_name}"] = (
        "not planned: no op searches; count the boundaries that are less, with a comparison and a sum"
    )


def contiguous_run(indices: Sequence[int]) -> tuple[int, int] | None:
    """Return start and stride if indices are an ascending run, None otherwise."""
    steps = set(np.diff(indices).tolist())
    if len(steps) > 1 or any(step <= 0 for step in steps):
        return None
    return indices[0], steps.pop() if steps else 1


def take_constant(b: Builder, x: Value, dim: int, indices: np.ndarray[Any, Any]) -> Value:
    """Return entries at constant indices along a dimension, as a slice if possible."""
    run = contiguous_run(indices.tolist()) if indices.ndim == 1 and indices.size else None
    if run is not None:
        start, stride = run
        return b.slice(x, dim, start, int(indices[-1]) + 1, stride)
    return b.take(x, b.constant(indices, "i64"), dim)


def wrapped(b: Builder, indices: Value, size: int) -> Value:
    """Return indices with negative ones counted from the end; the call fails if an index is out of range."""
    check_range(b, indices, size, wraps=True)
    found = bounds(b, indices)
    if found is not None and found[0] >= 0:
        return indices
    known = b.known(indices)
    if known is not None:
        return b.constant(np.where(known < 0, known + size, known), dtype_of(indices))
    return b.select(b.compare("lt", indices, 0), b.add(indices, size), indices)


def joined(b: Builder, indices: Sequence[Value], sizes: Sequence[int]) -> Value:
    """Combine an index into each of several dimensions into one index into the flattened dimensions."""
    if len(indices) == 1:
        return indices[0]
    dtype = "i64" if any(dtype_of(i) == "i64" for i in indices) else "i32"
    strides = [math.prod(sizes[i + 1 :]) for i in range(len(sizes))]
    known = [k for k in map(b.known, indices) if k is not None]
    if len(known) == len(indices):
        return b.constant(sum((k * s for k, s in zip(known, strides, strict=True)), np.zeros((), np.int64)), dtype)
    total = b.scale(b.cast(indices[0], dtype), strides[0])
    for index, stride in zip(indices[1:], strides[1:], strict=True):
        total = b.add(total, b.scale(b.cast(index, dtype), stride))
    return total


def _as_integers(b: Builder, index: Value) -> list[Value]:
    """Return an index as a list; a constant mask becomes one index per dimension."""
    if dtype_of(index) != "i1":
        return [index if dtype_of(index) in ("i32", "i64") else b.cast(index, "i64")]
    known = b.known(index)
    if known is None:
        raise Unsupported("a mask that is known at run time only selects a number of entries that depends on data; "
                          "use torch.where, or multiply by the mask")  # fmt: skip
    return [b.constant(where, "i64") for where in np.nonzero(known)]


class Indexed:
    """A view of a tensor in which the indexed dimensions are flattened into one, `dim`.

    Attributes:
        view: the tensor, transposed and reshaped.
        index: the index into `dim`.
        dim: the position of the flattened dimension, such that the result of `take` has PyTorch's shape.
    """

    def __init__(self, b: Builder, x: Value, indices: Sequence[Value | None]) -> None:
        places: list[int] = []
        values: list[Value] = []
        dim = 0
        for index in indices:
            parts = [None] if index is None else _as_integers(b, index)
            for part in parts:
                if part is not None:
                    places.append(dim)
                    values.append(wrapped(b, part, shape_of(x)[dim]))
                dim += 1
        sizes = [shape_of(x)[place] for place in places]
        together = places == list(range(places[0], places[-1] + 1))
        # If the indexed dimensions are not adjacent, PyTorch puts them first.
        others = [d for d in range(rank_of(x)) if d not in places]
        self.dim = places[0] if together else 0
        self.order = list(range(rank_of(x))) if together else [*places, *others]
        moved = b.transpose(x, self.order)
        self.moved_shape = shape_of(moved)
        last = self.dim + len(places)
        self.view = b.reshape(moved, (*self.moved_shape[: self.dim], math.prod(sizes), *self.moved_shape[last:]))
        self.index = joined(b, values, sizes)

    def result_shape(self) -> tuple[int, ...]:
        """Return the shape of the indexed entries."""
        shape = shape_of(self.view)
        return (*shape[: self.dim], *shape_of(self.index), *shape[self.dim + 1 :])

    def restored(self, b: Builder, view: Value) -> Value:
        """Return a changed view in the original shape of the tensor."""
        moved = b.reshape(view, self.moved_shape)
        return b.transpose(moved, [self.order.index(i) for i in range(len(self.order))])


@converts("aten.index.Tensor", "aten._unsafe_index.Tensor")
def index(b: Builder, x: Value, indices: list[Value | None]) -> Value:
    at = Indexed(b, x, indices)
    known = b.known(at.index)
    y = b.take(at.view, at.index, at.dim) if known is None else take_constant(b, at.view, at.dim, known)
    return b.reshape(y, b.out_shape)


@converts("aten.index_select")
def index_select(b: Builder, x: Value, dim: int, indices: Value) -> Value:
    if rank_of(x) == 0:
        check_range(b, indices, 1)
        return x
    known = b.known(indices)
    indices = b.reshape(indices, (math.prod(shape_of(indices)),)) if rank_of(indices) == 0 else indices
    check_range(b, indices, shape_of(x)[dim])
    if known is not None:
        return take_constant(b, x, dim % rank_of(x), known.reshape(-1))
    return b.take(x, indices, dim % rank_of(x))


def flat_position(b: Builder, x: Value, dim: int, indices: Value) -> Value:
    """Return the positions in the flattened tensor that `gather` reads, for indices in range along a dimension."""
    shape, own = shape_of(x), shape_of(indices)
    parts = [
        indices if d == dim else b.iota([size if i == d else 1 for i in range(len(own))], d)
        for d, size in enumerate(own)
    ]
    return b.expand(joined(b, parts, shape), own)


def checked_position(b: Builder, x: Value, dim: int, indices: Value) -> Value:
    """Return the same for indices that may be out of range, for which the call fails."""
    if rank_of(x) == 0:
        check_range(b, indices, 1)
        return b.splat(shape_of(indices), 0, "i64")
    check_range(b, indices, shape_of(x)[dim % rank_of(x)])
    return flat_position(b, x, dim % rank_of(x), indices)


def flat(b: Builder, x: Value) -> Value:
    """Return a tensor as a vector."""
    return b.reshape(x, (math.prod(shape_of(x)),))


@converts("aten.gather")
def gather(b: Builder, x: Value, dim: int, indices: Value, sparse_grad: bool) -> Value:
    return b.take(flat(b, x), checked_position(b, x, dim, indices), 0)


@converts("aten.take")
def take(b: Builder, x: Value, indices: Value) -> Value:
    return b.take(flat(b, x), wrapped(b, indices, math.prod(shape_of(x))), 0)


# Embeddings ---------------------------------------------------------------------------


@converts("aten.embedding")
def embedding(b: Builder, weight: Value, indices: Value, padding: int, scale_grad_by_freq: bool, sparse: bool) -> Value:
    if scale_grad_by_freq and b.is_active(weight):
        raise Unsupported("scale_grad_by_freq; not planned")
    check_range(b, indices, shape_of(weight)[0])
    rows = b.take(weight, indices, 0)
    if padding < 0 or not b.is_active(weight):
        return rows
    is_padding = b.reshape(b.compare("eq", indices, padding), (*shape_of(indices), 1))
    return b.select(is_padding, b.constant_to_gradients(rows), rows)


@converts("aten.embedding_bag.padding_idx")
def embedding_bag(
    b: Builder, weight: Value, indices: Value, offsets: Value, scale_grad_by_freq: bool, mode: int, sparse: bool,
    weights: Value | None, include_last_offset: bool, padding: int | None = None,
) -> list[Value | None]:  # fmt: skip
    starts = b.known(offsets)
    count = math.prod(shape_of(indices))
    if starts is None or padding not in (None, -1) or scale_grad_by_freq:
        raise Unsupported("bags that are known at run time only, padding_idx or scale_grad_by_freq; "
                          "pass a matrix with one bag per row")  # fmt: skip
    bounds = starts.tolist() if include_last_offset else [*starts.tolist(), count]
    sizes = set(np.diff(bounds).tolist())
    if len(sizes) != 1:
        raise Unsupported("bags of different sizes; pad them, with per_sample_weights of zero")
    size = sizes.pop()
    check_range(b, indices, shape_of(weight)[0])
    rows = b.reshape(b.take(weight, indices, 0), (len(bounds) - 1, size, shape_of(weight)[1]))
    if weights is not None:
        rows = b.mul(rows, b.reshape(weights, (len(bounds) - 1, size, 1)))
    reduce = (b.sum, b.mean, lambda x, dims: b.reduce(pock.AmaxOp, x, dims))[mode]
    return [reduce(rows, [1]), None, None, None]


@converts("aten.one_hot")
def one_hot(b: Builder, x: Value, classes: Number) -> Value:
    size = b.out_shape[-1]
    check_range(b, x, size)
    is_class = b.compare("eq", b.reshape(x, (*shape_of(x), 1)), b.iota((size,), 0, dtype_of(x)))
    return b.cast(is_class, b.out_dtype)
