// RUN: pock-opt %s --pock-place-scratch="stack-bytes=64" --canonicalize --split-input-file | FileCheck %s

// %a (1024 bytes) is dead when %c is written, so both lie at 0; %b between them
// in time lies behind. A shifted read keeps the three from being fused.

// CHECK-LABEL: func.func private @reuse(
// CHECK-SAME:    %[[WS:[a-z0-9]+]]: memref<2048xi8>) attributes {pock.kernel, pock.workspace = 2048 : i64}
// CHECK-DAG:     %[[C0:.+]] = arith.constant 0 : index
// CHECK-DAG:     %[[C1024:.+]] = arith.constant 1024 : index
// CHECK-DAG:     %[[A:.+]] = memref.view %[[WS]][%[[C0]]][]
// CHECK-DAG:     %[[B:.+]] = memref.view %[[WS]][%[[C1024]]][]
// CHECK-NOT:     memref.alloc
#id = affine_map<(i) -> (i)>
#flip = affine_map<(i) -> (255 - i)>
func.func private @reuse(%x: memref<256xf32>, %out: memref<256xf32>) attributes {pock.kernel} {
  %a = memref.alloc() : memref<256xf32>
  %b = memref.alloc() : memref<256xf32>
  %c = memref.alloc() : memref<256xf32>
  linalg.generic {indexing_maps = [#flip, #id], iterator_types = ["parallel"]} ins(%x : memref<256xf32>) outs(%a : memref<256xf32>) {
  ^bb0(%v: f32, %o: f32):
    linalg.yield %v : f32
  }
  linalg.generic {indexing_maps = [#flip, #id], iterator_types = ["parallel"]} ins(%a : memref<256xf32>) outs(%b : memref<256xf32>) {
  ^bb0(%v: f32, %o: f32):
    linalg.yield %v : f32
  }
  linalg.generic {indexing_maps = [#flip, #id], iterator_types = ["parallel"]} ins(%b : memref<256xf32>) outs(%c : memref<256xf32>) {
  ^bb0(%v: f32, %o: f32):
    linalg.yield %v : f32
  }
  linalg.generic {indexing_maps = [#flip, #id], iterator_types = ["parallel"]} ins(%c : memref<256xf32>) outs(%out : memref<256xf32>) {
  ^bb0(%v: f32, %o: f32):
    linalg.yield %v : f32
  }
  return
}

// -----

// Small temporaries go to the stack.

// CHECK-LABEL: func.func private @stack(
// CHECK-SAME:    attributes {pock.kernel} {
// CHECK:         memref.alloca() {alignment = 64 : i64} : memref<8xf32>
#id = affine_map<(i) -> (i)>
#flip = affine_map<(i) -> (7 - i)>
func.func private @stack(%x: memref<8xf32>, %out: memref<8xf32>) attributes {pock.kernel} {
  %a = memref.alloc() : memref<8xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<8xf32>) outs(%a : memref<8xf32>) {
  ^bb0(%v: f32, %o: f32):
    linalg.yield %v : f32
  }
  linalg.generic {indexing_maps = [#flip, #id], iterator_types = ["parallel"]} ins(%a : memref<8xf32>) outs(%out : memref<8xf32>) {
  ^bb0(%v: f32, %o: f32):
    linalg.yield %v : f32
  }
  return
}

// -----

// What vectorization keeps in registers needs no place.

// CHECK-LABEL: func.func private @register(
// CHECK-NOT:     pock.workspace
// CHECK:         memref.alloc() : memref<256xf32>
#id = affine_map<(i) -> (i)>
func.func private @register(%x: memref<256xf32>, %out: memref<256xi1>, %out2: memref<256xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  %a = memref.alloc() : memref<256xf32>
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<256xf32>) outs(%a : memref<256xf32>) {
  ^bb0(%v: f32, %o: f32):
    %w = arith.mulf %v, %v : f32
    linalg.yield %w : f32
  }
  linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel"]} ins(%a : memref<256xf32>) outs(%out, %out2 : memref<256xi1>, memref<256xf32>) {
  ^bb0(%v: f32, %o: i1, %p: f32):
    %w = arith.cmpf ogt, %v, %zero : f32
    linalg.yield %w, %v : i1, f32
  }
  return
}
