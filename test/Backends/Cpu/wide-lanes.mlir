// RUN: split-file %s %t
// RUN: pock-opt %t/x86.mlir --pock-lower-to-llvm | FileCheck %t/x86.mlir
// RUN: pock-opt %t/x86.mlir --pock-lower-to-llvm | mlir-translate --allow-unregistered-dialect --mlir-to-llvmir | llc -O2 -mtriple=x86_64-linux-gnu -mattr=+avx2 | FileCheck %t/x86.mlir --check-prefix=ASM
// RUN: pock-opt %t/other.mlir --pock-lower-to-llvm | FileCheck %t/other.mlir

//--- x86.mlir

module attributes {pock.target = #pock.target<triple = "x86_64-unknown-linux-gnu", vector_bytes = 32, features = "+avx2">} {

// A requantisation: signed products, rounded, whose upper halves are kept.
// CHECK-LABEL: llvm.func @scaled(
// CHECK-NOT:     vector<8xi64>
// CHECK:         llvm.mul %{{.+}}, %{{.+}} : vector<4xi64>
// CHECK-NOT:     vector<8xi64>
// CHECK:         llvm.return
// ASM-LABEL: scaled:
// ASM-COUNT-2: vpmuldq
// ASM-NOT:     vperm
// ASM:         ret
func.func @scaled(%x: vector<8xi32>, %m: vector<8xi32>) -> vector<8xi32> {
  %half = arith.constant dense<2147483648> : vector<8xi64>
  %c32 = arith.constant dense<32> : vector<8xi64>
  %wx = arith.extsi %x : vector<8xi32> to vector<8xi64>
  %wm = arith.extsi %m : vector<8xi32> to vector<8xi64>
  %p = arith.muli %wx, %wm : vector<8xi64>
  %s = arith.addi %p, %half : vector<8xi64>
  %h = arith.shrsi %s, %c32 : vector<8xi64>
  %y = arith.trunci %h : vector<8xi64> to vector<8xi32>
  return %y : vector<8xi32>
}

// A round of the random generator.
// ASM-LABEL: random:
// ASM-COUNT-2: vpmuludq
// ASM-NOT:     vperm
// ASM:         ret
func.func @random(%x: vector<8xi32>, %f: i64) -> (vector<8xi32>, vector<8xi32>) {
  %c32 = arith.constant dense<32> : vector<8xi64>
  %factor = arith.constant dense<3528905107> : vector<8xi64>
  %wx = arith.extui %x : vector<8xi32> to vector<8xi64>
  %p = arith.muli %wx, %factor : vector<8xi64>
  %h = arith.shrui %p, %c32 : vector<8xi64>
  %high = arith.trunci %h : vector<8xi64> to vector<8xi32>
  %low = arith.trunci %p : vector<8xi64> to vector<8xi32>
  return %high, %low : vector<8xi32>, vector<8xi32>
}

// Numbers that are no extensions stay together.
// CHECK-LABEL: llvm.func @kept(
// CHECK:         llvm.add %{{.+}}, %{{.+}} : vector<8xi64>
func.func @kept(%x: vector<8xi64>) -> vector<8xi32> {
  %s = arith.addi %x, %x : vector<8xi64>
  %y = arith.trunci %s : vector<8xi64> to vector<8xi32>
  return %y : vector<8xi32>
}
}

//--- other.mlir

module attributes {pock.target = #pock.target<triple = "aarch64-unknown-linux-gnu", cpu = "cortex-a76">} {
// CHECK-LABEL: llvm.func @scaled(
// CHECK:         llvm.mul %{{.+}}, %{{.+}} : vector<4xi64>
func.func @scaled(%x: vector<4xi32>, %m: vector<4xi32>) -> vector<4xi32> {
  %c32 = arith.constant dense<32> : vector<4xi64>
  %wx = arith.extsi %x : vector<4xi32> to vector<4xi64>
  %wm = arith.extsi %m : vector<4xi32> to vector<4xi64>
  %p = arith.muli %wx, %wm : vector<4xi64>
  %h = arith.shrsi %p, %c32 : vector<4xi64>
  %y = arith.trunci %h : vector<4xi64> to vector<4xi32>
  return %y : vector<4xi32>
}
}
