"""Rewrites a functional graph with complex numbers to one with real tensors only.

Before: operators may have complex operands and results; complex constants and buffers have values. After: no value is
complex. Complex constants are two real ones. What no rule covers is returned as unsupported, and zeros take its place,
so that all of them are found.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx
from torch._subclasses.fake_tensor import FakeTensor

from ....errors import UnsupportedOp
from ..operators import arguments
from ..registry import HINTS, Unsupported, operator_name
from ..source import unsupported_op
from .parts import REAL, Complex, Writer
from .rules import ON_REAL, RULES

__all__ = ["Split", "split_complex_numbers"]

_UNKNOWN = "on complex numbers; docs/ops.md lists what is supported"
_HALF = "complex32; use complex64 or complex128"
_OUTPUT = "a complex result; return torch.view_as_real of it, or its real and imaginary parts"
_CHANGED = "a buffer of complex numbers that the forward pass changes; keep a real and an imaginary one"
_INPUT = "a complex input; pass torch.view_as_real of it, and call torch.view_as_complex in the model"


@dataclass(frozen=True)
class Split:
    """The result of `split_complex_numbers`.

    Attributes:
        constants: the values of the placeholders that were added.
        unsupported: what could not be rewritten.
    """

    constants: dict[fx.Node, torch.Tensor]
    unsupported: list[UnsupportedOp]


def split_complex_numbers(graph: fx.Graph, values: Mapping[fx.Node, torch.Tensor], stores: int) -> Split | None:
    """Rewrite a graph in place; None if it has no complex numbers.

    Complex placeholders are erased.

    Args:
        graph: a functional graph of ATen operators.
        values: the values of the placeholders that are complex constants and buffers.
        stores: how many of the first results are new values of buffers.
    """
    if not any(_concerns(node) for node in graph.nodes):
        return None
    return _Splitter(graph, values, stores).split()


def _tensors(value: Any) -> list[torch.Tensor]:
    values = value if isinstance(value, list | tuple) else [value]
    return [value for value in values if isinstance(value, torch.Tensor)]


def _is_complex(node: fx.Node) -> bool:
    return any(value.is_complex() for value in _tensors(node.meta.get("val")))


def _concerns(node: fx.Node) -> bool:
    return _is_complex(node) or (node.op == "call_function" and operator_name(node.target) in ON_REAL)


class _Splitter:
    def __init__(self, graph: fx.Graph, values: Mapping[fx.Node, torch.Tensor], stores: int) -> None:
        self._graph = graph
        self._values = values
        self._stores = stores
        self._complex: dict[fx.Node, Complex] = {}
        #: Real tensors whose last dimension has both parts of a complex one.
        self._interleaved: dict[fx.Node, Complex] = {}
        self._replaced: list[fx.Node] = []
        self._unsupported: list[UnsupportedOp] = []
        vals = [value for node in graph.nodes for value in _tensors(node.meta.get("val"))]
        self._writer = Writer(graph, next(value.fake_mode for value in vals if isinstance(value, FakeTensor)))

    def split(self) -> Split:
        for node in list(self._graph.nodes):
            if node.op == "placeholder" and _is_complex(node):
                self._take(node)
            elif node.op == "output":
                self._finish(node)
            elif node.op == "call_function" and (
                _concerns(node) or not self._complex.keys().isdisjoint(node.all_input_nodes) or self._is_part(node)
            ):
                self._rewrite(node)
        return self._erase()

    def _erase(self) -> Split:
        """Erase complex nodes, and what only they needed."""
        for node in reversed(self._replaced):
            self._graph.erase_node(node)
        # What only unsupported operators read may be unsupported itself.
        if not self._unsupported:
            self._graph.eliminate_dead_code()
        constants = {}
        for node, value in self._writer.constants.items():
            if node.users:
                constants[node] = value
            else:
                self._graph.erase_node(node)
        self._graph.lint()
        return Split(constants, self._unsupported)

    # Nodes --------------------------------------------------------------------------

    def _take(self, node: fx.Node) -> None:
        """Replace a complex constant by two real ones."""
        self._replaced.append(node)
        shape = tuple(node.meta["val"].shape)
        self._writer.at(node)
        if node not in self._values or node.meta["val"].dtype not in REAL:
            self._unsupported.append(unsupported_op("input", node, _HALF if node in self._values else _INPUT))
            self._complex[node] = Complex(None, None, shape)
            return
        value = self._values[node].detach().resolve_conj()
        parts = [
            self._writer.constant((node, index), part.contiguous().clone) if part.any() else None
            for index, part in enumerate((value.real, value.imag))
        ]
        self._complex[node] = Complex.of(parts, shape)

    def _rewrite(self, node: fx.Node) -> None:
        self._writer.at(node)
        value = node.meta.get("val")
        try:
            result = self._result(node)
        except Unsupported as error:
            self._unsupported.append(unsupported_op(operator_name(node.target), node, str(error)))
            result = Complex(None, None)
        if isinstance(value, torch.Tensor) and value.is_complex():
            self._complex[node] = self._fitted(result, value)
        elif isinstance(value, torch.Tensor):
            self._replace(node, result)
        else:
            self._complex[node] = result
        self._replaced.append(node)

    def _result(self, node: fx.Node) -> Any:
        found = [value for x in (node, *node.all_input_nodes) for value in _tensors(x.meta.get("val"))]
        if any(type(size) is not int for value in found for size in value.shape):
            raise Unsupported("the shape of its result depends on the data; shapes must be static")
        name = operator_name(node.target)
        if node.target is operator.getitem:
            return self._taken_apart(node)
        if name == "aten._assert_tensor_metadata":
            return None  # Checked in the export.
        if any(value.dtype is torch.complex32 for value in found):
            raise Unsupported(_HALF)
        if self._is_part(node):
            return self._part(node)
        if name not in RULES:
            raise Unsupported(HINTS.get(name, _UNKNOWN))
        self._writer.dtype = _real_type(node)
        args = [self._argument(arg) for arg in arguments(node, node.target._schema)]
        if name == "aten.view_as_real":
            return self._interleave(node, args[0])
        if name == "aten.view_as_complex" and node.args[0] in self._interleaved:
            return self._interleaved[node.args[0]]
        return RULES[name](self._writer, node, *args)

    def _argument(self, arg: Any) -> Any:
        if isinstance(arg, list | tuple):
            return [self._argument(part) for part in arg]
        return self._complex.get(arg, arg) if isinstance(arg, fx.Node) else arg

    def _taken_apart(self, node: fx.Node) -> Complex:
        """One of the results of an operator on both parts."""
        source, index = node.args
        parts = self._complex[source].parts
        return Complex.of(None if part is None else self._writer.call(operator.getitem, part, index) for part in parts)

    def _fitted(self, x: Complex, value: torch.Tensor) -> Complex:
        """Return parts of the shape of a node's value."""
        shape = _static(value)
        self._writer.dtype = REAL.get(value.dtype, torch.float32)
        return Complex.of((None if part is None else self._writer.tensor(part, shape) for part in x.parts), shape)

    def _replace(self, node: fx.Node, result: fx.Node | Complex) -> None:
        """Let readers of a real node read a new one; zeros in place of an unsupported one."""
        value = node.meta["val"]
        if isinstance(result, Complex):
            result = self._writer.call(torch.ops.aten.full.default, list(_static(value)), 0, dtype=value.dtype)
        # What reads it may view its memory.
        made = self._writer.contiguous(result)
        if result in self._interleaved:
            self._interleaved[made] = self._interleaved[result]
        node.replace_all_uses_with(made)

    # Interleaved parts --------------------------------------------------------------

    def _is_part(self, node: fx.Node) -> bool:
        """Whether a node reads one part of a tensor that `view_as_real` made, or changes its signs."""
        if not node.args or node.args[0] not in self._interleaved:
            return False
        if node.target is torch.ops.aten._neg_view.default:
            return True
        rank = len(self._interleaved[node.args[0]].shape)
        return node.target is torch.ops.aten.select.int and node.args[1] in (rank, -1)

    def _part(self, node: fx.Node) -> fx.Node:
        x = self._interleaved[node.args[0]]
        if node.target is torch.ops.aten._neg_view.default:
            return self._interleave(node, self._writer.apply(self._writer.neg, x))
        return self._writer.tensor(x.parts[node.args[2]], x.shape)

    def _interleave(self, node: fx.Node, x: Complex) -> fx.Node:
        made = RULES["aten.view_as_real"](self._writer, node, x)
        assert isinstance(made, fx.Node)
        self._interleaved[made] = x
        return made

    # Results ------------------------------------------------------------------------

    def _finish(self, output: fx.Node) -> None:
        """Refuse complex results."""
        self._writer.at(output)
        results = list(output.args[0])
        for index, result in enumerate(results):
            if result in self._complex:
                reason = _CHANGED if index < self._stores else _OUTPUT
                self._unsupported.append(unsupported_op("output", result, reason))
                results[index] = self._writer.tensor(None, self._complex[result].shape)
        output.args = (tuple(results),)


def _real_type(node: fx.Node) -> torch.dtype:
    """The type of the parts with which an operator computes."""
    value = node.meta["val"]
    found = _tensors(value)[0].dtype
    if found in REAL:
        return REAL[found]
    operands = [value.dtype for x in node.all_input_nodes for value in _tensors(x.meta.get("val"))]
    complex_ones = [REAL[dtype] for dtype in operands if dtype in REAL]
    if complex_ones:
        return max(complex_ones, key=lambda dtype: dtype.itemsize)
    return found if found.is_floating_point else torch.float32


def _static(value: torch.Tensor) -> tuple[int, ...]:
    """The shape of a tensor, with ones in place of sizes that depend on data."""
    return tuple(size if type(size) is int else 1 for size in value.shape)
