"""Tensors of one value; constant subgraphs are folded before (`graph.fold_constants`)."""

from __future__ import annotations

from typing import Any

from ..builder import Builder, Number, Value
from ..registry import converts


@converts("aten.zeros_like", "aten.new_zeros", "aten.zero")
def zeros(b: Builder, x: Value, *args: Any) -> Value:
    return b.splat(b.out_shape, 0, b.out_dtype)


@converts("aten.ones_like", "aten.new_ones")
def ones(b: Builder, x: Value, *args: Any) -> Value:
    return b.splat(b.out_shape, 1, b.out_dtype)


@converts("aten.empty_like", "aten.new_empty")
def empty(b: Builder, x: Value, *args: Any) -> Value:
    # The content is undefined, so use zeros.
    return zeros(b, x)


@converts("aten.full_like")
def full_like(b: Builder, x: Value, value: Number, *args: Any) -> Value:
    return b.splat(b.out_shape, value, b.out_dtype)


@converts("aten.new_full")
def new_full(b: Builder, x: Value, size: list[int], value: Number, *args: Any) -> Value:
    return b.splat(b.out_shape, value, b.out_dtype)


@converts("aten.fill.Scalar", "aten.fill.Tensor")
def fill(b: Builder, x: Value, value: Value | Number) -> Value:
    if isinstance(value, bool | int | float):
        return b.splat(b.out_shape, value, b.out_dtype)
    return b.expand(b.cast(value, b.out_dtype), b.out_shape)
