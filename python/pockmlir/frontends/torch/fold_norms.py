"""Folds batch normalisation in eval mode into the convolution or linear layer before it."""

from __future__ import annotations

import operator

import torch
from torch import fx
from torch.nn.modules.batchnorm import _BatchNorm

from .graph import Program
from .operators import operator_name
from .source import module_path

__all__ = ["fold_batch_norms"]

_NORM = "aten._native_batch_norm_legit_no_training"
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
    """Multiply in float64: a variance may be small."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = torch.rsqrt(norm.running_var.double() + norm.eps)
    if norm.weight is not None:
        factor = factor * norm.weight.double()
    offset = -norm.running_mean.double() * factor
    if norm.bias is not None:
        offset = offset + norm.bias.double()
    weight: torch.nn.Parameter = layer.weight
    bias: torch.nn.Parameter | None = layer.bias
    shape = [1] * weight.dim()
    is_transposed = isinstance(layer, torch.nn.ConvTranspose1d | torch.nn.ConvTranspose2d)
    if is_transposed and layer.groups != 1:
        # A weight of groups is [inputs, outputs of a group, …].
        groups = int(layer.groups)
        factors = factor.reshape(groups, 1, -1).expand(-1, weight.shape[0] // groups, -1).reshape(weight.shape[:2])
        new = weight.double() * factors.reshape([*weight.shape[:2], *[1] * (weight.dim() - 2)])
    else:
        shape[1 if is_transposed else 0] = -1
        new = weight.double() * factor.reshape(shape)
    with torch.no_grad():
        weight.copy_(new)
        if bias is None:
            layer.bias = torch.nn.Parameter(offset.to(weight.dtype))
        else:
            bias.copy_(bias.double() * factor + offset)


def _set(model: torch.nn.Module, path: str, module: torch.nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(model.get_submodule(parent), name, module)
