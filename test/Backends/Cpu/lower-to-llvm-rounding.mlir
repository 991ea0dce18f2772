// RUN: pock-opt %s --pock-lower-to-llvm --split-input-file | FileCheck %s

// An FPU of version 4 has no instruction that rounds to integers: additions do.

// CHECK-LABEL: llvm.func @cortex_m4(
// CHECK-NOT:     llvm.intr.floor
// CHECK-NOT:     llvm.intr.roundeven
// CHECK:         llvm.fadd
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m4", index_bits = 32>} {
func.func @cortex_m4(%x: memref<2xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %v = memref.load %x[%c0] : memref<2xf32>
  %f = math.floor %v : f32
  memref.store %f, %x[%c0] : memref<2xf32>
  %r = math.roundeven %v : f32
  memref.store %r, %x[%c1] : memref<2xf32>
  return
}
}

// -----

// CHECK-LABEL: llvm.func @cortex_m7(
// CHECK:         llvm.intr.floor
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32>} {
func.func @cortex_m7(%x: memref<2xf32>) {
  %c0 = arith.constant 0 : index
  %v = memref.load %x[%c0] : memref<2xf32>
  %f = math.floor %v : f32
  memref.store %f, %x[%c0] : memref<2xf32>
  return
}
}
