"""Turns the graph of a model in training mode into that in eval mode, if only known layers depend on the mode."""

from __future__ import annotations

import operator

import torch
from torch import fx

__all__ = ["erase_dead", "has_random_masks", "in_evaluation_mode"]

_aten = torch.ops.aten
_NORM = _aten._native_batch_norm_legit_functional.default
_NORM_IN_EVALUATION = _aten._native_batch_norm_legit_no_training.default
_DROPOUT = _aten.native_dropout.default
_MASKS = (_aten.bernoulli.default, _aten.bernoulli.p)


def in_evaluation_mode(graph: fx.Graph) -> bool:
    """Put batch normalisations and dropouts into eval mode; return whether that was possible.

    Args:
        graph: the graph, without results that eval mode does not have. If the result is False, it must not be used.
    """
    for node in graph.find_nodes(op="call_function", target=_NORM):
        x, weight, bias, mean, variance, training, momentum, epsilon = node.args
        if training and any(user.target is not operator.getitem or user.args[1] != 0 for user in node.users):
            return False  # Something reads the statistics of the batch.
        if training:
            node.target = _NORM_IN_EVALUATION
            node.args = (x, weight, bias, mean, variance, momentum, epsilon)
            node.meta["val"] = node.meta["val"][:3]
    for node in graph.find_nodes(op="call_function", target=_DROPOUT):
        for user in list(node.users):
            if user.target is not operator.getitem or user.args[1] != 0:
                return False
            user.replace_all_uses_with(node.args[0])
            graph.erase_node(user)
        graph.erase_node(node)
    return True


def erase_dead(graph: fx.Graph) -> bool:
    """Erase what no result depends on; return False if that contains an assertion, which may be part of the model.

    `fx.Graph.eliminate_dead_code` keeps random numbers and assertions.
    """
    graph.eliminate_dead_code()
    for node in reversed(graph.nodes):
        if node.op != "call_function" or node.users:
            continue
        target = node.target
        if target is not _aten._assert_tensor_metadata.default and not _is_random(target):
            return False
        graph.erase_node(node)
    return True


def has_random_masks(graph: fx.Graph) -> bool:
    """Return whether a graph has random masks, such as those of a dropout that PyTorch has decomposed."""
    return any(node.target in _MASKS for node in graph.nodes)


def _is_random(target: object) -> bool:
    return isinstance(target, torch._ops.OpOverload) and torch.Tag.nondeterministic_seeded in target.tags
