"""Keeps the effect of `torch.no_grad()`, which decomposition loses by inlining its regions.

Before decomposition, this module inlines the regions and detaches the values that they read. Then
nothing in a region has a gradient, and every node keeps its source location. A detach that no
output depends on (because it feeds statistics only) is removed later.
"""

from __future__ import annotations

import torch
from torch import fx
from torch.export import ExportedProgram

from ...errors import UnsupportedOp, UnsupportedOpsError
from .source import unsupported_op

__all__ = ["drop_idle_detaches", "stop_gradients"]

_DETACH = torch.ops.aten.detach.default


def stop_gradients(exported: ExportedProgram) -> None:
    """Inline regions without gradient, and detach the values that they read.

    Raises:
        UnsupportedOpsError: a region enables gradients again, or changes a value in place
            that is neither its own nor a buffer.
    """
    unsupported: list[UnsupportedOp] = []
    for node in list(exported.graph.nodes):
        if _sets_gradient_mode(node) and not node.args[0]:
            unsupported += _inline(exported.graph_module, node)
    if unsupported:
        raise UnsupportedOpsError(unsupported)
    exported.graph_module.recompile()


def drop_idle_detaches(graph: fx.Graph, outputs: list[fx.Node]) -> None:
    """Remove detaches on which none of the outputs depends."""
    needed: set[fx.Node] = set()
    pending = list(outputs)
    while pending:
        node = pending.pop()
        if node not in needed:
            needed.add(node)
            pending += node.all_input_nodes
    for node in graph.find_nodes(op="call_function", target=_DETACH):
        if node not in needed:
            node.replace_all_uses_with(node.all_input_nodes[0])
            graph.erase_node(node)


def _sets_gradient_mode(node: fx.Node) -> bool:
    return node.op == "call_function" and node.target is torch.ops.higher_order.wrap_with_set_grad_enabled


def _inline(parent: fx.GraphModule, region: fx.Node) -> list[UnsupportedOp]:
    """Inline one region; return the operators that are unsupported in it."""
    body = getattr(parent, str(region.args[1].target)).graph
    nested = [node for node in body.nodes if _sets_gradient_mode(node)]
    unsupported = [unsupported_op("torch.enable_grad", node, "inside torch.no_grad") for node in nested]
    changed = {_root(node): node for node in body.nodes if _is_inplace(node)}
    inside: dict[fx.Node, fx.Node] = {}
    results: list[fx.Node] = []
    with parent.graph.inserting_before(region):
        for node, outer in zip(body.find_nodes(op="placeholder"), region.args[2:], strict=True):
            inside[node] = outer if node in changed else _detached(parent.graph, node, outer)
            if node in changed and outer.op != "placeholder":
                reason = "of a value made outside torch.no_grad"
                unsupported.append(unsupported_op("in-place change", changed[node], reason))
        outside = dict(zip(body.find_nodes(op="placeholder"), region.args[2:], strict=True))
        for node in body.nodes:
            if node.op == "output":
                # A value that only passes through the region keeps its gradient.
                results = [{**inside, **outside}[result] for result in node.args[0]]
            elif node.op != "placeholder":
                inside[node] = parent.graph.node_copy(node, inside.__getitem__)
    if not unsupported:
        for getitem in list(region.users):
            getitem.replace_all_uses_with(results[getitem.args[1]])
            parent.graph.erase_node(getitem)
        parent.graph.erase_node(region)
    return unsupported


def _detached(graph: fx.Graph, node: fx.Node, outer: fx.Node) -> fx.Node:
    """Detach the value `outer` for the placeholder `node` of a region."""
    detached = graph.call_function(_DETACH, (outer,))
    reader = next(iter(node.users), node)
    detached.meta = {**reader.meta, "val": outer.meta.get("val")}
    return detached


def _is_inplace(node: fx.Node) -> bool:
    return isinstance(node.target, torch._ops.OpOverload) and node.target._schema.is_mutable


def _root(node: fx.Node) -> fx.Node:
    """The value that an in-place operator changes, through views and other changes."""
    while isinstance(node.target, torch._ops.OpOverload):
        aliased = _aliased(node)
        if aliased is None:
            break
        node = aliased
    return node


def _aliased(node: fx.Node) -> fx.Node | None:
    """The operand that shares its memory with the result: the one that is written (also ``out=``) or viewed."""
    found = None
    for position, argument in enumerate(node.target._schema.arguments):
        value = node.args[position] if position < len(node.args) else node.kwargs.get(argument.name)
        if argument.alias_info is not None and isinstance(value, fx.Node):
            if argument.alias_info.is_write:
                return value
            found = found or value
    return found
