"""Targets with Linux; a new one is a new row."""

from __future__ import annotations

from .target import Target

__all__ = ["LINUX"]

_AARCH64 = Target(
    name="aarch64-linux",
    triple="aarch64-unknown-linux-gnu",
    cpu="generic",
    vector_bytes=16,
    vector_registers=32,
    threads=0,
    runner="qemu-aarch64",
    cpus=("cortex-a53", "cortex-a55", "cortex-a57", "cortex-a72", "cortex-a73", "cortex-a76", "cortex-a78"),
)

# Level 3 of x86-64: AVX2 and FMA, as every processor since 2015 has.
_X86_64 = Target(
    name="x86-64-linux",
    triple="x86_64-unknown-linux-gnu",
    cpu="x86-64-v3",
    vector_bytes=32,
    vector_registers=16,
    threads=0,
    runner="qemu-x86_64",
)

#: All targets of this family.
LINUX = (_AARCH64, _X86_64)
