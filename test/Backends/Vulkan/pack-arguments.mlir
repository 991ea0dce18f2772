// RUN: pock-opt %s --pock-pack-arguments --split-input-file | FileCheck %s

// Inputs and outputs are views of one argument, each at a multiple of 256 bytes.

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %{{.+}}: memref<512xi8> {pock.segment = "state"}, %[[ALL:.+]]: memref<516xi8> {pock.packed = array<i64: 0, 0, 96, 0, 256, 8, 1, 512, 4>}) -> i32
// CHECK:         %[[C0:.+]] = arith.constant 0 : index
// CHECK:         %[[X:.+]] = memref.view %[[ALL]][%[[C0]]][] : memref<516xi8> to memref<4x6xf32>
// CHECK:         %[[C256:.+]] = arith.constant 256 : index
// CHECK:         %[[I:.+]] = memref.view %[[ALL]][%[[C256]]][] : memref<516xi8> to memref<i64>
// CHECK:         %[[C512:.+]] = arith.constant 512 : index
// CHECK:         %[[Y:.+]] = memref.view %[[ALL]][%[[C512]]][] : memref<516xi8> to memref<f32>
// CHECK:         pock.launch @sum ins(%[[X]], %[[I]] : {{.+}}) outs(%[[Y]] : memref<f32>)
func.func @step(%x: memref<4x6xf32>, %state: memref<512xi8> {pock.segment = "state"}, %i: memref<i64>, %y: memref<f32> {pock.output = "y"}) -> i32 {
  pock.launch @sum ins(%x, %i : memref<4x6xf32>, memref<i64>) outs(%y : memref<f32>)
  %ok = arith.constant 0 : i32
  return %ok : i32
}
// CHECK:       func.func private @sum(%{{.+}}: memref<4x6xf32>, %{{.+}}: memref<i64>, %{{.+}}: memref<f32>)
func.func private @sum(%x: memref<4x6xf32>, %i: memref<i64>, %y: memref<f32>) attributes {pock.kernel} {
  return
}

// -----

// Functions that have segments only stay.

// CHECK-LABEL: func.func @prepare(
// CHECK-SAME:    %{{.+}}: memref<512xi8> {pock.segment = "state"}, %{{.+}}: memref<64xi8> {pock.segment = "arena"}) -> i32
// CHECK-NOT:     memref.view
func.func @prepare(%state: memref<512xi8> {pock.segment = "state"}, %arena: memref<64xi8> {pock.segment = "arena"}) -> i32 {
  %ok = arith.constant 0 : i32
  return %ok : i32
}
