// RUN: split-file %s %t
// RUN: pock-opt %t/bytes.mlir --pock-group-products | FileCheck %t/bytes.mlir
// RUN: pock-opt %t/bytes.mlir --pock-group-products --pock-place-scratch --pock-generate-code | mlir-translate --allow-unregistered-dialect --mlir-to-llvmir | llc -O2 -mtriple=x86_64-linux-gnu -mattr=+avx512vnni,+avx512vl | FileCheck %t/bytes.mlir --check-prefix=ASM
// RUN: pock-opt %t/words.mlir --pock-group-products | FileCheck %t/words.mlir
// RUN: pock-opt %t/words.mlir --pock-group-products --pock-place-scratch --pock-generate-code | mlir-translate --allow-unregistered-dialect --mlir-to-llvmir | llc -O2 -mtriple=thumbv7em-none-eabihf -mcpu=cortex-m7 | FileCheck %t/words.mlir --check-prefix=ASM
// RUN: pock-opt %t/neon.mlir --pock-group-products --pock-place-scratch --pock-generate-code | mlir-translate --allow-unregistered-dialect --mlir-to-llvmir | llc -O2 -mtriple=aarch64-linux-gnu -mcpu=cortex-a76 | FileCheck %t/neon.mlir --check-prefix=ASM
// RUN: pock-opt %t/none.mlir --pock-group-products | FileCheck %t/none.mlir
// RUN: pock-opt %t/flipped.mlir --pock-group-products | FileCheck %t/flipped.mlir
// RUN: pock-opt %t/widened.mlir --pock-group-products | FileCheck %t/widened.mlir
// RUN: pock-opt %t/widened.mlir --pock-group-products --pock-place-scratch --pock-generate-code | mlir-translate --allow-unregistered-dialect --mlir-to-llvmir | llc -O2 -mtriple=x86_64-linux-gnu -mattr=+avx2 | FileCheck %t/widened.mlir --check-prefix=ASM

// Sums of integers: exact, so that no precision has to be asked for, and portable
// arithmetic allows them.

//--- bytes.mlir

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

// CHECK: #[[$FOURTH:.+]] = affine_map<(d0, d1) -> (d0 * 4 + 3, d1)>
module attributes {pock.arithmetic = "portable", pock.target = #pock.target<triple = "x86_64-unknown-linux-gnu", vector_bytes = 64, vector_registers = 32, features = "+avx512f,+avx512vl,+avx512vnni">} {
// The instruction wants the unsigned operand first: groups of four rows of the
// other one are interleaved.
// CHECK-LABEL: func.func private @signed_by_unsigned(
// CHECK-SAME:    %[[X:.+]]: memref<32x64xi8>, %[[W:.+]]: memref<64x48xi8>,
// CHECK:         %[[XX:.+]] = pock.group_view %[[X]] : memref<32x64xi8> to memref<32x16xi32>
// CHECK:         %[[WW:.+]] = memref.alloc() : memref<16x48xi32>
// CHECK:         linalg.generic {{.*}} ins(%[[W]], %[[W]], %[[W]], %[[W]] : {{.*}}) outs(%[[WW]]
// CHECK-NEXT:    ^bb0(%[[A:.+]]: i8, %[[B:.+]]: i8, %[[C:.+]]: i8, %[[D:.+]]: i8, %{{.+}}: i32):
// CHECK:           %[[HIGHEST:.+]] = arith.extui %[[D]] : i8 to i32
// CHECK:           arith.shli %[[HIGHEST]], %c24_i32
// CHECK:           arith.extui %[[A]] : i8 to i32
// CHECK:         linalg.generic {{.*}} ins(%[[XX]], %[[WW]] :
// CHECK-NEXT:    ^bb0(%[[P:.+]]: i32, %[[Q:.+]]: i32, %[[SUM:.+]]: i32):
// CHECK-NEXT:      pock.dot %[[SUM]], %[[Q]], %[[P]] of ui8, si8 : i32, i32
// ASM-LABEL: pock_kernel_signed_by_unsigned:
// ASM: vpdpbusd
func.func private @signed_by_unsigned(%x: memref<32x64xi8>, %w: memref<64x48xi8>, %y: memref<32x48xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xi8>, memref<64x48xi8>) outs(%y : memref<32x48xi32>) {
  ^bb0(%a: i8, %b: i8, %out: i32):
    %wa = arith.extsi %a : i8 to i32
    %wb = arith.extui %b : i8 to i32
    %p = arith.muli %wa, %wb : i32
    %s = arith.addi %out, %p : i32
    linalg.yield %s : i32
  }
  return
}

