"""Scaled dot-product attention."""

from __future__ import annotations

import math

import numpy as np

from ...._ops import _pock_ops_gen as pock
from ..builder import Builder, Value, dtype_of, rank_of, shape_of
from ..registry import converts
from .contraction import product


@converts("aten.scaled_dot_product_attention")
def attention(
    b: Builder, query: Value, key: Value, value: Value, mask: Value | None, dropout: float, causal: bool,
    scale: float | None, enable_gqa: bool,
) -> Value:  # fmt: skip
    factor = 1 / math.sqrt(shape_of(query)[-1]) if scale is None else scale
    # The op gives no gradient to a mask, and has no dropout.
    composed = dropout > 0 or (mask is not None and b.is_active(mask))
    if enable_gqa:
        key, value = (_shared_heads(b, x, shape_of(query)[-3]) for x in (key, value))
    query, key, value = _same_batch(b, query, key, value)
    if mask is not None:
        mask = mask if dtype_of(mask) == "i1" else b.cast(mask, dtype_of(query))
    if composed:
        return _composed(b, query, key, value, mask, dropout, causal, factor)
    if mask is not None:
        mask = b.reshape(mask, (*([1] * (rank_of(query) - rank_of(mask))), *shape_of(mask)))
    sums = b.type((*shape_of(query)[:-1], 1), dtype_of(query))
    return b.emit(pock.AttentionOp, [b.out, sums], query, key, value, mask=mask, scale=float(factor), causal=causal)[0]


def _shared_heads(b: Builder, x: Value, heads: int) -> Value:
    """Repeat each head of keys or values for the query heads that share it."""
    *batch, groups, length, size = shape_of(x)
    wide = b.expand(b.reshape(x, (*batch, groups, 1, length, size)), (*batch, groups, heads // groups, length, size))
    return b.reshape(wide, (*batch, heads, length, size))


def _same_batch(b: Builder, *xs: Value) -> list[Value]:
    batch = np.broadcast_shapes(*(shape_of(x)[:-2] for x in xs))
    return [b.expand(x, (*batch, *shape_of(x)[-2:])) for x in xs]


def _composed(
    b: Builder, query: Value, key: Value, value: Value, mask: Value | None, dropout: float, causal: bool, factor: float
) -> Value:
    swapped = [*range(rank_of(key) - 2), rank_of(key) - 1, rank_of(key) - 2]
    scores = b.mul(product(b, query, b.transpose(key, swapped)), factor)
    if causal:
        size = shape_of(scores)[-2:]
        scores = b.select(b.compare("ge", b.iota(size, 0), b.iota(size, 1)), scores, -math.inf)
    if mask is not None and dtype_of(mask) == "i1":
        scores = b.select(mask, scores, -math.inf)
    elif mask is not None:
        scores = b.add(scores, mask)
    # A row whose entries are all masked is zero, as in PyTorch, not NaN.
    probabilities = b.unary(pock.SoftmaxOp, scores, dim=rank_of(scores) - 1, safe=True)
    return product(b, b.dropout(probabilities, dropout), value)
