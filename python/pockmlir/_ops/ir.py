"""The IR that front ends build, as Python objects: types, attributes, operations, functions, a module.

It knows no rules. The generated classes say which operations there are, `text` writes them in MLIR's
generic form, and the extension module parses and verifies that text.
"""

from __future__ import annotations

import functools
import math
import operator
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..core.ir_text import mlir_float, quote

__all__ = [
    "Attribute",
    "Function",
    "Location",
    "Module",
    "Operation",
    "TensorType",
    "Value",
    "boolean",
    "double",
    "integer",
    "integers",
    "string",
    "symbol",
]

_SYMBOL = re.compile(r"[A-Za-z_][\w.$]*", re.ASCII)
#: Bits of the doubles that MLIR does not write as decimal numbers.
_NOT_FINITE = {"inf": "0x7FF0000000000000", "-inf": "0xFFF0000000000000", "nan": "0x7FF8000000000000"}


@dataclass(frozen=True, slots=True)
class TensorType:
    """A tensor of static shape; ``dtype`` is an element type of the dialect, such as ``f32``."""

    shape: tuple[int, ...]
    dtype: str

    @property
    def rank(self) -> int:
        """The number of dimensions."""
        return len(self.shape)

    def __str__(self) -> str:
        return _spell(self)


@functools.lru_cache(maxsize=4096)
def _spell(type: TensorType) -> str:
    return f"tensor<{''.join(f'{size}x' for size in type.shape)}{type.dtype}>"


@dataclass(frozen=True, slots=True)
class Location:
    """Where an operation comes from: a name, such as a module's path, and the file and line of the user's code."""

    name: str
    file: str | None = None
    line: int = 0

    def __str__(self) -> str:
        place = "" if self.file is None else f"({quote(self.file)}:{self.line}:0)"
        return f"loc({quote(self.name)}{place})"


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute as MLIR text, and the Python value that it was made of, if there is one."""

    text: str
    value: Any = None

    def __str__(self) -> str:
        return self.text


class Value:
    """A result of an operation, or an argument of a function, which has no owner; equal to itself only."""

    __slots__ = ("owner", "type")

    def __init__(self, type: TensorType, owner: Operation | None = None) -> None:
        self.type = type
        self.owner = owner


class Operation:
    """An operation without regions. It has a location once it is part of a function."""

    __slots__ = ("attributes", "location", "name", "operands", "results")

    def __init__(
        self, name: str, operands: Sequence[Value], types: Iterable[TensorType], attributes: Mapping[str, Attribute]
    ) -> None:
        self.name = name
        self.operands = tuple(operands)
        self.attributes = dict(attributes)
        self.results = tuple(Value(type, self) for type in types)
        self.location: Location | None = None


@dataclass
class Function:
    """A function of one block.

    Attributes:
        name: its symbol, also its location.
        arguments: in order.
        argument_names: become the attributes ``pock.name`` of the arguments, and their locations.
        operations: in order, without the return.
        returned: what it returns.
        result_names: become the attributes ``pock.name`` of the results.
    """

    name: str
    arguments: list[Value] = field(default_factory=list)
    argument_names: list[str] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    returned: list[Value] = field(default_factory=list)
    result_names: list[str] = field(default_factory=list)

    def add_argument(self, name: str, type: TensorType) -> Value:
        """Add an argument behind the others."""
        value = Value(type)
        self.arguments.append(value)
        self.argument_names.append(name)
        return value


@dataclass
class Module:
    """Declarations of parameters and buffers, then functions."""

    declarations: list[Operation] = field(default_factory=list)
    functions: list[Function] = field(default_factory=list)


def boolean(value: bool) -> Attribute:
    """Return a boolean."""
    return Attribute("true" if value else "false", bool(value))


def integer(value: int) -> Attribute:
    """Return an integer of 64 bits."""
    return Attribute(f"{operator.index(value)} : i64", value)


def double(value: float) -> Attribute:
    """Return a number of type f64, spelled so that MLIR reads the same value."""
    value = float(value)
    spelled = mlir_float(value) if math.isfinite(value) else _NOT_FINITE[str(value)]
    return Attribute(f"{spelled} : f64", value)


def integers(values: Iterable[int], bits: int = 64) -> Attribute:
    """Return an array of integers."""
    items = [operator.index(value) for value in values]
    numbers = f": {', '.join(map(str, items))}" if items else ""
    return Attribute(f"array<i{bits}{numbers}>", items)


def string(value: str) -> Attribute:
    """Return a string."""
    return Attribute(quote(value), value)


def symbol(name: str) -> Attribute:
    """Return a reference to a symbol."""
    return Attribute(f"@{name if _SYMBOL.fullmatch(name) else quote(name)}", name)