// Two signed operands are none of its.
// CHECK-LABEL: func.func private @signed(
// CHECK-NOT:     pock.dot
func.func private @signed(%x: memref<32x64xi8>, %w: memref<64x48xi8>, %y: memref<32x48xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xi8>, memref<64x48xi8>) outs(%y : memref<32x48xi32>) {
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

//--- words.mlir

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

// Two terms at a time in scalar code.

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32, vector_bytes = 0>} {
// CHECK-LABEL: func.func private @halves(
// CHECK:         pock.group_view %{{.+}} : memref<32x64xi16> to memref<32x32xi32>
// CHECK:         pock.dot %{{.+}}, %{{.+}}, %{{.+}} of si16, si16 : i32, i32
// ASM-LABEL: pock_kernel_halves:
// ASM: smlad
func.func private @halves(%x: memref<32x64xi16>, %w: memref<64x48xi16>, %y: memref<32x48xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xi16>, memref<64x48xi16>) outs(%y : memref<32x48xi32>) {
  ^bb0(%a: i16, %b: i16, %out: i32):
    %wa = arith.extsi %a : i16 to i32
    %wb = arith.extsi %b : i16 to i32
    %p = arith.muli %wa, %wb : i32
    %s = arith.addi %p, %out : i32
    linalg.yield %s : i32
  }
  return
}

// Bytes are widened for a gradient of 16 bits, without their zero point.
// CHECK-LABEL: func.func private @gradient(
// CHECK-SAME:    %[[G:.+]]: memref<32x64xi16>, %[[W:.+]]: memref<64x48xi8>,
// CHECK:         %[[GG:.+]] = pock.group_view %[[G]] : memref<32x64xi16> to memref<32x32xi32>
// CHECK:         %[[WW:.+]] = memref.alloc() : memref<32x48xi32>
// CHECK:         linalg.generic {{.*}} ins(%[[W]], %[[W]] : {{.*}}) outs(%[[WW]]
// CHECK:           arith.extsi %{{.+}} : i8 to i16
// CHECK:           arith.subi
// CHECK:         linalg.generic {{.*}} ins(%[[GG]], %[[WW]]
// CHECK:           pock.dot %{{.+}}, %{{.+}}, %{{.+}} of si16, si16 : i32, i32
// ASM-LABEL: pock_kernel_gradient:
// ASM: smlad
func.func private @gradient(%g: memref<32x64xi16>, %w: memref<64x48xi8>, %y: memref<32x48xi32>) attributes {pock.kernel} {
  %zero = arith.constant -5 : i32
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%g, %w : memref<32x64xi16>, memref<64x48xi8>) outs(%y : memref<32x48xi32>) {
  ^bb0(%a: i16, %b: i8, %out: i32):
    %wa = arith.extsi %a : i16 to i32
    %wb = arith.extsi %b : i8 to i32
    %z = arith.subi %wb, %zero : i32
    %p = arith.muli %wa, %z : i32
    %s = arith.addi %p, %out : i32
    linalg.yield %s : i32
  }
  return
}

// Bytes by bytes are products of other loops.
// CHECK-LABEL: func.func private @bytes_alone(
// CHECK-NOT:     pock.dot
// CHECK:         return
func.func private @bytes_alone(%x: memref<32x64xi8>, %w: memref<64x48xi8>, %y: memref<32x48xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xi8>, memref<64x48xi8>) outs(%y : memref<32x48xi32>) {
  ^bb0(%a: i8, %b: i8, %out: i32):
    %wa = arith.extsi %a : i8 to i32
    %wb = arith.extsi %b : i8 to i32
    %p = arith.muli %wa, %wb : i32
    %s = arith.addi %p, %out : i32
    linalg.yield %s : i32
  }
  return
}
}

//--- neon.mlir

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

// The processor's own features count, not only those of the target.

