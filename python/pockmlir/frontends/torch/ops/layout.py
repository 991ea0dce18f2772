"""Reshapes, permutations and broadcasts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..builder import Builder, Value, rank_of, shape_of
from ..registry import converts


@converts(
    "aten.view", "aten._unsafe_view", "aten.view_copy", "aten.squeeze", "aten.squeeze.dim", "aten.squeeze.dims",
    "aten.unsqueeze",
)  # fmt: skip
def reshape(b: Builder, x: Value, *args: Any) -> Value:
    return b.reshape(x, b.out_shape)


@converts("aten.expand")
def expand(b: Builder, x: Value, *args: Any) -> Value:
    return b.expand(x, b.out_shape)


@converts("aten.broadcast_tensors")
def broadcast_tensors(b: Builder, tensors: list[Value]) -> list[Value]:
    shape = np.broadcast_shapes(*map(shape_of, tensors))
    return [b.expand(x, shape) for x in tensors]


@converts("aten.permute")
def permute(b: Builder, x: Value, dims: list[int]) -> Value:
    return b.transpose(x, [d % rank_of(x) for d in dims])


@converts("aten.transpose.int")
def transpose(b: Builder, x: Value, first: int, second: int) -> Value:
    rank = rank_of(x)
    order = list(range(rank))
    if rank:
        order[first % rank], order[second % rank] = second % rank, first % rank
    return b.transpose(x, order)


@converts("aten.t")
def reverse(b: Builder, x: Value) -> Value:
    return b.transpose(x, list(range(rank_of(x)))[::-1])


@converts("aten.channel_shuffle")
def channel_shuffle(b: Builder, x: Value, groups: int) -> Value:
    batch, channels, *spatial = shape_of(x)
    split = b.reshape(x, (batch, groups, channels // groups, math.prod(spatial)))
    return b.reshape(b.transpose(split, [0, 2, 1, 3]), shape_of(x))


@converts("aten.repeat", "aten.tile")
def repeat(b: Builder, x: Value, repeats: list[int]) -> Value:
    shape = [1] * (len(repeats) - rank_of(x)) + list(shape_of(x))
    repeats = [1] * (len(shape) - len(repeats)) + list(repeats)
    split = [size for n in shape for size in (1, n)]
    wide = [size for count, n in zip(repeats, shape, strict=True) for size in (count, n)]
    return b.reshape(b.expand(b.reshape(x, split), wide), b.out_shape)


@converts("aten.repeat_interleave.self_int")
def repeat_interleave(b: Builder, x: Value, count: int, dim: int | None, output_size: int | None) -> Value:
    if dim is None:
        x, dim = b.reshape(x, (math.prod(shape_of(x)),)), 0
    dim %= rank_of(x)
    before, after = shape_of(x)[: dim + 1], shape_of(x)[dim + 1 :]
    wide = b.expand(b.reshape(x, (*before, 1, *after)), (*before, count, *after))
    return b.reshape(wide, b.out_shape)


@converts("aten.meshgrid.indexing")
def meshgrid(b: Builder, tensors: list[Value], indexing: str) -> list[Value]:
    sizes = [math.prod(shape_of(x)) for x in tensors]
    grids = []
    for i, x in enumerate(tensors):
        along = b.reshape(x, [size if d == i else 1 for d, size in enumerate(sizes)])
        grid = b.expand(along, sizes)
        grids.append(b.transpose(grid, [1, 0, *range(2, len(sizes))]) if indexing == "xy" and len(sizes) > 1 else grid)
    return grids
