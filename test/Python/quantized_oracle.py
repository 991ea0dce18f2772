"""The arithmetic of quantised layers in PyTorch: integers as float64, which holds them exactly, with gradients.

Gradients are with respect to integers. Rounding has derivative one, and clamping one within its limits, both included.
They are float64 numbers, but products with scales are rounded to float32. With 16-bit gradients (`Narrow`), so are all
other results, and the gradients are those of the device, to the bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

__all__ = [
    "HalfLinear",
    "Narrow",
    "add",
    "block_bits",
    "block_half",
    "block_quantize",
    "conv",
    "fixed_scale",
    "linear",
    "mean",
    "mul",
    "quantize",
    "requantize",
    "round_update",
    "scaled",
]


def fixed_scale(scale: float) -> tuple[int, int]:
    """Return multiplier and shift of a scale: ``multiplier / 2**(32 - shift)``."""
    for shift in range(32):
        multiplier = math.floor(math.ldexp(scale, 32 - shift) + 0.5)
        if multiplier < 2**31:
            return multiplier, shift
    raise ValueError(scale)


def _single(x: Tensor) -> Tensor:
    return x.float().double()


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
        return torch.where(mask, _single(grads[0] * _single(scale)), 0.0), None, None, None, None, None


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
        return torch.where(mask, _single(grads[0] * ctx.inverse), 0.0), None, None, None, None


def quantize(x: Tensor, scale: float, zero: int, low: int = -128, high: int = 127) -> Tensor:
    """Return the integers of real numbers, rounded in float32 as the device does."""
    result: Tensor = _Quantize.apply(x, scale, zero, low, high)
    return result


class _Scaled(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:
        ctx.scale = float(np.float32(scale))
        return x * scale

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return _single(grads[0] * ctx.scale), None


def scaled(x: Tensor, scale: float) -> Tensor:
    """Return the product with a number; that of the gradient is rounded to float32."""
    result: Tensor = _Scaled.apply(x, scale)
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
    total = scaled(x - zeros[0], left) + scaled(y - zeros[1], right)
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


def block_bits(terms: int, factor: int) -> int:
    """Return the most bits, up to 16, with which a sum of products with such factors fits 32 bits."""
    return next(bits for bits in range(16, 0, -1) if terms * factor * (2 ** (bits - 1) - 1) < 2**31)


def block_quantize(g: np.ndarray[Any, Any], bits: int) -> tuple[np.ndarray[Any, Any], np.float32]:
    """Return float32 numbers as integers, and the power of two that one of these stands for.

    The power is the least with which the largest magnitude is less than ``2**(bits - 1)`` after rounding, and NaN if an
    entry is infinite or NaN.
    """
    numbers, power = _block(g, bits, np.rint)
    return numbers, np.float32(power)


def _block(g: np.ndarray[Any, Any], bits: int, rounded: Any) -> tuple[np.ndarray[Any, Any], float]:
    """Return numbers that `rounded` has rounded, and the power of two that one stands for."""
    assert g.dtype == np.float32
    if not np.all(np.isfinite(g)):
        return rounded(np.zeros(g.shape)), math.nan
    largest = max(float(np.max(np.abs(g), initial=0.0)), 2.0**-126)
    exponent = next(e for e in range(150, -150, -1) if rounded(math.ldexp(largest, e)) < 2.0 ** (bits - 1))
    return rounded(np.ldexp(g.astype(np.float64), exponent)), math.ldexp(1.0, -exponent)


def block_half(g: np.ndarray[Any, Any], bits: int) -> tuple[np.ndarray[Any, Any], float]:
    """Return float32 numbers as float16, and the power of two that 1.0 stands for.

    The power is the least with which the largest magnitude is less than ``2**(bits - 1)`` after rounding, and NaN if an
    entry is infinite or NaN.
    """
    return _block(g, bits, _half)


def _half(x: Any) -> np.ndarray[Any, Any]:
    with np.errstate(over="ignore"):
        return np.asarray(x, np.float64).astype(np.float16)


def _sum_halves(lhs: np.ndarray[Any, Any], rhs: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The product of matrices by fused multiply-adds in float16, in the order of the terms."""
    total = np.zeros((lhs.shape[0], rhs.shape[1]), np.float16)
    for k in range(lhs.shape[1]):
        total = _half(total.astype(np.float64) + np.outer(lhs[:, k].astype(np.float64), rhs[k].astype(np.float64)))
    return total


