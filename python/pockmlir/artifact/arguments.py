"""Maps the arguments of a call (by position, by name, nested) to a flat list of tensors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from ..errors import ArgumentError
from .manifest import TensorSpec

__all__ = ["Argument", "Arguments", "Tree", "tree_from_json"]

#: The structure of an argument: a tensor's name, a sequence, a mapping, or a constant (None).
Tree: TypeAlias = "str | tuple[Tree, ...] | dict[str, Tree] | None"


@dataclass(frozen=True)
class Argument:
    """An argument of the model, or its target.

    Attributes:
        name: the keyword of the argument.
        tree: the names of its tensors, nested as the user nests them; None for a constant.
        constant: the value of a constant, which is compiled in.
    """

    name: str
    tree: Tree
    constant: object = None


class Arguments:
    """The arguments of a function.

    Args:
        function: its name, for messages.
        specs: its tensors, in order.
        arguments: how the user passes them; one argument per tensor if empty.
        ignored: further names that a call may pass without effect.
    """

    def __init__(
        self,
        function: str,
        specs: Sequence[TensorSpec],
        arguments: Sequence[Argument] = (),
        ignored: Collection[str] = (),
    ) -> None:
        self._function = function
        self._specs = tuple(specs)
        self._names = [spec.name for spec in specs]
        known = set(self._names)
        #: Only arguments with a tensor of this function: predict has no target.
        self._arguments = [a for a in arguments if known & set(_names(a.tree))] or [Argument(n, n) for n in self._names]
        self._by_name = {name: Argument(name, name) for name in self._names} | {a.name: a for a in self._arguments}
        self._constants = {a.name: a.constant for a in arguments if not _names(a.tree)}
        self._ignored = set(ignored) | {a.name for a in arguments} - set(self._by_name) - set(self._constants)
        self._is_flat = [argument.tree for argument in self._arguments] == self._names

    def flatten(self, positional: Sequence[Any], named: Mapping[str, Any]) -> Sequence[Any]:
        """Return the tensors of a call, in the function's order; their types are not checked.

        Args:
            positional: one value per argument, or one per tensor.
            named: values by the name of an argument or of a tensor.

        Raises:
            ArgumentError: something is missing, unknown, given twice, or nested differently.
        """
        if self._is_flat and not named and len(positional) == len(self._names):
            return positional
        found: dict[str, Any] = {}
        if len(positional) <= len(self._arguments):
            for argument, value in zip(self._arguments, positional, strict=False):
                self._place(argument.name, argument.tree, value, found)
        elif len(positional) == len(self._names) and not named:
            return positional
        else:
            raise self._wrong_number(len(positional))
        for name, value in named.items():
            if name in self._by_name:
                self._place(name, self._by_name[name].tree, value, found)
            elif name not in self._ignored:
                raise ArgumentError(f"{self._function}: {self._unknown(name)}")
        if missing := [str(spec) for spec in self._specs if spec.name not in found]:
            if not named:
                raise self._wrong_number(len(positional))
            raise ArgumentError(f"{self._function}: missing {', '.join(missing)}")
        return [found[name] for name in self._names]

    def nest(self, values: Sequence[Any]) -> dict[str, Any]:
        """Return the arguments by name, constants included, for the tensors of a call."""
        found = dict(zip(self._names, values, strict=True))
        return self._constants | {argument.name: _filled(argument.tree, found) for argument in self._arguments}

    def _wrong_number(self, count: int) -> ArgumentError:
        expected = ", ".join(map(str, self._specs))
        number = len(self._arguments)
        return ArgumentError(f"{self._function}: expected {number} arguments ({expected}), but got {count}")

    def _unknown(self, name: str) -> str:
        if name in self._constants:
            return f"{name} is compiled in as {self._constants[name]!r}; compile again for another value"
        return f"no argument is called {name}; there are {', '.join(a.name for a in self._arguments)}"

    def _place(self, path: str, tree: Tree, value: Any, found: dict[str, Any]) -> None:
        """Assign the tensors of a nested value to their names."""
        if isinstance(tree, str):
            if tree in found:
                raise ArgumentError(f"{self._function}: {tree} is given twice")
            found[tree] = value
        elif isinstance(tree, tuple):
            if not isinstance(value, list | tuple) or len(value) != len(tree):
                raise ArgumentError(f"{path}: expected {len(tree)} values, but got {_describe(value)}")
            for index, (part, entry) in enumerate(zip(tree, value, strict=True)):
                self._place(f"{path}[{index}]", part, entry, found)
        elif isinstance(tree, dict):
            needed = {key: part for key, part in tree.items() if _names(part)}
            if not isinstance(value, Mapping) or not needed.keys() <= value.keys() <= tree.keys():
                raise ArgumentError(f"{path}: expected a mapping with {', '.join(needed)}, but got {_describe(value)}")
            for key, part in needed.items():
                self._place(f"{path}[{key!r}]", part, value[key], found)


def _names(tree: Tree) -> list[str]:
    """The names of a tree's tensors."""
    if isinstance(tree, str):
        return [tree]
    parts = tree.values() if isinstance(tree, dict) else tree or ()
    return [name for part in parts for name in _names(part)]


def _filled(tree: Tree, values: Mapping[str, Any]) -> Any:
    if isinstance(tree, str):
        return values[tree]
    if isinstance(tree, dict):
        return {key: _filled(part, values) for key, part in tree.items()}
    return None if tree is None else tuple(_filled(part, values) for part in tree)


def _describe(value: object) -> str:
    if isinstance(value, Mapping):
        return f"one with {', '.join(map(str, value))}"
    size = f" of {len(value)}" if isinstance(value, list | tuple) else ""
    return f"{type(value).__name__}{size}"


def tree_from_json(tree: Any) -> Tree:
    """Return the structure of an argument; JSON has lists for tuples."""
    if isinstance(tree, Sequence) and not isinstance(tree, str):
        return tuple(map(tree_from_json, tree))
    return {key: tree_from_json(entry) for key, entry in tree.items()} if isinstance(tree, Mapping) else tree
