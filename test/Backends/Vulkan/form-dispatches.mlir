// RUN: pock-opt %s --pock-form-dispatches --canonicalize --split-input-file | FileCheck %s

// One nest is one shader: the sum, the bias and the relu of 20 points. 64 threads
// are a group.

#lhs = affine_map<(m, n, k) -> (m, k)>
#rhs = affine_map<(m, n, k) -> (k, n)>
#sum = affine_map<(m, n, k) -> (m, n)>
#point = affine_map<(m, n) -> (m, n)>
#bias = affine_map<(m, n) -> (n)>
#none = affine_map<(m, n) -> ()>

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[STATE:[^:]+]]: memref<512xi8>
// CHECK-DAG:     %[[ONE:.+]] = arith.constant 1 : index
// CHECK-DAG:     %[[THREADS:.+]] = arith.constant 64 : index
// CHECK:         gpu.launch_func @shaders::@linear blocks in (%[[ONE]], %[[ONE]], %[[ONE]]) threads in (%[[THREADS]], %[[ONE]], %[[ONE]])
// CHECK-SAME:      memref<24xf32, #spirv.storage_class<StorageBuffer>>
// CHECK:         return
// CHECK-NOT:   pock.kernel
// CHECK:       gpu.module @shaders
// CHECK:         gpu.func @linear(%[[X:.+]]: memref<24xf32, #spirv.storage_class<StorageBuffer>>, %[[W:.+]]: memref<30xf32, {{.+}}>, %[[B:.+]]: memref<5xf32, {{.+}}>, %[[Y:.+]]: memref<20xf32, {{.+}}> {pock.written}) kernel attributes {known_block_size = array<i32: 64, 1, 1>}
// CHECK:           %[[INSIDE:.+]] = arith.cmpi ult, %[[AT:.+]], %{{.+}} : index
// CHECK:           scf.if %[[INSIDE]]
// CHECK:             %[[ROW:.+]] = arith.divui %[[AT]], %{{.+}} : index
// CHECK:             %[[COLUMN:.+]] = arith.remui %[[AT]], %{{.+}} : index
// CHECK:             %[[SUM:.+]] = scf.for {{.*}} iter_args(%{{.+}} = %{{.+}}) -> (f32)
// CHECK:             %[[BIASED:.+]] = arith.addf %[[SUM]], %{{.+}} : f32
// CHECK:             %[[RELU:.+]] = arith.maximumf %[[BIASED]], %{{.+}} : f32
// CHECK:             memref.store %[[RELU]], %[[Y]]
// CHECK-NOT:         memref.store
// CHECK:           gpu.return
module {
func.func @step(%state: memref<512xi8> {pock.segment = "state"}, %x: memref<4x6xf32>, %y: memref<4x5xf32>) {
  %c0 = arith.constant 0 : index
  %c256 = arith.constant 256 : index
  %w = memref.view %state[%c0][] : memref<512xi8> to memref<6x5xf32>
  %b = memref.view %state[%c256][] : memref<512xi8> to memref<5xf32>
  pock.launch @linear ins(%x, %w, %b : memref<4x6xf32>, memref<6x5xf32>, memref<5xf32>) outs(%y : memref<4x5xf32>)
  return
}
func.func private @linear(%x: memref<4x6xf32>, %w: memref<6x5xf32>, %b: memref<5xf32>, %y: memref<4x5xf32>) attributes {pock.kernel} {
  %zero = arith.constant 0.0 : f32
  linalg.generic {indexing_maps = [#none, #point], iterator_types = ["parallel", "parallel"]} ins(%zero : f32) outs(%y : memref<4x5xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  linalg.generic {indexing_maps = [#lhs, #rhs, #sum], iterator_types = ["parallel", "parallel", "reduction"]}
      ins(%x, %w : memref<4x6xf32>, memref<6x5xf32>) outs(%y : memref<4x5xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %p = arith.mulf %a, %c : f32
    %s = arith.addf %o, %p : f32
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [#point, #bias, #point], iterator_types = ["parallel", "parallel"]}
      ins(%y, %b : memref<4x5xf32>, memref<5xf32>) outs(%y : memref<4x5xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.addf %a, %c : f32
    %r = arith.maximumf %s, %zero : f32
    linalg.yield %r : f32
  }
  return
}
}

// -----

// A sum over all points, and then each point: two dispatches. The operand and the
// result of the launch are at one place, so that the second shader has one
// argument for them.

#id = affine_map<(i) -> (i)>
#all = affine_map<(i) -> ()>

// CHECK-LABEL: func.func @step(
// CHECK:         gpu.launch_func @shaders::@normalize blocks
// CHECK-SAME:      args(%{{.+}} : memref<100xf32, {{.+}}>, %{{.+}} : memref<1xf32, {{.+}}>)
// CHECK:         gpu.launch_func @shaders::@normalize_1 blocks
// CHECK-SAME:      args(%{{.+}} : memref<100xf32, {{.+}}>, %{{.+}} : memref<1xf32, {{.+}}>)
// CHECK:         gpu.func @normalize(
// CHECK:         gpu.func @normalize_1(%[[X:.+]]: memref<100xf32, {{.+}}> {pock.written}, %{{.+}}: memref<1xf32, {{.+}}>)
// CHECK:           memref.load %[[X]]
// CHECK:           memref.store %{{.+}}, %[[X]]
module {
func.func @step(%arena: memref<1024xi8> {pock.segment = "arena"}) {
  %c0 = arith.constant 0 : index
  %c512 = arith.constant 512 : index
  %x = memref.view %arena[%c0][] : memref<1024xi8> to memref<100xf32>
  %y = memref.view %arena[%c0][] : memref<1024xi8> to memref<100xf32>
  %ws = memref.view %arena[%c512][] : memref<1024xi8> to memref<16xi8>
  pock.launch @normalize ins(%x : memref<100xf32>) outs(%y, %ws : memref<100xf32>, memref<16xi8>)
  return
}
func.func private @normalize(%x: memref<100xf32>, %y: memref<100xf32>, %ws: memref<16xi8>) attributes {pock.kernel, pock.workspace = 16 : i64} {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %sum = memref.view %ws[%c0][] : memref<16xi8> to memref<f32>
  linalg.generic {indexing_maps = [affine_map<() -> ()>, affine_map<() -> ()>], iterator_types = []} ins(%zero : f32) outs(%sum : memref<f32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  linalg.generic {indexing_maps = [#id, #all], iterator_types = ["reduction"]} ins(%x : memref<100xf32>) outs(%sum : memref<f32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.addf %o, %a : f32
    linalg.yield %s : f32
  }
  linalg.generic {indexing_maps = [#id, #all, #id], iterator_types = ["parallel"]} ins(%x, %sum : memref<100xf32>, memref<f32>) outs(%y : memref<100xf32>) {
  ^bb0(%a: f32, %c: f32, %o: f32):
    %s = arith.divf %a, %c : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// More groups than a dispatch may have in one dimension.

#id = affine_map<(i) -> (i)>

// CHECK-LABEL: func.func @many(
// CHECK-DAG:     %[[COLUMNS:.+]] = arith.constant 39063 : index
// CHECK-DAG:     %[[ROWS:.+]] = arith.constant 2 : index
// CHECK:         gpu.launch_func @shaders::@negate blocks in (%[[COLUMNS]], %[[ROWS]], %{{.+}})
// CHECK:         gpu.func @negate(
// CHECK:           gpu.block_id y
module {
func.func @many(%x: memref<5000000xf32>, %y: memref<5000000xf32>) {
  pock.launch @negate ins(%x : memref<5000000xf32>) outs(%y : memref<5000000xf32>)
  return
}
func.func private @negate(%x: memref<5000000xf32>, %y: memref<5000000xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]} ins(%x : memref<5000000xf32>) outs(%y : memref<5000000xf32>) {
  ^bb0(%a: f32, %o: f32):
    %s = arith.negf %a : f32
    linalg.yield %s : f32
  }
  return
}
}

// -----

// Nothing to launch, and nothing to compute.

// CHECK-LABEL: func.func @nothing(
// CHECK-NEXT:    return
module {
func.func @nothing(%x: memref<0xf32>) {
  pock.launch @negate ins(%x : memref<0xf32>) outs(%x : memref<0xf32>)
  return
}
func.func private @negate(%x: memref<0xf32>, %y: memref<0xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]} ins(%x : memref<0xf32>) outs(%y : memref<0xf32>) {
  ^bb0(%a: f32, %o: f32):
    linalg.yield %a : f32
  }
  return
}
}

// -----

// Reads at computed places: table[index[i], j].

// CHECK-LABEL: func.func @gather_rows(
// CHECK:         gpu.func @gather(%[[INDEX:.+]]: memref<4xi32, {{.+}}>, %[[TABLE:.+]]: memref<18xf32, {{.+}}>, %{{.+}}: memref<8xf32, {{.+}}> {pock.written})
// CHECK:           %[[WORD:.+]] = memref.load %[[INDEX]][%{{.+}}]
// CHECK:           %[[ROW:.+]] = arith.index_cast %[[WORD]] : i32 to index
// CHECK:           %[[FIRST:.+]] = arith.muli %[[ROW]], %{{.+}} : index
// CHECK:           %[[AT:.+]] = arith.addi %[[FIRST]], %{{.+}} : index
// CHECK:           memref.load %[[TABLE]][%[[AT]]]
module {
func.func @gather_rows(%table: memref<9x2xf32>, %index: memref<4xi32>, %y: memref<4x2xf32>) {
  pock.launch @gather ins(%table, %index : memref<9x2xf32>, memref<4xi32>) outs(%y : memref<4x2xf32>)
  return
}
func.func private @gather(%table: memref<9x2xf32>, %index: memref<4xi32>, %y: memref<4x2xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i, j) -> (i, j)>], iterator_types = ["parallel", "parallel"]} outs(%y : memref<4x2xf32>) {
  ^bb0(%old: f32):
    %i = linalg.index 0 : index
    %j = linalg.index 1 : index
    %word = memref.load %index[%i] : memref<4xi32>
    %row = arith.index_cast %word : i32 to index
    %value = memref.load %table[%row, %j] : memref<9x2xf32>
    linalg.yield %value : f32
  }
  return
}
}
