"""How integers stand for real numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import ArgumentError

__all__ = ["Quantization"]

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Quantization:
    """The real numbers of integers: ``(integer - zero_point) * scale``.

    Attributes:
        scale: one number, or a vector of float32 with one for each index of dimension ``axis``.
        zero_point: the integer of the number zero.
        axis: the dimension of ``scale``; None if it is one number.
        least: the least integer that is used.
        most: the greatest one.
    """

    scale: float | Array
    zero_point: int = 0
    axis: int | None = None
    least: int = -128
    most: int = 127

    def __post_init__(self) -> None:
        scales = np.asarray(self.scale, np.float64)
        if not (np.all(np.isfinite(scales)) and np.all(scales > 0)):
            wrong = scales.reshape(-1)[~(np.isfinite(scales) & (scales > 0)).reshape(-1)][0]
            raise ArgumentError(f"quantization: expected scales that are positive and finite, but got {wrong}")
        if scales.ndim != (0 if self.axis is None else 1):
            raise ArgumentError("quantization: expected one scale, or a vector of scales and their axis")
        if not self.least <= self.zero_point <= self.most:
            raise ArgumentError(
                f"quantization: expected a zero point from {self.least} to {self.most}, but got {self.zero_point}"
            )

    def _scales(self, rank: int) -> Array:
        """The scales in float64, which broadcast to a tensor of this rank."""
        scales = np.asarray(self.scale, np.float64)
        if self.axis is None:
            return scales
        return scales.reshape([-1 if dim == self.axis else 1 for dim in range(rank)])

    def quantize(self, real: Array, dtype: npt.DTypeLike = np.int8) -> Array:
        """Return the nearest integers, halves to the even one; NaN becomes the zero point.

        Args:
            real: real numbers.
            dtype: ``int8`` or ``int32``.
        """
        real = np.asarray(real, np.float64)
        with np.errstate(over="ignore"):
            steps = np.rint(real / self._scales(real.ndim)) + self.zero_point
        integers: Array = np.nan_to_num(steps, nan=self.zero_point).clip(self.least, self.most).astype(dtype)
        return integers

    def dequantize(self, integers: Array) -> Array:
        """Return the real numbers as float32."""
        integers = np.asarray(integers)
        real = (integers.astype(np.float64) - self.zero_point) * self._scales(integers.ndim)
        return real.astype(np.float32)

    def channels(self) -> int:
        """Return the number of scales."""
        return math.prod(np.shape(self.scale))
