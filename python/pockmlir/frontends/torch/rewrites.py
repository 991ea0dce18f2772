"""Rewrites patterns of several operators to a single operator."""

from __future__ import annotations

import torch
from torch import fx

__all__ = ["find_random_masks"]

_aten = torch.ops.aten


def find_random_masks(graph: fx.Graph) -> None:
    """Replace ``floor(p + rand)``, a common way to write drop path, by a random mask."""
    for node in graph.find_nodes(op="call_function", target=_aten.floor.default):
        total = node.args[0]
        random, p = _random_sum(total)
        if random is None or len(total.users) != 1:
            continue
        value = node.meta["val"]
        with graph.inserting_before(node):
            shape = graph.call_function(_aten.zeros.default, (list(value.shape),), {"dtype": value.dtype})
            mask = graph.call_function(_aten.bernoulli.p, (shape, p))
        shape.meta, mask.meta = dict(node.meta), dict(node.meta)
        node.replace_all_uses_with(mask)
        for dead in (node, total, random):
            if not dead.users:
                graph.erase_node(dead)


def _random_sum(node: fx.Node) -> tuple[fx.Node | None, float]:
    """Return the operands of ``rand + p``: the uniform random tensor and the number."""
    if node.target is _aten.add.Tensor and not node.kwargs:
        for random, p in (node.args, node.args[::-1]):
            is_rand = isinstance(random, fx.Node) and random.target in (_aten.rand.default, _aten.rand_like.default)
            if is_rand and isinstance(p, int | float) and 0 <= p <= 1:
                return random, float(p)
    return None, 0.0
