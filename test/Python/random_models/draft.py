"""A program during its generation: its random numbers, and the values that statements can use."""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from .program import Data, Program, Statement

__all__ = ["Draft", "Reject", "says_something"]

#: Entries of a tensor at the most, and the size of one at the most.
LARGEST, LIMIT = 512, 200.0


class Reject(Exception):
    """The drawn program is invalid: try again."""


class Draft:
    """Draws data, adds statements, and evaluates them immediately in float64.

    Attributes:
        random: the source of all choices.
        program: the program so far.
        values: name → tensor; floating-point tensors are float64.
        active: names that depend on a parameter.
        single: whether to prefer sizes of one.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.program = Program(seed=seed % 2**31)
        self.values: dict[str, Any] = {}
        self.active: set[str] = set()
        self.single = False
        self._number = 0
        torch.manual_seed(seed)

    # Choices ------------------------------------------------------------------------

    def size(self) -> int:
        """Return the size of a dimension."""
        if self.single and self.random.random() < 0.6:
            return 1
        return self.random.choice([1, 2, 2, 3, 3, 4, 5, 6, 7, 9, 16, 17])

    def shape(self, rank: int | None = None) -> tuple[int, ...]:
        """Return a shape."""
        if rank is None:
            rank = self.random.choice([0, 1, 1, 2, 2, 2, 3, 3, 4])
        while True:
            shape = tuple(self.size() for _ in range(rank))
            if math.prod(shape) <= LARGEST:
                return shape

    def broadcastable(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return a shape that broadcasts to another."""
        shape = tuple(1 if self.random.random() < 0.2 else size for size in shape)
        return shape[self.random.randrange(len(shape) + 1) :] if self.random.random() < 0.2 else shape

    # Values -------------------------------------------------------------------------

    def fresh(self, prefix: str) -> str:
        """Return an unused name."""
        self._number += 1
        name = f"{prefix}{self._number - 1}"
        return name if prefix in "vx" else f"self.{name}"

    def add_data(self, prefix: str, shape: tuple[int, ...], value: str = "") -> str:
        """Add an input, a parameter or a buffer."""
        data = Data(self.fresh(prefix), tuple(shape), value)
        made = self.evaluate(data.expression)
        self.values[data.name] = made.double() if made.is_floating_point() else made
        self.program.data.append(data)
        if prefix == "p":
            self.active.add(data.name)
        return data.name

    def floats(self, fits: Callable[[torch.Tensor], bool] = lambda value: True) -> list[str]:
        """Return the names of suitable floating-point values."""
        return [
            name
            for name, value in self.values.items()
            if isinstance(value, torch.Tensor) and value.is_floating_point() and value.numel() and fits(value)
        ]

    def tensor(self, fits: Callable[[torch.Tensor], bool] = lambda value: True, shape: Any = None) -> str:
        """Return a suitable floating-point value: an existing one, mostly one with a gradient, or a new one.

        Args:
            fits: whether a value is suitable.
            shape: makes the shape of a new value; by default `shape` draws it.
        """
        there = [name for name in self.floats(fits) if not self.single or 1 in self.values[name].shape]
        active = [name for name in there if name in self.active]
        if active and self.random.random() < 0.65:
            # Prefer recent values, so that programs become deep.
            return self.random.choice(active[-6:])
        if there and self.random.random() < 0.2:
            return self.random.choice(there)
        for _ in range(50):
            drawn = tuple(shape() if callable(shape) else shape if shape is not None else self.shape())
            if fits(torch.empty(drawn, dtype=torch.float64)):
                return self.add_data(self.random.choice("pppx"), drawn)
        raise Reject("no shape fits")

    def of_shape(self, shape: tuple[int, ...]) -> str:
        """Return a floating-point value of a shape."""
        return self.tensor(lambda value: tuple(value.shape) == tuple(shape), shape)

    def integers(self, shape: tuple[int, ...], low: int, high: int) -> str:
        """Return int64 numbers in [low, high): an input or a buffer."""
        if high <= low:
            raise Reject("no such integer")
        return self.add_data(self.random.choice("xb"), shape, f"torch.randint({low}, {high}, {list(shape)})")

    def condition(self, shape: tuple[int, ...]) -> str:
        """Return booleans."""
        return self.add_data(self.random.choice("xb"), shape, f"torch.rand({list(shape)}) > 0.4")

    def value(self, name: str) -> torch.Tensor:
        """Return the value of a name."""
        return self.values[name]

    # Statements ---------------------------------------------------------------------

    def evaluate(self, expression: str) -> Any:
        """Compute an expression of the program."""
        scope = {name: value for name, value in self.values.items() if not name.startswith("self.")} | {
            "torch": torch,
            "aten": torch.ops.aten,
            "F": functional,
            "nn": nn,
            "self": _Self(self.values),
        }
        with torch.no_grad():
            return eval(expression, scope)

    def module(self, constructor: str, training: bool = True) -> str:
        """Add a module."""
        name = self.fresh("m")
        made = self.evaluate(constructor).double()
        self.values[name] = made.train(training)
        self.program.modules[name] = constructor if training else f"{constructor}.eval()"
        if any(True for _ in made.parameters()):
            self.active.add(name)
        return name

    def add(self, expression: str, origin: str) -> list[str]:
        """Add a statement; return the names of its results.

        Raises:
            Reject: PyTorch refuses the statement, or its results are meaningless.
        """
        try:
            made = self.evaluate(expression)
        except (RuntimeError, IndexError, ValueError, TypeError, NotImplementedError) as error:
            raise Reject(str(error)) from None
        results = list(made) if isinstance(made, tuple | list) else [made]
        if not results or not all(isinstance(result, torch.Tensor) for result in results):
            raise Reject("no tensors")
        for result in results:
            if result.is_complex() or result.numel() > 4 * LARGEST or not says_something(result):
                raise Reject("numbers that say nothing")
        statement = Statement(tuple(self.fresh("v") for _ in results), expression, origin)
        if len(results) == 1 and isinstance(made, tuple | list):
            statement = Statement(statement.results, f"{expression}[0]", origin)
        self.program.statements.append(statement)
        self.values |= zip(statement.results, results, strict=True)
        if any(operand in self.active for operand in statement.operands):
            self.active |= {
                name for name, value in zip(statement.results, results, strict=True) if value.is_floating_point()
            }
        return list(statement.results)

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Undo all changes if the body raises `Reject`, and raise it again."""
        data, statements = len(self.program.data), len(self.program.statements)
        modules, values, active = dict(self.program.modules), dict(self.values), set(self.active)
        try:
            yield
        except Reject:
            del self.program.data[data:], self.program.statements[statements:]
            self.program.modules, self.values, self.active = modules, values, active
            raise


class _Self:
    """The value of ``self`` in an expression."""

    def __init__(self, values: dict[str, Any]) -> None:
        self._values = values

    def __getattr__(self, name: str) -> Any:
        return self._values[f"self.{name}"]


def says_something(result: torch.Tensor) -> bool:
    """Whether numbers are finite, and small enough for accurate gradients."""
    if not result.is_floating_point():
        return True
    return bool(torch.isfinite(result).all()) and (result.numel() == 0 or float(result.abs().max()) < LIMIT)
