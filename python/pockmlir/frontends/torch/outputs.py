"""The outputs of a model: tensors by name, its loss, and values that a step cannot return."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from ...errors import ArgumentError

__all__ = ["Outputs", "named_fields", "returned_loss"]


class Outputs:
    """The tensors of a model's output.

    Attributes:
        tensors: name → tensor; the name is that of the field, or ``output`` and the position.
        named: whether the model names its outputs (by a mapping or a dataclass).
        dropped: names of values that are not tensors → their type.
    """

    def __init__(self, output: Any) -> None:
        fields = named_fields(output)
        self.named = fields is not None
        self.tensors: dict[str, torch.Tensor] = {}
        self.dropped: dict[str, str] = {}
        for name, value in _leaves("", output):
            text = "output" if not name else f"output{name}" if name[0].isdigit() else name
            if not isinstance(value, torch.Tensor):
                self.dropped[text] = type(value).__name__
            elif text in self.tensors:
                raise ArgumentError(f"model: two of its outputs would be called '{text}'")
            else:
                self.tensors[text] = value


def named_fields(output: Any) -> dict[str, Any] | None:
    """Return the entries of a mapping or the fields of a dataclass, None for anything else."""
    if isinstance(output, Mapping):
        return {str(key): value for key, value in output.items()}
    if dataclasses.is_dataclass(output) and not isinstance(output, type):
        return {field.name: getattr(output, field.name) for field in dataclasses.fields(output)}
    return None


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """All nested values except containers, numbers and None, with their paths."""
    if value is None or isinstance(value, bool | int | float | str):
        return
    fields = named_fields(value)
    if fields is None and isinstance(value, tuple) and hasattr(value, "_fields"):
        fields = dict(zip(value._fields, value, strict=True))
    if fields is None and isinstance(value, tuple | list):
        fields = {str(index): part for index, part in enumerate(value)}
    if fields is None:
        yield path, value
        return
    for key, part in fields.items():
        yield from _leaves(f"{path}_{key}" if path else key, part)


def returned_loss(output: Any) -> Any:
    """Return the loss that a model computes itself: its output, or the output's ``loss``.

    Raises:
        ArgumentError: the output has fields, but none of them is a loss.
    """
    fields = named_fields(output)
    if fields is None:
        return output
    if not isinstance(fields.get("loss"), torch.Tensor):
        names = ", ".join(name for name, value in fields.items() if value is not None)
        raise ArgumentError(
            f"loss: with loss=None the model must return its loss, but its output has {names}; "
            "give it its targets as an input (labels=…), or name a loss"
        )
    return fields["loss"]
