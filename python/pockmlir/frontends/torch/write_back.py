"""Writes trained parameters and buffers into PyTorch models, also into the integers of PT2E graphs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import fx
from torch.export import ExportedProgram

from ...errors import ArgumentError
from .arguments import is_replayed
from .frozen_weights import frozen_readers
from .operators import arguments, operator_name

__all__ = ["write_back"]

Array = np.ndarray[Any, Any]


def write_back(model: Any, state: Mapping[str, Array]) -> None:
    """Copy parameters and buffers into a model.

    Args:
        model: the model, or an equal one, that was compiled: a module, an exported program, or a graph of PT2E.
        state: real numbers under the names of the step.

    Raises:
        ArgumentError: a graph has no tensor of a name, another shape, or integers that cannot hold a value; nothing
            has changed.
    """
    if isinstance(model, ExportedProgram):
        targets = {spec.arg.name: spec.target for spec in model.graph_signature.input_specs if spec.target is not None}
        tensors = {**model.state_dict, **model.constants}
        _write(model.graph, targets, tensors, state)
    elif isinstance(model, fx.GraphModule) and is_replayed(model):
        tensors = dict(model.named_parameters(remove_duplicate=False))
        tensors |= dict(model.named_buffers(remove_duplicate=False))
        targets = {node.name: str(node.target) for node in model.graph.find_nodes(op="get_attr")}
        _write(model.graph, targets, tensors, state)
    else:
        model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})


def _write(graph: fx.Graph, targets: Mapping[str, str], tensors: Mapping[str, Any], state: Mapping[str, Array]) -> None:
    """Copy real numbers to the tensors of a graph, and what stands for them to its integers.

    Args:
        graph: the graph.
        targets: name of a node → name of the tensor that it reads.
        tensors: the tensors of the graph.
        state: real numbers.
    """
    frozen: dict[str, list[fx.Node]] = {}
    for node, name in frozen_readers(graph, targets):
        frozen.setdefault(name, []).append(node)
    changes: list[tuple[torch.Tensor, torch.Tensor]] = []
    for name, value in state.items():
        found = [_integers(node, name, value, targets, tensors) for node in frozen.get(name, ())]
        for known in (name, _folded_bias(name)):
            if known in tensors and (known == name or name not in tensors):
                found.append((tensors[known], torch.from_numpy(value)))
        if not found:
            raise ArgumentError(f"model: no tensor of the graph is called '{name}'; expected the graph of the step")
        for tensor, new in found:
            if tensor.shape != new.shape:
                raise ArgumentError(
                    f"model: '{name}' has the shape {list(tensor.shape)}, but expected {list(new.shape)}"
                )
        changes += found
    with torch.no_grad():
        for tensor, new in changes:
            tensor.copy_(new)


def _folded_bias(name: str) -> str:
    """The name that PT2E gives to a bias where it folds a batch normalisation."""
    return name.removesuffix("bias") + "weight_bias" if name.endswith(".bias") else ""


def _integers(
    node: fx.Node, name: str, value: Array, targets: Mapping[str, str], tensors: Mapping[str, Any]
) -> tuple[torch.Tensor, torch.Tensor]:
    """The integers that a node dequantises, and those that stand for real numbers.

    Raises:
        ArgumentError: there are none.
    """

    def known(argument: Any) -> Array:
        if isinstance(argument, fx.Node):
            argument = tensors[targets[argument.name]].detach()
        return np.asarray(0 if argument is None else argument)

    given = arguments(node, node.target._schema)
    stored = targets[given[0].name]
    scale, zero = known(given[1]).astype(np.float64).reshape(-1), known(given[2]).reshape(-1)
    axis, limits = None, given[3:5]
    if operator_name(node).endswith("per_channel"):
        axis, limits = given[3], given[4:6]
    shape = [1] * value.ndim
    if axis is not None and value.ndim:
        shape[axis] = -1
    scale, zero = scale.reshape(shape), zero.reshape(shape)
    integers = (np.rint(value / scale) + zero).clip(*limits)
    if not np.allclose((integers - zero) * scale, value, rtol=1e-5, atol=0.0):
        raise ArgumentError(
            f"model: the integers '{stored}' with their scales and zero points do not stand for the values of "
            f"'{name}'; expected the graph of the step, and weights whose zero points are 0 (others train as float32)"
        )
    return tensors[stored], torch.from_numpy(integers).to(tensors[stored].dtype)
