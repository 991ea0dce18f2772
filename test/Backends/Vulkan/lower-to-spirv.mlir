// RUN: pock-opt %s --pock-lower-to-spirv --split-input-file | FileCheck %s

// CHECK: spirv.module @{{.+}} Logical GLSL450 requires #spirv.vce<v1.0, [{{.*}}Shader{{.*}}], [SPV_KHR_storage_buffer_storage_class]>
// CHECK-DAG: spirv.GlobalVariable @[[X:.+]] bind(0, 0) : !spirv.ptr<!spirv.struct<(!spirv.array<20 x f32, stride=4> [0])>, StorageBuffer>
// CHECK-DAG: spirv.GlobalVariable @[[Y:.+]] bind(0, 1)
// CHECK: spirv.func @root
// CHECK: spirv.GL.Sqrt
// CHECK: spirv.EntryPoint "GLCompute" @root
// CHECK: spirv.ExecutionMode @root "LocalSize", 64, 1, 1
module attributes {gpu.container_module} {
gpu.module @shaders {
  gpu.func @root(%x: memref<20xf32, #spirv.storage_class<StorageBuffer>>, %y: memref<20xf32, #spirv.storage_class<StorageBuffer>> {pock.written})
      kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %at = gpu.thread_id x
    %c20 = arith.constant 20 : index
    %inside = arith.cmpi ult, %at, %c20 : index
    scf.if %inside {
      %v = memref.load %x[%at] : memref<20xf32, #spirv.storage_class<StorageBuffer>>
      %t = math.sqrt %v : f32
      memref.store %t, %y[%at] : memref<20xf32, #spirv.storage_class<StorageBuffer>>
    }
    gpu.return
  }
}
}

// -----

// Devices of some rows store bytes; others change the word around one.

// CHECK: spirv.module @{{.+}} requires #spirv.vce<v1.0, [{{.*}}StorageBuffer8BitAccess{{.*}}], [{{.*}}SPV_KHR_8bit_storage{{.*}}]>
// CHECK-NOT: Atomic
// CHECK: spirv.Store "StorageBuffer" %{{.+}}, %{{.+}} : i8
module attributes {gpu.container_module, pock.target = #pock.target<triple = "spirv-unknown-vulkan", cpu = "mali">} {
gpu.module @shaders {
  gpu.func @copy(%x: memref<2xi8, #spirv.storage_class<StorageBuffer>>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %v = memref.load %x[%c0] : memref<2xi8, #spirv.storage_class<StorageBuffer>>
    memref.store %v, %x[%c1] : memref<2xi8, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
}
}

// -----

// In portable arithmetic nothing is contracted, and denormal numbers and the signs of
// zeros are kept.

// CHECK: spirv.module @{{.+}} requires #spirv.vce<v1.0, [{{.*}}DenormPreserve, SignedZeroInfNanPreserve], [{{.*}}SPV_KHR_float_controls]>
// CHECK: spirv.FMul %{{.+}}, %{{.+}} {no_contraction}
// CHECK: spirv.FAdd %{{.+}}, %{{.+}} {no_contraction}
// CHECK-DAG: spirv.ExecutionMode @sum "DenormPreserve", 32
// CHECK-DAG: spirv.ExecutionMode @sum "SignedZeroInfNanPreserve", 32
module attributes {gpu.container_module, pock.arithmetic = "portable"} {
gpu.module @shaders {
  gpu.func @sum(%x: memref<2xf32, #spirv.storage_class<StorageBuffer>>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %v = memref.load %x[%c0] : memref<2xf32, #spirv.storage_class<StorageBuffer>>
    %w = memref.load %x[%c1] : memref<2xf32, #spirv.storage_class<StorageBuffer>>
    %p = arith.mulf %v, %w : f32
    %s = arith.addf %p, %w : f32
    memref.store %s, %x[%c0] : memref<2xf32, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
}
}

// -----

// A function of a shader.

// CHECK: spirv.func @halve(
// CHECK: spirv.FunctionCall @halve(
module attributes {gpu.container_module} {
gpu.module @shaders {
  gpu.func @call(%x: memref<1xf32, #spirv.storage_class<StorageBuffer>>) kernel attributes {known_block_size = array<i32: 64, 1, 1>} {
    %c0 = arith.constant 0 : index
    %v = memref.load %x[%c0] : memref<1xf32, #spirv.storage_class<StorageBuffer>>
    %w = func.call @halve(%v) : (f32) -> f32
    memref.store %w, %x[%c0] : memref<1xf32, #spirv.storage_class<StorageBuffer>>
    gpu.return
  }
  func.func private @halve(%x: f32) -> f32 {
    %half = arith.constant 0.5 : f32
    %y = arith.mulf %x, %half : f32
    return %y : f32
  }
}
}
