"""The table of converters from ATen operators to pock ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..common.emitter import Unsupported

__all__ = ["CONVERTERS", "HINTS", "Unsupported", "converts", "hint", "operator_name"]

_Converter = TypeVar("_Converter", bound=Callable[..., Any])

#: ATen operator (``aten.conv2d``, ``aten.add.Tensor``) → its converter. A converter
#: takes the builder and the arguments of the operator in the schema's order: tensors as
#: values, lists as lists, everything else as Python constants. It returns a value, or one
#: per result; `builder.Missing` marks a result that it does not provide.
CONVERTERS: dict[str, Callable[..., Any]] = {}

#: Operator without a converter → advice for the user.
HINTS: dict[str, str] = {}


def converts(*names: str) -> Callable[[_Converter], _Converter]:
    """Register a function as the converter of operators."""

    def register(function: _Converter) -> _Converter:
        for name in names:
            if name in CONVERTERS:
                raise AssertionError(f"two converters for {name}")
            CONVERTERS[name] = function
        return function

    return register


def operator_name(target: Any) -> str:
    """Return the key of a PyTorch operator in these tables."""
    return str(target).removesuffix(".default")


def hint(name: str) -> str:
    """Return the advice for an operator without a converter."""
    default = "no converter and no decomposition; write it with operators of docs/ops.md, or compute it outside"
    return HINTS.get(name, default if name.startswith("aten.") else "not an operator of PyTorch's own library")
