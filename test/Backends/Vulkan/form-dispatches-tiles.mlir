// RUN: pock-opt %s --pock-form-dispatches --canonicalize --cse --split-input-file | FileCheck %s

// Workgroups compute tiles of 16 by 32 points, of which a tuning chose two by
// four for a thread: 13 x 5 of them. They copy 16 terms of both factors, the
// first along its terms and the second along its points. The second block has
// four terms. Points beyond the border read the last entry, and are not stored.

// CHECK-LABEL: func.func @step(
// CHECK:         %[[GROUPS:.+]] = arith.constant 65 : index
// CHECK:         gpu.launch_func @shaders::@product blocks in (%[[GROUPS]],
// CHECK:         gpu.func @product(%[[A:.+]]: memref<4000xf32, {{.+}}>, %[[B:.+]]: memref<2600xf32, {{.+}}>, %[[C:.+]]: memref<26000xf32, {{.+}}> {pock.written})
// CHECK-DAG:       %[[C4:.+]] = arith.constant 4 : index
// CHECK-DAG:       %[[C16:.+]] = arith.constant 16 : index
// CHECK-DAG:       %[[TERMS:.+]] = arith.constant 20 : index
// CHECK-DAG:       %[[LAST:.+]] = arith.constant 19 : index
// CHECK-DAG:       %[[LANE:.+]] = gpu.thread_id x
// CHECK-DAG:       %[[ROWS:.+]] = memref.alloc() : memref<128xvector<2xf32>, #spirv.storage_class<Workgroup>>
// CHECK-DAG:       %[[COLUMNS:.+]] = memref.alloc() : memref<128xvector<4xf32>, #spirv.storage_class<Workgroup>>
// CHECK:           scf.for %[[FIRST:.+]] = %{{.+}} to %[[TERMS]] step %[[C16]] iter_args({{.+}}) -> (f32, f32, f32, f32, f32, f32, f32, f32) {
// CHECK-NEXT:        gpu.barrier
// CHECK:             %[[TERM:.+]] = arith.remui %[[LANE]], %[[C16]]
// CHECK:             %[[NUMBER:.+]] = arith.addi %[[FIRST]], %[[TERM]]
// CHECK:             arith.minui %[[NUMBER]], %[[LAST]]
// CHECK-COUNT-2:     memref.load %[[A]]
// CHECK:             vector.from_elements
// CHECK:             memref.store %{{.+}}, %[[ROWS]]
// CHECK:             memref.store %{{.+}}, %[[ROWS]]
// CHECK-COUNT-4:     memref.load %[[B]]
// CHECK:             vector.from_elements
// CHECK:             memref.store %{{.+}}, %[[COLUMNS]]
// CHECK:             memref.store %{{.+}}, %[[COLUMNS]]
// CHECK:             gpu.barrier
// CHECK:             %[[REST:.+]] = arith.subi %[[TERMS]], %[[FIRST]]
// CHECK:             %[[END:.+]] = arith.minui %[[REST]], %[[C16]]
// CHECK:             scf.for %{{.+}} = %{{.+}} to %[[END]]
// CHECK:               memref.load %[[ROWS]]
// CHECK:               memref.load %[[COLUMNS]]
// CHECK-COUNT-8:       math.fma
// CHECK-NOT:           math.fma
// CHECK:               scf.yield
// CHECK-COUNT-8:   scf.if {{.+}} {{[{]}}
// CHECK:           gpu.return
module attributes {pock.target = #pock.target<triple = "spirv-unknown-vulkan", cpu = "adreno">} {
func.func @step(%a: memref<200x20xf32>, %b: memref<20x130xf32>, %c: memref<200x130xf32>) {
  pock.launch @product ins(%a, %b : memref<200x20xf32>, memref<20x130xf32>) outs(%c : memref<200x130xf32>)
  return
}
func.func private @product(%a: memref<200x20xf32>, %b: memref<20x130xf32>, %c: memref<200x130xf32>)
    attributes {pock.kernel, pock.tile = array<i64: 2, 4>} {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<200x20xf32>, memref<20x130xf32>) outs(%c : memref<200x130xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// Floats of 16 bits are widened when they are copied, and only then.

// CHECK-LABEL: func.func @step(
// CHECK:         gpu.func @halves(
// CHECK:           memref.alloc() : memref<{{.+}}xvector<{{.}}xf32>, #spirv.storage_class<Workgroup>>
// CHECK:           arith.extf
// CHECK:           gpu.barrier
// CHECK:           scf.for
// CHECK-NOT:         arith.extf
// CHECK-NOT:         arith.truncf
// CHECK:             scf.yield
module attributes {pock.target = #pock.target<triple = "spirv-unknown-vulkan", cpu = "adreno">} {
func.func @step(%a: memref<128x16xf16>, %b: memref<16x128xf32>, %c: memref<128x128xf32>) {
  pock.launch @halves ins(%a, %b : memref<128x16xf16>, memref<16x128xf32>) outs(%c : memref<128x128xf32>)
  return
}
func.func private @halves(%a: memref<128x16xf16>, %b: memref<16x128xf32>, %c: memref<128x128xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<128x16xf16>, memref<16x128xf32>) outs(%c : memref<128x128xf32>) {
  ^bb0(%x: f16, %y: f32, %o: f32):
    %w = arith.extf %x : f16 to f32
    %p = arith.mulf %w, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// On other devices only a tuning chooses tiles: here of 8 by 64 points, of which
// a thread reads two vectors of columns.

// CHECK-LABEL: func.func @step(
// CHECK:         gpu.launch_func @shaders::@tuned blocks in (%c2{{.*}},
// CHECK:         gpu.func @tuned(
// CHECK:           memref.alloc() : memref<128xf32, #spirv.storage_class<Workgroup>>
// CHECK:           memref.alloc() : memref<256xvector<4xf32>, #spirv.storage_class<Workgroup>>
module {
func.func @step(%a: memref<16x16xf32>, %b: memref<16x64xf32>, %c: memref<16x64xf32>) {
  pock.launch @tuned ins(%a, %b : memref<16x16xf32>, memref<16x64xf32>) outs(%c : memref<16x64xf32>)
  return
}
func.func private @tuned(%a: memref<16x16xf32>, %b: memref<16x64xf32>, %c: memref<16x64xf32>)
    attributes {pock.kernel, pock.tile = array<i64: 1, 8>, pock.algorithm = "workgroup_tile"} {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<16x16xf32>, memref<16x64xf32>) outs(%c : memref<16x64xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// Not with few terms, and not where one factor moves in all loops.

// CHECK-LABEL: func.func @step(
// CHECK:         gpu.func @short(
// CHECK-NOT:       gpu.barrier
// CHECK:         gpu.func @rows(
// CHECK-NOT:       gpu.barrier
// CHECK:           gpu.return
module attributes {pock.target = #pock.target<triple = "spirv-unknown-vulkan", cpu = "adreno">} {
func.func @step(%a: memref<256x8xf32>, %b: memref<8x256xf32>, %c: memref<256x256xf32>, %d: memref<4096x64xf32>, %e: memref<64xf32>, %f: memref<4096xf32>) {
  pock.launch @short ins(%a, %b : memref<256x8xf32>, memref<8x256xf32>) outs(%c : memref<256x256xf32>)
  pock.launch @rows ins(%d, %e : memref<4096x64xf32>, memref<64xf32>) outs(%f : memref<4096xf32>)
  return
}
func.func private @short(%a: memref<256x8xf32>, %b: memref<8x256xf32>, %c: memref<256x256xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<256x8xf32>, memref<8x256xf32>) outs(%c : memref<256x256xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  return
}
func.func private @rows(%a: memref<4096x64xf32>, %b: memref<64xf32>, %c: memref<4096xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(m, k) -> (m, k)>, affine_map<(m, k) -> (k)>, affine_map<(m, k) -> (m)>],
                  iterator_types = ["parallel", "reduction"]}
      ins(%a, %b : memref<4096x64xf32>, memref<64xf32>) outs(%c : memref<4096xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  return
}
}
