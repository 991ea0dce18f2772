"""RISC-V microcontrollers; a new one is a new row.

A name has the extensions of the instruction set: ESP32-C3 is RV32IMC, BL616 is RV32IMFC (and more).
"""

from __future__ import annotations

from dataclasses import replace

from .target import Target

__all__ = ["RISCV"]

_RV32IMC = Target(
    name="riscv32imc",
    triple="riscv32-unknown-elf",
    cpu="generic-rv32",
    features="+m,+c",
    index_bits=32,
    vector_bytes=0,
    vector_registers=4,  # every operation is a call: tiles of many registers would only be larger code
    l1_bytes=4096,
    l2_bytes=16384,
    alignment=8,
    stack_bytes=4096,
    arithmetic="portable",
    c_flags=("-march=rv32imc_zicsr", "-mabi=ilp32"),
    runner="virt-rv32imc",
)

_RV32IMFC = replace(
    _RV32IMC,
    name="riscv32imfc",
    features="+m,+f,+c",
    vector_registers=32,  # scalars f0 to f31
    c_flags=("-march=rv32imfc", "-mabi=ilp32f"),
    runner="virt-rv32imfc",
)

#: All targets of this family.
RISCV = (_RV32IMC, _RV32IMFC)
