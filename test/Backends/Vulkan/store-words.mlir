// RUN: pock-opt %s --pock-store-words --split-input-file | FileCheck %s

// Truth values, bytes and 64-bit integers are words in memory, also those of the
// functions that launch the kernels.

#map = affine_map<(i) -> (i)>

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[X:.+]]: tensor<4xi32> {pock.name = "target"}, %{{.+}}: tensor<4xf32>
// CHECK:         %[[EMPTY:.+]] = tensor.empty() : tensor<4xi32>
// CHECK:         pock.launch @compare ins(%[[X]] : tensor<4xi32>) outs(%[[EMPTY]] : tensor<4xi32>) -> tensor<4xi32>
func.func @step(%x: tensor<4xi64> {pock.name = "target"}, %y: tensor<4xf32>) -> tensor<4xi1> {
  %empty = tensor.empty() : tensor<4xi1>
  %0 = pock.launch @compare ins(%x : tensor<4xi64>) outs(%empty : tensor<4xi1>) -> tensor<4xi1>
  return %0 : tensor<4xi1>
}

// CHECK-LABEL: func.func private @compare(
// CHECK-SAME:    %{{.+}}: memref<4xi32>, %{{.+}}: memref<4xi32>)
// CHECK:         %[[IGNORED:.+]] = arith.constant -100 : i32
// CHECK:       ^bb0(%[[LABEL:.+]]: i32, %{{.+}}: i32):
// CHECK:         %[[FLAG:.+]] = arith.cmpi ne, %[[LABEL]], %[[IGNORED]] : i32
// CHECK:         %[[WORD:.+]] = arith.extui %[[FLAG]] : i1 to i32
// CHECK:         linalg.yield %[[WORD]] : i32
func.func private @compare(%x: memref<4xi64>, %out: memref<4xi1>) attributes {pock.kernel} {
  %ignored = arith.constant -100 : i64
  linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%x : memref<4xi64>) outs(%out : memref<4xi1>) {
  ^bb0(%label: i64, %old: i1):
    %flag = arith.cmpi ne, %label, %ignored : i64
    linalg.yield %flag : i1
  }
  return
}

// -----

// A byte that shifts change gets its sign again; one that is extended without a
// sign loses it.

#map = affine_map<(i) -> (i)>

// CHECK-LABEL: func.func private @bits(
// CHECK:       ^bb0(%[[FLAG:.+]]: i32, %[[BYTE:.+]]: i32, %{{.+}}: i32, %{{.+}}: i32):
// CHECK:         %[[TRUE:.+]] = arith.trunci %[[FLAG]] : i32 to i1
// CHECK:         %[[BIT:.+]] = arith.extui %[[TRUE]] : i1 to i32
// CHECK:         %[[SHIFTED:.+]] = arith.shli %[[BIT]], %{{.+}} : i32
// CHECK:         %[[HIGH:.+]] = arith.shli %[[SHIFTED]], %{{.+}} : i32
// CHECK:         %[[LOW:.+]] = arith.shrsi %[[HIGH]], %{{.+}} : i32
// CHECK:         %[[NUMBER:.+]] = arith.andi %[[BYTE]], %{{.+}} : i32
// CHECK:         linalg.yield %[[LOW]], %[[NUMBER]] : i32, i32
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

// Indices are loaded as words.

#map = affine_map<(i) -> (i)>

// CHECK-LABEL: func.func private @gather(
// CHECK:         %[[WORD:.+]] = memref.load %{{.+}}[%{{.+}}] : memref<4xi32>
// CHECK:         arith.index_cast %[[WORD]] : i32 to index
func.func private @gather(%table: memref<9xf32>, %indices: memref<4xi64>, %out: memref<4xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#map], iterator_types = ["parallel"]} outs(%out : memref<4xf32>) {
  ^bb0(%old: f32):
    %i = linalg.index 0 : index
    %word = memref.load %indices[%i] : memref<4xi64>
    %place = arith.index_cast %word : i64 to index
    %value = memref.load %table[%place] : memref<9xf32>
    linalg.yield %value : f32
  }
  return
}

// -----

// Floats and words stay.

#map = affine_map<(i) -> (i)>

// CHECK-LABEL: func.func private @floats(
// CHECK-SAME:    %{{.+}}: memref<4xf32>, %{{.+}}: memref<4xi32>)
// CHECK:         %[[WHOLE:.+]] = arith.fptosi %{{.+}} : f32 to i32
// CHECK-NEXT:    linalg.yield %[[WHOLE]] : i32
func.func private @floats(%x: memref<4xf32>, %out: memref<4xi32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%x : memref<4xf32>) outs(%out : memref<4xi32>) {
  ^bb0(%a: f32, %old: i32):
    %0 = arith.fptosi %a : f32 to i32
    linalg.yield %0 : i32
  }
  return
}

// -----

// Numbers without dimensions count calls: they are words, too.

// CHECK: pock.param @count : tensor<i32>
pock.param @count : tensor<i64>
// CHECK-LABEL: func.func @step(
func.func @step(%out: tensor<i64>) -> tensor<i64> {
  // CHECK: pock.load_param @count : tensor<i32>
  %0 = pock.load_param @count : tensor<i64>
  %1 = pock.launch @next ins(%0 : tensor<i64>) outs(%out : tensor<i64>) -> tensor<i64>
  return %1 : tensor<i64>
}
// CHECK-LABEL: func.func private @next(
// CHECK: arith.addi %{{.+}}, %{{.+}} : i32
func.func private @next(%x: memref<i64>, %out: memref<i64>) attributes {pock.kernel} {
  %one = arith.constant 1 : i64
  linalg.generic {indexing_maps = [affine_map<() -> ()>, affine_map<() -> ()>], iterator_types = []} ins(%x : memref<i64>) outs(%out : memref<i64>) {
  ^bb0(%a: i64, %old: i64):
    %0 = arith.addi %a, %one : i64
    linalg.yield %0 : i64
  }
  return
}
