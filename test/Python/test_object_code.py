"""Object code is right where a pass of LLVM is not."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest

pytest.importorskip("pockmlir._core")

from pockmlir.core import link
from pockmlir.core.extension import load_core


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
    objects = load_core().emit_objects(stores([14, 2, 4, 6, 8, 10, 12, 0], others))
    link.write_object(objects, tmp_path / "merge.o")
    link.link_shared(tmp_path / "merge.o", tmp_path / "merge.so")
    given, found = np.arange(1, 17, dtype=np.float32), np.zeros(16, np.float32)
    ctypes.CDLL(str(tmp_path / "merge.so")).merge(*(ctypes.c_void_p(x.ctypes.data) for x in (given, found)))
    expected = given.copy()
    expected[:2] *= 2
    np.testing.assert_array_equal(found, expected)
