// RUN: pock-opt %s --pock-lower-to-spirv --split-input-file | FileCheck %s

// CHECK: spirv.module @{{.+}} Logical GLSL450 requires #spirv.vce<v1.0, [{{.*}}Shader{{.*}}], [SPV_KHR_storage_buffer_storage_class]>
// CHECK-DAG: spirv.GlobalVariable @[[X:.+]] bind(0, 0) : !spirv.ptr<!spirv.struct<(!spirv.array<20 x f32, stride=4> [0])>, StorageBuffer>
// CHECK-DAG: spirv.GlobalVariable @[[Y:.+]] bind(0, 1)
// CHECK: spirv.func @tanh
// CHECK-NOT: spirv.GL.Tanh
// CHECK: spirv.GL.Fma
// CHECK: spirv.EntryPoint "GLCompute" @tanh
// CHECK: spirv.ExecutionMode @tanh "LocalSize", 64, 1, 1
module attributes {gpu.container_module} {
gpu.module @shaders {
  gpu.func @tanh(%x: memref<20xf32, #spirv.storage_class<StorageBuffer>>, %y: memref<20xf32, #spirv.storage_class<StorageBuffer>> {pock.written})
      kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %at = gpu.thread_id x
    %c20 = arith.constant 20 : index
    %inside = arith.cmpi ult, %at, %c20 : index
    scf.if %inside {
      %v = memref.load %x[%at] : memref<20xf32, #spirv.storage_class<StorageBuffer>>
      %t = math.tanh %v : f32
      memref.store %t, %y[%at] : memref<20xf32, #spirv.storage_class<StorageBuffer>>
    }
    gpu.return
  }
}
}

// -----

// Functions are formulas, as on processors: those of drivers have few digits, and
// SPIR-V has no error function.

// CHECK: spirv.module
// CHECK: spirv.func @functions
// CHECK-NOT: spirv.GL.{{(Exp|Pow|Log|Sin)}}
// CHECK: spirv.EntryPoint "GLCompute" @functions
module attributes {gpu.container_module} {
gpu.module @shaders {
  gpu.func @functions(%x: memref<1xf32, #spirv.storage_class<StorageBuffer>>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %c0 = arith.constant 0 : index
    %v = memref.load %x[%c0] : memref<1xf32, #spirv.storage_class<StorageBuffer>>
    %e = math.erf %v : f32
    %t = math.exp %e : f32
    %l = math.log %t : f32
    %p = math.powf %t, %l : f32
    %s = math.sin %p : f32
    memref.store %s, %x[%c0] : memref<1xf32, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
}
}
