"""The deepest stack of a call, from the frames of functions and the calls between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import CompileError

__all__ = ["calls_of", "deepest_stack"]

#: Each function has a section of its own, with its name behind this.
_TEXT = ".text."


def calls_of(sections: Sequence[Mapping[str, Any]], relocations: Sequence[Mapping[str, Any]]) -> dict[str, set[str]]:
    """Return the functions that each function refers to: those that it calls, or passes to be called.

    Args:
        sections: the sections of an object file, as llvm-readobj describes them.
        relocations: its relocations.
    """
    names = {section["Index"]: section["Name"]["Name"] for section in sections}
    targets = {section["Index"]: names.get(section["Info"], "") for section in sections}
    calls: dict[str, set[str]] = {}
    for group in relocations:
        caller = targets[group["SectionIndex"]]
        if caller.startswith(_TEXT):
            # A function that no other file can call has a symbol, or only that of its section.
            found = (entry["Relocation"]["Symbol"]["Name"].removeprefix(_TEXT) for entry in group["Relocs"])
            calls.setdefault(caller.removeprefix(_TEXT), set()).update(found)
    return calls


def deepest_stack(frames: Mapping[str, int], calls: Mapping[str, set[str]], prefix: str) -> int:
    """Return the deepest stack that an exported function can need, in bytes.

    Args:
        frames: function → bytes of its frame; others, like those of the C library, have none.
        calls: function → the functions that it calls.
        prefix: what the names of exported functions begin with.

    Raises:
        CompileError: a function calls itself.

    >>> deepest_stack({"net_step": 16, "kernel": 8, "add": 4}, {"net_step": {"kernel"}, "kernel": {"add"}}, "net_")
    28
    """
    known: dict[str, int] = {}
    running: set[str] = set()

    def depth(name: str) -> int:
        if name not in frames:
            return 0
        if name in running:
            raise CompileError("size", f"{name} calls itself: its stack has no limit")
        if name not in known:
            running.add(name)
            known[name] = frames[name] + max(map(depth, sorted(calls.get(name, ()))), default=0)
            running.remove(name)
        return known[name]

    return max((depth(name) for name in frames if name.startswith(prefix)), default=0)
