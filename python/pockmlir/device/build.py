"""Writes a folder with everything that a device needs, and builds it.

The folder is the same for an emulator and for a board. Building it needs only a C compiler and make.
"""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from ..errors import RunError
from ..step import Step
from ..targets.target import Target
from .machines import machine_of
from .model_c import model_source
from .sources import compiler_of, find_tool, platform_sources, program_sources

__all__ = ["PROGRAM", "Program", "build", "write_program"]

#: File name of the program, also used by the Makefile.
PROGRAM = "program"
#: Bytes of stack for everything except the model: run.c, start-up, and the frame of an exception.
_PROGRAM_STACK = 1024

#: Family of microcontrollers → GCC for them.
_GCC = {"cortex-m": "arm-none-eabi-gcc", "riscv": "riscv64-unknown-elf-gcc"}

_LINUX_README = """\
Copy this folder to the board, and there:

  make CC=cc
  ./program

It reads requests.bin and writes results.bin and state.bin. Copy the folder back and read it with
`pock run ... --directory FOLDER --read-only`.
"""

_BARE_METAL_README = """\
  make

builds the program for the emulated board. For a real one, change the addresses in the Makefile
(FLASH_ORIGIN, RAM_ORIGIN; with VECTORS_ORIGIN, FLASH_ORIGIN is a kilobyte behind it), and have startup.c set up what the
board needs, such as clocks. Run it under a debugger with semihosting on, started in this folder: the program reads
requests.bin through it and writes results.bin and state.bin. Then read the folder with
`pock run ... --directory FOLDER --read-only`.
"""


@dataclass(frozen=True)
class Program:
    """A folder with a program in it.

    Attributes:
        directory: the folder.
        target: the target of the program.
        name: prefix of the model's functions.
        functions: their names, in the order of the program's numbers.
    """

    directory: Path
    target: Target
    name: str
    functions: tuple[str, ...]


def write_program(step: Step, directory: Path) -> Program:
    """Export the step to a folder, and add the sources and the Makefile of a program."""
    manifest, target = step.artifact.manifest, step.artifact.target
    step.export(directory)
    (directory / "run_model.c").write_text(model_source(manifest, bare_metal=target.bare_metal))
    sources = program_sources(target.bare_metal)
    if target.bare_metal:
        sources += platform_sources(machine_of(target).family)
    for source in sources:
        shutil.copyfile(source, directory / source.name)
    names = ["run_model.c", *(source.name for source in sources if source.suffix == ".c")]
    stack = min(target.stack_bytes, step.artifact.footprint.stack + _PROGRAM_STACK)
    (directory / "Makefile").write_text(_makefile(target, manifest.name, names, stack))
    (directory / "README.txt").write_text(_BARE_METAL_README if target.bare_metal else _LINUX_README)
    return Program(directory, target, manifest.name, tuple(manifest.functions))


def build(program: Program) -> Path:
    """Build the program; return its path.

    Raises:
        RunError: the compiler or the linker fails, for example because RAM or flash is exceeded.
    """
    command = [find_tool("make"), "-s", "-C", str(program.directory)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise RunError(f"the program for {program.target.name} does not build:\n{result.stderr.strip()}")
    return program.directory / PROGRAM


def _makefile(target: Target, name: str, sources: list[str], stack: int) -> str:
    """Return the Makefile of the folder."""
    c_flags, link_flags, compiler, others = _tools(target, stack)
    return f"""\
# Builds {PROGRAM}, which trains {name} on {target.name}. Generated; {others}.
CC = {compiler}
CFLAGS = {" ".join(c_flags)}
LDFLAGS = {" ".join(link_flags)}
SOURCES = {" ".join(sources)}
LIBRARIES = {"" if target.bare_metal else "-lm"}

{PROGRAM}: $(SOURCES) $(wildcard *.h) lib{name}.a Makefile
\t$(CC) $(CFLAGS) $(LDFLAGS) $(SOURCES) lib{name}.a $(LIBRARIES) -o $@
"""


def _tools(target: Target, stack: int) -> tuple[list[str], list[str], str, str]:
    """Return flags of the C compiler and the linker, the compiler, and a list of alternatives."""
    common = [*target.c_flags, "-O2", "-std=gnu11", "-Wall"]
    if not target.bare_metal:
        return common, ["-static"], compiler_of(target), "on the board itself: make CC=cc"
    machine = machine_of(target)
    flash, flash_size = machine.flash
    ram, ram_size = machine.ram(target.ram)
    symbols = {} if machine.vectors is None else {"VECTORS_ORIGIN": machine.vectors}
    symbols |= {
        "FLASH_ORIGIN": flash,
        "FLASH_SIZE": target.flash or flash_size,
        "RAM_ORIGIN": ram,
        "RAM_SIZE": ram_size,
        "STACK_SIZE": stack,
    }
    link = ["-nostdlib", "-static", "-T", "link.ld", "-Wl,--gc-sections", "-Wl,-z,noexecstack"]
    link += [f"-Wl,--defsym={symbol}={value:#x}" for symbol, value in symbols.items()]
    compiler = f"{find_tool(compiler_of(target))} --target={target.triple} -fuse-ld=lld"
    return (
        [*common, "-ffreestanding", "-ffunction-sections", "-fdata-sections"],
        link,
        compiler,
        f"GCC will do as well: make CC={_GCC[machine.family]}",
    )
