"""Max, average and adaptive pooling."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Lazy, Missing, Value, dtype_of, rank_of, shape_of
from ..registry import HINTS, Unsupported, converts
from .contraction import Sizes, per_dimension
from .reduction import max_dim as first_maximum

for _name in (
    "max_pool3d",
    "max_pool3d_with_indices",
    "adaptive_avg_pool3d",
    "_adaptive_avg_pool3d",
    "adaptive_max_pool3d",
):
    HINTS[f"aten.{_name}"] = "3-D pooling; not planned: 1-D and 2-D are supported"


def _batched(b: Builder, x: Value, rank: int) -> Value:
    """Return a tensor ``[N, C, spatial…]``; add the batch dimension if it is absent."""
    shape = shape_of(x)
    return x if len(shape) == rank + 2 else b.reshape(x, (1, *shape))


def _high_padding(x: Value, out: tuple[int, ...], kernel: Sizes, stride: Sizes, low: Sizes, dilation: Sizes) -> Sizes:
    """Return the high padding, which is larger than the low one if `ceil_mode` adds a window.

    PyTorch has already computed the output size, by the rule that the last window must
    start inside the input or the low padding.
    """
    return [
        max(p, (m - 1) * s + d * (k - 1) + 1 - n - p)
        for n, m, k, s, p, d in zip(
            shape_of(x)[2:], out[-len(kernel) :], kernel, stride, low, dilation, strict=True
        )
    ]  # fmt: skip


@dataclass(frozen=True)
class _Windows:
    """The windows of a pooling; each field has one number per spatial dimension."""

    kernel: Sizes
    stride: Sizes
    low: Sizes
    high: Sizes
    dilation: Sizes

    @classmethod
    def of(
        cls, b: Builder, x: Value, rank: int, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes
    ) -> _Windows:
        """Return the windows of an operator on ``[N, C, spatial…]``."""
        kernel = per_dimension(kernel, rank)
        stride = per_dimension(stride, rank) if stride else kernel
        low, dilation = per_dimension(padding, rank), per_dimension(dilation, rank)
        return cls(kernel, stride, low, _high_padding(x, b.out_shape, kernel, stride, low, dilation), dilation)

    def attributes(self) -> dict[str, Sizes]:
        """Return the attributes of `pock.max_pool` and its relatives."""
        return {
            "kernel": self.kernel,
            "strides": self.stride,
            "pad_low": self.low,
            "pad_high": self.high,
            "dilations": self.dilation,
        }

    def places(self, size: tuple[int, ...], out: tuple[int, ...]) -> np.ndarray[Any, Any]:
        """Return the position in the flattened input of each entry of each window, -1 for padding.

        The result has one dimension for all windows and one for the entries of a window, in order.
        """
        lines = [
            np.arange(m)[:, None] * s - p + np.arange(k) * d
            for m, s, p, k, d in zip(out, self.stride, self.low, self.kernel, self.dilation, strict=True)
        ]
        rank = len(size)
        total, inside = np.zeros((1,) * (2 * rank), np.int64), np.ones((1,) * (2 * rank), np.bool_)
        for dim, (line, n) in enumerate(zip(lines, size, strict=True)):
            shape = [1] * (2 * rank)
            shape[dim], shape[rank + dim] = line.shape
            line = line.reshape(shape)
            total, inside = total * n + line, inside & (line >= 0) & (line < n)
        return np.where(inside, total, -1).reshape(math.prod(out), -1)


def _max_pool(b: Builder, x: Value, rank: int, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes) -> Value:
    x = _batched(b, x, rank)
    windows = _Windows.of(b, x, rank, kernel, stride, padding, dilation)
    result = b.type([*shape_of(x)[:2], *b.out_shape[-rank:]], dtype_of(x))
    return b.reshape(b.emit(pock.MaxPoolOp, result, x, **windows.attributes()), b.out_shape)


def _max_pool_with_indices(
    b: Builder, x: Value, rank: int, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes
) -> list[Value | Lazy]:
    """Return the maxima and their positions in the flattened spatial dimensions."""
    y = _max_pool(b, x, rank, kernel, stride, padding, dilation)
    x, out = _batched(b, x, rank), b.out_shape
    windows = _Windows.of(b, x, rank, kernel, stride, padding, dilation)
    return [y, Lazy(lambda: _indices(b, x, windows, out))]


def _indices(b: Builder, x: Value, windows: _Windows, out: tuple[int, ...]) -> Value:
    rank = len(windows.kernel)
    places = windows.places(shape_of(x)[-rank:], out[-rank:])
    planes, (count, taps) = math.prod(shape_of(x)[:2]), places.shape
    result = b.type([*shape_of(x)[:2], *out[-rank:]], "i8" if taps <= 128 else "i32")
    entry = b.emit(pock.MaxPoolIndexOp, result, x, **windows.attributes())
    # If all entries of a window are -inf, argmax may select padding; PyTorch returns the first entry instead.
    first = places[np.arange(count), (places >= 0).argmax(axis=1)]
    table = b.constant(np.where(places < 0, first[:, None], places).reshape(-1), "i64")
    position = b.add(b.cast(b.reshape(entry, (planes, count)), "i64"), b.scale(b.iota((count,), 0), taps))
    return b.reshape(b.take(table, position, 0), out)


_INDICES = Missing("indices of adaptive max pooling over bins of different sizes")


@converts("aten.max_pool1d")
def max_pool1d(
    b: Builder, x: Value, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool
) -> Value:
    return _max_pool(b, x, 1, kernel, stride, padding, dilation)


@converts("aten.max_pool2d")
def max_pool2d(
    b: Builder, x: Value, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool
) -> Value:
    return _max_pool(b, x, 2, kernel, stride, padding, dilation)


@converts("aten.max_pool1d_with_indices")
def max_pool1d_with_indices(
    b: Builder, x: Value, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool
) -> list[Value | Lazy]:
    return _max_pool_with_indices(b, x, 1, kernel, stride, padding, dilation)


@converts("aten.max_pool2d_with_indices")
def max_pool2d_with_indices(
    b: Builder, x: Value, kernel: Sizes, stride: Sizes, padding: Sizes, dilation: Sizes, ceil_mode: bool
) -> list[Value | Lazy]:
    return _max_pool_with_indices(b, x, 2, kernel, stride, padding, dilation)


def _avg_pool(
    b: Builder, x: Value, rank: int, kernel: Sizes, stride: Sizes, padding: Sizes, count_include_pad: bool,
    divisor: int | None,
) -> Value:  # fmt: skip
    kernel = per_dimension(kernel, rank)
    stride = per_dimension(stride, rank) if stride else kernel
    low = per_dimension(padding, rank)
    x = _batched(b, x, rank)
    high = _high_padding(x, b.out_shape, kernel, stride, low, [1] * rank)
    result = b.type([*shape_of(x)[:2], *b.out_shape[-rank:]], dtype_of(x))
    y = b.emit(
        pock.AvgPoolOp, result, x, kernel=kernel, strides=stride, pad_low=low, pad_high=high,
        count_include_pad=count_include_pad, divisor=divisor,
    )  # fmt: skip
    return b.reshape(y, b.out_shape)


@converts("aten.avg_pool1d")
def avg_pool1d(
    b: Builder, x: Value, kernel: Sizes, stride: Sizes, padding: Sizes, ceil_mode: bool, count_include_pad: bool
) -> Value:
    return _avg_pool(b, x, 1, kernel, stride, padding, count_include_pad, None)


@converts("aten.avg_pool2d")
def avg_pool2d(
    b: Builder, x: Value, kernel: Sizes, stride: Sizes, padding: Sizes, ceil_mode: bool, count_include_pad: bool,
    divisor_override: int | None,
) -> Value:  # fmt: skip
    return _avg_pool(b, x, 2, kernel, stride, padding, count_include_pad, divisor_override)


def _adaptive_avg_pool(b: Builder, x: Value, rank: int) -> Value:
    x = _batched(b, x, rank)
    result = b.type([*shape_of(x)[:2], *b.out_shape[-rank:]], dtype_of(x))
    return b.reshape(b.emit(pock.AdaptiveAvgPoolOp, result, x), b.out_shape)


@converts("aten.adaptive_avg_pool1d")
def adaptive_avg_pool1d(b: Builder, x: Value, size: Sizes) -> Value:
    return _adaptive_avg_pool(b, x, 1)


@converts("aten.adaptive_avg_pool2d", "aten._adaptive_avg_pool2d")
def adaptive_avg_pool2d(b: Builder, x: Value, size: Sizes) -> Value:
    return _adaptive_avg_pool(b, x, 2)


def _adaptive_max_pool(b: Builder, x: Value, rank: int) -> Sequence[Value | Lazy | Missing]:
    size, out = shape_of(x)[-rank:], b.out_shape[-rank:]
    if any(n % m for n, m in zip(size, out, strict=True)):
        return [_uneven_max_pool(b, x, rank), _INDICES]
    kernel = [n // m for n, m in zip(size, out, strict=True)]
    return _max_pool_with_indices(b, x, rank, kernel, kernel, [0], [1])


def _uneven_max_pool(b: Builder, x: Value, rank: int) -> Value:
    """Take the maximum over bins of different sizes; of equal entries, the first one in row order is the maximum."""
    first_dim = rank_of(x) - rank
    widths = []
    for i in range(rank):
        # The dimensions for the bin and the place in the bin replace the pooled dimension.
        dim = first_dim + 2 * i
        size, out = shape_of(x)[dim], b.out_shape[first_dim + i]
        first = np.arange(out) * size // out
        limit = -(-(np.arange(1, out + 1) * size) // out)
        widths.append(int((limit - first).max()))
        # Short bins repeat their last entry, which changes neither the maximum nor its index.
        bins = np.minimum(first[:, None] + np.arange(widths[-1]), limit[:, None] - 1)
        x = b.take(x, b.constant(bins, "i64"), dim)
    order = [*range(first_dim), *range(first_dim, rank_of(x), 2), *range(first_dim + 1, rank_of(x), 2)]
    bins_of_entries = b.reshape(b.transpose(x, order), (*b.out_shape, math.prod(widths)))
    return first_maximum(b, bins_of_entries, len(b.out_shape), False)[0]


@converts("aten.adaptive_max_pool1d")
def adaptive_max_pool1d(b: Builder, x: Value, size: Sizes) -> Sequence[Value | Lazy | Missing]:
    return _adaptive_max_pool(b, x, 1)


@converts("aten.adaptive_max_pool2d")
def adaptive_max_pool2d(b: Builder, x: Value, size: Sizes) -> Sequence[Value | Lazy | Missing]:
    return _adaptive_max_pool(b, x, 2)


@converts("aten.avg_pool3d")
def avg_pool3d(
    b: Builder, x: Value, kernel: Sizes, stride: Sizes, padding: Sizes, ceil_mode: bool, count_include_pad: bool,
    divisor_override: int | None,
) -> Value:  # fmt: skip
    """Average over depth, then over height and width; the divisor is the product of both."""
    kernel, padding = per_dimension(kernel, 3), per_dimension(padding, 3)
    stride = per_dimension(stride, 3) if stride else kernel
    if ceil_mode or divisor_override is not None or (any(padding) and not count_include_pad):
        raise Unsupported("with ceil_mode, divisor_override or padding that is not counted")
    *batch, depth, height, width = shape_of(x)
    planes, out = math.prod(batch), b.out_shape[-3:]
    x = b.reshape(x, (1, planes, depth, height * width))
    x = _pool_planes(b, x, (out[0], height * width), [kernel[0], 1], [stride[0], 1], [padding[0], 0])
    x = b.reshape(x, (1, planes * out[0], height, width))
    return b.reshape(_pool_planes(b, x, out[1:], kernel[1:], stride[1:], padding[1:]), b.out_shape)


def _pool_planes(b: Builder, x: Value, out: tuple[int, ...], kernel: Sizes, stride: Sizes, padding: Sizes) -> Value:
    return b.emit(
        pock.AvgPoolOp, b.type((*shape_of(x)[:2], *out), dtype_of(x)), x, kernel=kernel, strides=stride,
        pad_low=padding, pad_high=padding, count_include_pad=True, divisor=None,
    )  # fmt: skip
