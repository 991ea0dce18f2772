// RUN: pock-opt %s --pock-vectorize-kernels --canonicalize --cse --split-input-file | FileCheck %s

// Sums of products of 16 bits take registers for integers, also where operations
// on floats are calls, whose tiles have one sum: four by two with the twelve that
// are left, or four by one with seven.

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

// CHECK-LABEL: func.func private @twelve(
// CHECK: scf.for %{{.+}} = %{{.+}} to %c48 step %c2
// CHECK: scf.for %{{.+}} = %{{.+}} to %c32 step %c4
// CHECK: scf.for %{{.+}} = %{{.+}} to %c64 step %c1 iter_args
// CHECK-COUNT-8: arith.muli %{{.+}} : i32
// CHECK-NOT: arith.muli %{{.+}} : i32
module attributes {pock.arithmetic = "portable", pock.target = #pock.target<triple = "thumbv7m-none-eabi", cpu = "cortex-m3", index_bits = 32, vector_bytes = 0, vector_registers = 4, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096>} {
  func.func private @twelve(%g: memref<32x64xi16>, %w: memref<64x48xi8>, %y: memref<32x48xi32>) attributes {pock.kernel} {
    linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%g, %w : memref<32x64xi16>, memref<64x48xi8>) outs(%y : memref<32x48xi32>) {
    ^bb0(%a: i16, %b: i8, %out: i32):
      %wa = arith.extsi %a : i16 to i32
      %wb = arith.extsi %b : i8 to i32
      %p = arith.muli %wa, %wb : i32
      %s = arith.addi %out, %p : i32
      linalg.yield %s : i32
    }
    return
  }
}

// -----

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

// CHECK-LABEL: func.func private @seven(
// CHECK: scf.for %{{.+}} = %{{.+}} to %c48 step %c1
// CHECK: scf.for %{{.+}} = %{{.+}} to %c32 step %c4
// CHECK: scf.for %{{.+}} = %{{.+}} to %c64 step %c1 iter_args
// CHECK-COUNT-4: arith.muli %{{.+}} : i32
// CHECK-NOT: arith.muli %{{.+}} : i32
module attributes {pock.arithmetic = "portable", pock.target = #pock.target<triple = "thumbv6m-none-eabi", cpu = "cortex-m0plus", index_bits = 32, vector_bytes = 0, vector_registers = 4, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096>} {
  func.func private @seven(%g: memref<32x64xi16>, %w: memref<64x48xi8>, %y: memref<32x48xi32>) attributes {pock.kernel} {
    linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
        ins(%g, %w : memref<32x64xi16>, memref<64x48xi8>) outs(%y : memref<32x48xi32>) {
    ^bb0(%a: i16, %b: i8, %out: i32):
      %wa = arith.extsi %a : i16 to i32
      %wb = arith.extsi %b : i8 to i32
      %p = arith.muli %wa, %wb : i32
      %s = arith.addi %out, %p : i32
      linalg.yield %s : i32
    }
    return
  }
}
