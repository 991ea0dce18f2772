// RUN: pock-opt %s -pock-write-results -split-input-file | FileCheck %s

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>
#id = affine_map<(a, b) -> (a, b)>

// Each operation writes the result that the next copy writes.

// CHECK-LABEL: func.func private @chain(
// CHECK-SAME:    %[[X:[a-z0-9]+]]: memref<8x4xf32>, %[[FIRST:[a-z0-9]+]]: memref<8x4xf32>, %[[SECOND:[a-z0-9]+]]: memref<8x4xf32>
// CHECK-NOT:     memref.alloc
// CHECK:         linalg.generic {{.*}} outs(%[[FIRST]]
// CHECK:         linalg.generic {{.*}} ins(%[[X]] : memref<8x4xf32>) outs(%[[FIRST]]
// CHECK:         linalg.generic {{.*}} ins(%[[FIRST]] : memref<8x4xf32>) outs(%[[SECOND]]
// CHECK-NOT:     linalg.generic
// CHECK:         return
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @chain(%x: memref<8x4xf32>, %first: memref<8x4xf32>, %second: memref<8x4xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %sum = memref.alloc() : memref<8x4xf32>
  linalg.fill ins(%zero : f32) outs(%sum : memref<8x4xf32>)
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : memref<8x4xf32>) outs(%sum : memref<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %b, %a : f32
    linalg.yield %0 : f32
  }
  linalg.copy ins(%sum : memref<8x4xf32>) outs(%first : memref<8x4xf32>)
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%sum : memref<8x4xf32>) outs(%sum : memref<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %a : f32
    linalg.yield %0 : f32
  }
  linalg.copy ins(%sum : memref<8x4xf32>) outs(%second : memref<8x4xf32>)
  return
}
}

// -----

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>
#id = affine_map<(a, b) -> (a, b)>

// The first result is also written in between.

// CHECK-LABEL: func.func private @written_twice(
// CHECK:         %[[SUM:.+]] = memref.alloc
// CHECK:         linalg.generic {{.*}} outs(%[[SUM]]
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @written_twice(%x: memref<8x4xf32>, %first: memref<8x4xf32>, %second: memref<8x4xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %sum = memref.alloc() : memref<8x4xf32>
  linalg.fill ins(%zero : f32) outs(%sum : memref<8x4xf32>)
  linalg.fill ins(%zero : f32) outs(%first : memref<8x4xf32>)
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : memref<8x4xf32>) outs(%sum : memref<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %b, %a : f32
    linalg.yield %0 : f32
  }
  linalg.copy ins(%sum : memref<8x4xf32>) outs(%first : memref<8x4xf32>)
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%sum : memref<8x4xf32>) outs(%sum : memref<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %a : f32
    linalg.yield %0 : f32
  }
  linalg.copy ins(%sum : memref<8x4xf32>) outs(%second : memref<8x4xf32>)
  return
}
}

// -----

#target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", features = "", index_bits = 32, vector_bytes = 0, vector_registers = 32, l1_bytes = 4096, l2_bytes = 16384, alignment = 8, stack_bytes = 4096, threads = 1>
#id = affine_map<(a, b) -> (a, b)>

// The temporary changes after the copy, and what it was counts.

// CHECK-LABEL: func.func private @goes_on(
// CHECK:         %[[SUM:.+]] = memref.alloc
// CHECK:         linalg.generic {{.*}} outs(%[[SUM]]
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @goes_on(%x: memref<8x4xf32>, %first: memref<8x4xf32>, %second: memref<8x4xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %sum = memref.alloc() : memref<8x4xf32>
  linalg.fill ins(%zero : f32) outs(%sum : memref<8x4xf32>)
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : memref<8x4xf32>) outs(%sum : memref<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %b, %a : f32
    linalg.yield %0 : f32
  }
  linalg.copy ins(%sum : memref<8x4xf32>) outs(%first : memref<8x4xf32>)
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : memref<8x4xf32>) outs(%sum : memref<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %b, %a : f32
    linalg.yield %0 : f32
  }
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%sum : memref<8x4xf32>) outs(%sum : memref<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %a : f32
    linalg.yield %0 : f32
  }
  linalg.copy ins(%sum : memref<8x4xf32>) outs(%second : memref<8x4xf32>)
  return
}
}

// -----

#target = #pock.target<vector_bytes = 64, vector_registers = 32>
#id = affine_map<(a, b) -> (a, b)>

// Other targets keep the temporary.

// CHECK-LABEL: func.func private @other_target(
// CHECK:         memref.alloc
module attributes {pock.arithmetic = "portable", pock.target = #target} {
func.func private @other_target(%x: memref<8x4xf32>, %first: memref<8x4xf32>, %second: memref<8x4xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %sum = memref.alloc() : memref<8x4xf32>
  linalg.fill ins(%zero : f32) outs(%sum : memref<8x4xf32>)
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%x : memref<8x4xf32>) outs(%sum : memref<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.addf %b, %a : f32
    linalg.yield %0 : f32
  }
  linalg.copy ins(%sum : memref<8x4xf32>) outs(%first : memref<8x4xf32>)
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]} ins(%sum : memref<8x4xf32>) outs(%sum : memref<8x4xf32>) {
  ^bb0(%a: f32, %b: f32):
    %0 = arith.mulf %a, %a : f32
    linalg.yield %0 : f32
  }
  linalg.copy ins(%sum : memref<8x4xf32>) outs(%second : memref<8x4xf32>)
  return
}
}
