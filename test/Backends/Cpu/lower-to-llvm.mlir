// RUN: pock-opt %s --pock-lower-to-llvm --split-input-file | FileCheck %s

// Bare pointers; private functions are internal, public ones keep their name.

// CHECK: module attributes {{.*}}llvm.data_layout = {{.*}}llvm.target_triple = "x86_64-unknown-linux-gnu"
module attributes {pock.target = #pock.target<triple = "x86_64-unknown-linux-gnu">} {
// CHECK-LABEL: llvm.func internal @kernel(
// CHECK-SAME:    %{{.+}}: !llvm.ptr
// CHECK:         llvm.load {{.*}} : !llvm.ptr -> vector<8xf32>
func.func private @kernel(%x: memref<8xf32>, %out: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %v = vector.load %x[%c0] : memref<8xf32>, vector<8xf32>
  vector.store %v, %out[%c0] : memref<8xf32>, vector<8xf32>
  return
}
// CHECK-LABEL: llvm.func @net_step(%{{.+}}: !llvm.ptr, %{{.+}}: !llvm.ptr) -> i32
// CHECK:         llvm.call @kernel
func.func @net_step(%x: memref<8xf32>, %out: memref<8xf32>) -> i32 {
  call @kernel(%x, %out) : (memref<8xf32>, memref<8xf32>) -> ()
  %ok = arith.constant 0 : i32
  return %ok : i32
}
}

// -----

// The width of index is the target's everywhere.

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabi", cpu = "cortex-m4", index_bits = 32>} {
// CHECK-LABEL: llvm.func @loop(
// CHECK-NOT:     i64
// CHECK:         llvm.return
func.func @loop(%x: memref<8xf32>) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c8 step %c1 {
    memref.store %zero, %x[%i] : memref<8xf32>
  }
  return
}
}

// -----

// A memref of i1 holds bytes.

// CHECK-LABEL: llvm.func @mask(
// CHECK:         %[[BYTES:.+]] = llvm.load {{.*}} -> vector<4xi8>
// CHECK:         llvm.trunc %[[BYTES]] : vector<4xi8> to vector<4xi1>
// CHECK:         llvm.zext {{.*}} : vector<4xi1> to vector<4xi8>
func.func @mask(%x: memref<4xi1>, %out: memref<4xi1>) {
  %c0 = arith.constant 0 : index
  %v = vector.load %x[%c0] : memref<4xi1>, vector<4xi1>
  vector.store %v, %out[%c0] : memref<4xi1>, vector<4xi1>
  return
}

// -----

// exp on f32 is a polynomial, on f64 an intrinsic.

// CHECK-LABEL: llvm.func @exp(
// CHECK-NOT:     llvm.intr.exp{{.*}}f32
// CHECK:         llvm.intr.fma
// CHECK:         llvm.intr.exp(%{{.+}}) : (f64) -> f64
func.func @exp(%x: f32, %y: f64) -> (f32, f64) {
  %a = math.exp %x : f32
  %b = math.exp %y : f64
  return %a, %b : f32, f64
}

// -----

// Products of pairs: the instruction, of which short vectors fill lanes up.

module attributes {pock.target = #pock.target<triple = "x86_64-unknown-linux-gnu", vector_bytes = 64, features = "+avx512bf16,+avx512f,+avx512vl">} {
// CHECK-LABEL: llvm.func @pairs(
// CHECK:         llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"({{.*}}) : (vector<16xf32>, vector<32xbf16>, vector<32xbf16>) -> vector<16xf32>
// CHECK:         llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.128"
func.func @pairs(%x: memref<4x32xbf16>, %s: vector<16xf32>, %w: vector<16xi32>, %t: vector<2xf32>, %v: vector<2xi32>) -> (vector<16xf32>, vector<2xf32>) {
  %c0 = arith.constant 0 : index
  %p = pock.group_view %x : memref<4x32xbf16> to memref<4x16xi32>
  %a = vector.load %p[%c0, %c0] : memref<4x16xi32>, vector<16xi32>
  %r = pock.dot %s, %a, %w of bf16, bf16 : vector<16xf32>, vector<16xi32>
  %q = pock.dot %t, %v, %v of bf16, bf16 : vector<2xf32>, vector<2xi32>
  return %r, %q : vector<16xf32>, vector<2xf32>
}
}

// -----

// Without it, low halves are shifted up and high ones masked.

module attributes {pock.target = #pock.target<triple = "x86_64-unknown-linux-gnu">} {
// CHECK-LABEL: llvm.func @pairs_in_parts(
// CHECK-NOT:     dpbf16ps
// CHECK:         llvm.shl
// CHECK:         llvm.intr.fma
// CHECK:         llvm.and
// CHECK:         llvm.intr.fma
func.func @pairs_in_parts(%s: f32, %x: i32, %w: i32) -> f32 {
  %r = pock.dot %s, %x, %w of bf16, bf16 : f32, i32
  return %r : f32
}
}

// -----

// Constants of a module belong to no function.

module attributes {pock.target = #pock.target<triple = "x86_64-unknown-linux-gnu">} {
// CHECK:         llvm.mlir.global private constant @positions(dense<[3, 1]>
// CHECK-LABEL: llvm.func @global(
// CHECK:         llvm.mlir.addressof @positions
// CHECK:         llvm.load
memref.global "private" constant @positions : memref<2xi64> = dense<[3, 1]>
func.func @global(%i: index) -> i64 {
  %table = memref.get_global @positions : memref<2xi64>
  %r = memref.load %table[%i] : memref<2xi64>
  return %r : i64
}
}
