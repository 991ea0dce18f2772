"""Writes a module in MLIR's generic form, one operation per line, each with its location."""

from __future__ import annotations

from collections.abc import Iterable

from ..._ops.ir import Function, Location, Module, Operation, Value, string
from ...core.ir_text import quote

__all__ = ["write"]


def write(module: Module) -> str:
    """Return the text of a module; ``pockmlir._core`` parses and verifies it."""
    lines = ['"builtin.module"() ({']
    lines += [_operation(op, {}) for op in module.declarations]
    for function in module.functions:
        lines += _function(function)
    lines.append("}) : () -> () loc(unknown)")
    return "\n".join(lines) + "\n"


def _function(function: Function) -> list[str]:
    """The lines of a function."""
    inputs = ", ".join(str(value.type) for value in function.arguments)
    results = ", ".join(str(value.type) for value in function.returned)
    properties = {
        "sym_name": string(function.name),
        "function_type": f"({inputs}) -> ({results})",
        "arg_attrs": _named(function.argument_names),
        "res_attrs": _named(function.result_names),
    }
    location = Location(function.name)
    names = {value: f"%arg{index}" for index, value in enumerate(function.arguments)}
    arguments = [
        f"{names[value]}: {value.type} {Location(name)}"
        for value, name in zip(function.arguments, function.argument_names, strict=True)
    ]
    lines = [f'"func.func"() {_properties(properties)} ({{', f"^bb0({', '.join(arguments)}):"]
    lines += [_operation(op, names) for op in function.operations]
    returned = ", ".join(names[value] for value in function.returned)
    lines += [f'"func.return"({returned}) : ({results}) -> () {location}', f"}}) : () -> () {location}"]
    return lines


def _named(names: Iterable[str]) -> str:
    return "[" + ", ".join(f"{{pock.name = {quote(name)}}}" for name in names) + "]"


def _properties(attributes: dict[str, object]) -> str:
    return "<{" + ", ".join(f"{name} = {value}" for name, value in attributes.items()) + "}>"


def _operation(op: Operation, names: dict[Value, str]) -> str:
    """The line of an operation; adds names for its results."""
    operands = ", ".join([names[value] for value in op.operands])
    types = ", ".join([str(value.type) for value in op.operands])
    results = ", ".join([str(value.type) for value in op.results])
    head = ""
    if op.results:
        name = f"%{len(names)}"
        if len(op.results) == 1:
            names[op.results[0]] = name
            head = f"{name} = "
        else:
            names |= {value: f"{name}#{index}" for index, value in enumerate(op.results)}
            head = f"{name}:{len(op.results)} = "
    properties = f" {_properties(op.attributes)}" if op.attributes else ""  # type: ignore[arg-type]
    return f'{head}"{op.name}"({operands}){properties} : ({types}) -> ({results}) {op.location}'
