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

#: All targets of this family.
LINUX = (_AARCH64,)
