"""The arithmetic of quantised layers in PyTorch: integers as float64, which holds them exactly, with gradients.

Gradients are with respect to integers. Rounding has derivative one, and clamping one within its limits, both included.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = ["add", "fixed_scale", "mean", "mul", "quantize", "requantize", "round_update"]


def fixed_scale(scale: float) -> tuple[int, int]:
    """Return multiplier and shift of a scale: ``multiplier / 2**(32 - shift)``."""
    for shift in range(32):
        multiplier = math.floor(math.ldexp(scale, 32 - shift) + 0.5)
        if multiplier < 2**31:
            return multiplier, shift
    raise ValueError(scale)


class _Requantize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, acc: Tensor, multiplier: Tensor, shift: Tensor, zero: int, low: int, high: int) -> Tensor:
        bits = 32 - shift
        exact = ((acc.to(torch.int64) * multiplier + (1 << (bits - 1))) >> bits) + zero
        ctx.save_for_backward((exact >= low) & (exact <= high), multiplier.double() / 2.0 ** bits.double())
        return exact.clamp(low, high).double()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        mask, scale = ctx.saved_tensors
        return torch.where(mask, grads[0] * scale, 0.0), None, None, None, None, None


def requantize(acc: Tensor, scale: float | np.ndarray[Any, Any], zero: int, low: int = -128, high: int = 127) -> Tensor:
    """Return ``clamp(rhu(acc * scale) + zero)``; a vector of scales belongs to dimension 1."""
    scales = np.atleast_1d(np.asarray(scale, np.float64))
    fixed = torch.tensor([fixed_scale(max(s, 2.0**-32)) for s in scales], dtype=torch.int64)
    shape = [-1] + [1] * (acc.dim() - 2) if len(scales) > 1 else [1] * min(1, acc.dim())
    multiplier, shift = fixed[:, 0].reshape(shape), fixed[:, 1].reshape(shape)
    result: Tensor = _Requantize.apply(acc, multiplier, shift, zero, low, high)
    return result


class _Quantize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float, zero: int, low: int, high: int) -> Tensor:
        inverse = float(np.float32(1.0 / scale))
        rounded = torch.round(x.float() * np.float32(inverse)).double() + zero
        ctx.save_for_backward((rounded >= low) & (rounded <= high))
        ctx.inverse = inverse
        return rounded.clamp(low, high)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (mask,) = ctx.saved_tensors
        return torch.where(mask, grads[0] * ctx.inverse, 0.0), None, None, None, None


def quantize(x: Tensor, scale: float, zero: int, low: int = -128, high: int = 127) -> Tensor:
    """Return the integers of real numbers, rounded in float32 as the device does."""
    result: Tensor = _Quantize.apply(x, scale, zero, low, high)
    return result


def add(
    x: Tensor,
    y: Tensor,
    scales: tuple[float, float, float],
    zeros: tuple[int, int, int],
    low: int = -128,
    high: int = 127,
) -> Tensor:
    """Return the sum of integers with different scales: of x, of y, of the result."""
    left, right = (math.floor(math.ldexp(s / scales[2], 20) + 0.5) for s in scales[:2])
    total = (x - zeros[0]) * left + (y - zeros[1]) * right
    return requantize(total, 2.0**-20, zeros[2], low, high)


def mul(
    x: Tensor,
    y: Tensor,
    scales: tuple[float, float, float],
    zeros: tuple[int, int, int],
    low: int = -128,
    high: int = 127,
) -> Tensor:
    """Return the product of integers with different scales."""
    return requantize((x - zeros[0]) * (y - zeros[1]), scales[0] * scales[1] / scales[2], zeros[2], low, high)


def mean(x: Tensor, dims: tuple[int, ...], ratio: float, zero: int, out_zero: int) -> Tensor:
    """Return the mean over dimensions; ``ratio`` is the scale of x over that of the result."""
    terms = math.prod(x.shape[dim] for dim in dims)
    return requantize((x - zero).sum(dims), ratio / terms, out_zero)


def conv(x: Tensor, weight: Tensor, bias: Tensor | None, zero: int, **options: Any) -> Tensor:
    """Return the exact sums of a convolution; padding is the zero point."""
    result = F.conv2d(x - zero, weight, **options)
    return result if bias is None else result + bias.reshape(1, -1, 1, 1)


def round_update(
    value: np.ndarray[Any, Any], change: np.ndarray[Any, Any], low: int, high: int, uniform: np.ndarray[Any, Any] | None
) -> np.ndarray[Any, Any]:
    """Return ``clamp(value + R(change))``: R is the nearest integer, or with uniform numbers rounding at random."""
    rounded = np.rint(change) if uniform is None else np.floor(change + uniform)
    return (value + np.nan_to_num(rounded)).clip(low, high).astype(np.int64)
