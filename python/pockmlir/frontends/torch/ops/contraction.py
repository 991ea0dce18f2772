"""Convolutions and matrix products."""

from __future__ import annotations

import math

import numpy as np

from ...._ops import _pock_ops_gen as pock
from ...common.layers import linear as linear_rows
from ..builder import Builder, Number, Value, dtype_of, is_float, rank_of, shape_of
from ..registry import Unsupported, converts

Sizes = list[int]


def per_dimension(values: Sizes, rank: int) -> Sizes:
    """Return one entry per spatial dimension; PyTorch allows a single entry for all of them."""
    return list(values) * rank if len(values) == 1 else list(values)


def _add_channel_bias(b: Builder, x: Value, bias: Value | None) -> Value:
    if bias is None:
        return x
    return b.add(x, b.reshape(bias, [shape_of(bias)[0]] + [1] * (rank_of(x) - 2)))


def _batched(b: Builder, x: Value, rank: int) -> Value:
    """Add the batch dimension if it is absent, which PyTorch allows."""
    return b.reshape(x, (1, *shape_of(x))) if rank_of(x) == rank + 1 else x


def _convolve(
    b: Builder, x: Value, weight: Value, bias: Value | None, stride: Sizes, low: Sizes, high: Sizes,
    dilation: Sizes, groups: int,
) -> Value:  # fmt: skip
    rank = rank_of(weight) - 2
    if rank not in (1, 2):
        raise Unsupported(f"{rank}-D convolution; not planned: 1-D and 2-D are supported")
    x = _batched(b, x, rank)
    stride, dilation = per_dimension(stride, rank), per_dimension(dilation, rank)
    low, high = per_dimension(low, rank), per_dimension(high, rank)
    size = [
        (n + p + q - d * (k - 1) - 1) // s + 1
        for n, p, q, d, k, s in zip(shape_of(x)[2:], low, high, dilation, shape_of(weight)[2:], stride, strict=True)
    ]
    result = b.type([shape_of(x)[0], shape_of(weight)[0], *size], dtype_of(x))
    y = b.emit(
        pock.ConvOp, result, x, weight, strides=stride, pad_low=low, pad_high=high, dilations=dilation, groups=groups
    )
    return b.reshape(_add_channel_bias(b, y, bias), b.out_shape)


@converts("aten.conv1d", "aten.conv2d", "aten.conv3d")
def conv(
    b: Builder, x: Value, weight: Value, bias: Value | None, stride: Sizes, padding: Sizes, dilation: Sizes, groups: int
) -> Value:
    return _convolve(b, x, weight, bias, stride, padding, padding, dilation, groups)


