// RUN: pock-opt %s --pock-merge-kernels --split-input-file | FileCheck %s
// RUN: sed 's/thumbv7em-none-eabihf/x86_64-linux-gnu/; s/cortex-m7/znver4/; s/index_bits = 32/index_bits = 64/' %s | pock-opt --pock-merge-kernels --split-input-file | FileCheck %s --check-prefix=NONE

// An extent and a factor become arguments; the step of the loop is the same.

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32, vector_bytes = 0>} {
// CHECK-LABEL: llvm.func internal @short(
// CHECK-SAME:    %{{.+}}: !llvm.ptr {llvm.noalias}, %[[COUNT:.+]]: i32, %[[FACTOR:.+]]: f32)
// CHECK-DAG:     %[[ONE:.+]] = llvm.mlir.constant(1 : i32)
// CHECK:         llvm.icmp "slt" %{{.+}}, %[[COUNT]]
// CHECK:         llvm.fmul %{{.+}}, %[[FACTOR]]
// CHECK:         llvm.add %{{.+}}, %[[ONE]]
// NONE:          llvm.func internal @short
llvm.func internal @short(%x: !llvm.ptr {llvm.noalias}) attributes {pock.kernel} {
  %zero = llvm.mlir.constant(0 : index) : i32
  %one = llvm.mlir.constant(1 : i32) : i32
  %count = llvm.mlir.constant(48 : index) : i32
  %factor = llvm.mlir.constant(2.5 : f32) : f32
  llvm.br ^test(%zero : i32)
^test(%i: i32):
  %more = llvm.icmp "slt" %i, %count : i32
  llvm.cond_br %more, ^body, ^end
^body:
  %p = llvm.getelementptr %x[%i] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %v = llvm.load %p : !llvm.ptr -> f32
  %w = llvm.fmul %v, %factor : f32
  llvm.store %w, %p : f32, !llvm.ptr
  %next = llvm.add %i, %one : i32
  llvm.br ^test(%next : i32)
^end:
  llvm.return
}

// CHECK-NOT:     @long
// NONE:          llvm.func internal @long
llvm.func internal @long(%x: !llvm.ptr {llvm.noalias}) attributes {pock.kernel} {
  %zero = llvm.mlir.constant(0 : i32) : i32
  %one = llvm.mlir.constant(1 : index) : i32
  %count = llvm.mlir.constant(96 : index) : i32
  %factor = llvm.mlir.constant(0.5 : f32) : f32
  %unread = llvm.mlir.constant(7 : i32) : i32
  llvm.br ^test(%zero : i32)
^test(%i: i32):
  %more = llvm.icmp "slt" %i, %count : i32
  llvm.cond_br %more, ^body, ^end
^body:
  %p = llvm.getelementptr %x[%i] : (!llvm.ptr, i32) -> !llvm.ptr, f32
  %v = llvm.load %p : !llvm.ptr -> f32
  %w = llvm.fmul %v, %factor : f32
  llvm.store %w, %p : f32, !llvm.ptr
  %next = llvm.add %i, %one : i32
  llvm.br ^test(%next : i32)
^end:
  llvm.return
}

// CHECK-LABEL: llvm.func @step(
// CHECK:         %[[A:.+]] = llvm.mlir.constant(48 : i32)
// CHECK:         %[[B:.+]] = llvm.mlir.constant(2.500000e+00 : f32)
// CHECK:         llvm.call @short(%{{.+}}, %[[A]], %[[B]]) :
// CHECK:         %[[C:.+]] = llvm.mlir.constant(96 : i32)
// CHECK:         %[[D:.+]] = llvm.mlir.constant(5.000000e-01 : f32)
// CHECK:         llvm.call @short(%{{.+}}, %[[C]], %[[D]]) :
// NONE:          llvm.call @short(%{{[^,]+}}) :
// NONE:          llvm.call @long(%{{[^,]+}}) :
llvm.func @step(%x: !llvm.ptr) {
  llvm.call @short(%x) : (!llvm.ptr) -> ()
  llvm.call @long(%x) : (!llvm.ptr) -> ()
  llvm.return
}
}

// -----

// Nothing to do: other operations, and instructions of the target.

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32, vector_bytes = 0>} {
// CHECK: llvm.func internal @add(%{{[^,]+}}: !llvm.ptr, %{{[^,]+}}: f32)
llvm.func internal @add(%p: !llvm.ptr, %x: f32) attributes {pock.kernel} {
  %c = llvm.mlir.constant(1.0 : f32) : f32
  %y = llvm.fadd %x, %c : f32
  llvm.store %y, %p : f32, !llvm.ptr
  llvm.return
}
// CHECK: llvm.func internal @multiply(%{{[^,]+}}: !llvm.ptr, %{{[^,]+}}: f32)
llvm.func internal @multiply(%p: !llvm.ptr, %x: f32) attributes {pock.kernel} {
  %c = llvm.mlir.constant(2.0 : f32) : f32
  %y = llvm.fmul %x, %c : f32
  llvm.store %y, %p : f32, !llvm.ptr
  llvm.return
}
// CHECK: llvm.func internal @one(%{{[^,]+}}: !llvm.ptr, %{{[^,]+}}: i32)
llvm.func internal @one(%p: !llvm.ptr, %x: i32) attributes {pock.kernel} {
  %c = llvm.mlir.constant(1 : i32) : i32
  %w = llvm.call_intrinsic "llvm.arm.sxtb16"(%x) : (i32) -> i32
  %y = llvm.add %w, %c : i32
  llvm.store %y, %p : i32, !llvm.ptr
  llvm.return
}
// CHECK: llvm.func internal @two(%{{[^,]+}}: !llvm.ptr, %{{[^,]+}}: i32)
llvm.func internal @two(%p: !llvm.ptr, %x: i32) attributes {pock.kernel} {
  %c = llvm.mlir.constant(2 : i32) : i32
  %w = llvm.call_intrinsic "llvm.arm.sxtb16"(%x) : (i32) -> i32
  %y = llvm.add %w, %c : i32
  llvm.store %y, %p : i32, !llvm.ptr
  llvm.return
}
}
