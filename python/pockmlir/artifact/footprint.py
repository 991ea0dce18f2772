"""The RAM and flash that a step needs on a device, measured before anything is linked."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

from ..core.extension import load_core
from ..core.link import NOT_LOADED
from ..errors import CompileError, SizeError
from ..support.sizes import format_bytes
from ..support.tables import as_text, make_table
from ..targets.target import Target
from .manifest import Manifest
from .stack import calls_of, deepest_stack

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

__all__ = ["LIBRARY", "Footprint", "check", "require_freestanding", "undefined_symbols"]

#: The functions that code for a microcontroller may call: functions on memory. (LLVM uses either name.) What else a
#: processor has no instruction for, its code brings along.
LIBRARY = re.compile(r"mem(?:cpy|move|set)|__aeabi_mem(?:cpy|move|set|clr)[48]?")


@dataclass(frozen=True)
class Footprint:
    """Bytes that a step needs of a device.

    Attributes:
        state: trained parameters, changing buffers, optimizer state, prepared values.
        arena: everything that lives within a call.
        stack: the deepest stack of a call of an exported function, without the C library.
        code: instructions, and constants between them.
        constants: frozen parameters, and buffers that never change.
        initial_state: the initial image of ``state``.
        arguments: inputs and outputs of a step; memory of the caller, in neither sum.
    """

    state: int
    arena: int
    stack: int
    code: int
    constants: int
    initial_state: int
    arguments: int

    @classmethod
    def of(cls, manifest: Manifest, target: Target, object_code: bytes) -> Footprint:
        """Measure packed `Dispatches`, or an object file with the sections ``.stack_sizes`` of code generation."""
        if target.dispatched:
            code, stack = len(object_code), 0
        else:
            code, stack = _read(object_code, f"{manifest.name}_")
        segments = manifest.segments
        step = manifest.functions.get("step")
        return cls(
            state=segments["state"],
            arena=segments["arena"],
            stack=stack,
            code=code,
            constants=segments["constants"],
            initial_state=segments["state"],
            arguments=sum(spec.bytes for spec in (*step.inputs, *step.outputs)) if step else 0,
        )

    @property
    def ram(self) -> int:
        """State, arena and stack."""
        return self.state + self.arena + self.stack

    @property
    def flash(self) -> int:
        """Code, constants and initial state."""
        return self.code + self.constants + self.initial_state

    def to_dict(self) -> dict[str, int]:
        """Return all figures as plain data."""
        return asdict(self) | {"ram": self.ram, "flash": self.flash}

    def __str__(self) -> str:
        return as_text(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = []
        for kind, (total, parts) in self.parts().items():
            rows += [(kind, total), *((f"  {part}", size) for part, size in parts.items())]
        rows.append(("inputs and outputs, not counted", self.arguments))
        yield make_table(
            "on the device", ("what", "bytes", ""), [(what, f"{size:,}", format_bytes(size)) for what, size in rows]
        )

    def parts(self) -> dict[str, tuple[int, dict[str, int]]]:
        """Return the sum of each kind of memory, and its parts."""
        return {
            "RAM": (self.ram, {"state": self.state, "arena": self.arena, "stack": self.stack}),
            "flash": (
                self.flash,
                {"code": self.code, "constants": self.constants, "initial state": self.initial_state},
            ),
        }


def check(footprint: Footprint, target: Target) -> None:
    """Refuse a step that exceeds the target's memory.

    Raises:
        SizeError: the step does not fit; the message has a table of the parts.
    """
    needs = footprint.parts() | {"stack": (footprint.stack, {})}
    limits = {"RAM": target.ram, "flash": target.flash, "stack": target.stack_bytes if target.bare_metal else None}
    exceeded: dict[str, tuple[int, int, dict[str, int]]] = {}
    for kind, (need, parts) in needs.items():
        limit = limits[kind]
        if limit is not None and need > limit:
            exceeded[kind] = (limit, need, parts)
    if exceeded:
        raise SizeError(target.name, exceeded)


def require_freestanding(object_code: bytes) -> None:
    """Refuse code that calls functions which a microcontroller need not have.

    Raises:
        CompileError: it calls functions outside of `LIBRARY`; all are named.
    """
    if missing := [symbol for symbol in undefined_symbols(object_code) if not LIBRARY.fullmatch(symbol)]:
        raise CompileError("object", f"the model needs functions of a C library: {', '.join(missing)}")


def undefined_symbols(object_code: bytes) -> tuple[str, ...]:
    """Return the undefined symbols of an object file, sorted."""
    return tuple(_describe(object_code)["undefined"])


def _describe(object_code: bytes) -> Any:
    """Return what the compiler says about an object file."""
    try:
        return json.loads(load_core().describe_object(object_code))
    except RuntimeError as error:
        raise CompileError("size", str(error)) from error


def _read(object_code: bytes, prefix: str) -> tuple[int, int]:
    """Return the bytes that an object file takes in flash, and the deepest stack of functions with this prefix."""
    found = _describe(object_code)
    loaded = [
        section
        for section in found["sections"]
        if section["loaded"] and not any(fnmatch(section["name"], pattern) for pattern in NOT_LOADED)
    ]
    # Each section is rounded up to its alignment, because a gap may precede it.
    size = sum(-(-section["bytes"] // section["alignment"]) * section["alignment"] for section in loaded)
    return size, deepest_stack(found["frames"], calls_of(found["references"]), prefix)
