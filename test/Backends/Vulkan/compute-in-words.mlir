// RUN: pock-opt %s --pock-compute-in-words --split-input-file | FileCheck %s

// A byte that shifts change gets its sign again; one that is extended without a
// sign loses it.

#map = affine_map<(i) -> (i)>

// CHECK-LABEL: func.func private @bits(
// CHECK-SAME:    memref<4xi1>, %{{.+}}: memref<4xi8>, %{{.+}}: memref<4xi8>, %{{.+}}: memref<4xi32>)
// CHECK:       ^bb0(%[[FLAG:.+]]: i1, %[[BYTE:.+]]: i8, %{{.+}}: i8, %{{.+}}: i32):
// CHECK:         %[[WORD:.+]] = arith.extsi %[[BYTE]] : i8 to i32
// CHECK:         %[[BIT:.+]] = arith.extui %[[FLAG]] : i1 to i32
// CHECK:         %[[SHIFTED:.+]] = arith.shli %[[BIT]], %{{.+}} : i32
// CHECK:         %[[HIGH:.+]] = arith.shli %[[SHIFTED]], %{{.+}} : i32
// CHECK:         %[[LOW:.+]] = arith.shrsi %[[HIGH]], %{{.+}} : i32
// CHECK:         %[[NUMBER:.+]] = arith.andi %[[WORD]], %{{.+}} : i32
// CHECK:         %[[STORED:.+]] = arith.trunci %[[LOW]] : i32 to i8
// CHECK:         linalg.yield %[[STORED]], %[[NUMBER]] : i8, i32
func.func private @bits(%x: memref<4xi1>, %y: memref<4xi8>, %out: memref<4xi8>, %wide: memref<4xi32>) attributes {pock.kernel} {
  %seven = arith.constant 7 : i8
  linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]}
      ins(%x, %y : memref<4xi1>, memref<4xi8>) outs(%out, %wide : memref<4xi8>, memref<4xi32>) {
  ^bb0(%flag: i1, %byte: i8, %old: i8, %old_wide: i32):
    %bit = arith.extui %flag : i1 to i8
    %shifted = arith.shli %bit, %seven : i8
    %number = arith.extui %byte : i8 to i32
    linalg.yield %shifted, %number : i8, i32
  }
  return
}

// -----

// A byte as a number of 64 bits and as a float; a logical shift takes no sign in.

#map = affine_map<(i) -> (i)>

// CHECK-LABEL: func.func private @convert(
// CHECK:         %[[WORD:.+]] = arith.extsi %{{.+}} : i8 to i32
// CHECK:         %[[WIDE:.+]] = arith.extsi %[[WORD]] : i32 to i64
// CHECK:         %[[BITS:.+]] = arith.andi %[[WORD]], %{{.+}} : i32
// CHECK:         %[[FLOAT:.+]] = arith.uitofp %[[BITS]] : i32 to f32
// CHECK:         %[[MORE:.+]] = arith.andi %[[WORD]], %{{.+}} : i32
// CHECK:         arith.shrui %[[MORE]], %{{.+}} : i32
// CHECK:         linalg.yield %[[WIDE]], %[[FLOAT]], %{{.+}} : i64, f32, i8
func.func private @convert(%x: memref<4xi8>, %wide: memref<4xi64>, %float: memref<4xf32>, %half: memref<4xi8>) attributes {pock.kernel} {
  %one = arith.constant 1 : i8
  linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel"]}
      ins(%x : memref<4xi8>) outs(%wide, %float, %half : memref<4xi64>, memref<4xf32>, memref<4xi8>) {
  ^bb0(%byte: i8, %a: i64, %b: f32, %c: i8):
    %0 = arith.extsi %byte : i8 to i64
    %1 = arith.uitofp %byte : i8 to f32
    %2 = arith.shrui %byte, %one : i8
    linalg.yield %0, %1, %2 : i64, f32, i8
  }
  return
}

// -----

// Other numbers stay.

#map = affine_map<(i) -> (i)>

// CHECK-LABEL: func.func private @others(
// CHECK:       ^bb0(%[[A:.+]]: f32, %[[B:.+]]: i64, %{{.+}}: i32):
// CHECK-NEXT:    %[[WHOLE:.+]] = arith.fptosi %[[A]] : f32 to i32
// CHECK-NEXT:    %[[LOW:.+]] = arith.trunci %[[B]] : i64 to i32
// CHECK-NEXT:    %[[SUM:.+]] = arith.addi %[[WHOLE]], %[[LOW]] : i32
// CHECK-NEXT:    linalg.yield %[[SUM]] : i32
func.func private @others(%x: memref<4xf32>, %y: memref<4xi64>, %out: memref<4xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%x, %y : memref<4xf32>, memref<4xi64>) outs(%out : memref<4xi32>) {
  ^bb0(%a: f32, %b: i64, %old: i32):
    %0 = arith.fptosi %a : f32 to i32
    %1 = arith.trunci %b : i64 to i32
    %2 = arith.addi %0, %1 : i32
    linalg.yield %2 : i32
  }
  return
}
