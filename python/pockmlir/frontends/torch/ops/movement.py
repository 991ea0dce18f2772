"""Concatenation, slices and padding."""

from __future__ import annotations

import math

import numpy as np

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Number, Value, dtype_of, is_float, rank_of, shape_of
from ..registry import converts


@converts("aten.cat")
def cat(b: Builder, tensors: list[Value], dim: int) -> Value:
    # PyTorch ignores empty vectors among tensors of another rank.
    kept = [b.cast(x, b.out_dtype) for x in tensors if shape_of(x) != (0,)]
    return b.concat(kept, dim % len(b.out_shape)) if kept else b.cast(tensors[0], b.out_dtype)


@converts("aten.stack")
def stack(b: Builder, tensors: list[Value], dim: int) -> Value:
    dim %= len(b.out_shape)
    shape = [1 if i == dim else size for i, size in enumerate(b.out_shape)]
    return b.concat([b.reshape(b.cast(x, b.out_dtype), shape) for x in tensors], dim)


def _split(b: Builder, x: Value, sizes: list[int], dim: int) -> list[Value]:
    parts, start = [], 0
    for size in sizes:
        parts.append(b.slice(x, dim % rank_of(x), start, start + size))
        start += size
    return parts


@converts("aten.split.Tensor", "aten.unsafe_split.Tensor", "aten.split_copy.Tensor")
def split(b: Builder, x: Value, size: int, dim: int) -> list[Value]:
    total = shape_of(x)[dim]
    return _split(b, x, [min(size, total - start) for start in range(0, total, size)] or [0], dim)


@converts("aten.split_with_sizes", "aten.unsafe_split_with_sizes", "aten.split_with_sizes_copy")
def split_with_sizes(b: Builder, x: Value, sizes: list[int], dim: int) -> list[Value]:
    return _split(b, x, sizes, dim)


@converts("aten.unbind.int")
def unbind(b: Builder, x: Value, dim: int) -> list[Value]:
    return [_select(b, x, dim % rank_of(x), i) for i in range(shape_of(x)[dim])]


def _bounds(size: int, start: int | None, end: int | None) -> tuple[int, int]:
    """Return start and limit of a Python slice."""
    first, last, _ = slice(start, end).indices(size)
    return first, max(first, last)


@converts("aten.slice.Tensor")
def slice_tensor(b: Builder, x: Value, dim: int, start: int | None, end: int | None, step: int) -> Value:
    dim %= rank_of(x)
    return b.slice(x, dim, *_bounds(shape_of(x)[dim], start, end), step)


def _select(b: Builder, x: Value, dim: int, index: int) -> Value:
    shape = [size for i, size in enumerate(shape_of(x)) if i != dim]
    return b.reshape(b.slice(x, dim, index, index + 1), shape)


@converts("aten.select.int")
def select(b: Builder, x: Value, dim: int, index: int) -> Value:
    dim %= rank_of(x)
    return _select(b, x, dim, index % shape_of(x)[dim])


def _replace(b: Builder, x: Value, part: Value, dim: int, start: int, limit: int) -> Value:
    """Return a tensor with a range of one dimension replaced."""
    size = shape_of(x)[dim]
    pieces = [b.slice(x, dim, 0, start), b.cast(part, dtype_of(x)), b.slice(x, dim, limit, size)]
    return b.concat([piece for piece in pieces if shape_of(piece)[dim] > 0], dim)


def _replace_strided(b: Builder, x: Value, part: Value, dim: int, start: int, step: int) -> Value:
    """Return a tensor with every `step`-th entry of one dimension replaced."""
    size, count = shape_of(x)[dim], shape_of(part)[dim]
    low, high, interior = [0] * rank_of(x), [0] * rank_of(x), [0] * rank_of(x)
    low[dim], interior[dim] = start, step - 1
    high[dim] = size - start - (count - 1) * step - 1
    spread = b.emit(pock.PadOp, x.type, b.cast(part, dtype_of(x)), low=low, high=high, interior=interior, value=0.0)
    replaced = np.zeros(size, bool)
    replaced[start : start + count * step : step] = True
    along = b.constant(replaced.reshape([size if i == dim else 1 for i in range(rank_of(x))]), "i1")
    return b.select(along, spread, x)


@converts("aten.slice_scatter")
def slice_scatter(b: Builder, x: Value, part: Value, dim: int, start: int | None, end: int | None, step: int) -> Value:
    dim %= rank_of(x)
    first, limit = _bounds(shape_of(x)[dim], start, end)
    if first == limit:
        return x
    if step != 1:
        return _replace_strided(b, x, part, dim, first, step)
    expanded = [limit - first if i == dim else size for i, size in enumerate(shape_of(x))]
    return _replace(b, x, b.expand(part, expanded), dim, first, limit)


@converts("aten.select_scatter")
def select_scatter(b: Builder, x: Value, part: Value, dim: int, index: int) -> Value:
    dim %= rank_of(x)
    index %= shape_of(x)[dim]
    shape = [1 if i == dim else size for i, size in enumerate(shape_of(x))]
    return _replace(b, x, b.reshape(part, shape), dim, index, index + 1)


@converts("aten.copy")
def copy(b: Builder, x: Value, source: Value, non_blocking: bool) -> Value:
    return b.expand(b.cast(source, b.out_dtype), b.out_shape)


@converts("aten.roll")
def roll(b: Builder, x: Value, shifts: list[int], dims: list[int]) -> Value:
    if not dims:
        return b.reshape(roll(b, b.reshape(x, (math.prod(shape_of(x)),)), shifts, [0]), shape_of(x))
    for shift, dim in zip(shifts, dims, strict=True):
        axis = dim % rank_of(x)
        size = shape_of(x)[axis]
        if size and (cut := -shift % size):
            x = b.concat([b.slice(x, axis, cut, size), b.slice(x, axis, 0, cut)], axis)
    return x


@converts("aten.constant_pad_nd")
def constant_pad(b: Builder, x: Value, pad: list[int], value: Number) -> Value:
    # `pad` has a pair per dimension, beginning with the last one; negative entries crop.
    rank = rank_of(x)
    low, high = [0] * rank, [0] * rank
    for i in range(len(pad) // 2):
        low[rank - 1 - i], high[rank - 1 - i] = pad[2 * i], pad[2 * i + 1]
    for dim in range(rank):
        x = b.slice(x, dim, max(0, -low[dim]), shape_of(x)[dim] - max(0, -high[dim]))
    low, high = [max(0, n) for n in low], [max(0, n) for n in high]
    if not any(low) and not any(high):
        return x
    shape = [n + p + q for n, p, q in zip(shape_of(x), low, high, strict=True)]
    result = b.type(shape, dtype_of(x))
    value = float(value) if is_float(dtype_of(x)) else bool(value) if dtype_of(x) == "i1" else int(value)
    if isinstance(value, int) and int(float(value)) != value:
        # The attribute is a double, which cannot represent this integer: pad with zeros, and add the integer.
        padded = b.emit(pock.PadOp, result, b.sub(x, value), low=low, high=high, interior=[0] * rank, value=0.0)
        return b.add(padded, value)
    return b.emit(pock.PadOp, result, x, low=low, high=high, interior=[0] * rank, value=float(value))
