"""Shapes and element types of all values of a program."""

from __future__ import annotations

import torch

from .program import Program

__all__ = ["shapes_of"]


def shapes_of(program: Program) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return name → shape and ``float``, ``int`` or ``bool``, of random data and of each statement's results."""
    found: dict[str, tuple[tuple[int, ...], str]] = {d.name: (d.shape, "float") for d in program.data if not d.value}

    def note(names: tuple[str, ...], made: object) -> None:
        results = made if isinstance(made, tuple | list) else [made]
        for name, value in zip(names, results, strict=True):
            kind = "float" if value.is_floating_point() else "bool" if value.dtype == torch.bool else "int"
            found[name] = tuple(value.shape), kind

    lines = program.source().splitlines()
    for statement in program.statements:
        at = lines.index(f"        {statement.text}")
        lines.insert(at + 1, f"        note({statement.results!r}, {_packed(statement.results)})")
    scope = {"__name__": "shapes", "note": note}
    exec("\n".join(lines), scope)
    with torch.no_grad():
        scope["Model"]()(*scope["data"](0)[0])
    return found


def _packed(names: tuple[str, ...]) -> str:
    return f"[{', '.join(names)}]"