module attributes {pock.target = #pock.target<triple = "aarch64-unknown-linux-gnu", cpu = "cortex-a76", vector_registers = 32>} {
// ASM-LABEL: pock_kernel_signed:
// ASM: sdot
func.func private @signed(%x: memref<32x64xi8>, %w: memref<64x48xi8>, %y: memref<32x48xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xi8>, memref<64x48xi8>) outs(%y : memref<32x48xi32>) {
  ^bb0(%a: i8, %b: i8, %out: i32):
    %wa = arith.extsi %a : i8 to i32
    %wb = arith.extsi %b : i8 to i32
    %p = arith.muli %wa, %wb : i32
    %s = arith.addi %out, %p : i32
    linalg.yield %s : i32
  }
  return
}
// ASM-LABEL: pock_kernel_unsigned:
// ASM: udot
func.func private @unsigned(%x: memref<32x64xi8>, %w: memref<64x48xi8>, %y: memref<32x48xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xi8>, memref<64x48xi8>) outs(%y : memref<32x48xi32>) {
  ^bb0(%a: i8, %b: i8, %out: i32):
    %wa = arith.extui %a : i8 to i32
    %wb = arith.extui %b : i8 to i32
    %p = arith.muli %wa, %wb : i32
    %s = arith.addi %out, %p : i32
    linalg.yield %s : i32
  }
  return
}
}

//--- none.mlir

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

// A processor without the instruction; sums in another width.

module attributes {pock.target = #pock.target<triple = "aarch64-unknown-linux-gnu", cpu = "cortex-a72", vector_registers = 32>} {
// CHECK-LABEL: func.func private @no_instruction(
// CHECK-NOT:     pock.dot
func.func private @no_instruction(%x: memref<32x64xi8>, %w: memref<64x48xi8>, %y: memref<32x48xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xi8>, memref<64x48xi8>) outs(%y : memref<32x48xi32>) {
  ^bb0(%a: i8, %b: i8, %out: i32):
    %wa = arith.extsi %a : i8 to i32
    %wb = arith.extsi %b : i8 to i32
    %p = arith.muli %wa, %wb : i32
    %s = arith.addi %out, %p : i32
    linalg.yield %s : i32
  }
  return
}
// CHECK-LABEL: func.func private @wide_sum(
// CHECK-NOT:     pock.dot
func.func private @wide_sum(%x: memref<32x64xi8>, %w: memref<64x48xi8>, %y: memref<32x48xi64>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xi8>, memref<64x48xi8>) outs(%y : memref<32x48xi64>) {
  ^bb0(%a: i8, %b: i8, %out: i64):
    %wa = arith.extsi %a : i8 to i64
    %wb = arith.extsi %b : i8 to i64
    %p = arith.muli %wa, %wb : i64
    %s = arith.addi %out, %p : i64
    linalg.yield %s : i64
  }
  return
}
}

//--- flipped.mlir

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#out = affine_map<(m, n, k) -> (m, n)>

// Signed bytes plus 128 are unsigned bytes with another highest bit.

module attributes {pock.target = #pock.target<triple = "x86_64-unknown-linux-gnu", vector_bytes = 64, vector_registers = 32, features = "+avx512f,+avx512vl,+avx512vnni">} {
// CHECK-LABEL: func.func private @flipped(
// CHECK-SAME:    %[[X:.+]]: memref<32x64xi8>,
// CHECK:         %[[XX:.+]] = pock.group_view %[[X]]
// CHECK:         linalg.generic {{.*}} ins(%[[XX]], %{{.+}} :
// CHECK-NEXT:    ^bb0(%[[P:.+]]: i32, %[[Q:.+]]: i32, %[[SUM:.+]]: i32):
// CHECK-NEXT:      %[[BITS:.+]] = arith.constant -2139062144 : i32
// CHECK-NEXT:      %[[U:.+]] = arith.xori %[[P]], %[[BITS]]
// CHECK-NEXT:      pock.dot %[[SUM]], %[[U]], %[[Q]] of ui8, si8 : i32, i32
func.func private @flipped(%x: memref<32x64xi8>, %w: memref<64x48xi8>, %y: memref<32x48xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xi8>, memref<64x48xi8>) outs(%y : memref<32x48xi32>) {
  ^bb0(%a: i8, %b: i8, %out: i32):
    %c = arith.constant -128 : i32
    %wa = arith.extsi %a : i8 to i32
    %ca = arith.subi %wa, %c : i32
    %wb = arith.extsi %b : i8 to i32
    %p = arith.muli %ca, %wb : i32
    %s = arith.addi %out, %p : i32
    linalg.yield %s : i32
  }
  return
}
}

