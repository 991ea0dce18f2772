"""Gradients that a model gives itself, as operators of the exported graph.

A `torch.autograd.Function` and a hook on a gradient are functions of gradients. They run while
the model is traced, on tensors that stand for the gradients, so that what they compute becomes
part of the graph, and with it all that they read. Two operators say what is what:
``custom_gradient`` returns each value once more, and the tensor that stands for its gradient;
``set_gradients`` ends it with the gradients of its inputs. They become `pock.custom_gradient`
and `pock.set_gradients`.
"""

from __future__ import annotations

import operator
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

__all__ = ["CUSTOM_GRADIENT", "GivenGradients", "place_given_gradients"]

_library = torch.library.Library("pockmlir", "DEF")
_library.define(
    "custom_gradient(Tensor[] values, Tensor[] inputs, int id, int index, bool in_place) -> (Tensor, Tensor)"
)
_library.define("set_gradients(Tensor of, Tensor?[] gradients, int id) -> ()")


def _custom_gradient(
    values: list[torch.Tensor], inputs: list[torch.Tensor], id: int, index: int, in_place: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    return values[index].clone(), values[index].clone()


def _set_gradients(of: torch.Tensor, gradients: list[torch.Tensor | None], id: int) -> None:
    pass


def _untraceable(*args: Any) -> Any:
    raise AssertionError("the graph is differentiated by the compiler")


_library.impl("custom_gradient", _custom_gradient, "CompositeExplicitAutograd")
_library.impl("set_gradients", _set_gradients, "CompositeExplicitAutograd")
# Only so that the results require gradients, as PyTorch's do.
torch.library.register_autograd("pockmlir::custom_gradient", _untraceable, lib=_library)

#: The operator that returns a value and its gradient; see above.
CUSTOM_GRADIENT = torch.ops.pockmlir.custom_gradient.default
_SET = torch.ops.pockmlir.set_gradients.default
fx.node.has_side_effect(CUSTOM_GRADIENT)
fx.node.has_side_effect(_SET)


class GivenGradients:
    """Emits the operators, with numbers that tie them together.

    Attributes:
        dropped: numbers of those that have been taken back.
    """

    def __init__(self) -> None:
        self.dropped: set[int] = set()
        self._count = 0
        self._first: dict[int, torch.Tensor] = {}

    def begin(
        self, values: Sequence[torch.Tensor], inputs: Sequence[torch.Tensor], *, in_place: bool = False
    ) -> tuple[int, list[torch.Tensor], list[torch.Tensor]]:
        """Give the gradients of inputs through values.

        Args:
            values: what is differentiated, floating-point.
            inputs: with respect to what.
            in_place: later the results stand for the values wherever these are read; otherwise
                whoever reads the results takes part.

        Returns:
            The number for `end`, the values again, and their gradients.
        """
        number, self._count = self._count, self._count + 1
        with torch.enable_grad():
            pairs = [CUSTOM_GRADIENT(list(values), list(inputs), number, i, in_place) for i in range(len(values))]
        self._first[number] = pairs[0][0]
        return number, [result for result, _ in pairs], [gradient for _, gradient in pairs]

    def end(self, number: int, gradients: Sequence[torch.Tensor | None]) -> None:
        """Say what the gradients of the inputs are; None is none."""
        # An operator without tensors would not be traced.
        _SET(self._first.pop(number), list(gradients), number)


def place_given_gradients(graph: fx.Graph, dropped: set[int]) -> None:
    """Have values that are changed in place be read through their operator, and drop what has no use.

    Afterwards ``inputs`` are those that have a gradient, and each operator has one that sets them.
    """
    setters = {node.args[2]: node for node in graph.find_nodes(op="call_function", target=_SET)}
    hooked: dict[fx.Node, list[fx.Node]] = defaultdict(list)
    for node in graph.find_nodes(op="call_function", target=CUSTOM_GRADIENT):
        values, inputs, number, index, in_place = node.args
        setter = setters.get(number)
        if setter is None or number in dropped:
            _bypass(graph, node, values[index])
            continue
        given = setter.args[1]
        kept = [x for x, gradient in zip(inputs, given, strict=True) if gradient is not None]
        node.args = (values, kept, number, index, in_place)
        if in_place:
            hooked[values[0]].append(node)
    for number, node in setters.items():
        if number in dropped:
            graph.erase_node(node)
    for value, nodes in hooked.items():
        _read_through(graph, value, nodes)
    graph.eliminate_dead_code()


def _bypass(graph: fx.Graph, node: fx.Node, value: fx.Node) -> None:
    """Undo one operator: nothing is given."""
    for getitem in list(node.users):
        if getitem.args[1] == 0:
            getitem.replace_all_uses_with(value)
            graph.erase_node(getitem)
    if not node.users:
        graph.erase_node(node)
        return
    # What was computed from the gradient has no use.
    with graph.inserting_before(node):
        zeros = graph.call_function(torch.ops.aten.zeros_like.default, (value,))
        zeros.meta = dict(value.meta)
    for getitem in list(node.users):
        getitem.replace_all_uses_with(zeros)
        graph.erase_node(getitem)
    graph.erase_node(node)


def _read_through(graph: fx.Graph, value: fx.Node, nodes: list[fx.Node]) -> None:
    """Let all readers of a value read the result of the first of its hooks, and that the next one's.

    A gradient comes from the readers: it passes the hooks in the order in which they were registered.
    """
    readers = [user for user in value.users if user not in nodes]
    placeholders = graph.find_nodes(op="placeholder")
    anchor = placeholders[-1] if value in placeholders else value
    source = value
    for node in reversed(nodes):
        anchor.append(node)
        node.args = ([source], [source] if node.args[1] else [], *node.args[2:])
        with graph.inserting_after(node):
            source = graph.call_function(operator.getitem, (node, 0))
        source.meta = {**value.meta}
        anchor = source
    for reader in readers:
        reader.replace_input_with(value, source)