@converts("aten.conv1d.padding", "aten.conv2d.padding", "aten.conv3d.padding")
def conv_padding(
    b: Builder, x: Value, weight: Value, bias: Value | None, stride: Sizes, padding: str, dilation: Sizes, groups: int
) -> Value:
    rank = rank_of(weight) - 2
    total = [0] * rank
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(per_dimension(dilation, rank), shape_of(weight)[2:], strict=True)]
    # If the total is odd, the high side gets the larger half.
    low = [n // 2 for n in total]
    high = [n - p for n, p in zip(total, low, strict=True)]
    return _convolve(b, x, weight, bias, stride, low, high, dilation, groups)


def _convolve_transposed(
    b: Builder, x: Value, weight: Value, bias: Value | None, stride: Sizes, padding: Sizes, output_padding: Sizes,
    groups: int, dilation: Sizes,
) -> Value:  # fmt: skip
    rank = rank_of(weight) - 2
    if rank not in (1, 2):
        raise Unsupported(f"{rank}-D transposed convolution; not planned: 1-D and 2-D are supported")
    x = _batched(b, x, rank)
    stride, dilation = per_dimension(stride, rank), per_dimension(dilation, rank)
    padding, output_padding = per_dimension(padding, rank), per_dimension(output_padding, rank)
    if any(extra >= s for extra, s in zip(output_padding, stride, strict=True)):
        raise Unsupported(f"output_padding {output_padding} not smaller than stride {stride}")
    size = [
        (n - 1) * s - 2 * p + d * (k - 1) + extra + 1
        for n, s, p, d, k, extra in zip(
            shape_of(x)[2:], stride, padding, dilation, shape_of(weight)[2:], output_padding, strict=True
        )
    ]
    result = b.type([shape_of(x)[0], shape_of(weight)[1] * groups, *size], dtype_of(x))
    y = b.emit(
        pock.ConvTransposeOp, result, x, weight,
        strides=stride, pad_low=padding, pad_high=padding, dilations=dilation, groups=groups,
    )  # fmt: skip
    return b.reshape(_add_channel_bias(b, y, bias), b.out_shape)


@converts("aten.conv_transpose1d", "aten.conv_transpose2d.input", "aten.conv_transpose3d.input")
def conv_transpose(
    b: Builder, x: Value, weight: Value, bias: Value | None, stride: Sizes, padding: Sizes, output_padding: Sizes,
    groups: int, dilation: Sizes,
) -> Value:  # fmt: skip
    return _convolve_transposed(b, x, weight, bias, stride, padding, output_padding, groups, dilation)


@converts("aten.convolution")
def convolution(
    b: Builder, x: Value, weight: Value, bias: Value | None, stride: Sizes, padding: Sizes, dilation: Sizes,
    transposed: bool, output_padding: Sizes, groups: int,
) -> Value:  # fmt: skip
    if transposed:
        return _convolve_transposed(b, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return _convolve(b, x, weight, bias, stride, padding, padding, dilation, groups)


@converts("aten.linear")
def linear(b: Builder, x: Value, weight: Value, bias: Value | None) -> Value:
    rows = x if rank_of(x) > 1 else b.reshape(x, (1, *shape_of(x)))
    matrix = weight if rank_of(weight) > 1 else b.reshape(weight, (1, *shape_of(weight)))
    y = b.reshape(linear_rows(b, rows, matrix), b.out_shape)
    return y if bias is None else b.add(y, bias)


def product(b: Builder, x: Value, y: Value) -> Value:
    """Return the matrix product of two tensors of rank 2 or more; batch dimensions are broadcast."""
    if rank_of(y) == 2 and rank_of(x) > 2:
        rows = b.reshape(x, (math.prod(shape_of(x)[:-1]), shape_of(x)[-1]))
        return b.reshape(product(b, rows, y), (*shape_of(x)[:-1], shape_of(y)[-1]))
    batch = np.broadcast_shapes(shape_of(x)[:-2], shape_of(y)[:-2])
    x = b.expand(x, (*batch, *shape_of(x)[-2:]))
    y = b.expand(y, (*batch, *shape_of(y)[-2:]))
    return b.emit(pock.MatmulOp, b.type([*batch, shape_of(x)[-2], shape_of(y)[-1]], dtype_of(x)), x, y)


@converts("aten.matmul", "aten.mm", "aten.bmm", "aten.mv", "aten.dot", "aten.vdot")
def matmul(b: Builder, x: Value, y: Value) -> Value:
    if not is_float(dtype_of(x)):
        raise Unsupported(f"on {dtype_of(x)}; cast to a floating-point type first")
    if rank_of(x) == 1:
        x = b.reshape(x, (1, *shape_of(x)))
    if rank_of(y) == 1:
        y = b.reshape(y, (*shape_of(y), 1))
    return b.reshape(product(b, x, y), b.out_shape)


@converts("aten.addmm", "aten.baddbmm", "aten.addmv")
def addmm(b: Builder, bias: Value, x: Value, y: Value, beta: Number, alpha: Number) -> Value:
    result = b.scale(matmul(b, x, y), alpha)
    return result if beta == 0 else b.add(b.scale(bias, beta), result)


@converts("aten.addbmm")
def addbmm(b: Builder, bias: Value, x: Value, y: Value, beta: Number, alpha: Number) -> Value:
    result = b.scale(b.sum(product(b, x, y), [0]), alpha)
    return result if beta == 0 else b.add(b.scale(bias, beta), result)


@converts("aten.bilinear")
def bilinear(b: Builder, x: Value, y: Value, weight: Value, bias: Value | None) -> Value:
    outputs, left, right = shape_of(weight)
    *batch, _ = shape_of(x)
    matrix = b.reshape(b.transpose(weight, [1, 0, 2]), (left, outputs * right))
    rows = b.reshape(product(b, b.reshape(x, (math.prod(batch), left)), matrix), (*batch, outputs, right))
    result = b.sum(b.mul(rows, b.reshape(y, (*batch, 1, right))), [len(batch) + 1])
    return result if bias is None else b.add(result, bias)


@converts("aten.conv_tbc")
def conv_time_first(b: Builder, x: Value, weight: Value, bias: Value, padding: int) -> Value:
    kernel = b.transpose(weight, [2, 1, 0])
    x = b.transpose(x, [1, 2, 0])
    length = shape_of(x)[2] + 2 * padding - shape_of(kernel)[2] + 1
    y = b.emit(
        pock.ConvOp, b.type([shape_of(x)[0], shape_of(kernel)[0], length], dtype_of(x)), x, kernel,
        strides=[1], pad_low=[padding], pad_high=[padding], dilations=[1], groups=1,
    )  # fmt: skip
    return b.transpose(_add_channel_bias(b, y, bias), [2, 0, 1])
