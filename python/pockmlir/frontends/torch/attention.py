"""Splits scaled dot-product attention into its matrix products and softmax, so that the products can be quantised."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import fx

from .graph import Program
from .operators import arguments, operator_name

__all__ = ["split_attention"]

_aten = torch.ops.aten


def split_attention(program: Program) -> None:
    """Replace attention by matrix products, a factor, a mask and softmax, as PyTorch defines it.

    A row of which every entry is masked is zero, as in PyTorch. Attention with dropout or with fewer heads of keys than of queries stays as it is, and real.

    Args:
        program: the program; its graph changes.
    """
    for node in list(program.graph.nodes):
        if operator_name(node) == "aten.scaled_dot_product_attention":
            query, key, value, mask, dropout, causal, scale, grouped = arguments(node, node.target._schema)
            if not dropout and not grouped:
                factor = 1 / math.sqrt(query.meta["val"].shape[-1]) if scale is None else scale
                _Splitter(program.graph, node).split(query, key, value, mask, causal, factor)


class _Splitter:
    """Inserts nodes in place of one."""

    def __init__(self, graph: fx.Graph, node: fx.Node) -> None:
        self._graph = graph
        self._node = node

    def split(self, query: Any, key: Any, value: Any, mask: Any, causal: bool, factor: float) -> None:
        with self._graph.inserting_before(self._node):
            scores = self._call(_aten.matmul.default, query, self._call(_aten.transpose.int, key, -2, -1))
            scores = self._call(_aten.mul.Tensor, scores, factor)
            if causal:
                size = list(scores.meta["val"].shape[-2:])
                mask = self._call(_aten.new_ones.default, scores, size, dtype=torch.bool)
                mask = self._call(_aten.tril.default, mask)
            if mask is not None and mask.meta["val"].dtype == torch.bool:
                scores = self._call(_aten.where.ScalarOther, mask, scores, -math.inf)
            elif mask is not None:
                scores = self._call(_aten.add.Tensor, scores, mask)
            softmax = _aten.softmax.int if mask is None else _aten._safe_softmax.default
            result = self._laid_out(self._call(_aten.matmul.default, self._call(softmax, scores, -1), value))
        self._node.replace_all_uses_with(result)
        self._graph.erase_node(self._node)

    def _laid_out(self, result: fx.Node) -> fx.Node:
        """The result with the strides of attention, on which views depend."""
        strides = self._node.meta["val"].stride()
        order = sorted(range(len(strides)), key=lambda dim: -strides[dim])
        if order == [*range(len(order))]:
            return result
        moved = self._call(_aten.permute.default, result, order)
        stored = self._call(_aten.clone.default, moved, memory_format=torch.contiguous_format)
        return self._call(_aten.permute.default, stored, [order.index(dim) for dim in range(len(order))])

    def _call(self, operator: Any, *args: Any, **kwargs: Any) -> fx.Node:
        made = self._graph.call_function(operator, args, kwargs)
        made.meta = {k: v for k, v in self._node.meta.items() if k in ("nn_module_stack", "stack_trace")}
        values = fx.node.map_arg(args, lambda node: torch.empty_like(node.meta["val"], device="meta"))
        made.meta["val"] = operator(*values, **kwargs)
        return made
