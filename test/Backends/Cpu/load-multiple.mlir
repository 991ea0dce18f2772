// RUN: pock-opt %s -pock-load-multiple -split-input-file | FileCheck %s

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>
module attributes {pock.target = #target} {
// CHECK-LABEL: llvm.func @groups(
// CHECK-SAME: %[[P:.+]]: !llvm.ptr, %[[Q:.+]]: !llvm.ptr)
// CHECK: %[[A:.+]] = llvm.inline_asm "vldmia $8, {$0, $1, $2, $3, $4, $5, $6, $7}", "={s16},={s17},={s18},={s19},={s20},={s21},={s22},={s23},r,~{memory}" %[[P]]
// CHECK: %[[B:.+]] = llvm.inline_asm "vldmia $4, {$0, $1, $2, $3}", "={s24},={s25},={s26},={s27},r,~{memory}" %[[Q]]
// CHECK: %[[X:.+]] = llvm.extractvalue %[[A]][7]
// CHECK: %[[Y:.+]] = llvm.extractvalue %[[B]][0]
// CHECK: llvm.fadd %[[X]], %[[Y]]
llvm.func @groups(%p: !llvm.ptr, %q: !llvm.ptr) -> f32 {
  %c0 = llvm.mlir.constant(0 : i32) : i32
  %c7 = llvm.mlir.constant(7 : i32) : i32
  %a = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<8xf32>
  %b = llvm.load %q {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>
  %x = llvm.extractelement %a[%c7 : i32] : vector<8xf32>
  %y = llvm.extractelement %b[%c0 : i32] : vector<4xf32>
  %z = llvm.fadd %x, %y : f32
  llvm.return %z : f32
}

// Another element type, and a use of the whole vector.

// CHECK-LABEL: llvm.func @others(
// CHECK-NOT: llvm.inline_asm
llvm.func @others(%p: !llvm.ptr, %q: !llvm.ptr) -> i32 {
  %c0 = llvm.mlir.constant(0 : i32) : i32
  %a = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<4xi32>
  %b = llvm.load %q {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>
  llvm.store %b, %p {alignment = 4 : i64} : vector<4xf32>, !llvm.ptr
  %x = llvm.extractelement %a[%c0 : i32] : vector<4xi32>
  llvm.return %x : i32
}
}

// -----

// Targets with vectors have loads of their own.

// CHECK-LABEL: llvm.func @vectors(
// CHECK: llvm.load
module {
llvm.func @vectors(%p: !llvm.ptr) -> f32 {
  %c0 = llvm.mlir.constant(0 : i32) : i32
  %a = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>
  %x = llvm.extractelement %a[%c0 : i32] : vector<4xf32>
  llvm.return %x : f32
}
}
