// RUN: pock-opt %s --pock-pad-at-once --split-input-file | FileCheck %s

// A border of both sides of one dimension, and the rest; one operation writes them.

// CHECK-LABEL: func.func private @temporary(
// CHECK-SAME:    %[[X:.+]]: memref<4x6xf32>, %[[Y:.+]]: memref<4x8xf32>)
// CHECK:         %[[PADDED:.+]] = memref.alloc() : memref<4x8xf32>
// CHECK-NOT:     memref.subview
// CHECK:         linalg.generic {{.*}} outs(%[[PADDED]] : memref<4x8xf32>)
// CHECK:           %[[ROW:.+]] = linalg.index 0 : index
// CHECK:           %[[COLUMN:.+]] = linalg.index 1 : index
// CHECK:           %[[PLACE:.+]] = arith.subi %[[COLUMN]], %{{.+}} : index
// CHECK:           %[[INSIDE:.+]] = arith.cmpi ult, %[[PLACE]], %{{.+}} : index
// CHECK:           %[[SAFE:.+]] = arith.select %[[INSIDE]], %[[PLACE]], %{{.+}} : index
// CHECK:           %[[READ:.+]] = memref.load %[[X]][%[[ROW]], %[[SAFE]]] : memref<4x6xf32>
// CHECK:           %[[VALUE:.+]] = arith.select %[[INSIDE]], %[[READ]], %{{.+}} : f32
// CHECK:           linalg.yield %[[VALUE]] : f32
// CHECK:         linalg.generic {{.*}} ins(%[[PADDED]] : memref<4x8xf32>) outs(%[[Y]] : memref<4x8xf32>)
#id = affine_map<(i, j) -> (i, j)>
func.func private @temporary(%x: memref<4x6xf32>, %y: memref<4x8xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %padded = memref.alloc() : memref<4x8xf32>
  %left = memref.subview %padded[0, 0] [4, 1] [1, 1] : memref<4x8xf32> to memref<4x1xf32, strided<[8, 1]>>
  linalg.fill ins(%zero : f32) outs(%left : memref<4x1xf32, strided<[8, 1]>>)
  %right = memref.subview %padded[0, 7] [4, 1] [1, 1] : memref<4x8xf32> to memref<4x1xf32, strided<[8, 1], offset: 7>>
  linalg.fill ins(%zero : f32) outs(%right : memref<4x1xf32, strided<[8, 1], offset: 7>>)
  %middle = memref.subview %padded[0, 1] [4, 6] [1, 1] : memref<4x8xf32> to memref<4x6xf32, strided<[8, 1], offset: 1>>
  linalg.copy ins(%x : memref<4x6xf32>) outs(%middle : memref<4x6xf32, strided<[8, 1], offset: 1>>)
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%padded : memref<4x8xf32>) outs(%y : memref<4x8xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.negf %a : f32
    linalg.yield %0 : f32
  }
  return
}

// -----

// An argument is a padded copy, with another value in its border.

// CHECK-LABEL: func.func private @argument(
// CHECK-SAME:    %[[X:.+]]: memref<6xf32>, %[[Y:.+]]: memref<8xf32>)
// CHECK-NOT:     linalg.fill
// CHECK:         linalg.generic {{.*}} outs(%[[Y]] : memref<8xf32>)
// CHECK:           arith.constant 0xFF800000 : f32
// CHECK-NOT:     linalg.copy
func.func private @argument(%x: memref<6xf32>, %y: memref<8xf32>) attributes {pock.kernel} {
  %lowest = arith.constant 0xFF800000 : f32
  %end = memref.subview %y[6] [2] [1] : memref<8xf32> to memref<2xf32, strided<[1], offset: 6>>
  linalg.fill ins(%lowest : f32) outs(%end : memref<2xf32, strided<[1], offset: 6>>)
  %begin = memref.subview %y[0] [6] [1] : memref<8xf32> to memref<6xf32, strided<[1]>>
  linalg.copy ins(%x : memref<6xf32>) outs(%begin : memref<6xf32, strided<[1]>>)
  return
}

// -----

// The copy of two operands has no border.

// CHECK-LABEL: func.func private @concatenated(
// CHECK:         linalg.copy
// CHECK:         linalg.copy
// CHECK-NOT:     linalg.generic
func.func private @concatenated(%a: memref<6xf32>, %b: memref<2xf32>, %y: memref<8xf32>) attributes {pock.kernel} {
  %begin = memref.subview %y[0] [6] [1] : memref<8xf32> to memref<6xf32, strided<[1]>>
  linalg.copy ins(%a : memref<6xf32>) outs(%begin : memref<6xf32, strided<[1]>>)
  %end = memref.subview %y[6] [2] [1] : memref<8xf32> to memref<2xf32, strided<[1], offset: 6>>
  linalg.copy ins(%b : memref<2xf32>) outs(%end : memref<2xf32, strided<[1], offset: 6>>)
  return
}

// -----

// Its border is not filled everywhere.

// CHECK-LABEL: func.func private @open(
// CHECK:         linalg.fill
// CHECK:         linalg.copy
func.func private @open(%x: memref<6xf32>, %y: memref<8xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %end = memref.subview %y[7] [1] [1] : memref<8xf32> to memref<1xf32, strided<[1], offset: 7>>
  linalg.fill ins(%zero : f32) outs(%end : memref<1xf32, strided<[1], offset: 7>>)
  %begin = memref.subview %y[0] [6] [1] : memref<8xf32> to memref<6xf32, strided<[1]>>
  linalg.copy ins(%x : memref<6xf32>) outs(%begin : memref<6xf32, strided<[1]>>)
  return
}