@dataclass(frozen=True)
class Narrow:
    """The products of a layer with 16-bit gradients."""

    #: Spatial options of a convolution; None for a linear layer.
    options: dict[str, Any] | None

    def forward(self, x: Tensor, weight: Tensor) -> Tensor:
        return F.linear(x, weight) if self.options is None else F.conv2d(x, weight, **self.options)

    def terms_of_input(self, weight: Tensor) -> int:
        """The largest number of terms of an entry of the input's gradient."""
        if self.options is None:
            return weight.shape[0]
        filters = weight.shape[0] // self.options["groups"]
        stride, dilation = self.options["stride"], self.options["dilation"]
        return filters * math.prod(
            math.ceil(taps / (stride // math.gcd(stride, dilation))) for taps in weight.shape[2:]
        )

    def gradients(self, g: Tensor, x: Tensor, weight: Tensor, zero: int) -> tuple[Tensor, Tensor]:
        """Return those of the input and of the weight; ``x`` is without its zero point."""
        outputs = g.numel() // g.shape[1]
        gx = self._product(g, self.terms_of_input(weight), 128, lambda q: self._vjp(q, x, weight)[0])
        gw = self._product(g, outputs, max(127 - zero, zero + 128), lambda q: self._vjp(q, x, weight)[1])
        return gx, gw

    def _vjp(self, q: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
        """The exact sums of integers."""
        with torch.enable_grad():
            x, weight = x.detach().requires_grad_(), weight.detach().requires_grad_()
            gx, gw = torch.autograd.grad(self.forward(x, weight), (x, weight), q)
        return gx, gw

    def _product(self, g: Tensor, terms: int, factor: int, sums: Any) -> Tensor:
        q, power = block_quantize(g.numpy().astype(np.float32), block_bits(terms, factor))
        found = sums(torch.tensor(q)).numpy()
        assert np.all(np.abs(found) < 2**31)
        return torch.tensor((found.astype(np.float32) * power).astype(np.float64))


class HalfLinear(Narrow):
    """The products of a linear layer with float16 gradients, for one sample."""

    def __init__(self) -> None:
        super().__init__(None)

    def gradients(self, g: Tensor, x: Tensor, weight: Tensor, zero: int) -> tuple[Tensor, Tensor]:
        assert len(g) == 1
        gx = self._half_product(g, g.shape[1], 128, lambda q: _sum_halves(q, weight.numpy()))
        gw = self._half_product(g, 1, max(127 - zero, zero + 128), lambda q: _sum_halves(q.T, x.numpy()))
        return gx, gw

    def _half_product(self, g: Tensor, terms: int, factor: int, sums: Any) -> Tensor:
        bits = next(bits for bits in range(2, -3, -1) if terms * factor * 2.0 ** (bits - 1) <= 2**15)
        q, power = block_half(g.numpy().astype(np.float32), bits)
        with np.errstate(over="ignore"):
            return torch.tensor((sums(q).astype(np.float64) * power).astype(np.float32).astype(np.float64))


class _NarrowProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, zero: int, narrow: Narrow) -> Tensor:
        ctx.save_for_backward(x - zero, weight)
        ctx.zero, ctx.narrow = zero, narrow
        return narrow.forward(x - zero, weight)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return *ctx.narrow.gradients(grads[0], *ctx.saved_tensors, ctx.zero), None, None


class _Bias(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor) -> Tensor:
        return x + bias.reshape([1, -1] + [1] * (x.dim() - 2))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        # The sum of floats, one by one in the order of memory: samples, rows, columns.
        rows = grads[0].movedim(1, -1).reshape(-1, grads[0].shape[1]).numpy().astype(np.float32)
        return grads[0], torch.tensor(np.add.accumulate(rows, axis=0)[-1].astype(np.float64))


def conv(x: Tensor, weight: Tensor, bias: Tensor | None, zero: int, narrow: bool = False, **options: Any) -> Tensor:
    """Return the exact sums of a convolution; padding is the zero point."""
    if narrow:
        return _narrow(x, weight, bias, zero, Narrow(options))
    result = F.conv2d(x - zero, weight, **options)
    return result if bias is None else result + bias.reshape(1, -1, 1, 1)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None, zero: int, narrow: bool | Narrow = False) -> Tensor:
    """Return the exact sums of a linear layer."""
    if not narrow:
        return F.linear(x - zero, weight, bias)
    return _narrow(x, weight, bias, zero, narrow if isinstance(narrow, Narrow) else Narrow(None))


def _narrow(x: Tensor, weight: Tensor, bias: Tensor | None, zero: int, narrow: Narrow) -> Tensor:
    result: Tensor = _NarrowProduct.apply(x, weight, zero, narrow)
    return result if bias is None else _Bias.apply(result, bias)  # type: ignore[no-any-return]


def round_update(
    value: np.ndarray[Any, Any], change: np.ndarray[Any, Any], low: int, high: int, uniform: np.ndarray[Any, Any] | None
) -> np.ndarray[Any, Any]:
    """Return ``clamp(value + R(change))``: R is the nearest integer, or with uniform numbers rounding at random."""
    rounded = np.rint(change) if uniform is None else np.floor(change + uniform)
    return (value + np.nan_to_num(rounded)).clip(low, high).astype(np.int64)
