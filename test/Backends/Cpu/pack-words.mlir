// RUN: pock-opt %s --pock-pack-words --split-input-file | FileCheck %s
// RUN: sed 's/vector_bytes = 0/vector_bytes = 16/' %s | pock-opt --pock-pack-words --split-input-file | FileCheck %s --check-prefix=NONE

// NONE-NOT: pock.group_view

#in = affine_map<(k, a, b) -> (k, a, b)>
#out = affine_map<(k, a, b) -> (a, b)>
#none = affine_map<(a, b) -> ()>
#id = affine_map<(a, b) -> (a, b)>

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32, vector_bytes = 0>} {
// CHECK-LABEL: func.func private @pack(
// CHECK-SAME:    %[[IN:.+]]: memref<8x3x8xi1>, %[[OUT:.+]]: memref<3x8xi8>)
// CHECK-DAG:     %[[MASKS:.+]] = pock.group_view %[[IN]] : memref<8x3x8xi1> to memref<8x3x2xi32>
// CHECK-DAG:     %[[WORDS:.+]] = pock.group_view %[[OUT]] : memref<3x8xi8> to memref<3x2xi32>
// CHECK:         linalg.fill ins(%{{.+}} : i32) outs(%[[WORDS]] : memref<3x2xi32>)
// CHECK:         linalg.generic {{.*}} ins(%[[MASKS]] : memref<8x3x2xi32>) outs(%[[WORDS]] : memref<3x2xi32>)
// CHECK:           %[[K:.+]] = linalg.index 0
// CHECK:           %[[PLACE:.+]] = arith.index_cast %[[K]] : index to i32
// CHECK:           %[[MOVED:.+]] = arith.shli %{{.+}}, %[[PLACE]] : i32
// CHECK:           arith.ori %{{.+}}, %[[MOVED]] : i32
// CHECK-NOT:     linalg.generic
func.func private @pack(%in: memref<8x3x8xi1>, %out: memref<3x8xi8>) attributes {pock.kernel} {
  %zero = arith.constant 0 : i8
  linalg.generic {indexing_maps = [#none, #id], iterator_types = ["parallel", "parallel"]} ins(%zero : i8) outs(%out : memref<3x8xi8>) {
  ^bb0(%a: i8, %b: i8):
    linalg.yield %a : i8
  }
  linalg.generic {indexing_maps = [#in, #out], iterator_types = ["reduction", "parallel", "parallel"]} ins(%in : memref<8x3x8xi1>) outs(%out : memref<3x8xi8>) {
  ^bb0(%a: i1, %b: i8):
    %0 = arith.extui %a : i1 to i8
    %1 = linalg.index 0 : index
    %2 = arith.index_cast %1 : index to i8
    %3 = arith.shli %0, %2 : i8
    %4 = arith.ori %b, %3 : i8
    linalg.yield %4 : i8
  }
  return
}

// Rows of six bytes are no words.
// CHECK-LABEL: func.func private @odd(
// CHECK-NOT:     pock.group_view
func.func private @odd(%in: memref<8x3x6xi1>, %out: memref<3x6xi8>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#in, #out], iterator_types = ["reduction", "parallel", "parallel"]} ins(%in : memref<8x3x6xi1>) outs(%out : memref<3x6xi8>) {
  ^bb0(%a: i1, %b: i8):
    %0 = arith.extui %a : i1 to i8
    %1 = linalg.index 0 : index
    %2 = arith.index_cast %1 : index to i8
    %3 = arith.shli %0, %2 : i8
    %4 = arith.ori %b, %3 : i8
    linalg.yield %4 : i8
  }
  return
}
}
