"""Operators of an exported graph: their names, and their arguments in the schema's order."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from ..._ops.ir import TensorType
from .dtypes import NARROW, dtype_name

__all__ = [
    "DEQUANTIZE",
    "QUANTIZE",
    "arguments",
    "is_check",
    "narrow_range",
    "operator_name",
    "operator_schema",
    "schema_name",
    "tensor_type",
]

#: The beginning of the names of operators that make integers of real numbers, and of their inverses.
QUANTIZE, DEQUANTIZE = "quantized_decomposed.quantize_", "quantized_decomposed.dequantize_"

_aten = torch.ops.aten

#: Operators whose variant for tensors export also calls with a number → the variant for numbers.
_WITH_NUMBER = {
    _aten.add.Tensor: _aten.add.Scalar,
    _aten.sub.Tensor: _aten.sub.Scalar,
    _aten.mul.Tensor: _aten.mul.Scalar,
    _aten.div.Tensor: _aten.div.Scalar,
    _aten.floor_divide.default: _aten.floor_divide.Scalar,
}
#: Operators that PyTorch substitutes for others with the same arguments → the original operator.
_SAME = {
    _aten.lift_fresh_copy.default: _aten.clone.default,
    _aten._embedding_bag_forward_only.default: _aten.embedding_bag.padding_idx,
}


def is_check(node: fx.Node) -> bool:
    """Whether an operator is an assertion: it has no result, and ends the call if a condition is false."""
    return node.target is _aten._assert_async.msg


def operator_schema(node: fx.Node) -> Any:
    """Return the schema of the operator that a node calls.

    If the operator is called with a number in place of a tensor, this is the schema of the variant for numbers.
    """
    target = _SAME.get(node.target, node.target)
    if target in _WITH_NUMBER and isinstance(node.args[1], bool | int | float):
        target = _WITH_NUMBER[target]
    return target._schema


def schema_name(schema: Any) -> str:
    """Return the name of an operator in the table of converters, for example ``aten.add.Tensor``."""
    name = str(schema.name).replace("::", ".")
    return f"{name}.{schema.overload_name}" if schema.overload_name else name


def operator_name(node: fx.Node) -> str:
    """Return the name of the operator that a node calls as `schema_name`, ``""`` if there is none."""
    return schema_name(node.target._schema) if isinstance(node.target, torch._ops.OpOverload) else ""


def arguments(node: fx.Node, schema: Any) -> list[Any]:
    """Return an operator's arguments in the schema's order, with defaults for missing ones."""
    return [
        node.args[i] if i < len(node.args) else node.kwargs.get(parameter.name, parameter.default_value)
        for i, parameter in enumerate(schema.arguments)
    ]


def tensor_type(value: Any) -> TensorType | None:
    """Return the type of a node's result (``meta["val"]``), None if it is not a tensor of a supported type."""
    if not isinstance(value, torch.Tensor):
        return None
    dtype = dtype_name(value.dtype)
    return None if dtype is None else TensorType(tuple(value.shape), dtype)


def narrow_range(value: Any) -> tuple[int, int] | None:
    """Return the range of the element type of a tensor of narrow integers, None for other types."""
    if not isinstance(value, torch.Tensor) or value.dtype not in NARROW:
        return None
    info = torch.iinfo(value.dtype)
    return info.min, info.max
