// RUN: pock-opt %s --pock-emulate-wide-integers --split-input-file --verify-diagnostics

module attributes {gpu.container_module} {
gpu.module @shaders {
  gpu.func @product(%x: memref<4xi64, #spirv.storage_class<StorageBuffer>>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %c0 = arith.constant 0 : index
    %v = memref.load %x[%c0] : memref<4xi64, #spirv.storage_class<StorageBuffer>>
    // expected-error @below {{failed to legalize operation 'arith.mulsi_extended' that was explicitly marked illegal}}
    %w, %high = arith.mulsi_extended %v, %v : i64
    memref.store %w, %x[%c0] : memref<4xi64, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
}
}
