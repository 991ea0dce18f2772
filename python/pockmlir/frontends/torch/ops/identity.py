"""Operators that change no value: casts, copies, detach, assertions."""

from __future__ import annotations

from typing import Any

from ..builder import Builder, Value
from ..registry import converts


@converts("aten._to_copy", "aten.type_as", "prims.convert_element_type")
def to_dtype(b: Builder, x: Value, *args: Any) -> Value:
    return b.cast(x, b.out_dtype)


@converts("aten.clone", "aten.alias")
def identity(b: Builder, x: Value, *args: Any) -> Value:
    return x


@converts("aten.detach")
def detach(b: Builder, x: Value) -> Value:
    return b.constant_to_gradients(x)


@converts("aten._assert_tensor_metadata")
def assertion(b: Builder, *args: Any) -> None:
    """Emit nothing: PyTorch checked the assertion when it exported the model."""
