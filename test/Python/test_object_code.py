"""Object code is right where a pass of LLVM is not."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest

pytest.importorskip("pockmlir._core")

from pockmlir.core import link
from pockmlir.core.extension import load_core
from pockmlir.core.stages import anchored


def stores(offsets: list[int], count: int) -> str:
    """Return a function that copies pairs of floats; the pair at 0 is doubled, and stored last."""
    lines = []
    for i, offset in enumerate(offsets):
        value = f"%v{i}"
        lines += [f"  %o{i} = llvm.mlir.constant({offset} : i64) : i64",
                  f"  %i{i} = llvm.getelementptr %in[%o{i}] : (!llvm.ptr, i64) -> !llvm.ptr, f32",
                  f"  {value} = llvm.load %i{i} {{alignment = 4 : i64}} : !llvm.ptr -> vector<2xf32>"]  # fmt: skip
        if offset == 0:
            lines.append(f"  %twice = llvm.fadd {value}, {value} : vector<2xf32>")
            value = "%twice"
        lines += [f"  %a{i} = llvm.getelementptr %array[%o{i}] : (!llvm.ptr, i64) -> !llvm.ptr, f32",
                  f"  llvm.store {value}, %a{i} {{alignment = 4 : i64}} : vector<2xf32>, !llvm.ptr"]  # fmt: skip
    body = "\n".join(lines)
    # Many functions are compiled in parts.
    others = "\n".join(f"llvm.func @other{i}() {{ llvm.return }}" for i in range(count))
    return f"""module attributes {{pock.target = {pock.Target.host().attributes}}} {{
{others}
llvm.func @merge(%in: !llvm.ptr, %out: !llvm.ptr) {{
  %one = llvm.mlir.constant(1 : i64) : i64
  %array = llvm.alloca %one x !llvm.array<16 x f32> {{alignment = 64 : i64}} : (i64) -> !llvm.ptr
{body}
  %all = llvm.load %array {{alignment = 64 : i64}} : !llvm.ptr -> vector<16xf32>
  llvm.store %all, %out {{alignment = 4 : i64}} : vector<16xf32>, !llvm.ptr
  llvm.return
}}
}}"""


@pytest.mark.parametrize("others", [0, 40])
def test_merged_stores(others: int, tmp_path: Path) -> None:
    """Scalar replacement in LLVM 22 puts the merged vector where the store at the last offset was."""
    objects = load_core().generate(stores([14, 2, 4, 6, 8, 10, 12, 0], others), anchored())[0]
    link.write_object(objects, tmp_path / "merge.o")
    link.link_shared(tmp_path / "merge.o", tmp_path / "merge.so")
    given, found = np.arange(1, 17, dtype=np.float32), np.zeros(16, np.float32)
    ctypes.CDLL(str(tmp_path / "merge.so")).merge(*(ctypes.c_void_p(x.ctypes.data) for x in (given, found)))
    expected = given.copy()
    expected[:2] *= 2
    np.testing.assert_array_equal(found, expected)


def conversions(lanes: int) -> str:
    """Return functions that convert from and to fixed point, and use the exponent as a number, too."""
    f32, i32, i8 = (f"vector<{lanes}x{element}>" for element in ("f32", "i32", "i8"))

    def function(name: str, given: str, result: str, exponent: int, body: str) -> str:
        return f"""llvm.func @{name}(%in: !llvm.ptr, %out: !llvm.ptr, %number: !llvm.ptr) {{
  %x = llvm.load %in {{alignment = 4 : i64}} : !llvm.ptr -> {given}
  {body}
  llvm.store %y, %out {{alignment = 4 : i64}} : {result}, !llvm.ptr
  %n = llvm.mlir.constant({exponent} : i32) : i32
  llvm.store %n, %number : i32, !llvm.ptr
  llvm.return
}}"""

    def factor(value: float) -> str:
        return f"%c = llvm.mlir.constant(dense<{value:.17e}> : {f32}) : {f32}\n"

    functions = [
        function(
            "from_words", i32, f32, 32,
            factor(2.0**-32) + f"%f = llvm.sitofp %x : {i32} to {f32}\n%y = llvm.fmul %f, %c : {f32}",
        ),
        function(
            "from_bytes", i8, f32, 8,
            factor(2.0**8) + f"%f = llvm.uitofp %x : {i8} to {f32}\n%y = llvm.fdiv %f, %c : {f32}",
        ),
        function(
            "to_words", f32, i32, 16,
            factor(2.0**16) + f"%f = llvm.fmul %x, %c : {f32}\n%y = llvm.fptosi %f : {f32} to {i32}",
        ),
        function(
            "to_bytes", f32, i8, 1,
            f"%f = llvm.fadd %x, %x : {f32}\n%y = llvm.fptoui %f : {f32} to {i8}",
        ),
        function(
            "other_factor", i32, f32, 3,
            factor(3.0) + f"%f = llvm.sitofp %x : {i32} to {f32}\n%y = llvm.fmul %f, %c : {f32}",
        ),
    ]  # fmt: skip
    target = pock.Target.named("cortex-m55").attributes
    return f"module attributes {{pock.target = {target}}} {{\n" + "\n".join(functions) + "\n}"


@pytest.mark.skipif(not shutil.which("llvm-objdump-22"), reason="needs llvm-objdump")
@pytest.mark.parametrize("lanes", [4, 6, 8])
def test_conversions_of_fixed_point(lanes: int, tmp_path: Path) -> None:
    """LLVM 22 encodes the number of a register where Helium's VCVT has the exponent."""
    (code,) = load_core().generate(conversions(lanes), anchored())[0]
    (tmp_path / "code.o").write_bytes(code)
    text = subprocess.run(
        ["llvm-objdump-22", "-d", "--mcpu=cortex-m55", tmp_path / "code.o"], capture_output=True, text=True, check=True
    ).stdout
    found = {
        name: re.findall(r"vcvt\.(\S+)\s+q\d, q\d(?:, #(\w+))?", body)
        for name, body in re.findall(r"<(\w+)>:\n(.*?)(?=\n\n|\Z)", text, re.DOTALL)
    }
    times = -(-lanes // 4)
    assert found == {
        "from_words": [("f32.s32", "0x20")] * times,
        "from_bytes": [("f32.u32", "0x8")] * times,
        "to_words": [("s32.f32", "0x10")] * times,
        "to_bytes": [("u32.f32", "0x1")] * times,
        "other_factor": [("f32.s32", "")] * times,
    }
