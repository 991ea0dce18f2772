// RUN: pock-opt %s --pock-lower-kernels | FileCheck %s
// RUN: pock-opt %s --pock-lower-kernels=winograd=never | FileCheck %s --check-prefix=NEVER
// RUN: pock-opt %s --pock-lower-kernels=winograd=always | FileCheck %s --check-prefix=ALWAYS

// The back end's pipeline runs on the module, with the user's wishes: kernels of
// pock ops become kernels on buffers, and say how much workspace they want.

// CHECK-LABEL: func.func private @exponent(
// CHECK-SAME: %{{.*}}: memref<8xf32>, %{{.*}}: memref<8xf32>) attributes {pock.kernel}
// CHECK: linalg.generic
// CHECK: math.exp
func.func private @exponent(%x: tensor<8xf32>, %out: tensor<8xf32>) -> tensor<8xf32> attributes {pock.kernel} {
  %0 = pock.exp %x : (tensor<8xf32>) -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// NEVER-LABEL: func.func private @convolution(
// NEVER-SAME: attributes {pock.kernel}
// ALWAYS-LABEL: func.func private @convolution(
// ALWAYS-SAME: attributes {pock.kernel, pock.workspace = {{[0-9]+}} : i64}
func.func private @convolution(%x: tensor<2x34x34x64xf32>, %w: tensor<3x3x64x64xf32>, %out: tensor<2x32x32x64xf32>) -> tensor<2x32x32x64xf32> attributes {pock.kernel} {
  %0 = pock.conv %x, %w {dilations = array<i64: 1, 1>, pad_high = array<i64: 0, 0>, layout = #pock.layout<channels_last>, pad_low = array<i64: 0, 0>, strides = array<i64: 1, 1>} : (tensor<2x34x34x64xf32>, tensor<3x3x64x64xf32>) -> tensor<2x32x32x64xf32>
  return %0 : tensor<2x32x32x64xf32>
}
