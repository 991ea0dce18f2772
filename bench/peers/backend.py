"""`Backend`: the primitives of a framework that `Graph` needs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Backend", "Image", "Tensor"]

#: A tensor of the framework: it has a shape and Python's arithmetic. A NumPy array where a value is constant.
Tensor = Any
Pair = tuple[int, int]


@dataclass(frozen=True)
class Image:
    """A tensor [batch, channels, rows, columns] that is kept with its channels last."""

    value: Tensor


class Backend(ABC):
    """The primitives, and operations built from them; a framework overrides those it has itself.

    Attributes:
        channels_last: whether images for convolutions and pools are stored channels-last.
    """

    channels_last = False

    @abstractmethod
    def conv(self, x: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair, groups: int) -> Tensor:
        """Convolve images in the backend's layout with a filter as `filter` keeps it."""

    @abstractmethod
    def max_pool(self, x: Tensor, kernel: Pair, stride: Pair, padding: Pair) -> Tensor: ...

    @abstractmethod
    def pad(self, x: Tensor, pads: Sequence[Pair]) -> Tensor:
        """Surround with zeros: before and after, for every axis."""

    @abstractmethod
    def mean(self, x: Tensor, axes: Sequence[int], keep: bool) -> Tensor: ...

    @abstractmethod
    def transpose(self, x: Tensor, order: Sequence[int]) -> Tensor: ...

    @abstractmethod
    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor: ...

    @abstractmethod
    def concatenate(self, parts: Sequence[Tensor], axis: int) -> Tensor: ...

    @abstractmethod
    def matmul(self, x: Tensor, y: Tensor, transposed: bool = False) -> Tensor:
        """Multiply the last two axes; `transposed` means y's."""

    @abstractmethod
    def take(self, table: Tensor, indices: Tensor) -> Tensor:
        """Rows of a table."""

    @abstractmethod
    def clip(self, x: Tensor, low: float, high: float) -> Tensor: ...

    @abstractmethod
    def relu(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def silu(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def gelu(self, x: Tensor) -> Tensor:
        """The exact one, of the error function."""

    @abstractmethod
    def rsqrt(self, x: Tensor) -> Tensor: ...

    @abstractmethod
    def softmax(self, x: Tensor) -> Tensor:
        """Along the last axis."""

    @abstractmethod
    def cross_entropy(self, logits: Tensor, target: Tensor) -> Tensor:
        """Mean of logits [batch, classes] against target [batch]."""

    def constant(self, value: np.ndarray) -> Tensor:
        """A constant that goes into arithmetic with tensors."""
        return value

    def filter(self, weight: np.ndarray, groups: int) -> np.ndarray:
        """Return a filter [outputs, inputs / groups, rows, columns] as the backend wants it."""
        return weight.transpose(2, 3, 1, 0) if self.channels_last else weight

    def linear(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """x [..., inputs] times weight [outputs, inputs]."""
        shape = shape_of(x)
        y = self.matmul(self.reshape(x, (math.prod(shape[:-1]), shape[-1])), weight, transposed=True)
        y = y if bias is None else y + bias
        return self.reshape(y, (*shape[:-1], shape_of(weight)[0]))

    def batch_norm(
        self, x: Tensor, weight: Tensor, bias: Tensor, mean: np.ndarray, variance: np.ndarray, eps: float
    ) -> Tensor:
        """In inference mode: one multiplication, one addition."""
        scale = weight * (1 / np.sqrt(variance + eps)).astype(np.float32)
        return x * self.per_channel(scale) + self.per_channel(bias - scale * mean)

    def per_channel(self, value: Tensor) -> Tensor:
        """A vector so that it goes with images."""
        return value if self.channels_last else self.reshape(value, (1, -1, 1, 1))

    def layer_norm(self, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        """Along the last axis."""
        centered = x - self.mean(x, (-1,), True)
        return centered * self.rsqrt(self.mean(centered * centered, (-1,), True) + eps) * weight + bias

    def attention(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor | None, scale: float) -> Tensor:
        """Of tensors [batch, heads, length, width]; `bias` is added to the scores."""
        scores = self.matmul(query * scale, key, transposed=True)
        return self.matmul(self.softmax(scores if bias is None else scores + bias), value)


def shape_of(x: Tensor) -> tuple[int, ...]:
    """Return a static shape as plain integers."""
    return tuple(int(size) for size in x.shape)
