"""Windows and borders: unfold, im2col and col2im, reflected, replicated and circular padding, reversal."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional

from ..builder import Builder, Value, dtype_of, rank_of, shape_of
from ..registry import HINTS, converts
from .contraction import Sizes
from .indexing import take_constant
from .movement import constant_pad

for _name in ("max_unpool3d", "fractional_max_pool2d", "fractional_max_pool3d"):
    HINTS[f"aten.{_name}"] = "not planned: 3-D pooling, or windows chosen at random"


@converts("aten.flip")
def flip(b: Builder, x: Value, dims: Sizes) -> Value:
    for dim in dims if rank_of(x) else ():
        if shape_of(x)[dim] > 1:
            x = take_constant(b, x, dim % rank_of(x), np.arange(shape_of(x)[dim])[::-1])
    return x


@converts("aten.unfold", "aten.unfold_copy")
def unfold(b: Builder, x: Value, dim: int, size: int, step: int) -> Value:
    if rank_of(x) == 0:
        return b.reshape(x, b.out_shape)
    dim %= rank_of(x)
    starts = np.arange(0, shape_of(x)[dim] - size + 1, step)
    windows = b.take(x, b.constant(starts[:, None] + np.arange(size), "i64"), dim)
    rank = rank_of(windows)
    return b.transpose(windows, [i for i in range(rank) if i != dim + 1] + [dim + 1])


# Padding ------------------------------------------------------------------------------


def _border(b: Builder, x: Value, pad: Sizes, mode: str) -> Value:
    """Pad by copies of entries; PyTorch itself pads a tensor of positions to select them."""
    for i in range(len(pad) // 2):
        dim = rank_of(x) - 1 - i
        size = shape_of(x)[dim]
        numbers = torch.arange(size, dtype=torch.float64)[None, None]
        source = functional.pad(numbers, pad[2 * i : 2 * i + 2], mode=mode)[0, 0].long().numpy()
        if source.tolist() != list(range(size)):
            x = take_constant(b, x, dim, source)
    return x


@converts("aten.pad")
def pad(b: Builder, x: Value, sizes: Sizes, mode: str, value: float | None) -> Value:
    if mode == "constant":
        return constant_pad(b, x, sizes, 0.0 if value is None else value)
    return _border(b, x, sizes, mode)


@converts("aten.reflection_pad1d", "aten.reflection_pad2d", "aten.reflection_pad3d")
def reflection_pad(b: Builder, x: Value, sizes: Sizes) -> Value:
    return _border(b, x, sizes, "reflect")


@converts("aten.replication_pad1d", "aten.replication_pad2d", "aten.replication_pad3d")
def replication_pad(b: Builder, x: Value, sizes: Sizes) -> Value:
    return _border(b, x, sizes, "replicate")


# Columns ------------------------------------------------------------------------------


def _columns(size: Sizes, kernel: Sizes, dilation: Sizes, stride: Sizes) -> np.ndarray[Any, Any]:
    """Return the index of the pixel that is read in an image, by kernel entry and window."""
    rows, columns = (
        np.arange(0, n - d * (k - 1), s)[None] + d * np.arange(k)[:, None]
        for n, k, d, s in zip(size, kernel, dilation, stride, strict=True)
    )
    position = rows[:, None, :, None] * size[1] + columns[None, :, None, :]
    return position.reshape(math.prod(kernel), -1)


def _batched(b: Builder, x: Value, rank: int) -> Value:
    return x if rank_of(x) == rank else b.reshape(x, (1, *shape_of(x)))


@converts("aten.im2col")
def im2col(b: Builder, x: Value, kernel: Sizes, dilation: Sizes, padding: Sizes, stride: Sizes) -> Value:
    x = constant_pad(b, _batched(b, x, 4), [padding[1], padding[1], padding[0], padding[0]], 0.0)
    batch, channels, *size = shape_of(x)
    position = _columns(size, kernel, dilation, stride)
    columns = b.take(b.reshape(x, (batch, channels, math.prod(size))), b.constant(position, "i64"), 2)
    return b.reshape(columns, b.out_shape)


@converts("aten.col2im")
def col2im(b: Builder, x: Value, size: Sizes, kernel: Sizes, dilation: Sizes, padding: Sizes, stride: Sizes) -> Value:
    padded = [n + 2 * p for n, p in zip(size, padding, strict=True)]
    position = _columns(padded, kernel, dilation, stride)
    x = _batched(b, x, 3)
    batch, channels = shape_of(x)[0], shape_of(x)[1] // math.prod(kernel)
    updates = b.reshape(x, (batch, channels, *position.shape))
    image = b.splat((batch, channels, math.prod(padded)), 0, dtype_of(x))
    image = b.scatter_add(image, b.constant(position, "i64"), updates, 2)
    image = b.reshape(image, (batch, channels, *padded))
    for dim, (n, p) in enumerate(zip(size, padding, strict=True)):
        image = b.slice(image, dim + 2, p, p + n)
    return b.reshape(image, b.out_shape)
