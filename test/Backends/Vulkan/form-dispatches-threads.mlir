// RUN: pock-opt %s --pock-form-dispatches --canonicalize --cse --split-input-file | FileCheck %s

// Few points with long sums: the threads of a workgroup add the terms of one
// point together, in a tree of fixed shape; the first one stores.

// CHECK-LABEL: func.func @step(
// CHECK-DAG:     %[[POINTS:.+]] = arith.constant 8 : index
// CHECK:         gpu.launch_func @shaders::@bias blocks in (%[[POINTS]],
// CHECK:         gpu.func @bias(
// CHECK-DAG:       %[[ZERO:.+]] = arith.constant 0 : index
// CHECK-DAG:       %[[NONE:.+]] = arith.constant 0.000000e+00 : f32
// CHECK-DAG:       %[[TERMS:.+]] = arith.constant 4096 : index
// CHECK:           %[[LANE:.+]] = gpu.thread_id x
// CHECK:           %[[OLD:.+]] = memref.load
// CHECK:           %[[OWN:.+]] = scf.for %{{.+}} = %[[LANE]] to %[[TERMS]] step %{{.+}} iter_args(%{{.+}} = %[[NONE]]) -> (f32)
// CHECK:           %[[SHARED:.+]] = memref.alloc() : memref<64xf32, #spirv.storage_class<Workgroup>>
// CHECK:           memref.store %[[OWN]], %[[SHARED]][%[[LANE]]]
// CHECK-COUNT-7:   gpu.barrier
// CHECK:           %[[SUM:.+]] = memref.load %[[SHARED]][%[[ZERO]]]
// CHECK:           arith.addf %[[OLD]], %[[SUM]] : f32
// CHECK:           arith.cmpi eq, %[[LANE]], %[[ZERO]] : index
// CHECK:           memref.store
// CHECK-NOT:       memref.store
// CHECK:           gpu.return
module {
func.func @step(%x: memref<4096x8xf32>, %y: memref<8xf32>) {
  pock.launch @bias ins(%x : memref<4096x8xf32>) outs(%y : memref<8xf32>)
  return
}
func.func private @bias(%x: memref<4096x8xf32>, %y: memref<8xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<4096x8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// A tuning chose two by two points, and not to add together.

// CHECK-LABEL: func.func @step(
// CHECK:         gpu.launch_func @shaders::@tuned blocks in (%c1{{.*}},
// CHECK:         gpu.func @tuned(
// CHECK-NOT:       gpu.barrier
// CHECK:           scf.for {{.*}} -> (f32, f32, f32, f32)
// CHECK-COUNT-4:     math.fma
// CHECK:             scf.yield
module {
func.func @step(%a: memref<16x256xf32>, %b: memref<256x16xf32>, %c: memref<16x16xf32>) {
  pock.launch @tuned ins(%a, %b : memref<16x256xf32>, memref<256x16xf32>) outs(%c : memref<16x16xf32>)
  return
}
func.func private @tuned(%a: memref<16x256xf32>, %b: memref<256x16xf32>, %c: memref<16x16xf32>)
    attributes {pock.kernel, pock.tile = array<i64: 2, 2>, pock.algorithm = "apart"} {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<16x256xf32>, memref<256x16xf32>) outs(%c : memref<16x16xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// Many points: a thread computes four of a column, which share an entry of the
// right matrix. 128 x 128 / 4 / 64 workgroups.

// CHECK-LABEL: func.func @step(
// CHECK:         %[[GROUPS:.+]] = arith.constant 64 : index
// CHECK:         gpu.launch_func @shaders::@product blocks in (%[[GROUPS]],
// CHECK:         gpu.func @product(%[[A:.+]]: memref<2048xf32, {{.+}}>, %[[B:.+]]: memref<2048xf32, {{.+}}>, %{{.+}}: memref<16384xf32, {{.+}}> {pock.written})
// CHECK:           scf.for {{.*}} -> (f32, f32, f32, f32)
// CHECK:             memref.load %[[A]]
// CHECK:             %[[SHARED:.+]] = memref.load %[[B]]
// CHECK:             math.fma %{{.+}}, %[[SHARED]], %{{.+}} : f32
// CHECK:             memref.load %[[A]]
// CHECK-NOT:         memref.load %[[B]]
// CHECK:             math.fma %{{.+}}, %[[SHARED]], %{{.+}} : f32
// CHECK-NOT:         memref.load %[[B]]
// CHECK:             scf.yield
// CHECK-COUNT-4:   memref.store
module {
func.func @step(%a: memref<128x16xf32>, %b: memref<16x128xf32>, %c: memref<128x128xf32>) {
  pock.launch @product ins(%a, %b : memref<128x16xf32>, memref<16x128xf32>) outs(%c : memref<128x128xf32>)
  return
}
func.func private @product(%a: memref<128x16xf32>, %b: memref<16x128xf32>, %c: memref<128x128xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (k, n)>, affine_map<(m, n, k) -> (m, n)>],
                  iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%a, %b : memref<128x16xf32>, memref<16x128xf32>) outs(%c : memref<128x128xf32>) {
  ^bb0(%x: f32, %y: f32, %o: f32):
    %p = arith.mulf %x, %y : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// A sum whose terms have an order is one thread's.

// CHECK-LABEL: func.func @step(
// CHECK:         gpu.func @poly(
// CHECK-NOT:       gpu.barrier
// CHECK:           gpu.return
module {
func.func @step(%x: memref<4096x8xf32>, %y: memref<8xf32>) {
  pock.launch @poly ins(%x : memref<4096x8xf32>) outs(%y : memref<8xf32>)
  return
}
func.func private @poly(%x: memref<4096x8xf32>, %y: memref<8xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (j, i)>, affine_map<(i, j) -> (i)>], iterator_types = ["parallel", "reduction"]}
      ins(%x : memref<4096x8xf32>) outs(%y : memref<8xf32>) {
  ^bb0(%a: f32, %o: f32):
    %t = arith.mulf %o, %o : f32
    %s = arith.addf %t, %a : f32
    linalg.yield %s : f32
  }
  return
}
}
