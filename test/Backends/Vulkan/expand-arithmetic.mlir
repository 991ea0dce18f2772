// RUN: pock-opt %s --pock-expand-arithmetic --split-input-file | FileCheck %s

// Functions are formulas, as on processors: those of drivers have few digits, and
// SPIR-V has no error function. Divisions are the device's.

// CHECK-LABEL: gpu.func @functions(
// CHECK-NOT:     math.{{(exp|powf|log|sin|erf|sinh)}}
// CHECK:         math.fma
// CHECK:         arith.divf
// CHECK-NOT:     func.func
module {
gpu.module @shaders {
  gpu.func @functions(%x: memref<2xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %v = memref.load %x[%c0] : memref<2xf32>
    %w = memref.load %x[%c1] : memref<2xf32>
    %e = math.erf %v : f32
    %t = math.exp %e : f32
    %l = math.log %t : f32
    %p = math.powf %t, %l : f32
    %s = math.sin %p : f32
    %h = math.sinh %s : f32
    %q = arith.divf %h, %w : f32
    memref.store %q, %x[%c0] : memref<2xf32>
    gpu.return
  }
}
}

// -----

// In portable arithmetic they compute with integers, in functions that shaders share.

// CHECK-LABEL: gpu.func @exact(
// CHECK-NOT:     {{arith.(divf|maximumf)|math.(sqrt|fma|rsqrt)}}
// CHECK:         %[[QUOTIENT:.+]] = func.call @pock_divide(
// CHECK:         %[[ROOT:.+]] = func.call @pock_square_root(%[[QUOTIENT]])
// CHECK:         func.call @pock_divide(%{{.+}}, %[[ROOT]])
// CHECK:         func.call @pock_fused_multiply_add(
// CHECK:         arith.cmpf ogt
// CHECK:       func.func private @pock_divide(%{{.+}}: f32, %{{.+}}: f32) -> f32
// CHECK:         scf.for
// CHECK:       func.func private @pock_square_root(
// CHECK:       func.func private @pock_fused_multiply_add(
// CHECK:         arith.muli %{{.+}}, %{{.+}} : i64
module attributes {pock.arithmetic = "portable"} {
gpu.module @shaders {
  gpu.func @exact(%x: memref<2xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %v = memref.load %x[%c0] : memref<2xf32>
    %w = memref.load %x[%c1] : memref<2xf32>
    %q = arith.divf %v, %w : f32
    %r = math.rsqrt %q : f32
    %f = math.fma %v, %w, %r : f32
    %m = arith.maximumf %f, %w : f32
    memref.store %m, %x[%c0] : memref<2xf32>
    gpu.return
  }
}
}

// -----

// Sums and products stay.

// CHECK-LABEL: gpu.func @rounded_by_devices(
// CHECK:         arith.mulf
// CHECK:         arith.addf
// CHECK-NOT:     func.
module attributes {pock.arithmetic = "portable"} {
gpu.module @shaders {
  gpu.func @rounded_by_devices(%x: memref<2xf32>) kernel {
    %c0 = arith.constant 0 : index
    %v = memref.load %x[%c0] : memref<2xf32>
    %p = arith.mulf %v, %v : f32
    %s = arith.addf %p, %v : f32
    memref.store %s, %x[%c0] : memref<2xf32>
    gpu.return
  }
}
}
