"""The operators that have an integer form, and what decides whether they may take it."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import fx

from .operators import arguments, operator_name

__all__ = [
    "CLAMPS",
    "JOINS",
    "MATMULS",
    "MEANS",
    "PRODUCTS",
    "fixed_limits",
    "is_plain",
    "is_real",
    "moves",
    "operand_of",
    "scaling",
]

#: Operators with a weight → the dimension of its output channels.
PRODUCTS = {
    "aten.conv1d": 0,
    "aten.conv1d.padding": 0,
    "aten.conv2d": 0,
    "aten.conv2d.padding": 0,
    "aten.linear": 0,
    "aten.conv_transpose1d": 1,
    "aten.conv_transpose2d.input": 1,
}
CLAMPS = ("aten.relu", "aten.relu6", "aten.hardtanh", "aten.clamp", "aten.clamp_min", "aten.clamp_max")
MEANS = ("aten.avg_pool1d", "aten.avg_pool2d", "aten.adaptive_avg_pool1d", "aten.adaptive_avg_pool2d", "aten.mean.dim")
JOINS = ("aten.add.Tensor", "aten.sub.Tensor", "aten.mul.Tensor", "aten.cat")
_NEAREST = [
    f"aten.{kind}{rank}d{form}"
    for kind in ("upsample_nearest", "_upsample_nearest_exact")
    for rank in (1, 2, 3)
    for form in ("", ".vec")
]
_MOVES = (
    *(
        "aten.view aten._unsafe_view aten.reshape aten.flatten.using_ints aten.squeeze aten.squeeze.dim "
        "aten.squeeze.dims aten.unsqueeze aten.expand aten.permute aten.transpose.int aten.t aten.split.Tensor "
        "aten.split_with_sizes aten.unbind.int aten.slice.Tensor aten.select.int aten.clone aten.alias "
        "aten.max_pool1d aten.max_pool2d aten.constant_pad_nd aten.pad"
    ).split(),
    *_NEAREST,
)
#: Matrix products of two activations → the positions of both.
MATMULS = {"aten.matmul": (0, 1), "aten.mm": (0, 1), "aten.bmm": (0, 1), "aten.baddbmm": (1, 2)}
#: Factors by which the scale of integers may be multiplied in place of the integers.
_FACTORS = 2.0**-20, 2.0**20


def moves(node: fx.Node) -> bool:
    """Return whether a node's integers are those of its operand at other places."""
    return operator_name(node) in _MOVES or node.target is operator.getitem or scaling(node) is not None


def scaling(node: fx.Node) -> float | None:
    """Return the positive number by which a node multiplies its operand; None for other operators."""
    name = operator_name(node)
    if name not in ("aten.mul.Tensor", "aten.mul.Scalar", "aten.div.Tensor", "aten.div.Scalar"):
        return None
    number = node.args[1]
    if isinstance(number, bool) or not isinstance(number, int | float) or not number > 0:
        return None
    factor = float(number) if name.startswith("aten.mul") else 1.0 / number
    return factor if _FACTORS[0] <= factor <= _FACTORS[1] else None


def operand_of(reader: fx.Node, position: int) -> fx.Node:
    """Return an operand of a node; its number is that in the list if the first argument is a list of operands."""
    operands = reader.args[0] if isinstance(reader.args[0], list | tuple) else reader.args
    operand = operands[position]
    assert isinstance(operand, fx.Node)
    return operand


def is_real(node: Any) -> bool:
    """Return whether a value is a tensor of float32."""
    value = node.meta.get("val") if isinstance(node, fx.Node) else None
    return isinstance(value, torch.Tensor) and value.dtype == torch.float32


def is_plain(node: fx.Node) -> bool:
    """Return whether a clamp has numbers as limits, a mean no other type, and padding zeros."""
    if operator_name(node) in ("aten.constant_pad_nd", "aten.pad"):
        _, _, *mode, value = arguments(node, node.target._schema)
        if mode not in ([], ["constant"]) or value not in (0, None):
            return False
    return not any(isinstance(arg, fx.Node) for arg in node.args[1:]) and not node.kwargs.get("dtype")


def fixed_limits(node: fx.Node) -> tuple[float, float] | None:
    """Return the range of relu6, which is known without data."""
    name = operator_name(node)
    if name not in ("aten.hardtanh", "aten.relu6", "aten.clamp"):
        return None
    given = (0.0, 6.0) if name == "aten.relu6" else tuple(arguments(node, node.target._schema)[1:3])
    return (0.0, 6.0) if given == (0.0, 6.0) else None
