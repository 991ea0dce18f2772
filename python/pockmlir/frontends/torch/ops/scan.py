"""Running sums and products, and products over dimensions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Value, dtype_of, is_float, rank_of, shape_of
from ..registry import HINTS, Unsupported, converts
from .elementwise import logaddexp
from .reduction import dims_of, halving

for _name in ("cummax", "cummin"):
    HINTS[f"aten.{_name}"] = "not planned: indices of running extrema have no op; use a loop over torch.maximum"


@converts("aten.cumsum")
def cumsum(b: Builder, x: Value, dim: int, dtype: Any) -> Value:
    x = b.cast(x, b.out_dtype)
    return b.emit(pock.CumsumOp, x.type, x, dim=dim % rank_of(x)) if rank_of(x) else x


def _running(b: Builder, x: Value, dim: int, neutral: float, combine: Callable[[Value, Value], Value]) -> Value:
    """Combine every entry with all entries before it in log2(size) doubling steps (Hillis and Steele, 1986)."""
    size, distance = shape_of(x)[dim], 1
    low, high = [0] * rank_of(x), [0] * rank_of(x)
    while distance < size:
        low[dim] = distance
        before = b.slice(x, dim, 0, size - distance)
        shifted = b.emit(pock.PadOp, x.type, before, low=low, high=high, interior=high, value=neutral)
        x = combine(x, shifted)
        distance *= 2
    return x


@converts("aten.cumprod")
def cumprod(b: Builder, x: Value, dim: int, dtype: Any) -> Value:
    x = b.cast(x, b.out_dtype)
    return _running(b, x, dim % rank_of(x), 1.0, b.mul) if rank_of(x) else x


@converts("aten.logcumsumexp")
def logcumsumexp(b: Builder, x: Value, dim: int) -> Value:
    if not is_float(dtype_of(x)):
        raise Unsupported(f"on {dtype_of(x)}")
    return _running(b, x, dim % rank_of(x), -math.inf, lambda p, q: logaddexp(b, p, q)) if rank_of(x) else x


@converts("aten.prod", "aten.prod.dim_int")
def prod(b: Builder, x: Value, *args: Any) -> Value:
    # Use a tree of products: unlike prod / x, its gradient is correct at zeros.
    dims = dims_of(x, args[0] if len(args) > 1 else None)
    if any(shape_of(x)[dim] == 0 for dim in dims):
        return b.splat(b.out_shape, 1, b.out_dtype)
    return b.reshape(halving(b, b.cast(x, b.out_dtype), dims, b.mul), b.out_shape)
