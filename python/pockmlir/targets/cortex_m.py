"""Arm's microcontrollers; a new one is a new row."""

from __future__ import annotations

from dataclasses import replace

from .target import Target

__all__ = ["CORTEX_M"]

# Caches are small or absent. The sizes below are the working set of a kernel, and so bound its workspace.
_CORTEX_M4 = Target(
    name="cortex-m4",
    triple="thumbv7em-none-eabihf",
    cpu="cortex-m4",
    index_bits=32,
    vector_bytes=0,
    vector_registers=32,  # scalars s0 to s31
    l1_bytes=4096,
    l2_bytes=16384,
    alignment=8,
    stack_bytes=4096,
    arithmetic="portable",
    c_flags=("-mcpu=cortex-m4", "-mthumb", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    runner="mps2-an386",
)

# The FPU of the STM32F746 has no float64 instructions; QEMU's would execute them.
_CORTEX_M7 = replace(
    _CORTEX_M4,
    name="cortex-m7",
    cpu="cortex-m7",
    features="-fp64",
    c_flags=("-mcpu=cortex-m7", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    runner="mps2-an500",
)

_CORTEX_M55 = replace(
    _CORTEX_M4,
    name="cortex-m55",
    triple="thumbv8.1m.main-none-eabihf",
    cpu="cortex-m55",
    vector_bytes=16,
    vector_registers=8,
    alignment=16,
    c_flags=("-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"),
    runner="mps3-an547",
)

#: All targets of this family.
CORTEX_M = (_CORTEX_M4, _CORTEX_M7, _CORTEX_M55)
