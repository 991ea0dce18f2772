// RUN: pock-opt %s --pock-emulate-wide-integers --split-input-file | FileCheck %s

// A sum of pairs, with the carry; the bytes in memory are the same.

// CHECK-LABEL: func.func @step(
// CHECK-SAME:    memref<4xi64, #spirv.storage_class<StorageBuffer>>
// CHECK:         %[[PAIRS:.+]] = builtin.unrealized_conversion_cast %{{.+}} : memref<4xi64, {{.+}}> to memref<4xvector<2xi32>, #spirv.storage_class<StorageBuffer>>
// CHECK:         gpu.launch_func {{.*}} args(%[[PAIRS]] : memref<4xvector<2xi32>, {{.+}}>)
// CHECK:         gpu.func @next(%[[X:.+]]: memref<4xvector<2xi32>, #spirv.storage_class<StorageBuffer>> {pock.written})
// CHECK:           %[[OLD:.+]] = memref.load %[[X]]
// CHECK:           vector.extract %[[OLD]]
// CHECK:           arith.addui_extended
// CHECK:           memref.store %{{.+}}, %[[X]]
module attributes {gpu.container_module} {
func.func @step(%x: memref<4xi64, #spirv.storage_class<StorageBuffer>>) {
  %one = arith.constant 1 : index
  gpu.launch_func @shaders::@next blocks in (%one, %one, %one) threads in (%one, %one, %one) args(%x : memref<4xi64, #spirv.storage_class<StorageBuffer>>)
  return
}
gpu.module @shaders {
  gpu.func @next(%x: memref<4xi64, #spirv.storage_class<StorageBuffer>> {pock.written}) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %c0 = arith.constant 0 : index
    %one = arith.constant 1 : i64
    %v = memref.load %x[%c0] : memref<4xi64, #spirv.storage_class<StorageBuffer>>
    %w = arith.addi %v, %one : i64
    memref.store %w, %x[%c0] : memref<4xi64, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
}
}

// -----

// A sum in a loop.

// CHECK:         gpu.func @sum(
// CHECK:           scf.for {{.*}} iter_args(%{{.+}} = %{{.+}}) -> (vector<2xi32>)
module attributes {gpu.container_module} {
gpu.module @shaders {
  gpu.func @sum(%x: memref<4xi64, #spirv.storage_class<StorageBuffer>>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %zero = arith.constant 0 : i64
    %sum = scf.for %i = %c0 to %c4 step %c1 iter_args(%s = %zero) -> (i64) {
      %v = memref.load %x[%i] : memref<4xi64, #spirv.storage_class<StorageBuffer>>
      %next = arith.addi %s, %v : i64
      scf.yield %next : i64
    }
    memref.store %sum, %x[%c0] : memref<4xi64, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
}
}

// -----

// A shift by no bits keeps the number, which MLIR's pattern does not.

// CHECK:         gpu.func @shift(
// CHECK:           %[[STAYS:.+]] = arith.andi %{{.+}}, %{{.+}} : i1
// CHECK:           arith.select %[[STAYS]]
// CHECK:         gpu.func @shift_by_three(
// CHECK-NOT:       arith.andi
// CHECK:           gpu.return
module attributes {gpu.container_module} {
gpu.module @shaders {
  gpu.func @shift(%x: memref<2xi64, #spirv.storage_class<StorageBuffer>>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %v = memref.load %x[%c0] : memref<2xi64, #spirv.storage_class<StorageBuffer>>
    %by = memref.load %x[%c1] : memref<2xi64, #spirv.storage_class<StorageBuffer>>
    %w = arith.shli %v, %by : i64
    memref.store %w, %x[%c0] : memref<2xi64, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
  gpu.func @shift_by_three(%x: memref<2xi64, #spirv.storage_class<StorageBuffer>>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %c0 = arith.constant 0 : index
    %three = arith.constant 3 : i64
    %v = memref.load %x[%c0] : memref<2xi64, #spirv.storage_class<StorageBuffer>>
    %w = arith.shrui %v, %three : i64
    memref.store %w, %x[%c0] : memref<2xi64, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
}
}

// -----

// Shaders without them stay.

// CHECK:         gpu.func @negate(%[[X:.+]]: memref<4xf32, #spirv.storage_class<StorageBuffer>>)
// CHECK:           %[[OLD:.+]] = memref.load %[[X]]
// CHECK-NEXT:      %[[NEW:.+]] = arith.negf %[[OLD]] : f32
// CHECK-NEXT:      memref.store %[[NEW]], %[[X]]
module attributes {gpu.container_module} {
gpu.module @shaders {
  gpu.func @negate(%x: memref<4xf32, #spirv.storage_class<StorageBuffer>>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %c0 = arith.constant 0 : index
    %v = memref.load %x[%c0] : memref<4xf32, #spirv.storage_class<StorageBuffer>>
    %w = arith.negf %v : f32
    memref.store %w, %x[%c0] : memref<4xf32, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
}
}

// -----

// A division is a loop over the bits, of numbers without signs.

// CHECK:         gpu.func @remainder(
// CHECK:           %[[LAST:.+]] = arith.constant 64 : index
// CHECK:           scf.for %{{.+}} = %{{.+}} to %[[LAST]] {{.*}} -> (vector<2xi32>, vector<2xi32>, vector<2xi32>)
// CHECK-NOT:       arith.remsi
module attributes {gpu.container_module} {
gpu.module @shaders {
  gpu.func @remainder(%x: memref<4xi64, #spirv.storage_class<StorageBuffer>>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %v = memref.load %x[%c0] : memref<4xi64, #spirv.storage_class<StorageBuffer>>
    %w = memref.load %x[%c1] : memref<4xi64, #spirv.storage_class<StorageBuffer>>
    %r = arith.remsi %v, %w : i64
    memref.store %r, %x[%c0] : memref<4xi64, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
}
}
