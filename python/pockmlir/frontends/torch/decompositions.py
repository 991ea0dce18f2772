"""Selects the operators that PyTorch's own decompositions replace before the import; see also `functional`.

Operators with a converter are not decomposed. PyTorch defines many others as compositions
(`CompositeImplicitAutograd`) and differentiates their parts; they are decomposed here, too.
Operators with a derivative of their own are decomposed only if they are listed in `DECOMPOSED`:
their decomposition consists of operators with converters, and has the gradient of the operator
itself (test_operators*.py).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch._export.utils import _collect_all_valid_cia_ops
from torch.export.decomp_utils import CustomDecompTable

from . import ops  # noqa: F401  (fills the tables)
from .complex_numbers.rules import RULES
from .registry import CONVERTERS, HINTS, operator_name

__all__ = ["DECOMPOSED", "composite_operators", "decomposition_table"]

_aten = torch.ops.aten

DECOMPOSED: tuple[torch._ops.OpOverload, ...] = (
    _aten._weight_norm_interface.default,
    _aten.addr.default,
    _aten.affine_grid_generator.default,
    _aten.aminmax.default,
    _aten.block_diag.default,
    _aten.count_nonzero.default,
    _aten.count_nonzero.dim_IntList,
    _aten.deg2rad.default,
    _aten.grid_sampler_2d.default,
    _aten.hardshrink.default,
    _aten.isin.Scalar_Tensor,
    _aten.isin.Tensor_Scalar,
    _aten.isin.Tensor_Tensor,
    _aten.isneginf.default,
    _aten.isposinf.default,
    _aten.linalg_cross.default,
    _aten.multi_margin_loss.default,
    _aten.nansum.default,
    _aten.pixel_shuffle.default,
    _aten.pixel_unshuffle.default,
    _aten.rad2deg.default,
    _aten.rot90.default,
    _aten.soft_margin_loss.default,
    _aten.softshrink.default,
    _aten.trace.default,
)


def composite_operators() -> list[torch._ops.OpOverload]:
    """Return the operators that PyTorch composes of others and that have no converter."""
    known = CONVERTERS.keys() | HINTS.keys() | RULES.keys()
    composed = [op for op in _collect_all_valid_cia_ops() if operator_name(op) not in known]
    return sorted(composed, key=str)


@functools.cache
def decomposition_table() -> dict[Any, Callable[..., Any]]:
    """Return PyTorch's decompositions of the selected operators."""
    known = CustomDecompTable()
    table = {op: known[op] for op in composite_operators()}
    rare = torch._decomp.decomposition_table
    return table | {op: known[op] if op in known else rare[op] for op in DECOMPOSED}
