"""Finds the range of the numbers of a tensor over batches, without those that are rare and large."""

from __future__ import annotations

import numpy as np
import torch

from ...api.quantization import Quantization
from ...errors import ArgumentError

__all__ = ["Range"]

#: Bins on each side of zero.
_BINS = 2048


class Range:
    """A histogram that grows: its bins double when a larger number comes.

    A percentile instead of the extremes: TensorRT and others; see Wu et al., Integer Quantization for Deep Learning
    Inference, 2020 (arXiv 2004.09602).
    """

    def __init__(self) -> None:
        self.least = self.most = 0.0
        self._limit = 0.0
        self._counts = np.zeros(2 * _BINS, np.int64)

    def add(self, name: str, values: torch.Tensor) -> None:
        """Count the numbers of a tensor.

        Raises:
            ArgumentError: a number is NaN or infinite.
        """
        array = values.detach().double().reshape(-1)
        if array.numel() == 0:
            return
        low, high = (float(x) for x in torch.aminmax(array))
        if not np.isfinite(low) or not np.isfinite(high):
            raise ArgumentError(
                f"batches: '{name}' has entries that are NaN or infinite, so there is no range for them"
            )
        self.least, self.most = min(self.least, low), max(self.most, high)
        largest = max(-low, high)
        if largest == 0.0:
            self._counts[_BINS] += array.numel()
            return
        if self._limit == 0.0:
            self._limit = largest
        while self._limit < largest:
            self._limit *= 2
            self._counts = self._widened()
        bins = torch.histc(array, 2 * _BINS, -self._limit, self._limit)
        self._counts += bins.numpy().astype(np.int64)

    def _widened(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        pairs = self._counts.reshape(-1, 2).sum(1)
        rest = np.zeros(_BINS // 2, np.int64)
        return np.concatenate([rest, pairs, rest])

    def limits(self, percentile: float) -> tuple[float, float]:
        """Return the range, with zero, of that percentage of the numbers on each side."""
        if percentile >= 100 or self._limit == 0.0:
            return self.least, self.most
        total = self._counts.sum()
        cut = total * (1 - percentile / 100)
        below, above = np.cumsum(self._counts), np.cumsum(self._counts[::-1])
        width = self._limit / _BINS
        low = -self._limit + int(np.searchsorted(below, cut, "right")) * width
        high = self._limit - int(np.searchsorted(above, cut, "right")) * width
        return max(self.least, min(low, 0.0)), min(self.most, max(high, 0.0))

    @staticmethod
    def affine(least: float, most: float) -> Quantization:
        """Return the 256 integers of a range that has zero in it; zero is an integer exactly."""
        # Below, the inverse of the scale is no float32.
        scale = max((most - least) / 255, 2.0**-100)
        if most == least:
            scale = 1.0 / 255
        if scale > 2.0**100:
            raise ArgumentError(f"batches: the range {least} to {most} is too large for 8 bits")
        zero = int(np.clip(np.rint(-128 - least / scale), -128, 127))
        return Quantization(float(np.float32(scale)), zero)
