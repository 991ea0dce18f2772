// RUN: pock-opt %s --pock-lower-to-llvm --split-input-file | FileCheck %s

// No instruction of a 32-bit processor converts 64-bit integers, and there is
// no runtime library: only 32-bit ones are converted. The triple is complete.

// CHECK:         llvm.target_triple = "thumbv7em-unknown-none-eabihf"
// CHECK-LABEL: llvm.func @cortex_m4(
// CHECK-NOT:     llvm.sitofp
// CHECK-NOT:     llvm.uitofp {{.*}} : i64
// CHECK-COUNT-2: llvm.uitofp {{.*}} : i32 to f32
// CHECK-NOT:     llvm.uitofp
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m4", index_bits = 32>} {
func.func @cortex_m4(%n: memref<i64>, %x: memref<2xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %v = memref.load %n[] : memref<i64>
  %signed = arith.sitofp %v : i64 to f32
  memref.store %signed, %x[%c0] : memref<2xf32>
  %unsigned = arith.uitofp %v : i64 to f32
  memref.store %unsigned, %x[%c1] : memref<2xf32>
  return
}
}

// -----

// CHECK-LABEL: llvm.func @aarch64(
// CHECK:         llvm.sitofp {{.*}} : i64 to f32
module attributes {pock.target = #pock.target<triple = "aarch64-unknown-linux-gnu", cpu = "generic", index_bits = 64>} {
func.func @aarch64(%n: memref<i64>, %x: memref<f32>) {
  %v = memref.load %n[] : memref<i64>
  %signed = arith.sitofp %v : i64 to f32
  memref.store %signed, %x[] : memref<f32>
  return
}
}
