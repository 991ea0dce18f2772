// RUN: pock-opt %s --pock-vectorize-kernels --canonicalize --cse | FileCheck %s

// Without vectors, a step copies twelve neighbouring bytes of a row, which LLVM
// makes words; also of rows that end with a byte of their own. (Steps of one
// byte of four rows would have no remainder, but cannot be words.)
// CHECK-LABEL: func.func private @rows_of_odd_length(
// CHECK: scf.for %[[ROW:.+]] = %{{.+}} to %c336 step %c1 {
// CHECK-NEXT: scf.for %{{.+}} = %{{.+}} to %c48 step %c12 {
// CHECK-COUNT-12: memref.load
// CHECK: }
// CHECK: memref.load
// CHECK-NOT: memref.load
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "-fp64", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096>} {
  func.func private @rows_of_odd_length(%from: memref<336x49xi8>, %to: memref<336x56xi8>) attributes {pock.kernel} {
    %part = memref.subview %to[0, 7] [336, 49] [1, 1] : memref<336x56xi8> to memref<336x49xi8, strided<[56, 1], offset: 7>>
    linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>, affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]}
        ins(%from : memref<336x49xi8>) outs(%part : memref<336x49xi8, strided<[56, 1], offset: 7>>) {
    ^bb0(%in: i8, %out: i8):
      linalg.yield %in : i8
    }
    return
  }
}
