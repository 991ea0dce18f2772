"""Operators that are left to PyTorch's own decompositions.

`run_decompositions` gets exactly these; every other operator arrives whole. An operator is
listed here if its decomposition ends in operators that have converters and has the
gradient that PyTorch gives the operator itself.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch.export.decomp_utils import CustomDecompTable

__all__ = ["DECOMPOSED", "decomposition_table"]

_aten = torch.ops.aten

DECOMPOSED: tuple[torch._ops.OpOverload, ...] = (
    _aten.cosine_embedding_loss.default,
    _aten.cosine_similarity.default,
    _aten.einsum.default,
    _aten.hinge_embedding_loss.default,
    _aten.margin_ranking_loss.default,
    _aten.outer.default,
    _aten.pairwise_distance.default,
    _aten.pixel_shuffle.default,
    _aten.pixel_unshuffle.default,
    _aten.poisson_nll_loss.default,
    _aten.soft_margin_loss.default,
    _aten.triplet_margin_loss.default,
)


@functools.cache
def decomposition_table() -> dict[Any, Callable[..., Any]]:
    """Return PyTorch's decompositions of the listed operators."""
    known = CustomDecompTable()
    return {op: known[op] for op in DECOMPOSED}
