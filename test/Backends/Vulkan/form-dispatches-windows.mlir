// RUN: pock-opt %s --pock-form-dispatches --canonicalize --cse --split-input-file | FileCheck %s

// A sum over windows that reach into a border, which has no memory: a tap on it
// reads the first entry instead, and leaves the sum as it is.

#window = affine_map<(x, c, k) -> (x * 2 + k, c)>
#taps = affine_map<(x, c, k) -> (k, c)>
#point = affine_map<(x, c, k) -> (x, c)>

// CHECK-LABEL: func.func @step(
// CHECK:         gpu.func @depthwise(%[[X:.+]]: memref<128xf32, {{.+}}>, %[[W:.+]]: memref<48xf32, {{.+}}>, %[[Y:.+]]: memref<64xf32, {{.+}}> {pock.written})
// CHECK-DAG:       %[[ZERO:.+]] = arith.constant 0 : index
// CHECK-DAG:       %[[ONE:.+]] = arith.constant 1 : index
// CHECK-DAG:       %[[TWO:.+]] = arith.constant 2 : index
// CHECK-DAG:       %[[SIZE:.+]] = arith.constant 8 : index
// CHECK:           scf.for %[[TAP:.+]] = %[[ZERO]] to %{{.+}} iter_args(%[[SUM:.+]] = %{{.+}}) -> (f32)
// CHECK:             %[[FIRST:.+]] = arith.muli %{{.+}}, %[[TWO]]
// CHECK:             %[[PLACE:.+]] = arith.addi %[[FIRST]], %[[TAP]]
// CHECK:             %[[AT:.+]] = arith.subi %[[PLACE]], %[[ONE]]
// CHECK:             %[[INSIDE:.+]] = arith.cmpi ult, %[[AT]], %[[SIZE]]
// CHECK:             %[[SAFE:.+]] = arith.select %[[INSIDE]], %{{.+}}, %[[ZERO]] : index
// CHECK:             memref.load %[[X]][%[[SAFE]]]
// CHECK:             memref.load %[[W]]
// CHECK:             %[[NEXT:.+]] = math.fma
// CHECK:             %[[KEPT:.+]] = arith.select %[[INSIDE]], %[[NEXT]], %[[SUM]] : f32
// CHECK:             scf.yield %[[KEPT]]
module {
func.func @step(%x: memref<8x16xf32>, %w: memref<3x16xf32>, %y: memref<4x16xf32>) {
  pock.launch @depthwise ins(%x, %w : memref<8x16xf32>, memref<3x16xf32>) outs(%y : memref<4x16xf32>)
  return
}
func.func private @depthwise(%x: memref<8x16xf32>, %w: memref<3x16xf32>, %y: memref<4x16xf32>) attributes {pock.kernel} {
  %padded = pock.padded_view %x {low = array<i64: 1, 0>, high = array<i64: 0, 0>}
      : memref<8x16xf32> to memref<9x16xf32, strided<[16, 1], offset: ?>>
  linalg.generic {indexing_maps = [#window, #taps, #point], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%padded, %w : memref<9x16xf32, strided<[16, 1], offset: ?>>, memref<3x16xf32>) outs(%y : memref<4x16xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %product = arith.mulf %a, %b : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  }
  return
}
}

// -----

// In a tile of a workgroup, the border is zero.

#window = affine_map<(x, f, k, c) -> (x + k, c)>
#taps = affine_map<(x, f, k, c) -> (k, c, f)>
#point = affine_map<(x, f, k, c) -> (x, f)>

// CHECK-LABEL: func.func @step(
// CHECK:         gpu.func @tile(%[[X:.+]]: memref<128xf32, {{.+}}>,
// CHECK-DAG:       %[[NONE:.+]] = arith.constant 0.000000e+00 : f32
// CHECK:           %[[COPY:.+]] = memref.alloc() : memref<128xf32, #spirv.storage_class<Workgroup>>
// CHECK:           gpu.barrier
// CHECK:             %[[INSIDE:.+]] = arith.cmpi ult
// CHECK:             %[[SAFE:.+]] = arith.select %[[INSIDE]], %{{.+}}, %{{.+}} : index
// CHECK:             %[[READ:.+]] = memref.load %[[X]][%[[SAFE]]]
// CHECK:             %[[VALUE:.+]] = arith.select %[[INSIDE]], %[[READ]], %[[NONE]] : f32
// CHECK:             memref.store %[[VALUE]], %[[COPY]]
// CHECK:           gpu.barrier
// CHECK:           math.fma
// CHECK-NOT:       arith.select
// CHECK:           scf.yield
module {
func.func @step(%x: memref<8x16xf32>, %w: memref<3x16x8xf32>, %y: memref<7x8xf32>) {
  pock.launch @tile ins(%x, %w : memref<8x16xf32>, memref<3x16x8xf32>) outs(%y : memref<7x8xf32>)
  return
}
func.func private @tile(%x: memref<8x16xf32>, %w: memref<3x16x8xf32>, %y: memref<7x8xf32>)
    attributes {pock.kernel, pock.tile = array<i64: 1, 1>, pock.algorithm = "workgroup_tile"} {
  %padded = pock.padded_view %x {low = array<i64: 1, 0>, high = array<i64: 0, 0>}
      : memref<8x16xf32> to memref<9x16xf32, strided<[16, 1], offset: ?>>
  linalg.generic {indexing_maps = [#window, #taps, #point], iterator_types = ["parallel", "parallel", "reduction", "reduction"]}
      ins(%padded, %w : memref<9x16xf32, strided<[16, 1], offset: ?>>, memref<3x16x8xf32>) outs(%y : memref<7x8xf32>) {
  ^bb0(%a: f32, %b: f32, %sum: f32):
    %product = arith.mulf %a, %b : f32
    %next = arith.addf %sum, %product : f32
    linalg.yield %next : f32
  }
  return
}
}
