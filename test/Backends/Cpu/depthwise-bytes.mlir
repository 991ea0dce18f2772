// RUN: pock-opt %s --pock-depthwise-bytes | FileCheck %s
// RUN: pock-opt %s --pock-depthwise-bytes --pock-place-scratch --pock-generate-code | mlir-translate --allow-unregistered-dialect --mlir-to-llvmir | llc -O2 -mtriple=thumbv7em-none-eabihf -mcpu=cortex-m7 | FileCheck %s --check-prefix=ASM
// RUN: sed 's/vector_bytes = 0/vector_bytes = 16/' %s | pock-opt --pock-depthwise-bytes | FileCheck %s --check-prefix=NONE
// RUN: sed 's/thumbv7em-none/thumbv8.1m.main-none/; s/cortex-m7/cortex-m55/; s/vector_bytes = 0/vector_bytes = 16/' %s | pock-opt --pock-depthwise-bytes | FileCheck %s --check-prefix=VECTOR
// RUN: sed 's/thumbv7em-none/thumbv8.1m.main-none/; s/cortex-m7/cortex-m55/; s/vector_bytes = 0/vector_bytes = 16/' %s | pock-opt --pock-depthwise-bytes --pock-place-scratch --pock-generate-code | mlir-translate --allow-unregistered-dialect --mlir-to-llvmir | llc -O2 -mtriple=thumbv8.1m.main-none-eabihf -mcpu=cortex-m55 | FileCheck %s --check-prefix=HELIUM

// NONE-NOT: pock.dot

#in = affine_map<(n, i, j, c, k, l) -> (n, i + k, j + l, c)>
#filter = affine_map<(n, i, j, c, k, l) -> (c, k, l)>
#out = affine_map<(n, i, j, c, k, l) -> (n, i, j, c)>

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32, vector_bytes = 0>} {
// Four outputs share the words of three rows, then the last two of six.
// CHECK-LABEL: func.func private @depthwise(
// CHECK:         %[[PLANE:.+]] = memref.alloc() : memref<48xi16>
// CHECK:         %[[WORDS:.+]] = pock.group_view %[[PLANE]] : memref<48xi16> to memref<24xi32>
// CHECK:         scf.for
// CHECK:           scf.for
// CHECK:             arith.extsi {{.+}} : i8 to i16
// CHECK:             memref.store {{.+}}, %[[PLANE]]
// CHECK:           scf.for
// CHECK-COUNT-18:    pock.dot
// CHECK-NOT:     linalg
// ASM-LABEL: pock_kernel_depthwise:
// ASM-DAG:     smlad
// ASM-DAG:     smlabt
// ASM-DAG:     smlatb
// With Helium, two rows of four outputs share what they read, then the last two
// of six.
// VECTOR-LABEL: func.func private @depthwise(
// VECTOR:         %[[PLANE:.+]] = memref.alloc() : memref<64xi8>
// VECTOR:         memref.store {{.+}}, %[[PLANE]]
// VECTOR:         vector.broadcast %{{.+}} : i32 to vector<4xi32>
// VECTOR:         vector.load %[[PLANE]]
// VECTOR:         arith.extsi {{.+}} : vector<4xi8> to vector<4xi32>
// VECTOR:         vector.extract %{{.+}}[3] : i32 from vector<4xi32>
// VECTOR-NOT:     linalg
// VECTOR-LABEL: func.func private @zero(
// VECTOR:         pock.dot_lanes
// VECTOR:         %[[CORRECTION:.+]] = arith.muli %{{.+}}, %c100_i32 : i32
// VECTOR:         %[[START:.+]] = arith.addi %{{.+}}, %[[CORRECTION]] : i32
// VECTOR:         vector.broadcast %[[START]] : i32 to vector<4xi32>
// HELIUM-LABEL: pock_kernel_depthwise:
// HELIUM:         vldrb.s32
// HELIUM:         vmla.i32
func.func private @depthwise(%x: memref<1x6x8x5xi8>, %w: memref<5x3x3xi8>, %y: memref<1x4x6x5xi32>) attributes {pock.kernel} {
  %zero = arith.constant 0 : i32
  linalg.fill ins(%zero : i32) outs(%y : memref<1x4x6x5xi32>)
  linalg.generic {indexing_maps = [#in, #filter, #out], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : memref<1x6x8x5xi8>, memref<5x3x3xi8>) outs(%y : memref<1x4x6x5xi32>) {
  ^bb0(%p: i8, %q: i8, %out: i32):
    %wp = arith.extsi %p : i8 to i32
    %wq = arith.extsi %q : i8 to i32
    %product = arith.muli %wp, %wq : i32
    %s = arith.addi %out, %product : i32
    linalg.yield %s : i32
  }
  return
}

// The zero point of the input is subtracted once per channel.
// CHECK-LABEL: func.func private @zero(
// CHECK-DAG:     %[[POINT:.+]] = arith.constant 100 : i32
// CHECK:         %[[CORRECTION:.+]] = arith.muli %{{.+}}, %[[POINT]] : i32
// CHECK:         %[[START:.+]] = arith.addi %{{.+}}, %[[CORRECTION]] : i32
// CHECK:         pock.dot %[[START]]
// CHECK-NOT:     linalg
func.func private @zero(%x: memref<1x6x8x5xi8>, %w: memref<5x3x3xi8>, %y: memref<1x4x6x5xi32>) attributes {pock.kernel} {
  %zero = arith.constant 0 : i32
  %point = arith.constant -100 : i32
  linalg.fill ins(%zero : i32) outs(%y : memref<1x4x6x5xi32>)
  linalg.generic {indexing_maps = [#in, #filter, #out], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]}
      ins(%x, %w : memref<1x6x8x5xi8>, memref<5x3x3xi8>) outs(%y : memref<1x4x6x5xi32>) {
  ^bb0(%p: i8, %q: i8, %out: i32):
    %wp = arith.extsi %p : i8 to i32
    %moved = arith.subi %wp, %point : i32
    %wq = arith.extsi %q : i8 to i32
    %product = arith.muli %moved, %wq : i32
    %s = arith.addi %out, %product : i32
    linalg.yield %s : i32
  }
  return
}
}
