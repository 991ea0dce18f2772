"""The deepest stack of a call, from the frames of functions and the calls between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..errors import CompileError

__all__ = ["calls_of", "deepest_stack"]

#: Each function has a section of its own, with its name behind this.
_TEXT = ".text."


def calls_of(references: Mapping[str, Iterable[str]]) -> dict[str, set[str]]:
    """Return the functions that each function refers to: those that it calls, or passes to be called.

    Args:
        references: section → symbols, as the compiler describes an object file.
    """
    # A function that no other file can call has a symbol, or only that of its section.
    return {
        section.removeprefix(_TEXT): {name.removeprefix(_TEXT) for name in names}
        for section, names in references.items()
        if section.startswith(_TEXT)
    }


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
