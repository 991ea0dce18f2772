"""Scaled dot-product attention, composed of products and a softmax."""

from __future__ import annotations

import math

from ..._ops import _pock_ops_gen as pock
from ..builder import Builder, Value, dtype_of, rank_of, shape_of
from ..registry import Unsupported, converts
from .contraction import product


@converts("aten.scaled_dot_product_attention")
def attention(
    b: Builder, query: Value, key: Value, value: Value, mask: Value | None, dropout: float, causal: bool,
    scale: float | None, enable_gqa: bool,
) -> Value:  # fmt: skip
    if dropout > 0:
        raise Unsupported(f"dropout with p={dropout:g}; set it to 0 or call .eval() on this module")
    if enable_gqa:
        raise Unsupported("grouped queries (enable_gqa)")
    rank = rank_of(query)
    factor = 1 / math.sqrt(shape_of(query)[-1]) if scale is None else scale
    swapped = [*range(rank_of(key) - 2), rank_of(key) - 1, rank_of(key) - 2]
    scores = b.mul(product(b, query, b.transpose(key, swapped)), factor)
    if causal:
        size = b.type(shape_of(scores)[-2:], "i64")
        row, column = (b.emit(pock.IotaOp, size, dim=dim) for dim in (0, 1))
        scores = b.select(b.compare("ge", row, column), scores, -math.inf)
    if mask is not None and dtype_of(mask) == "i1":
        scores = b.select(mask, scores, -math.inf)
    elif mask is not None:
        scores = b.add(scores, b.cast(mask, dtype_of(scores)))
    return product(b, b.unary(pock.SoftmaxOp, scores, dim=rank - 1), value)
