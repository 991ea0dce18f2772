// RUN: pock-opt %s --pock-pack-operands --split-input-file | FileCheck %s
// RUN: pock-opt %s --pock-pack-operands --pock-localize-scratch --split-input-file | FileCheck %s --check-prefix=PANEL

// The right operand is copied; a panel of its columns is all that stays.

module attributes {pock.target = #pock.target<vector_bytes = 16, l2_bytes = 65536>} {
// CHECK-LABEL: func.func private @large(
// CHECK-SAME:    %[[X:.+]]: memref<128x64xf32>, %[[W:.+]]: memref<64x520xf32>
// CHECK:         %[[COPY:.+]] = memref.alloc() : memref<64x520xf32>
// CHECK:         linalg.copy ins(%[[W]] : {{.*}}) outs(%[[COPY]]
// CHECK:         linalg.generic {{.*}} ins(%[[X]], %[[COPY]]
// PANEL-LABEL: func.func private @large(
// PANEL:         %[[PANEL:.+]] = memref.alloc() : memref<64x64xf32>
// PANEL:         scf.for %[[N:.+]] = %c0{{.*}} to %c512{{.*}} step %c64
// PANEL:           memref.subview %{{.+}}[0, %[[N]]] [64, 64] [1, 1] : memref<64x520xf32>
// PANEL:           linalg.generic {{.*}} outs(%[[PANEL]]
// PANEL:           memref.subview %{{.+}}[0, %[[N]]] [128, 64] [1, 1] : memref<128x520xf32>
// The columns that fill no panel:
// PANEL:         memref.subview %{{.+}}[0, 512] [64, 8] [1, 1] : memref<64x520xf32>
func.func private @large(%x: memref<128x64xf32>, %w: memref<64x520xf32>, %out: memref<128x520xf32>) attributes {pock.kernel} {
  linalg.matmul ins(%x, %w : memref<128x64xf32>, memref<64x520xf32>) outs(%out : memref<128x520xf32>)
  return
}
}

// -----

// Fits into the cache.

module attributes {pock.target = #pock.target<vector_bytes = 16, l2_bytes = 1048576>} {
// CHECK-LABEL: func.func private @small(
// CHECK-NOT:     memref.alloc
func.func private @small(%x: memref<128x64xf32>, %w: memref<64x520xf32>, %out: memref<128x520xf32>) attributes {pock.kernel} {
  linalg.matmul ins(%x, %w : memref<128x64xf32>, memref<64x520xf32>) outs(%out : memref<128x520xf32>)
  return
}
}

// -----

// Too few rows would use the copy.

module attributes {pock.target = #pock.target<vector_bytes = 16, l2_bytes = 65536>} {
// CHECK-LABEL: func.func private @few_rows(
// CHECK-NOT:     memref.alloc
func.func private @few_rows(%x: memref<8x64xf32>, %w: memref<64x520xf32>, %out: memref<8x520xf32>) attributes {pock.kernel} {
  linalg.matmul ins(%x, %w : memref<8x64xf32>, memref<64x520xf32>) outs(%out : memref<8x520xf32>)
  return
}
}
