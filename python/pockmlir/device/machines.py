"""The table of emulated boards, with their memories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ArgumentError, PockError
from ..targets.target import Target

__all__ = ["AARCH64_CPUS", "MACHINES", "Machine", "machine_of"]

_K, _M = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Machine:
    """A machine of QEMU without an operating system.

    Attributes:
        cpu: the processor that it emulates, for people.
        flash: address and size of the memory that serves as flash, in bytes.
        memories: (address, size) of memories that can serve as RAM, the nearest to the core first.
        vectors: address of the vector table, which has a kilobyte of its own; None if code begins with flash.
        family: ``cortex-m`` or ``riscv``.
        emulator: the program.
        options: its arguments that select the machine.
    """

    cpu: str
    flash: tuple[int, int]
    memories: tuple[tuple[int, int], ...]
    vectors: int | None = None
    family: str = "cortex-m"
    emulator: str = "qemu-system-arm"
    options: tuple[str, ...] = ()

    def ram(self, size: int | None) -> tuple[int, int]:
        """Return address and size of a RAM of this size; of the largest memory for None.

        Raises:
            ArgumentError: no memory is large enough.
        """
        if size is None:
            return max(self.memories, key=lambda memory: memory[1])
        for begin, available in self.memories:
            if size <= available:
                return begin, size
        largest = max(available for _, available in self.memories)
        raise ArgumentError(f"ram: expected at most the {largest} bytes of the emulated board, but got {size}")


def _arm(cpu: str, board: str, flash: tuple[int, int], *memories: tuple[int, int], vectors: int = 0) -> Machine:
    return Machine(cpu, flash, memories, vectors, options=("-M", board))


def _riscv(extensions: str) -> Machine:
    """A board with one memory, of which the first half serves as flash."""
    every = "imafdc"
    absent = "".join(f",{letter}=off" for letter in every if letter not in extensions)
    options = ("-M", "virt", "-cpu", f"rv32{absent}", "-bios", "none", "-m", "128M")
    return Machine(
        f"RV32{extensions.upper()}",
        (0x80000000, 64 * _M),
        ((0x84000000, 64 * _M),),
        family="riscv",
        emulator="qemu-system-riscv32",
        options=options,
    )


#: Runner of a target → machine.
MACHINES: Mapping[str, Machine] = {
    # The vector table takes the first kilobyte of flash if both are at address 0.
    "microbit": _arm("Cortex-M0", "microbit", (0x400, 256 * _K), (0x20000000, 16 * _K)),
    "mps2-an385": _arm("Cortex-M3", "mps2-an385", (0x400, 4 * _M), (0x20000000, 4 * _M), (0x21000000, 16 * _M)),
    "mps2-an386": _arm("Cortex-M4", "mps2-an386", (0x400, 4 * _M), (0x20000000, 4 * _M), (0x21000000, 16 * _M)),
    "mps2-an500": _arm("Cortex-M7", "mps2-an500", (0x400, 4 * _M), (0x20000000, 4 * _M), (0x60000000, 16 * _M)),
    # It starts in the secure state: these are the addresses by which secure code sees the memories.
    "mps2-an505": _arm(
        "Cortex-M33",
        "mps2-an505",
        (0x10000400, 4 * _M),
        (0x30000000, 128 * _K),
        (0x38000000, 4 * _M),
        vectors=0x10000000,
    ),
    "mps3-an547": _arm(
        "Cortex-M55",
        "mps3-an547",
        (0x01000000, 2 * _M),
        (0x20000000, 512 * _K),
        (0x21000000, 4 * _M),
        (0x60000000, 256 * _M),
    ),
    "virt-rv32imc": _riscv("imc"),
    "virt-rv32imfc": _riscv("imfc"),
}

#: LLVM's name of a processor → QEMU's; other processors run on ``max``.
AARCH64_CPUS: Mapping[str, str] = {
    # Only Armv8.0, so that code with newer instructions fails.
    "generic": "cortex-a53",
    **{name: name for name in ("cortex-a35", "cortex-a53", "cortex-a57", "cortex-a72", "cortex-a76")},
}


def machine_of(target: Target) -> Machine:
    """Return the emulated board of a microcontroller.

    Raises:
        PockError: none is known.
    """
    if target.runner not in MACHINES:
        raise PockError(f"{target.name}: no board of that kind is known: {target.runner!r}")
    return MACHINES[target.runner]
