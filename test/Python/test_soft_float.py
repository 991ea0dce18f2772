"""The functions that processors lack: exact on this machine, and the same bits on emulated ones."""

import subprocess
from pathlib import Path

import pytest
from test_firmware import FIRMWARE, emulate, link

RUNTIME = Path(__file__).parents[2] / "lib" / "Backends" / "Cpu" / "Runtime"
FLAGS = ["-std=c11", "-O2", "-Wall", "-Werror", "-ffp-contract=off", f"-I{RUNTIME}", f"-I{FIRMWARE}"]


def host_program(directory: Path, source: str, *flags: str) -> Path:
    program = directory / "host"
    command = ["clang-22", *FLAGS, *flags, str(FIRMWARE / source), "-lm", "-o", str(program)]
    subprocess.run(command, check=True)
    return program


@pytest.mark.parametrize("operands", [1_000_000, pytest.param(100_000_000, marks=pytest.mark.slow)])
def test_every_result_is_that_of_this_machine(tmp_path: Path, operands: int) -> None:
    program = host_program(tmp_path, "soft_float_host.c", "-march=native")
    result = subprocess.run([program, str(operands)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("target", ["cortex-m0plus", "cortex-m3", "cortex-m4", "riscv32imc", "riscv32imfc"])
def test_processors_agree(tmp_path: Path, target: str) -> None:
    """Calls and their conventions: what compilers make of plain C."""
    expected = subprocess.run([host_program(tmp_path, "soft_float.c", "-DHOST")], capture_output=True, check=True)
    runtime = tmp_path / "runtime.c"
    family = "RiscV" if target.startswith("riscv") else "Arm"
    # (The compiler knows sqrtf and fmaf as functions on floats.)
    runtime.write_text(
        f'#pragma clang diagnostic ignored "-Wincompatible-library-redeclaration"\n#include "{family}.c"\n'
    )
    linked = link(
        tmp_path, target, "soft_float.c", more=(str(runtime), f"-I{RUNTIME}", "-ffp-contract=off", "-fno-math-errno")
    )
    assert linked.returncode == 0, linked.stderr
    result = emulate(tmp_path, target)
    assert result.returncode == 0, result.stdout + result.stderr
    assert (result.stdout + result.stderr).encode() == expected.stdout
