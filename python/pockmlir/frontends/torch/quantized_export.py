"""Exports a quantised model as a PT2E graph, for files, for PyTorch, and for other tools.

Activations are quantised and dequantised by ``quantized_decomposed.quantize_per_tensor`` and its inverse. Weights
stay float32 parameters, under the float model's names and rounded to their integers, with a pair of conversions
behind them: what ``convert_pt2e(…, fold_quantize=False)`` makes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import fx
from torch.export import ExportedProgram

from ...api.quantization import Quantization
from .graph import Program
from .quiet import quiet_export
from .source import strip_model

__all__ = ["export_quantized"]

_Q = torch.ops.quantized_decomposed


def export_quantized(
    program: Program,
    weights: Mapping[fx.Node, Quantization],
    model: torch.nn.Module,
    rounded: Mapping[str, torch.Tensor],
    inputs: Sequence[torch.Tensor],
    keywords: Sequence[str],
) -> ExportedProgram:
    """Export a program whose activations are quantised already.

    Args:
        program: the forward pass, which must not be used afterwards.
        weights: placeholder of a weight → what its integers stand for.
        model: the model with its parameters and buffers.
        rounded: values of parameters that differ from the model's.
        inputs: example inputs, in the order of the program's.
        keywords: names of the last inputs, which are passed by name.
    """
    for node, quantization in weights.items():
        _pair(program.graph, node, quantization)
    root = torch.nn.Module()
    saved = model.state_dict().keys()
    values = {id(model.get_parameter(name)): value for name, value in rounded.items()}
    made: dict[int, torch.Tensor] = {}  # Tied tensors stay tied.
    for name, parameter in model.named_parameters(remove_duplicate=False):
        value = values.get(id(parameter), parameter.detach()).clone()
        _assign(root, name, made.setdefault(id(parameter), torch.nn.Parameter(value)), True)
    for name, buffer in model.named_buffers(remove_duplicate=False):
        _assign(root, name, made.setdefault(id(buffer), buffer.clone()), name in saved)
    _bind(program, root)
    module = fx.GraphModule(root, program.graph)
    # Those that the forward pass does not read, and what is not saved.
    for name, parameter in root.named_parameters(remove_duplicate=False):
        _assign(module, name, parameter, True)
    saved = root.state_dict().keys()
    for name, buffer in root.named_buffers(remove_duplicate=False):
        _assign(module, name, buffer, name in saved)
    count = len(inputs) - len(keywords)
    with quiet_export():
        return torch.export.export(module, tuple(inputs[:count]), dict(zip(keywords, inputs[count:], strict=True)))


def _pair(graph: fx.Graph, node: fx.Node, quantization: Quantization) -> None:
    """Insert both conversions behind a weight."""
    reader = next(iter(node.users))
    readers = list(node.users)
    limits = (quantization.least, quantization.most, torch.int8)
    inverse = _Q.dequantize_per_tensor if quantization.axis is None else _Q.dequantize_per_channel
    with graph.inserting_before(graph.find_nodes(op="placeholder")[-1].next):
        if quantization.axis is None:
            numbers: tuple[Any, ...] = (float(quantization.scale), 0, *limits)
            stored = graph.call_function(_Q.quantize_per_tensor.default, (node, *numbers))
        else:
            scale = np.asarray(quantization.scale, np.float32)
            known = [torch.from_numpy(scale.copy()), torch.zeros(len(scale), dtype=torch.int64)]
            numbers = (*(_constant(graph, value) for value in known), quantization.axis, *limits)
            stored = graph.call_function(_Q.quantize_per_channel.default, (node, *numbers))
        real = graph.call_function(inverse.default, (stored, *numbers))
    stored.meta, real.meta = dict(reader.meta), dict(reader.meta)
    for user in readers:
        user.replace_input_with(node, real)


def _constant(graph: fx.Graph, value: torch.Tensor) -> fx.Node:
    """Return a node whose attribute `_bind` sets."""
    node = graph.create_node("get_attr", "")
    node.meta["constant"] = value
    return node


def _bind(program: Program, root: torch.nn.Module) -> None:
    """Read parameters, buffers and constants as attributes, and return what the model returned."""
    graph = program.graph
    constants = [(node, node.meta["constant"]) for node in graph.nodes if node.op == "get_attr"]
    first = graph.find_nodes(op="placeholder")[-1].next
    for node, binding in zip(graph.find_nodes(op="placeholder"), program.bindings, strict=True):
        if binding.kind == "input":
            node.target = binding.name
            continue
        with graph.inserting_before(first):
            read = graph.create_node("get_attr", binding.name)
        read.meta = dict(node.meta)
        node.replace_all_uses_with(read)
        graph.erase_node(node)
        if binding.kind == "constant":
            assert binding.value is not None
            constants.append((read, binding.value))
    for index, (node, value) in enumerate(constants):
        # The importer drops buffers that begin with an underscore once it has read them.
        node.target = f"_constant{index}"
        root.register_buffer(node.target, value, persistent=False)
    for node in graph.nodes:
        if node.op != "placeholder":
            node.meta["nn_module_stack"] = _within_model(node)
    output = next(iter(graph.find_nodes(op="output")))
    results = output.args[0]
    if program.names_outputs:
        output.args = (dict(zip(program.outputs, results, strict=True)),)
    elif len(results) == 1:
        output.args = (results[0],)


def _within_model(node: fx.Node) -> dict[str, tuple[str, str]]:
    """The modules of a node, relative to the model."""
    stack = {}
    for path, kind in (node.meta.get("nn_module_stack") or {}).values():
        inside = strip_model(path)
        if inside is not None:
            stack[inside] = (inside, kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}")
    return stack or {"": ("", "torch.nn.Module")}


def _assign(module: torch.nn.Module, name: str, tensor: torch.Tensor, persistent: bool) -> None:
    """Set a parameter or buffer under a dotted name."""
    *path, leaf = name.split(".")
    for part in path:
        if part not in module._modules:
            module.add_module(part, torch.nn.Module())
        module = module.get_submodule(part)
    if isinstance(tensor, torch.nn.Parameter):
        module.register_parameter(leaf, tensor)
    else:
        module.register_buffer(leaf, tensor, persistent=persistent)
