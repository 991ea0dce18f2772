"""Finds the convolutions and linear layers of a model, for `pockmlir.budgets`."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import fx
from torch.export import ExportedProgram

from ..errors import ArgumentError
from ..frontends.torch.forward import export_forward
from ..frontends.torch.registry import operator_name
from ..frontends.torch.source import module_path
from .backbone import Backbone, Conv, Linear

__all__ = ["read_backbone"]

_CONVOLUTIONS = {f"aten.conv{rank}d{overload}" for rank in (1, 2, 3) for overload in ("", ".padding")}


def read_backbone(
    model: torch.nn.Module | ExportedProgram, inputs: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> Backbone:
    """Return the layers of a model; see `pockmlir.budgets.describe`."""
    program = export_forward(model, inputs, kwargs)
    convs: list[fx.Node] = []
    classifier: list[fx.Node] = []
    for node in program.graph.nodes:
        if _is_convolution(node):
            convs.append(node)
            classifier.clear()
        elif _operator(node) == "aten.linear" and len(_shape(node.args[0])) < 3:
            classifier.append(node)
    if not convs:
        raise ArgumentError("model: expected a convolution, but there is none")
    bindings = zip(program.graph.find_nodes(op="placeholder"), program.bindings, strict=True)
    # Buffers and constants have a value.
    names = {node: binding.name for node, binding in bindings if binding.kind == "parameter" and binding.value is None}
    _require_once(names, convs)
    _require_known(names, {*convs, *classifier})
    return Backbone(tuple(_conv(node, names) for node in convs), tuple(_linear(node, names) for node in classifier))


def _operator(node: fx.Node) -> str:
    return operator_name(node.target) if node.op == "call_function" else ""


def _is_convolution(node: fx.Node) -> bool:
    name = _operator(node)
    return name in _CONVOLUTIONS or (name == "aten.convolution" and not node.args[6])


def _require_once(names: Mapping[fx.Node, str], convs: Collection[fx.Node]) -> None:
    """Refuse a weight that several convolutions read: one weight would have several saved inputs."""
    for node, name in names.items():
        readers = [user for user in node.users if user in convs and user.args[1] is node]
        if len(readers) > 1:
            raise ArgumentError(
                f"model: '{name}' is the weight of {len(readers)} convolutions; the memory model counts each once"
            )


def _require_known(names: Mapping[fx.Node, str], layers: Collection[fx.Node]) -> None:
    """Refuse matrices of parameters that are read by anything but the layers of the memory model."""
    unknown = []
    for node, name in names.items():
        is_matrix = sum(size > 1 for size in _shape(node)) > 1
        if is_matrix and any(user not in layers or user.args[1] is not node for user in node.users):
            unknown.append(name)
    if unknown:
        raise ArgumentError(
            "model: the memory model knows convolutions and a classifier behind the last one, but not what reads "
            + ", ".join(f"'{name}'" for name in unknown)
        )


def _conv(node: fx.Node, names: Mapping[fx.Node, str]) -> Conv:
    x, weight = node.args[:2]
    outputs, per_group, *kernel = _shape(weight)
    rank = len(kernel)
    # PyTorch allows inputs without a batch dimension.
    inputs, *input_size = _shape(x)[-rank - 1 :]
    norm = next((user for user in node.users if _operator(user).startswith("aten._native_batch_norm_legit")), None)
    return Conv(
        _name(node, names),
        inputs,
        outputs,
        tuple(kernel),
        tuple(input_size),
        tuple(_shape(node)[-rank:]),
        groups=inputs // per_group,
        weight=names.get(weight),
        bias=(norm and _bias(norm, names)) or _bias(node, names),
    )


def _linear(node: fx.Node, names: Mapping[fx.Node, str]) -> Linear:
    x, weight = node.args[:2]
    return Linear(_name(node, names), _shape(x)[-1], names.get(weight), _bias(node, names))


def _name(node: fx.Node, names: Mapping[fx.Node, str]) -> str:
    """The path of a layer's module, which is that of its weight."""
    weight = names.get(node.args[1])
    return module_path(node) if weight is None else weight.rpartition(".")[0]


def _bias(node: fx.Node, names: Mapping[fx.Node, str]) -> str | None:
    """The name of the third argument, the bias of convolutions, linear layers and batch norms alike."""
    return names.get(node.args[2]) if len(node.args) > 2 else None


def _shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(node.meta["val"].shape)
