"""Interpolation: nearest as copies, everything else as matrix products.

Every mode is linear and separable, so it has one matrix per dimension. PyTorch itself computes
this matrix by resizing the identity, which avoids a copy of its conventions for coordinates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Value, dtype_of, is_float, rank_of, shape_of
from ..registry import Unsupported, converts

Resize = Callable[[torch.Tensor, int, float | None], torch.Tensor]


def _nearest(x: torch.Tensor, size: int, scale: float | None) -> torch.Tensor:
    return torch.ops.aten.upsample_nearest1d(x, [size], scale)


def _nearest_exact(x: torch.Tensor, size: int, scale: float | None) -> torch.Tensor:
    return torch.ops.aten._upsample_nearest_exact1d(x, [size], scale)


def _linear(align: bool) -> Resize:
    return lambda x, size, scale: torch.ops.aten.upsample_linear1d(x, [size], align, scale)


def _cubic(align: bool) -> Resize:
    def resize(x: torch.Tensor, size: int, scale: float | None) -> torch.Tensor:
        return torch.ops.aten.upsample_bicubic2d(x[:, :, None, :], [1, size], align, None, scale)[:, :, 0, :]

    return resize


def _antialiased(function: Any) -> Callable[[bool], Resize]:
    def make(align: bool) -> Resize:
        return lambda x, size, scale: function(x[:, :, None, :], [1, size], align, None, scale)[:, :, 0, :]

    return make


def _is_repetition(matrix: torch.Tensor) -> bool:
    """Whether a matrix repeats every entry the same number of times, in order."""
    out, size = matrix.shape
    if out % size:
        return False
    return bool(torch.equal(matrix, torch.eye(size, dtype=matrix.dtype).repeat_interleave(out // size, 0)))


def _resize(b: Builder, x: Value, resize: Resize, scales: list[float | None]) -> Value:
    dtype = dtype_of(x)
    if not is_float(dtype):
        raise Unsupported(f"on {dtype}")
    for i, scale in enumerate(scales):
        dim = rank_of(x) - len(scales) + i
        size, out = shape_of(x)[dim], b.out_shape[dim]
        identity = torch.eye(size, dtype=torch.float64 if dtype == "f64" else torch.float32)
        # PyTorch resizes along the last dimension; rows of the result are input entries.
        matrix = resize(identity[None], out, scale)[0].T.contiguous()
        x = _apply(b, x, dim, matrix)
    return x


def _apply(b: Builder, x: Value, dim: int, matrix: torch.Tensor) -> Value:
    """Return a tensor with one dimension multiplied by a constant matrix."""
    out, size = matrix.shape
    shape = list(shape_of(x))
    if torch.equal(matrix, torch.eye(size, dtype=matrix.dtype)):
        return x
    if _is_repetition(matrix):
        before, after = shape[: dim + 1], shape[dim + 1 :]
        wide = b.expand(b.reshape(x, [*before, 1, *after]), [*before, out // size, *after])
        return b.reshape(wide, [*shape[:dim], out, *after])
    if bool(((matrix == 0) | (matrix == 1)).all()) and bool((matrix.sum(1) == 1).all()):
        return b.take(x, b.constant(matrix.argmax(1).numpy(), "i64"), dim)
    order = [i for i in range(len(shape)) if i != dim] + [dim]
    rows = b.transpose(x, order)
    weight = b.constant(matrix.numpy(), dtype_of(x))
    y = b.emit(pock.LinearOp, b.type([*shape_of(rows)[:-1], out], dtype_of(x)), rows, weight)
    return b.transpose(y, [order.index(i) for i in range(len(shape))])


def _scales(factors: list[float] | None, rank: int) -> list[float | None]:
    return [None] * rank if factors is None else list(factors)


def _register(kind: str, rank: int, make: Callable[[bool], Resize], has_align: bool, suffix: str = "") -> None:
    if has_align:

        @converts(f"aten.{kind}{rank}d{suffix}.vec")
        def with_corners(b: Builder, x: Value, size: Any, align: bool, factors: list[float] | None) -> Value:
            return _resize(b, x, make(align), _scales(factors, rank))

        return

    @converts(f"aten.{kind}{rank}d.vec")
    def convert(b: Builder, x: Value, size: Any, factors: list[float] | None) -> Value:
        return _resize(b, x, make(False), _scales(factors, rank))

    @converts(f"aten.{kind}{rank}d")
    def convert_plain(b: Builder, x: Value, size: Any, *scales: float | None) -> Value:
        return _resize(b, x, make(False), list(scales))


for _rank in (1, 2, 3):
    _register("upsample_nearest", _rank, lambda align: _nearest, False)
    _register("_upsample_nearest_exact", _rank, lambda align: _nearest_exact, False)
_register("upsample_linear", 1, _linear, True)
_register("upsample_bilinear", 2, _linear, True)
_register("upsample_bicubic", 2, _cubic, True)
_register("upsample_trilinear", 3, _linear, True)
_register("_upsample_bilinear", 2, _antialiased(torch.ops.aten._upsample_bilinear2d_aa), True, "_aa")
_register("_upsample_bicubic", 2, _antialiased(torch.ops.aten._upsample_bicubic2d_aa), True, "_aa")
