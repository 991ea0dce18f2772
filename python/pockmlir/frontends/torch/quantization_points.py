"""Finds where the tensors of a float model are quantised, so that its layers become integer operators.

A layer is computed with integers if it is a convolution or linear layer whose weight is a parameter that only such
layers read, a matrix product of two activations, or an addition, product, mean, pooling, clamp, concatenation or
movement of integers that ends in such a layer. Its result is quantised behind the clamps (relu, relu6, …) that follow
it. All other operators (softmax, normalisation, gelu, …) stay floating-point: their operands are dequantised, and
their results are quantised where a layer of integers reads them. A positive factor changes what integers stand for,
not the integers.

References: Jacob et al., Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
Inference, 2018 (arXiv 1712.05877), for fused layers and one scale per result.
"""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import fx

from .graph import Program
from .operators import arguments, operator_name
from .quantizable import (
    CLAMPS,
    JOINS,
    MATMULS,
    MEANS,
    PRODUCTS,
    fixed_limits,
    is_plain,
    is_real,
    moves,
    operand_of,
    scaling,
)
from .source import LOSS_PATH, module_path

__all__ = ["Points", "find_points", "node_names"]


@dataclass(frozen=True)
class Points:
    """Where a program's tensors are quantised.

    Attributes:
        results: nodes whose results are quantised → the name of their scale.
        operands: reader and position of an operand that is quantised before this reader → the name of its scale.
        inputs: names of the scales of the program's inputs.
        weights: names of the weights → the dimension of their output channels, in order of execution.
        readers: name of a weight → its layers.
        parameters: nodes of the parameters → their names.
        heads: names of scales of the model's outputs.
        head_weights: weights of the last layers.
        fixed: name of a scale → the range that it covers whatever the data: (0, 6) of relu6.
        same: name of a scale → that of the tensor whose scale it may take instead: of a mean.
    """

    results: dict[fx.Node, str] = field(default_factory=dict)
    operands: dict[tuple[fx.Node, int], str] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    weights: dict[str, int] = field(default_factory=dict)
    readers: dict[str, list[fx.Node]] = field(default_factory=dict)
    parameters: dict[fx.Node, str] = field(default_factory=dict)
    heads: set[str] = field(default_factory=set)
    head_weights: set[str] = field(default_factory=set)
    fixed: dict[str, tuple[float, float]] = field(default_factory=dict)
    same: dict[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """The names of all scales of activations, in order of execution."""
        return list(dict.fromkeys([*self.inputs, *self.results.values(), *self.operands.values()]))


def find_points(program: Program, leaves: Collection[str], *, quantized_head: bool) -> Points:
    """Return the points of a program.

    Scales are named after the module that computes the result: ``features.0``. An operator that is called in the
    forward of a module with children has the operator's name, too: ``block1.add``. Further ones of the same name
    end in ``_1``, ``_2``. Inputs have their names.

    Args:
        program: an exported program in eval mode, or the loss of the same model.
        leaves: paths of the model's modules without children.
        quantized_head: whether the model's outputs are quantised; otherwise the last layers stay floating-point.
    """
    return _Finder(program, leaves, quantized_head).find()


class _Finder:
    def __init__(self, program: Program, leaves: Collection[str], quantized_head: bool) -> None:
        self._graph = program.graph
        placeholders = program.graph.find_nodes(op="placeholder")
        bindings = list(zip(placeholders, program.bindings, strict=True))
        self._inputs = {node: b.name for node, b in bindings if b.kind == "input"}
        self._parameters = {node: b.name for node, b in bindings if b.kind == "parameter" and b.value is None}
        self._quantized_head = quantized_head
        self._names = node_names(program, leaves)
        self._can: set[fx.Node] = set()
        self._wanted: set[fx.Node] = set()

    def find(self) -> Points:
        """Return the points."""
        weights = self._weights()
        # Product → the positions of its operands that are activations.
        self._products = dict.fromkeys((node for nodes in weights.values() for node in nodes), (0,)) | self._matmuls()
        heads = self._head_layers()
        if not self._quantized_head:
            self._products = {node: places for node, places in self._products.items() if node not in heads}
        self._classify()
        points = Points(parameters=self._parameters)
        for node in self._graph.nodes:
            if node in self._can and node in self._wanted and not self._passes(node):
                self._add_result(points, node)
            for position in self._quantized_operands(node):
                operand = operand_of(node, position)
                if not (operand in self._can and operand in self._wanted):
                    points.operands[node, position] = self._names[operand]
        for name, nodes in weights.items():
            kept = [node for node in nodes if node in self._products]
            if kept:
                points.weights[name] = PRODUCTS[operator_name(kept[0])]
                points.readers[name] = kept
                if heads.intersection(kept):
                    points.head_weights.add(name)
        return points

    # Weights ------------------------------------------------------------------------------

    def _weights(self) -> dict[str, list[fx.Node]]:
        """The weights that only layers read, in one way, and these layers."""
        result: dict[str, list[fx.Node]] = {}
        for node in self._graph.nodes:
            if operator_name(node) not in PRODUCTS or not is_real(node):
                continue
            weight = node.args[1]
            bias = node.args[2] if len(node.args) > 2 else None
            fits = weight in self._parameters and (bias is None or bias in self._parameters)
            axis = PRODUCTS[operator_name(node)]
            if fits and axis == 1:
                fits = arguments(node, node.target._schema)[6] == 1  # groups
            fits = fits and weight.meta["val"].dim() >= 2 and is_real(weight)
            readers = [user for user in weight.users if module_path(user) != LOSS_PATH] if fits else []
            alike = all(
                operator_name(user) in PRODUCTS and PRODUCTS[operator_name(user)] == axis and user.args[1] is weight
                for user in readers
            )
            if fits and alike and len(readers) == len(weight.users):
                result.setdefault(self._parameters[weight], []).append(node)
        return result

    def _matmuls(self) -> dict[fx.Node, tuple[int, ...]]:
        """The matrix products of two activations, which both depend on an input."""
        active: set[fx.Node] = set(self._inputs)
        result = {}
        for node in self._graph.nodes:
            if not active.isdisjoint(node.all_input_nodes):
                active.add(node)
            places = MATMULS.get(operator_name(node), ())
            factors = [node.args[place] for place in places]
            if factors and all(x in active and is_real(x) and x.meta["val"].dim() >= 2 for x in factors):
                result[node] = places
        return {node: places for node, places in result.items() if module_path(node) != LOSS_PATH}

    def _head_layers(self) -> set[fx.Node]:
        """The layers whose results are the model's outputs, or become them by clamps and movement."""
        found = set()
        for node in self._graph.nodes:
            users = [node]
            while users and not any(map(_leaves_model, users)):
                users = [u for user in users for u in user.users if operator_name(u) in CLAMPS or moves(u)]
            if node in self._products and users and any(map(_leaves_model, users)):
                found.add(node)
        return found

    # Integers -----------------------------------------------------------------------------

    def _operands(self, node: fx.Node) -> list[Any]:
        """The operands that may be integers."""
        if node.target is operator.getitem:
            return [node.args[0]]
        name = operator_name(node)
        if name == "aten.cat":
            return list(node.args[0])
        return list(node.args[:2]) if name in JOINS else list(node.args[:1])

    def _classify(self) -> None:
        """Find the nodes that can have integers, and those whose integers a layer reads."""
        for node in self._graph.nodes:
            name = operator_name(node)
            if node in self._inputs:
                fits = is_real(node)
            elif node in self._products:
                fits = True
            elif name in (*CLAMPS, *MEANS) or moves(node):
                fits = self._operands(node)[0] in self._can and is_plain(node)
            elif name in JOINS:
                fits = self._joins(node)
            else:
                fits = False
            if fits and (node in self._inputs or module_path(node) != LOSS_PATH):
                self._can.add(node)
        for node in reversed(self._graph.nodes):
            leaves = self._quantized_head and _leaves_model(node) and node not in self._inputs
            if leaves or any(self._takes_integers(user, node) for user in node.users):
                self._wanted.add(node)

    def _joins(self, node: fx.Node) -> bool:
        """Whether the operands of a join are activations, one of which has integers."""
        operands = self._operands(node)
        fits = all(isinstance(x, fx.Node) and is_real(x) for x in operands) and not node.kwargs.get("alpha")
        known = {n for n in self._graph.find_nodes(op="placeholder") if n not in self._inputs}
        return fits and not known.intersection(operands) and not self._can.isdisjoint(operands)

    def _takes_integers(self, user: fx.Node, node: fx.Node) -> bool:
        if user in self._products:
            return any(operand_of(user, place) is node for place in self._products[user])
        return user in self._can and user in self._wanted

    def _quantized_operands(self, node: fx.Node) -> Sequence[int]:
        if node in self._products:
            return self._products[node]
        if node in self._can and node in self._wanted and operator_name(node) in JOINS and not moves(node):
            return range(len(self._operands(node)))
        return ()

    # Results ------------------------------------------------------------------------------

    def _passes(self, node: fx.Node) -> bool:
        """Whether a node's result is not quantised itself: it moves integers, or a clamp follows."""
        return moves(node) or self._clamp_of(node) is not None

    def _clamp_of(self, node: fx.Node) -> fx.Node | None:
        """The clamp that is the only reader of a node, if it has integers."""
        user = next(iter(node.users)) if len(node.users) == 1 else None
        fits = user is not None and operator_name(user) in CLAMPS and user in self._can and user in self._wanted
        return user if fits and node not in self._inputs else None

    def _add_result(self, points: Points, node: fx.Node) -> None:
        first: Any = node
        while operator_name(first) in CLAMPS and self._clamp_of(first.args[0]) == first:
            first = first.args[0]
        name = self._names[first]
        user = next(iter(node.users)) if len(node.users) == 1 else None
        if user is not None and operator_name(user) == "aten.cat" and user in self._can and user in self._wanted:
            # Parts that nothing else reads have the scale of the whole.
            name = self._names[user]
        elif operator_name(first) in MEANS and first is node and (source := self._source(first.args[0], points)):
            points.same[name] = source
        points.results[node] = name
        if node in self._inputs:
            points.inputs.append(name)
        if _leaves_model(node) or self._moves_out(node):
            points.heads.add(name)
        if (limits := fixed_limits(node)) is not None:
            points.fixed[name] = limits

    def _source(self, node: fx.Node, points: Points) -> str | None:
        """The scale of a node's integers."""
        while node not in points.results:
            if not moves(node) or scaling(node) is not None:
                return None
            node = node.args[0]
        return points.results[node]

    def _moves_out(self, node: fx.Node) -> bool:
        """Whether a result becomes an output of the model by movement."""
        return any(_leaves_model(user) or self._moves_out(user) for user in node.users if moves(user))


def node_names(program: Program, leaves: Collection[str]) -> dict[fx.Node, str]:
    """Return names of the inputs and of the results of all nodes in the model; see `find_points`.

    The forward pass has the same names in every program of a model, whatever the size of its batch.
    """
    placeholders = program.graph.find_nodes(op="placeholder")
    seen: dict[str, int] = {}
    result = {n: b.name for n, b in zip(placeholders, program.bindings, strict=True) if b.kind == "input"}
    for node in _calls(program.graph):
        path, name = module_path(node), operator_name(node)
        if path == LOSS_PATH:
            continue
        if node.target is operator.getitem:
            result[node] = result.get(node.args[0], "")
            continue
        own = name.split(".")[1] if "." in name else str(node.target)
        text = path if path in leaves and path else f"{path}.{own}".lstrip(".")
        seen[text] = seen.get(text, -1) + 1
        result[node] = f"{text}_{seen[text]}" if seen[text] else text
    return result


def _calls(graph: fx.Graph) -> Iterator[fx.Node]:
    return (node for node in graph.nodes if node.op == "call_function")


def _leaves_model(node: fx.Node) -> bool:
    """Whether a result is an output of the model, or read by its loss."""
    return any(
        user.op == "output" or (user.op == "call_function" and module_path(user) == LOSS_PATH) for user in node.users
    )
