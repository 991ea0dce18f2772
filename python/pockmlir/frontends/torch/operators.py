"""Operators of an exported graph: their names, and their arguments by the schema's order."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from ..._ops.ir import TensorType
from .dtypes import NARROW, dtype_name

__all__ = ["arguments", "is_check", "narrow_range", "operator_schema", "schema_name", "tensor_type"]

_aten = torch.ops.aten

#: Operators whose variant for tensors export calls with a number, too.
_WITH_NUMBER = {
    _aten.add.Tensor: _aten.add.Scalar,
    _aten.sub.Tensor: _aten.sub.Scalar,
    _aten.mul.Tensor: _aten.mul.Scalar,
    _aten.div.Tensor: _aten.div.Scalar,
    _aten.floor_divide.default: _aten.floor_divide.Scalar,
}
#: Operators that PyTorch puts in place of others with the same arguments.
_SAME = {
    _aten.lift_fresh_copy.default: _aten.clone.default,
    _aten._embedding_bag_forward_only.default: _aten.embedding_bag.padding_idx,
}


def is_check(node: fx.Node) -> bool:
    """Whether an operator ends the call where something does not hold, and has no result."""
    return node.target is _aten._assert_async.msg


def operator_schema(node: fx.Node) -> Any:
    """Return the schema of the operator that a node calls.

    It is that for a number, where it is called with one in place of a tensor.
    """
    target = _SAME.get(node.target, node.target)
    if target in _WITH_NUMBER and isinstance(node.args[1], bool | int | float):
        target = _WITH_NUMBER[target]
    return target._schema


def schema_name(schema: Any) -> str:
    """Return the name of an operator in the table of converters, for example ``aten.add.Tensor``."""
    name = str(schema.name).replace("::", ".")
    return f"{name}.{schema.overload_name}" if schema.overload_name else name


def arguments(node: fx.Node, schema: Any) -> list[Any]:
    """Return an operator's arguments in the schema's order, what is not given by its default."""
    return [
        node.args[i] if i < len(node.args) else node.kwargs.get(parameter.name, parameter.default_value)
        for i, parameter in enumerate(schema.arguments)
    ]


def tensor_type(value: Any) -> TensorType | None:
    """Return the type of what a node gives (``meta["val"]``), None if it is no tensor of ours."""
    if not isinstance(value, torch.Tensor):
        return None
    dtype = dtype_name(value.dtype)
    return None if dtype is None else TensorType(tuple(value.shape), dtype)


def narrow_range(value: Any) -> tuple[int, int] | None:
    """Return the least and the greatest value of a tensor of narrow integers, None for other types."""
    if not isinstance(value, torch.Tensor) or value.dtype not in NARROW:
        return None
    info = torch.iinfo(value.dtype)
    return info.min, info.max
