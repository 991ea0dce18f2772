"""Operations and bytes of kernels, against counts by hand."""

from __future__ import annotations

import json

import pytest
from pockmlir import _core

HEAD = """
#row = affine_map<(i, j) -> (i, j)>
#each = affine_map<(i) -> (i)>
module attributes {pock.plan = {functions = {}, tensors = []}} {
  func.func private @k(%s) attributes {pock.kernel %s} {
    %s
    return
  }
}"""

MATMUL = """linalg.fill ins(%zero : f32) outs(%o : memref<4x5xf32>)
    linalg.matmul ins(%a, %b : memref<4x6xf32>, memref<6x5xf32>) outs(%o : memref<4x5xf32>)"""

CONV = """linalg.conv_2d_nhwc_hwcf ins(%a, %b : memref<2x6x6x3xf32>, memref<3x3x3x8xf32>)
      outs(%o : memref<2x4x4x8xf32>)"""

SIGMOID = """linalg.generic {indexing_maps = [#each, #each], iterator_types = ["parallel"]}
      ins(%a : memref<10xf32>) outs(%o : memref<10xf32>) {
    ^bb0(%x: f32, %out: f32):
      %n = arith.negf %x : f32
      %e = math.exp %n : f32
      %d = arith.addf %e, %one : f32
      %r = arith.divf %one, %d : f32
      linalg.yield %r : f32
    }"""

BYTES = """linalg.generic {
        indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
        iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<4x6xi8>, memref<6x5xi8>) outs(%o : memref<4x5xi32>) {
    ^bb0(%x: i8, %y: i8, %sum: i32):
      %wx = arith.extsi %x : i8 to i32
      %wy = arith.extsi %y : i8 to i32
      %p = arith.muli %wx, %wy : i32
      %s = arith.addi %sum, %p : i32
      linalg.yield %s : i32
    }"""

GROUPS = """linalg.generic {
        indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
        iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<4x2xi32>, memref<2x5xi32>) outs(%o : memref<4x5xi32>) {
    ^bb0(%x: i32, %y: i32, %sum: i32):
      %s = pock.dot %sum, %x, %y of ui8, si8 : i32, i32
      linalg.yield %s : i32
    }"""

INDICES = """linalg.generic {indexing_maps = [#each], iterator_types = ["parallel"]} outs(%o : memref<10xi64>) {
    ^bb0(%out: i64):
      %i = linalg.index 0 : index
      %j = arith.addi %i, %i : index
      %n = arith.index_cast %j : index to i64
      %c = arith.cmpi slt, %n, %n : i64
      %d = arith.addi %c, %c : i1
      %e = arith.extui %d : i1 to i64
      %h = arith.shli %e, %n : i64
      linalg.yield %h : i64
    }"""

MASK = """linalg.generic {indexing_maps = [#each, #each], iterator_types = ["parallel"]}
      ins(%a : memref<10xf32>) outs(%o : memref<10xi1>) {
    ^bb0(%x: f32, %out: i1):
      %m = arith.maximumf %x, %zero : f32
      %c = arith.cmpf ole, %m, %zero : f32
      linalg.yield %c : i1
    }"""

UPDATE = """linalg.generic {indexing_maps = [#each, #each], iterator_types = ["parallel"]}
      ins(%g : memref<10xf64>) outs(%w : memref<10xf64>) {
    ^bb0(%x: f64, %old: f64):
      %r = math.fma %x, %x, %old : f64
      linalg.yield %r : f64
    }"""

LOOP = """scf.for %i = %c0 to %c3 step %c1 {
      %row = memref.subview %t[%i, 0] [1, 8] [1, 1]
        : memref<100x8xf32> to memref<1x8xf32, strided<[8, 1], offset: ?>>
      linalg.generic {indexing_maps = [#row, #row], iterator_types = ["parallel", "parallel"]}
        ins(%row : memref<1x8xf32, strided<[8, 1], offset: ?>>) outs(%row : memref<1x8xf32, strided<[8, 1], offset: ?>>) {
      ^bb0(%x: f32, %out: f32):
        %r = arith.mulf %x, %x : f32
        linalg.yield %r : f32
      }
      %n = memref.load %index[%i] : memref<3xi64>
    }"""


@pytest.mark.parametrize(
    ("arguments", "attributes", "body", "expected"),
    [
        # 2 M N K; the result is written only: what it accumulates to, it has zeroed.
        ("%a: memref<4x6xf32>, %b: memref<6x5xf32>, %o: memref<4x5xf32>", "", MATMUL, (2 * 4 * 5 * 6, 4 * 54, 4 * 20)),
        # Two per output, tap and input channel; it adds to what the result was.
        (
            "%a: memref<2x6x6x3xf32>, %b: memref<3x3x3x8xf32>, %o: memref<2x4x4x8xf32>",
            "",
            CONV,
            (2 * (2 * 4 * 4 * 8) * 27, 4 * (216 + 216 + 256), 4 * 256),
        ),
        ("%a: memref<10xf32>, %o: memref<10xf32>", "", SIGMOID, (10 * 4, 40, 40)),
        # A maximum counts, a comparison does not; truth values are bytes.
        ("%a: memref<10xf32>, %o: memref<10xi1>", "", MASK, (10, 40, 10)),
        # Multiply-adds of integers count as those of floats do, one by one or in groups of four.
        ("%a: memref<4x6xi8>, %b: memref<6x5xi8>, %o: memref<4x5xi32>", "", BYTES, (2 * 4 * 5 * 6, 24 + 30 + 80, 80)),
        ("%a: memref<4x2xi32>, %b: memref<2x5xi32>, %o: memref<4x5xi32>", "", GROUPS, (2 * 4 * 5 * 8, 32 + 40 + 80, 80)),
        # Arithmetic on indices and on truth values does not, nor do shifts.
        ("%o: memref<10xi64>", "", INDICES, (0, 0, 80)),
        ("%g: memref<10xf64>, %w: memref<10xf64>", "", UPDATE, (20, 160, 80)),
        # Three rows of the table, not all of it.
        ("%t: memref<100x8xf32>, %index: memref<3xi64>", "", LOOP, (24, 96 + 24, 96)),
        # Workspace is nobody's business.
        ("%a: memref<10xf32>, %o: memref<10xf32>, %w: memref<64xi8>", ", pock.workspace = 64 : i64", SIGMOID, (40, 40, 40)),
        ("%o: memref<10xf32>", "", "", (0, 0, 0)),
    ],
    ids=["matmul", "conv", "sigmoid", "mask", "bytes", "groups", "indices", "update", "loop", "workspace", "empty"],
)  # fmt: skip
def test_costs(arguments: str, attributes: str, body: str, expected: tuple[int, int, int]) -> None:
    constants = """%zero = arith.constant 0.0 : f32
    %one = arith.constant 1.0 : f32
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    """
    costs = json.loads(_core.kernel_costs(HEAD % (arguments, attributes, constants + body)))
    assert costs["functions"] == {}
    assert tuple(costs["kernels"]["k"][key] for key in ("flops", "bytes_read", "bytes_written")) == expected


def test_another_stage_is_refused() -> None:
    with pytest.raises(_core.CompilerError, match="expected a module at stage 'plan'"):
        _core.kernel_costs("module {}")
