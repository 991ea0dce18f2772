"""What the code of a function refers to."""

from __future__ import annotations

import builtins
import dis
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["References", "code_facts", "is_generated", "references", "variable"]

_LOADS = ("LOAD_GLOBAL", "LOAD_NAME")
#: Names with which code can read attributes whose names are not in it.
_BY_NAME = frozenset(("getattr", "hasattr", "vars", "dir", "__dict__", "__getattribute__", "__getattr__"))


@dataclass(frozen=True)
class References:
    """What a function refers to by name.

    Attributes:
        variables: global variables and builtins that it reads, in order of appearance.
        imports: modules that it imports while it runs.
        names: all names of attributes and variables in its code.
    """

    variables: tuple[str, ...]
    imports: tuple[str, ...]
    names: frozenset[str]

    @property
    def reads_by_name(self) -> bool:
        """Whether the code may read attributes with other names."""
        return bool(self.names & _BY_NAME)


def references(code: types.CodeType) -> References:
    """Return what code refers to, including that of nested functions."""
    variables: dict[str, None] = {}
    imports: dict[str, None] = {}
    names: set[str] = set()
    for part in _nested(code):
        names.update(part.co_names)
        for instruction in dis.get_instructions(part):
            if instruction.opname in _LOADS:
                variables[instruction.argval] = None
            elif instruction.opname == "IMPORT_NAME":
                imports[instruction.argval] = None
    return References(tuple(variables), tuple(imports), frozenset(names))


def code_facts(code: types.CodeType) -> tuple[Any, ...]:
    """Return everything of a code object but its constants. Lines count: they are in the locations of operations."""
    return (
        code.co_code,
        code.co_names,
        code.co_varnames,
        code.co_freevars,
        code.co_cellvars,
        code.co_flags,
        code.co_argcount,
        code.co_posonlyargcount,
        code.co_kwonlyargcount,
        code.co_filename,
        code.co_firstlineno,
        code.co_linetable,
        code.co_exceptiontable,
        code.co_qualname,
    )


def is_generated(code: types.CodeType) -> bool:
    """Return whether a program has written the source, as `dataclasses` does."""
    return code.co_filename == "<string>"


def variable(function: types.FunctionType, name: str) -> tuple[bool, Any]:
    """Return whether a global variable or a builtin exists, and its value."""
    for namespace in (function.__globals__, vars(builtins)):
        if name in namespace:
            return True, namespace[name]
    return False, None


def _nested(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _nested(constant)
