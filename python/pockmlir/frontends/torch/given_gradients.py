"""Represents a model's custom gradients as operators of the exported graph.

A `torch.autograd.Function` and a hook on a gradient are functions of gradients. They run while
the model is traced, on tensors that represent the gradients, so that their computation becomes
part of the graph. Two operators delimit it: ``custom_gradient`` returns a copy of a value and
the tensor that represents its gradient; ``set_gradients`` takes the resulting gradients of the
inputs. They become `pock.custom_gradient` and `pock.set_gradients`.
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
# Registered only so that the results require gradients, as in PyTorch.
torch.library.register_autograd("pockmlir::custom_gradient", _untraceable, lib=_library)

#: The operator that returns a value and its gradient; see above.
CUSTOM_GRADIENT = torch.ops.pockmlir.custom_gradient.default
_SET = torch.ops.pockmlir.set_gradients.default
fx.node.has_side_effect(CUSTOM_GRADIENT)
fx.node.has_side_effect(_SET)


class GivenGradients:
    """Emits pairs of these operators, which are matched by number.

    Attributes:
        count: the number of pairs.
        dropped: the numbers of the pairs that have been revoked.
    """

    def __init__(self) -> None:
        self.dropped: set[int] = set()
        self.count = 0
        self._first: dict[int, torch.Tensor] = {}

    def begin(
        self, values: Sequence[torch.Tensor], inputs: Sequence[torch.Tensor], *, in_place: bool = False
    ) -> tuple[int, list[torch.Tensor], list[torch.Tensor]]:
        """Begin a custom gradient of inputs through values.

        Args:
            values: the floating-point values that are differentiated.
            inputs: the tensors with respect to which the gradients are given.
            in_place: whether the results replace the values for all readers later; otherwise the
                custom gradient only applies to readers of the results.

        Returns:
            The number for `end`, copies of the values, and their gradients.
        """
        number, self.count = self.count, self.count + 1
        with torch.enable_grad():
            pairs = [CUSTOM_GRADIENT(list(values), list(inputs), number, i, in_place) for i in range(len(values))]
        self._first[number] = pairs[0][0]
        return number, [result for result, _ in pairs], [gradient for _, gradient in pairs]

    def end(self, number: int, gradients: Sequence[torch.Tensor | None]) -> None:
        """End a custom gradient with the gradients of the inputs; None means no gradient."""
        # An operator without tensors would not be traced.
        _SET(self._first.pop(number), list(gradients), number)


def place_given_gradients(graph: fx.Graph, dropped: set[int]) -> None:
    """Redirect readers of values with an in-place operator to its result, and remove unused operators.

    Afterwards ``inputs`` only contains inputs with a gradient, and each operator has a matching setter.
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
    """Remove one operator: its value has no custom gradient."""
    for getitem in list(node.users):
        if getitem.args[1] == 0:
            getitem.replace_all_uses_with(value)
            graph.erase_node(getitem)
    if not node.users:
        graph.erase_node(node)
        return
    # The computations on the gradient are dead now.
    with graph.inserting_before(node):
        zeros = graph.call_function(torch.ops.aten.zeros_like.default, (value,))
        zeros.meta = dict(value.meta)
    for getitem in list(node.users):
        getitem.replace_all_uses_with(zeros)
        graph.erase_node(getitem)
    graph.erase_node(node)


def _read_through(graph: fx.Graph, value: fx.Node, nodes: list[fx.Node]) -> None:
    """Insert the hooks of a value in a chain between the value and its readers.

    A gradient flows from the readers to the value, and must pass the hooks in the order of registration.
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
