// RUN: pock-opt %s --pock-float-sums --split-input-file | FileCheck %s

#x = affine_map<(h, c, t) -> (h + t, c)>
#w = affine_map<(h, c, t) -> (t, c)>
#y = affine_map<(h, c, t) -> (h, c)>

// A depthwise convolution: its few weights are converted in a copy, its input
// where it is read.

module attributes {pock.target = #pock.target<triple = "x86_64-unknown-linux-gnu", vector_bytes = 32, features = "+avx2,+fma">} {
// CHECK-LABEL: func.func private @depthwise(
// CHECK-SAME:    %[[X:.+]]: memref<34x8xi8>, %[[W:.+]]: memref<3x8xi8>, %[[Y:.+]]: memref<32x8xi32>
// CHECK:         %[[WW:.+]] = memref.alloc() : memref<3x8xf32>
// CHECK:         linalg.generic {{.*}} ins(%[[W]] : {{.*}}) outs(%[[WW]]
// CHECK:           arith.sitofp
// CHECK:         %[[SUM:.+]] = memref.alloc() : memref<32x8xf32>
// CHECK:         linalg.generic {{.*}} ins(%[[X]], %[[WW]] : {{.*}}) outs(%[[SUM]]
// CHECK-NEXT:    ^bb0(%[[A:.+]]: i8, %[[B:.+]]: f32, %[[S:.+]]: f32):
// CHECK-NEXT:      %[[REAL:.+]] = arith.sitofp %[[A]] : i8 to f32
// CHECK:           %[[MOVED:.+]] = arith.subf %[[REAL]], %{{.+}}
// CHECK:           %[[P:.+]] = arith.mulf %[[MOVED]], %[[B]]
// CHECK:           arith.addf %[[S]], %[[P]]
// CHECK:         linalg.generic {{.*}} ins(%[[SUM]] : {{.*}}) outs(%[[Y]]
// CHECK:           %[[INT:.+]] = arith.fptosi
// CHECK:           arith.addi %{{.+}}, %[[INT]] : i32
func.func private @depthwise(%x: memref<34x8xi8>, %w: memref<3x8xi8>, %y: memref<32x8xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<34x8xi8>, memref<3x8xi8>) outs(%y : memref<32x8xi32>) {
  ^bb0(%a: i8, %b: i8, %out: i32):
    %c = arith.constant -7 : i32
    %wa = arith.extsi %a : i8 to i32
    %ca = arith.subi %wa, %c : i32
    %wb = arith.extsi %b : i8 to i32
    %p = arith.muli %ca, %wb : i32
    %s = arith.addi %out, %p : i32
    linalg.yield %s : i32
  }
  return
}

// 1024 products of up to 2^14 are exact, 1025 are not.
// CHECK-LABEL: func.func private @exact(
// CHECK:         arith.addf
// CHECK-LABEL: func.func private @too_many(
// CHECK-NOT:     arith.addf
func.func private @exact(%x: memref<1024xi8>, %w: memref<1024xi8>, %y: memref<i32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(k) -> (k)>, affine_map<(k) -> (k)>, affine_map<(k) -> ()>], iterator_types = ["reduction"]}
      ins(%x, %w : memref<1024xi8>, memref<1024xi8>) outs(%y : memref<i32>) {
  ^bb0(%a: i8, %b: i8, %out: i32):
    %wa = arith.extsi %a : i8 to i32
    %wb = arith.extsi %b : i8 to i32
    %p = arith.muli %wa, %wb : i32
    %s = arith.addi %out, %p : i32
    linalg.yield %s : i32
  }
  return
}
func.func private @too_many(%x: memref<1025xi8>, %w: memref<1025xi8>, %y: memref<i32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(k) -> (k)>, affine_map<(k) -> (k)>, affine_map<(k) -> ()>], iterator_types = ["reduction"]}
      ins(%x, %w : memref<1025xi8>, memref<1025xi8>) outs(%y : memref<i32>) {
  ^bb0(%a: i8, %b: i8, %out: i32):
    %wa = arith.extsi %a : i8 to i32
    %wb = arith.extsi %b : i8 to i32
    %p = arith.muli %wa, %wb : i32
    %s = arith.addi %out, %p : i32
    linalg.yield %s : i32
  }
  return
}
}

// -----

#x = affine_map<(h, c, t) -> (h + t, c)>
#w = affine_map<(h, c, t) -> (t, c)>
#y = affine_map<(h, c, t) -> (h, c)>

// Other processors multiply and add integers in one instruction.

module attributes {pock.target = #pock.target<triple = "aarch64-unknown-linux-gnu", cpu = "cortex-a76", vector_registers = 32>} {
// CHECK-LABEL: func.func private @other(
// CHECK-NOT:     sitofp
func.func private @other(%x: memref<34x8xi8>, %w: memref<3x8xi8>, %y: memref<32x8xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#x, #w, #y], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<34x8xi8>, memref<3x8xi8>) outs(%y : memref<32x8xi32>) {
  ^bb0(%a: i8, %b: i8, %out: i32):
    %wa = arith.extsi %a : i8 to i32
    %wb = arith.extsi %b : i8 to i32
    %p = arith.muli %wa, %wb : i32
    %s = arith.addi %out, %p : i32
    linalg.yield %s : i32
  }
  return
}
}
