"""Finds the parameters that receive a gradient by the rules of PyTorch's autograd.

A parameter has no gradient if it is not read, or is only read by operators that end
differentiation (detach, comparisons, integers). If its gradient is zero everywhere, as with
rounding, it still has a gradient and is trained.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable
from typing import Any

import torch
from torch import fx

from .given_gradients import CUSTOM_GRADIENT
from .graph import Program

__all__ = ["reached_parameters"]


def reached_parameters(program: Program) -> dict[str, bool]:
    """Return the names of the parameters that a program with a loss reads, and whether they have a gradient."""
    bindings = dict(zip(program.graph.find_nodes(op="placeholder"), program.bindings, strict=True))
    names = {node: b.name for node, b in bindings.items() if b.kind == "parameter" and b.value is None}
    active: set[fx.Node] = set(names)
    for node in program.graph.nodes:
        if node.op == "call_function" and not active.isdisjoint(_sources(node)) and _differentiates(node):
            active.add(node)
    output = next(node for node in program.graph.nodes if node.op == "output")
    pending = [output.args[0][len(program.stores)]]
    reached: set[fx.Node] = set()
    while pending:
        node = pending.pop()
        if node in active and node not in reached:
            reached.add(node)
            pending += _sources(node)
    return {name: node in reached for node, name in names.items() if node.users}


#: Operators with one result per tensor operand; each result only depends on its operand.
_ONE_EACH = (
    torch.ops.aten.broadcast_tensors.default,
    torch.ops.aten.meshgrid.default,
    torch.ops.aten.meshgrid.indexing,
)


def _sources(node: fx.Node) -> Iterable[fx.Node]:
    """The operands that receive a gradient from a node."""
    if node.target is operator.getitem and node.args[0].target in _ONE_EACH:
        return [node.args[0].args[0][node.args[1]]]
    if _name(node).endswith("_as"):
        # type_as and expand_as only use the type or the shape of the second tensor.
        return [node.args[0]]
    sources: list[fx.Node] = node.args[1] if node.target is CUSTOM_GRADIENT else node.all_input_nodes
    return sources


def _differentiates(node: fx.Node) -> bool:
    """Whether a node's result has a gradient if its operands have one."""
    if node.target is operator.getitem:
        source: Any = node.args[0]
        return _is_float(node.meta.get("val")) and not (source.target is CUSTOM_GRADIENT and node.args[1] == 1)
    name = _name(node)
    if name.startswith("quantized_decomposed::quantize_") or (_is_byte(node) and any(map(_is_byte, _sources(node)))):
        # Bytes that a tensor is quantised to.
        return True
    # These operators only use the shape of their operand.
    shape_only = name.endswith("_like") or name.startswith("aten::new_")
    return name != "aten::detach" and not shape_only and _is_float(node.meta.get("val"))


def _name(node: fx.Node) -> str:
    return node.target._schema.name if isinstance(node.target, torch._ops.OpOverload) else ""


def _is_byte(node: fx.Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.dtype in (torch.int8, torch.uint8)


def _is_float(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_is_float, value))
    # A node without a recorded value was made by one of our rewrites, and is a floating-point tensor.
    return not isinstance(value, torch.Tensor) or value.is_floating_point() or value.is_complex()
