// RUN: pock-opt %s --pock-lower-to-spirv --split-input-file --verify-diagnostics

module attributes {gpu.container_module} {
gpu.module @shaders {
  gpu.func @wide(%x: memref<1xf32, #spirv.storage_class<StorageBuffer>>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %c0 = arith.constant 0 : index
    %v = memref.load %x[%c0] : memref<1xf32, #spirv.storage_class<StorageBuffer>>
    // expected-error @below {{failed to legalize operation 'arith.fptosi'}}
    %w = arith.fptosi %v : f32 to i64
    %r = arith.sitofp %w : i64 to f32
    memref.store %r, %x[%c0] : memref<1xf32, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
}
}
