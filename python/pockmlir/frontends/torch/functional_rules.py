"""The functional forms of operators that change a tensor in place, and of compositions: see `functional`.

Each rule writes what PyTorch's decomposition writes, if nothing else is said, and refuses what it does not know exactly.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import fx

from .registry import CONVERTERS, operator_name

__all__ = ["RULES", "Rewriter", "Unknown", "require"]

_aten = torch.ops.aten


class Unknown(Exception):
    """The functional form of a node is not known here."""


def require(condition: bool) -> None:
    """Raise `Unknown` unless a condition holds."""
    if not condition:
        raise Unknown


class Rewriter(Protocol):
    """What rules use to write the new graph; see `functional`."""

    def call(self, node: fx.Node, target: Callable[..., Any], args: Any, kwargs: Any = None, *, val: Any) -> fx.Node:
        """Call an operator in the place of a node."""

    def value(self, node: fx.Node) -> fx.Node:
        """Return the present value of a node."""

    def bind(self, node: fx.Node, value: fx.Node) -> None:
        """Make `value` the value of a node, with memory of its own."""

    def bind_view(self, node: fx.Node, value: fx.Node, base: fx.Node) -> None:
        """Make `value` the value of a node that may share the memory of `base`."""

    def change(self, changed: fx.Node, value: fx.Node, node: fx.Node | None = None) -> None:
        """Make `value` the new value of a tensor that is changed in place, and of `node`, which returns the tensor."""


#: Operator → its rule, which binds the node or raises `Unknown`.
RULES: dict[Any, Callable[[Rewriter, fx.Node], None]] = {}


def _rule(*targets: Any) -> Callable[[Callable[[Rewriter, fx.Node], None]], Callable[[Rewriter, fx.Node], None]]:
    def register(rule: Callable[[Rewriter, fx.Node], None]) -> Callable[[Rewriter, fx.Node], None]:
        RULES.update(dict.fromkeys(targets, rule))
        return rule

    return register


# In place -----------------------------------------------------------------------------

_ELEMENTWISE = (
    "add.Tensor", "sub.Tensor", "mul.Tensor", "div.Tensor", "relu", "hardtanh", "leaky_relu", "elu", "silu", "mish",
    "hardswish", "hardsigmoid", "sigmoid", "tanh",
)  # fmt: skip


def _operators(name: str) -> tuple[Any, Any]:
    """Return an operator that changes its first argument, and the one that returns the new value."""
    name, _, overload = name.partition(".")
    return tuple(getattr(getattr(_aten, kind), overload or "default") for kind in (f"{name}_", name))


_FUNCTIONAL = dict(map(_operators, _ELEMENTWISE))


@_rule(*_FUNCTIONAL)
def _in_place(rewriter: Rewriter, node: fx.Node) -> None:
    functional = _FUNCTIONAL[node.target]
    require(operator_name(functional) in CONVERTERS and _keeps_type(node))
    changed = node.args[0]
    assert isinstance(changed, fx.Node)
    value = rewriter.call(node, functional, node.args, node.kwargs, val=node.meta["val"])
    rewriter.change(changed, value, node)


def _keeps_type(node: fx.Node) -> bool:
    """Whether the new value has the type of the changed tensor, without a conversion."""
    dtype = node.meta["val"].dtype
    if any(source.meta["val"].dtype != dtype for source in node.all_input_nodes):
        return False
    counts = node.target is _aten.add_.Tensor and not node.kwargs and dtype is torch.int64 and type(node.args[1]) is int
    return dtype.is_floating_point or counts


# Layers -------------------------------------------------------------------------------


@_rule(_aten.batch_norm.default)
def _batch_norm(rewriter: Rewriter, node: fx.Node) -> None:
    require(len(node.args) == 9 and not node.kwargs)
    args: Any
    x, weight, bias, mean, variance, training, momentum, epsilon, _ = node.args
    y = node.meta["val"]
    vals = [operand.meta["val"] for operand in node.all_input_nodes]
    require(y.dtype in (torch.float32, torch.float64) and all(val.dtype == y.dtype for val in vals))
    require(y.numel() > 0 and y.dim() > 1)
    if mean is None and variance is None:
        require(training is True)
        channels = y.new_empty((y.shape[1],))
        args = (x, weight, bias, True, momentum, epsilon)
        made = rewriter.call(node, _aten._native_batch_norm_legit.no_stats, args, val=(y, channels, channels))
        rewriter.bind(node, _result(rewriter, node, made, 0))
        return
    require(isinstance(mean, fx.Node) and isinstance(variance, fx.Node) and mean is not variance)
    assert isinstance(mean, fx.Node)
    assert isinstance(variance, fx.Node)
    if not training:
        empty = y.new_empty((0,))
        args = (x, weight, bias, mean, variance, momentum, epsilon)
        made = rewriter.call(node, _aten._native_batch_norm_legit_no_training.default, args, val=(y, empty, empty))
        rewriter.bind(node, _result(rewriter, node, made, 0))
        return
    channels = mean.meta["val"]
    args = (x, weight, bias, mean, variance, True, momentum, epsilon)
    val = (y, channels, channels, channels, channels)
    made = rewriter.call(node, _aten._native_batch_norm_legit_functional.default, args, val=val)
    rewriter.bind(node, _result(rewriter, node, made, 0))
    rewriter.change(mean, _result(rewriter, node, made, 3))
    rewriter.change(variance, _result(rewriter, node, made, 4))


def _result(rewriter: Rewriter, node: fx.Node, made: fx.Node, index: int) -> fx.Node:
    """Return one of several results of an operator in the new graph."""
    return rewriter.call(node, operator.getitem, (made, index), val=made.meta["val"][index])


@_rule(_aten.dropout.default, _aten.dropout_.default)
def _dropout(rewriter: Rewriter, node: fx.Node) -> None:
    """Write a dropout; PyTorch's decomposition of one in place has a mask of its own."""
    require(len(node.args) == 3 and not node.kwargs)
    x, p, training = node.args
    y = node.meta["val"]
    assert isinstance(x, fx.Node)
    is_in_place = node.target is _aten.dropout_.default
    if training and p != 0:
        mask = y.new_empty(y.shape, dtype=torch.bool)
        made = rewriter.call(node, _aten.native_dropout.default, (x, p, True), val=(y, mask))
        value = _result(rewriter, node, made, 0)
    elif is_in_place:
        value = rewriter.value(x)
    else:
        value = rewriter.call(node, _aten.clone.default, (x,), val=y)
    if is_in_place:
        rewriter.change(x, value, node)
    else:
        rewriter.bind(node, value)


