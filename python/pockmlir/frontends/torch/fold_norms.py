"""Folds batch normalisation in eval mode into the convolution or linear layer before it."""

from __future__ import annotations

import operator
from collections.abc import Sequence

import torch
from torch import fx
from torch.nn.modules.batchnorm import _BatchNorm

from .graph import Program
from .operators import arguments, operator_name
from .source import module_path

__all__ = ["fold_batch_norms", "fold_batch_norms_of_graph"]

_NORM = "aten._native_batch_norm_legit_no_training"
_OPERATORS = ("aten.conv1d", "aten.conv2d", "aten.linear", "aten.conv_transpose1d", "aten.conv_transpose2d")
_LAYERS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Linear, torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d)


def fold_batch_norms(model: torch.nn.Module, program: Program) -> list[str]:
    """Change a model in place: layers get the weight and bias of their normalisation, which becomes the identity.

    A normalisation is folded if it is a module that runs once, on the result of a layer that runs once and that
    nothing else reads. A layer without bias gets one, called ``bias``.

    Args:
        model: the model.
        program: its exported forward pass.

    Returns:
        The paths of the modules that are folded.
    """
    modules = dict(model.named_modules())
    runs: dict[str, int] = {}
    for node in program.graph.nodes:
        if node.op == "call_function" and node.target is not operator.getitem:
            runs[module_path(node)] = runs.get(module_path(node), 0) + 1
    shared = _shared(model)
    folded = []
    for node in program.graph.nodes:
        if operator_name(node) != _NORM:
            continue
        before, path, source = node.args[0], module_path(node), module_path(node.args[0])
        norm, layer = modules.get(path), modules.get(source)
        fits = isinstance(norm, _BatchNorm) and isinstance(layer, _LAYERS) and len(before.users) == 1
        if fits and runs[path] == runs[source] == 1 and not shared & {path, source} and _is_layer(before):
            _fold(layer, norm)
            _set(model, path, torch.nn.Identity())
            folded.append(path)
    return folded


def _is_layer(node: fx.Node) -> bool:
    return operator_name(node).split(".")[1].startswith(("conv", "linear"))


def _shared(model: torch.nn.Module) -> set[str]:
    """The paths of the modules that share a parameter with another one."""
    owners: dict[int, list[str]] = {}
    for name, parameter in model.named_parameters(remove_duplicate=False):
        owners.setdefault(id(parameter), []).append(name.rpartition(".")[0])
    return {path for paths in owners.values() if len(paths) > 1 for path in paths}


def _fold(layer: torch.nn.Module, norm: _BatchNorm) -> None:
    assert norm.running_mean is not None
    assert norm.running_var is not None
    groups = int(layer.groups) if isinstance(layer, torch.nn.ConvTranspose1d | torch.nn.ConvTranspose2d) else 0
    weight, bias = _folded(
        layer.weight, layer.bias, (norm.weight, norm.bias, norm.running_mean, norm.running_var), norm.eps, groups
    )
    with torch.no_grad():
        layer.weight.copy_(weight)
        if layer.bias is None:
            layer.bias = torch.nn.Parameter(bias)
        else:
            layer.bias.copy_(bias)


def _folded(
    weight: torch.Tensor, bias: torch.Tensor | None, norm: Sequence[torch.Tensor | None], eps: float, transposed: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight and bias of a layer with its normalisation, multiplied in float64: a variance may be small.

    Args:
        weight: the layer's.
        bias: the layer's.
        norm: weight, bias, mean and variance.
        eps: what is added to the variance.
        transposed: the number of groups of a transposed convolution; 0 for other layers.
    """
    gamma, beta, mean, variance = (None if value is None else value.detach().double() for value in norm)
    assert mean is not None
    assert variance is not None
    factor = torch.rsqrt(variance + eps)
    if gamma is not None:
        factor = factor * gamma
    offset = -mean * factor
    if beta is not None:
        offset = offset + beta
    if bias is not None:
        offset = offset + bias.detach().double() * factor
    shape = [1] * weight.dim()
    if transposed > 1:
        # A weight of groups is [inputs, outputs of a group, …].
        factor = factor.reshape(transposed, 1, -1).expand(-1, weight.shape[0] // transposed, -1)
        shape[:2] = weight.shape[:2]
    else:
        shape[1 if transposed else 0] = -1
    return (weight.detach().double() * factor.reshape(shape)).to(weight.dtype), offset.to(weight.dtype)


def fold_batch_norms_of_graph(module: fx.GraphModule) -> list[str]:
    """Fold like `fold_batch_norms` in the graph of an exported program; the names of parameters stay.

    Args:
        module: the graph, which changes.

    Returns:
        The names of the weights of the layers that changed.
    """
    graph = module.graph
    folded = []
    for node in list(graph.nodes):
        if operator_name(node) != "aten.batch_norm":
            continue
        layer = node.args[0]
        if not operator_name(layer).startswith(_OPERATORS) or len(layer.users) != 1:
            continue
        reads = [layer.args[1], *layer.args[2:3]]
        name = str(reads[0].target)
        if any(x is not None and (x.op != "get_attr" or len(x.users) != 1) for x in reads):
            continue
        gamma, beta, mean, variance = (None if x is None else _tensor(module, x) for x in node.args[1:5])
        bias = reads[1] if len(reads) > 1 else None
        groups = 0
        if operator_name(layer).startswith("aten.conv_transpose"):
            groups = int(arguments(layer, layer.target._schema)[6])
        found = _folded(
            _tensor(module, reads[0]),
            None if bias is None else _tensor(module, bias),
            (gamma, beta, mean, variance),
            float(node.args[7]),
            groups,
        )
        owner = module.get_submodule(name.rpartition(".")[0])
        setattr(owner, name.rpartition(".")[2], torch.nn.Parameter(found[0]))
        path = str(bias.target) if bias is not None else name.removesuffix("weight") + "bias"
        owner = module.get_submodule(path.rpartition(".")[0])
        setattr(owner, path.rpartition(".")[2], torch.nn.Parameter(found[1]))
        if bias is None:
            with graph.inserting_before(layer):
                bias = graph.get_attr(path)
            bias.meta["val"] = found[1].to("meta")
            layer.args = (*layer.args[:2], bias, *layer.args[3:])
        node.replace_all_uses_with(layer)
        graph.erase_node(node)
        folded.append(name)
    _drop_unread(module)
    return folded


def _tensor(module: fx.GraphModule, node: fx.Node) -> torch.Tensor:
    """The tensor that a node reads."""
    path, _, name = str(node.target).rpartition(".")
    value: torch.Tensor = getattr(module.get_submodule(path), name)
    return value


def _drop_unread(module: fx.GraphModule) -> None:
    """Remove the parameters and buffers of folded normalisations."""
    for node in module.graph.find_nodes(op="get_attr"):
        if not node.users:
            path, _, name = str(node.target).rpartition(".")
            owner = module.get_submodule(path)
            if name in owner._parameters or name in owner._buffers:
                delattr(owner, name)
            module.graph.erase_node(node)
    module.recompile()


def _set(model: torch.nn.Module, path: str, module: torch.nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, module)
