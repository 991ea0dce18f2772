"""Removes parts of a failing program that are not needed for the failure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Any

from .program import Data, Program, Statement

__all__ = ["minimise"]


def minimise(program: Program, fails: Callable[[Program], bool], shapes: Mapping[str, Any], tries: int = 40) -> Program:
    """Return a program with fewer statements and simpler options that fails in the same way.

    Args:
        program: a failing program.
        fails: whether another program fails in the same way.
        shapes: name → shape and element type of every value of the program.
        tries: the maximum number of programs to try.
    """
    left = tries
    changed = True
    while changed and left > 0:
        changed = False
        for smaller in _smaller(program, shapes):
            if left == 0:
                break
            left -= 1
            if fails(smaller):
                program, changed = smaller, True
                break
    return program


def _smaller(program: Program, shapes: Mapping[str, Any]) -> list[Program]:
    """Return programs with one part less, the largest reductions first."""
    found: list[Program | None] = []
    for key in program.options:
        rest = {k: v for k, v in program.options.items() if k != key}
        found.append(dataclasses.replace(program, options=rest, steps=2))
    if program.scheme != "pock.Scheme.full()":
        found.append(dataclasses.replace(program, scheme="pock.Scheme.full()"))
    if program.optimizer != "SGD(lr=0.05)":
        found.append(dataclasses.replace(program, optimizer="SGD(lr=0.05)"))
    at = _joined(program)
    if at is not None:
        count = program.statements[at].expression.count(", ") + 1
        found += [_without_piece(program, at, i) for i in range(count)]
    for i in range(len(program.statements)):
        found += [_without_statement(program, i, shapes), *_bypassed(program, i, shapes)]
    return [candidate for candidate in found if candidate is not None]


def _joined(program: Program) -> int | None:
    """Return the number of the statement that joins the values at the end."""
    for i, statement in enumerate(program.statements):
        if statement.origin == "result" and statement.expression.startswith("torch.cat(["):
            return i
    return None


def _without_piece(program: Program, at: int, index: int) -> Program | None:
    """Return the program without one of the joined values, and with a loss that accepts any number of entries."""
    pieces = program.statements[at].expression.removeprefix("torch.cat([").removesuffix("])").split(", ")
    if len(pieces) < 2:
        return None
    del pieces[index]
    statements = list(program.statements[: at + 1])
    statements[at] = Statement(statements[at].results, f"torch.cat([{', '.join(pieces)}])", "result")
    smaller = dataclasses.replace(
        program,
        output=statements[at].results[0],
        loss="lambda output, target: (output * torch.cos(torch.arange(output.numel()) + target)).sum()",
        target="torch.rand([])",
    )
    return smaller.with_statements(statements).live()


def _without_statement(program: Program, index: int, shapes: Mapping[str, Any]) -> Program | None:
    """Return the program with new data in place of the results of a statement."""
    statement = program.statements[index]
    if statement.origin == "result":
        return None
    statements = list(program.statements)
    del statements[index]
    data = list(program.data)
    for result in statement.results:
        shape, kind = shapes[result]
        number = result.removeprefix("v")
        if kind == "float":
            new = Data(f"self.p{number}", shape)
        elif kind == "bool":
            new = Data(f"self.b{number}", shape, f"torch.rand({list(shape)}) > 0.4")
        else:
            new = Data(f"self.b{number}", shape, f"torch.randint(0, 2, {list(shape)})")
        data.append(new)
        statements = [_replaced(s, result, new.name) for s in statements]
    return program.with_statements(statements, data).live()


def _bypassed(program: Program, index: int, shapes: Mapping[str, Any]) -> list[Program]:
    """Return programs with an operand of a statement in place of its result."""
    statement = program.statements[index]
    if statement.origin == "result" or len(statement.results) != 1:
        return []
    (result,) = statement.results
    found = []
    for operand in statement.operands:
        if shapes.get(operand) == shapes[result]:
            rest = [s for s in program.statements if s is not statement]
            found.append(program.with_statements([_replaced(s, result, operand) for s in rest]).live())
    return found


def _replaced(statement: Statement, name: str, new: str) -> Statement:
    return Statement(statement.results, re.sub(rf"\b{name}\b", new, statement.expression), statement.origin)
