"""Arm's microcontrollers; a new one is a new row.

Emulated boards are in `pockmlir.device.machines`, with the processor that each of them has.
"""

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

# With the DSP extension; nRF53, STM32U5 and RP2350 have one.
_CORTEX_M33 = replace(
    _CORTEX_M4,
    name="cortex-m33",
    triple="thumbv8m.main-none-eabihf",
    cpu="cortex-m33",
    c_flags=("-mcpu=cortex-m33", "-mthumb", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
    runner="mps2-an505",
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

# QEMU has no Cortex-M85, so an M55 runs the code: it has all but branch protection.
_CORTEX_M85 = replace(
    _CORTEX_M55,
    name="cortex-m85",
    cpu="cortex-m85",
    features="-pacbti",
    c_flags=("-mcpu=cortex-m85+nopacbti", "-mthumb", "-mfloat-abi=hard"),
)

# Without a floating-point unit, every operation is a call: tiles of many registers would only be larger code.
_CORTEX_M3 = replace(
    _CORTEX_M4,
    name="cortex-m3",
    triple="thumbv7m-none-eabi",
    cpu="cortex-m3",
    vector_registers=4,
    c_flags=("-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft"),
    runner="mps2-an385",
)

# QEMU's only board with such a processor, the microbit, has 16 KB of RAM. The board of the M3 executes the code as well.
_CORTEX_M0PLUS = replace(
    _CORTEX_M3,
    name="cortex-m0plus",
    triple="thumbv6m-none-eabi",
    cpu="cortex-m0plus",
    c_flags=("-mcpu=cortex-m0plus", "-mthumb", "-mfloat-abi=soft"),
)

#: All targets of this family.
CORTEX_M = (_CORTEX_M0PLUS, _CORTEX_M3, _CORTEX_M4, _CORTEX_M7, _CORTEX_M33, _CORTEX_M55, _CORTEX_M85)
