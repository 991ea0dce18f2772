// RUN: pock-opt %s --pock-lower-to-llvm --split-input-file | FileCheck %s

// Sine, cosine and logarithm of f32 are formulas: no function is called.
// CHECK-LABEL: llvm.func @formulas(
// CHECK-NOT: llvm.intr.{{sin|cos|log}}
// CHECK-NOT: llvm.call
// CHECK: llvm.return
module attributes {pock.target = #pock.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", index_bits = 64>} {
func.func @formulas(%x: memref<3xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %v = memref.load %x[%c0] : memref<3xf32>
  %s = math.sin %v : f32
  %c = math.cos %v : f32
  %l = math.log %v : f32
  memref.store %s, %x[%c0] : memref<3xf32>
  memref.store %c, %x[%c1] : memref<3xf32>
  memref.store %l, %x[%c2] : memref<3xf32>
  return
}
}

// -----

// CHECK-DAG: llvm.func @erfc(f64) -> f64
// CHECK-DAG: llvm.func @expm1(f64) -> f64
// CHECK-DAG: llvm.func @log1p(f64) -> f64
// CHECK-LABEL: llvm.func @calls(
// CHECK: llvm.call @erfc
// CHECK: llvm.call @expm1
// CHECK: llvm.call @log1p
// CHECK: llvm.frem
module attributes {pock.target = #pock.target<triple = "x86_64-unknown-linux-gnu", cpu = "x86-64-v3", index_bits = 64>} {
func.func @calls(%x: memref<1xf64>, %y: memref<2xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %v = memref.load %x[%c0] : memref<1xf64>
  %e = math.erfc %v : f64
  %m = math.expm1 %e : f64
  %l = math.log1p %m : f64
  memref.store %l, %x[%c0] : memref<1xf64>
  %a = memref.load %y[%c0] : memref<2xf32>
  %b = memref.load %y[%c1] : memref<2xf32>
  %r = arith.remf %a, %b : f32
  memref.store %r, %y[%c0] : memref<2xf32>
  return
}
}

// -----

// There is no fmodf without a C library.
// CHECK-LABEL: llvm.func @bare(
// CHECK-NOT: llvm.frem
// CHECK: llvm.fdiv
// CHECK: llvm.intr.fma
// CHECK: llvm.intr.copysign
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32>} {
func.func @bare(%y: memref<2xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %a = memref.load %y[%c0] : memref<2xf32>
  %b = memref.load %y[%c1] : memref<2xf32>
  %r = arith.remf %a, %b : f32
  memref.store %r, %y[%c0] : memref<2xf32>
  return
}
}
