"""The table of emulated boards, with their memories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..errors import ArgumentError

__all__ = ["AARCH64_CPUS", "MACHINES", "Machine"]

_K, _M = 1 << 10, 1 << 20


@dataclass(frozen=True)
class Machine:
    """A machine of ``qemu-system-arm``.

    Attributes:
        vectors: address of the vector table.
        flash: address and size of the memory that serves as flash, in bytes.
        memories: (address, size) of memories that can serve as RAM, the nearest to the core first.
    """

    vectors: int
    flash: tuple[int, int]
    memories: tuple[tuple[int, int], ...]

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


#: Runner of a target → machine.
MACHINES: Mapping[str, Machine] = {
    # The vector table takes the first kilobyte of flash if both are at address 0.
    "mps2-an386": Machine(0x0, (0x400, 4 * _M), ((0x20000000, 4 * _M), (0x21000000, 16 * _M))),
    "mps2-an500": Machine(0x0, (0x400, 4 * _M), ((0x20000000, 4 * _M), (0x60000000, 16 * _M))),
    "mps3-an547": Machine(
        0x0, (0x01000000, 2 * _M), ((0x20000000, 512 * _K), (0x21000000, 4 * _M), (0x60000000, 256 * _M))
    ),
}

#: LLVM's name of a processor → QEMU's; other processors run on ``max``.
AARCH64_CPUS: Mapping[str, str] = {
    # Only Armv8.0, so that code with newer instructions fails.
    "generic": "cortex-a53",
    **{name: name for name in ("cortex-a35", "cortex-a53", "cortex-a57", "cortex-a72", "cortex-a76")},
}
