"""Runs a built program: on an emulated board, in an emulator of its processor, or natively."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import RunError
from ..targets.target import Target
from .build import PROGRAM, Program
from .machines import AARCH64_CPUS, machine_of
from .sources import compiler_of, find_plugin, find_tool

__all__ = ["CallFailed", "Emulation", "emulate"]

#: Exit codes of run.c, except 0.
_CODES: Mapping[int, str] = {
    1: "the model's images could not be read",
    2: "its files could not be opened or written",
    3: "requests.bin is not what this program expects",
    4: "a function of the model returned an error",
    70: "a fault",
}
_CALL_FAILED = 4
_COUNTS = "counts.txt"
_POLL_SECONDS = 0.1


class CallFailed(RunError):
    """A function of the model has returned a code other than 0.

    Args:
        code: the returned code.
    """

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(f"the program failed: {_CODES[_CALL_FAILED]}: {code}")


@dataclass(frozen=True)
class Emulation:
    """Figures of a run, in addition to its results.

    Attributes:
        calls: (function, instructions) of every call of the model, in order; None if nothing counted them.
        uncounted: the reason why instructions were not counted.
        flash: bytes of code and constants; None unless the program is for a microcontroller.
        ram: bytes that the linker has placed in RAM, the reserved stack included.
        stack: deepest use of the stack, in bytes.
        stack_reserved: bytes reserved for the stack.
        denormals_flushed: whether vectors have taken denormal numbers for zeros; None where they never do.
    """

    calls: list[tuple[str, int]] | None
    uncounted: str = ""
    flash: int | None = None
    ram: int | None = None
    stack: int | None = None
    stack_reserved: int | None = None
    denormals_flushed: bool | None = None


def emulate(program: Program, on_poll: Callable[[], None], timeout: float | None = None) -> Emulation:
    """Run the program to its end.

    Args:
        program: a program that has been built.
        on_poll: called regularly while it runs.
        timeout: seconds after which it is stopped; None means no limit.

    Raises:
        CallFailed: a function of the model has returned an error code.
        RunError: the program ended with another error, or not in time.
    """
    symbols = _symbols(program.directory / PROGRAM)
    text, uncounted = _run(program, symbols, on_poll, timeout)
    figures = {key: int(value) for key, value in (line.split() for line in text.splitlines())}
    calls = _read_counts(program) if (program.directory / _COUNTS).exists() else None
    if not program.target.bare_metal:
        return Emulation(calls, uncounted)
    vectors = 0 if machine_of(program.target).vectors is None else 1024
    return Emulation(
        calls,
        uncounted,
        flash=symbols["flash_used_end"][0] - symbols["flash_begin"][0] + vectors,
        ram=figures["ram"],
        stack=figures["stack"],
        stack_reserved=symbols["stack_top"][0] - symbols["stack_bottom"][0],
        denormals_flushed=bool(figures["flushed"]) if "flushed" in figures else None,
    )


def _run(
    program: Program, symbols: Mapping[str, tuple[int, int]], on_poll: Callable[[], None], timeout: float | None
) -> tuple[str, str]:
    """Run a program, with a counter if there is one; return its output, and the reason if nothing was counted."""
    counts = program.directory / _COUNTS
    counts.unlink(missing_ok=True)
    if program.target.native and not program.target.runner:
        return _finish(_command(program, []), program.directory, on_poll, timeout), ""
    try:
        counter = ["-plugin", _plugin(program, symbols)]
        return _finish(_command(program, counter), program.directory, on_poll, timeout), ""
    except RunError as error:
        # The plugin opens its file before the emulator starts the program.
        if counts.exists():
            raise
        lines = str(error).splitlines()
    return _finish(_command(program, []), program.directory, on_poll, timeout), lines[-1]


def _plugin(program: Program, symbols: Mapping[str, tuple[int, int]]) -> str:
    """Return the argument of QEMU for the counting plugin."""
    begin, size = symbols["run_call"]
    entries = [symbols[f"{program.name}_{function}"][0] for function in program.functions]
    plugin = f"{find_plugin()},out={_COUNTS},caller={begin:#x}:{begin + size:#x}"
    return plugin + "".join(f",entry={address:#x}" for address in entries)


def _command(program: Program, counter: list[str]) -> list[str]:
    """Return the command that starts the program; paths are absolute, because it runs in its folder."""
    target, binary = program.target, str((program.directory / PROGRAM).resolve())
    if target.native and not target.runner:
        return [binary]
    if target.bare_metal:
        machine = machine_of(target)
        board = [*machine.options, "-nographic", "-monitor", "none", "-serial", "none"]
        semihosting = ["-semihosting-config", "enable=on,target=native"]
        return [find_tool(machine.emulator), *board, *semihosting, *counter, "-kernel", binary]
    return [find_tool(target.runner), "-cpu", AARCH64_CPUS.get(target.cpu, "max"), *counter, binary]


def _finish(command: list[str], directory: Path, on_poll: Callable[[], None], timeout: float | None) -> str:
    """Run a command to its end; return its output."""
    log = directory / "console.txt"
    with log.open("w") as console:
        process = subprocess.Popen(
            command, cwd=directory, stdin=subprocess.DEVNULL, stdout=console, stderr=subprocess.STDOUT
        )
    waited = 0.0
    try:
        while True:
            try:
                code = process.wait(_POLL_SECONDS)
                break
            except subprocess.TimeoutExpired:
                waited += _POLL_SECONDS
                if timeout is not None and waited > timeout:
                    raise RunError(f"the program did not end within {timeout:g} seconds") from None
                on_poll()
    finally:
        process.kill()
        process.wait()
    on_poll()
    text = log.read_text(errors="replace")
    returned = re.search(r"^returned (\d+)$", text, re.MULTILINE) if code == _CALL_FAILED else None
    if returned:
        raise CallFailed(int(returned[1]))
    if code:
        what = _CODES.get(code, f"{Path(command[0]).name} ended with code {code}")
        raise RunError(f"the program failed: {what}\n{text.strip()}")
    return text


def _symbols(binary: Path) -> dict[str, tuple[int, int]]:
    """Return address and size of every symbol; addresses of Thumb code without the lowest bit."""
    command = [find_tool("llvm-nm-22"), "--print-size", "--format=posix", str(binary)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    symbols = {}
    for line in result.stdout.splitlines():
        name, kind, address, *size = line.split()
        value = int(address, 16)
        symbols[name] = (value & ~1 if kind in "tTwW" else value, int(size[0], 16) if size else 0)
    return symbols


def _read_counts(program: Program) -> list[tuple[str, int]]:
    lines = (program.directory / _COUNTS).read_text().splitlines()
    return [(program.functions[int(entry)], int(count)) for entry, count in (line.split() for line in lines)]


def describe_tools(target: Target) -> dict[str, str]:
    """Return the versions that instruction counts depend on, by program."""
    names = [compiler_of(target)]
    if target.runner:
        names.append(machine_of(target).emulator if target.bare_metal else target.runner)
    versions = {}
    for name in names:
        result = subprocess.run([find_tool(name), "--version"], capture_output=True, text=True, check=True)
        versions[name] = result.stdout.splitlines()[0]
    return versions