//--- widened.mlir

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#transposed = affine_map<(m, n, k) -> (n, k)>
#out = affine_map<(m, n, k) -> (m, n)>

module attributes {pock.target = #pock.target<triple = "x86_64-unknown-linux-gnu", vector_bytes = 32, features = "+avx2">} {
// A copy has the wide bytes without their zero point; another one the pairs of
// rows.
// CHECK-LABEL: func.func private @widened(
// CHECK-SAME:    %[[X:.+]]: memref<32x64xi8>, %[[W:.+]]: memref<64x48xi8>,
// CHECK:         %[[WIDE:.+]] = memref.alloc() : memref<32x64xi16>
// CHECK:         %[[PAIRS:.+]] = memref.alloc() : memref<32x48xi32>
// CHECK:         linalg.generic {{.*}} ins(%[[X]] : {{.*}}) outs(%[[WIDE]]
// CHECK-NEXT:    ^bb0(%[[A:.+]]: i8, %{{.+}}: i16):
// CHECK-NEXT:      %[[WA:.+]] = arith.extsi %[[A]] : i8 to i16
// CHECK:           arith.subi %[[WA]], %{{.+}} : i16
// CHECK:         %[[WORDS:.+]] = pock.group_view %[[WIDE]] : memref<32x64xi16> to memref<32x32xi32>
// CHECK:         linalg.generic {{.*}} ins(%[[W]], %[[W]] : {{.*}}) outs(%[[PAIRS]]
// CHECK:         linalg.generic {{.*}} ins(%[[WORDS]], %[[PAIRS]] :
// CHECK:           pock.dot %{{.+}}, %{{.+}}, %{{.+}} of si16, si16 : i32, i32
// ASM-LABEL: pock_kernel_widened:
// ASM: vpmaddwd
// ASM: vpaddd
func.func private @widened(%x: memref<32x64xi8>, %w: memref<64x48xi8>, %y: memref<32x48xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xi8>, memref<64x48xi8>) outs(%y : memref<32x48xi32>) {
  ^bb0(%a: i8, %b: i8, %out: i32):
    %c = arith.constant 3 : i32
    %wa = arith.extsi %a : i8 to i32
    %ca = arith.subi %wa, %c : i32
    %wb = arith.extsi %b : i8 to i32
    %p = arith.muli %ca, %wb : i32
    %s = arith.addi %out, %p : i32
    linalg.yield %s : i32
  }
  return
}

// Terms are contiguous in both operands: the copy of the right one is
// transposed, because vectors run along the columns of the result.
// CHECK-LABEL: func.func private @transposed(
// CHECK-SAME:    %{{.+}}: memref<32x64xi8>, %[[W:.+]]: memref<48x64xi8>,
// CHECK:         %[[PAIRS:.+]] = memref.alloc() : memref<32x48xi32>
// CHECK:         linalg.generic {{.*}} ins(%[[W]], %[[W]] : {{.*}}) outs(%[[PAIRS]] : memref<32x48xi32>)
// CHECK:         pock.dot
func.func private @transposed(%x: memref<32x64xi8>, %w: memref<48x64xi8>, %y: memref<32x48xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #transposed, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x64xi8>, memref<48x64xi8>) outs(%y : memref<32x48xi32>) {
  ^bb0(%a: i8, %b: i8, %out: i32):
    %wa = arith.extsi %a : i8 to i32
    %wb = arith.extsi %b : i8 to i32
    %p = arith.muli %wa, %wb : i32
    %s = arith.addi %out, %p : i32
    linalg.yield %s : i32
  }
  return
}

// An odd number of terms.
// CHECK-LABEL: func.func private @odd(
// CHECK-NOT:     pock.dot
func.func private @odd(%x: memref<32x63xi8>, %w: memref<63x48xi8>, %y: memref<32x48xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#lhs, #rhs, #out], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<32x63xi8>, memref<63x48xi8>) outs(%y : memref<32x48xi32>) {
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