# Views --------------------------------------------------------------------------------


@_rule(_aten.flatten.using_ints, _aten.reshape.default, _aten.unflatten.int)
def _reshape(rewriter: Rewriter, node: fx.Node) -> None:
    """Write a view, of a copy where the layout of the memory needs one: pock's tensors have none, but graphs are run."""
    x, y = node.args[0], node.meta["val"]
    assert isinstance(x, fx.Node)
    if x.meta["val"].shape == y.shape:
        rewriter.bind_view(node, rewriter.value(x), x)
    elif _can_be_viewed(x.meta["val"], y.shape):
        rewriter.bind_view(node, rewriter.call(node, _aten.view.default, (x, list(y.shape)), val=y), x)
    else:
        copy = _copy(rewriter, node, x)
        rewriter.bind(node, rewriter.call(node, _aten._unsafe_view.default, (copy, list(y.shape)), val=y))


def _can_be_viewed(x: torch.Tensor, shape: torch.Size) -> bool:
    try:
        x.view(shape)
    except (RuntimeError, ValueError):
        return False
    return True


def _copy(rewriter: Rewriter, node: fx.Node, x: fx.Node) -> fx.Node:
    """Write a copy with the dimensions of its memory in order."""
    format = torch.contiguous_format
    return rewriter.call(
        node, _aten.clone.default, (x,), {"memory_format": format}, val=x.meta["val"].clone(memory_format=format)
    )


@_rule(_aten.contiguous.default)
def _contiguous(rewriter: Rewriter, node: fx.Node) -> None:
    require(len(node.args) == 1 and not node.kwargs)
    x = node.args[0]
    assert isinstance(x, fx.Node)
    if x.meta["val"].is_contiguous():
        rewriter.bind_view(node, rewriter.value(x), x)
    else:
        rewriter.bind(node, _copy(rewriter, node, x))


@_rule(_aten.to.dtype, _aten.to.device, _aten.to.dtype_layout)
def _to(rewriter: Rewriter, node: fx.Node) -> None:
    x, y = node.args[0], node.meta["val"]
    assert isinstance(x, fx.Node)
    value = rewriter.value(x)
    if x.meta["val"].dtype != y.dtype:
        value = rewriter.call(node, _aten._to_copy.default, (x,), {"dtype": y.dtype}, val=y)
    rewriter.bind_view(node, value, x)


@_rule(_aten.chunk.default)
def _chunk(rewriter: Rewriter, node: fx.Node) -> None:
    x, parts = node.args[0], node.meta["val"]
    dim = node.args[2] if len(node.args) > 2 else 0
    require(isinstance(x, fx.Node) and not node.kwargs and type(dim) is int and parts[0].numel() > 0)
    assert isinstance(x, fx.Node)
    assert isinstance(dim, int)
    made = rewriter.call(node, _aten.split.Tensor, (x, parts[0].shape[dim], dim), val=parts)
    rewriter.bind_view(node, made, x)


# Constants and differences ------------------------------------------------------------


@_rule(
    _aten.arange.default, _aten.arange.start, _aten.eye.default, _aten.eye.m, _aten.ones.default, _aten.zeros.default
)
def _constant(rewriter: Rewriter, node: fx.Node) -> None:
    """Copy a constant, which has no converter: it is folded later."""
    require(not node.all_input_nodes)
    target: Any = node.target
    rewriter.bind(node, rewriter.call(node, target, node.args, node.kwargs, val=node.meta["val"]))


@_rule(_aten.diff.default)
def _diff(rewriter: Rewriter, node: fx.Node) -> None:
    args: tuple[Any, ...] = node.args
    x, n, dim, before, after = args + (None, 1, -1, None, None)[len(args) :]
    y = node.meta["val"]
    require(n == 1 and type(dim) is int and not node.kwargs and y.numel() > 0)
    assert isinstance(dim, int)
    parts = [part for part in (before, x, after) if isinstance(part, fx.Node)]
    vals = [part.meta["val"] for part in parts]
    require(all(val.dtype == y.dtype for val in vals))
    size = y.shape[dim] + 1
    whole = parts[0]
    if len(parts) > 1:
        whole = rewriter.call(node, _aten.cat.default, (parts, dim), val=torch.cat(vals, dim))
    first, second = (
        rewriter.call(node, _aten.slice.Tensor, (whole, dim, begin, begin + size - 1), val=y) for begin in (0, 1)
    )
    difference = _aten.logical_xor.default if y.dtype == torch.bool else _aten.sub.Tensor
    rewriter.bind(node, rewriter.call(node, difference, (second, first), val=y))
