// RUN: toy-opt %s --split-input-file --pock-form-kernels | FileCheck %s --check-prefix=KERNELS

// An op that reads its operand twice, as a normalisation does.

// What it reads is stored; what follows runs in its kernel.
// KERNELS-LABEL: func.func @starts_a_kernel(
// KERNELS: %[[A:.+]] = pock.launch @add ins(%arg0, %arg1 :
// KERNELS: pock.launch @rms_normalize_mul_relu ins(%[[A]], %arg2 :
// KERNELS-NOT: pock.launch
// KERNELS: return
func.func @starts_a_kernel(%x: tensor<2x4xf32>, %y: tensor<4xf32>, %w: tensor<4xf32>) -> tensor<2x4xf32> {
  %0 = pock.add %x, %y : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %1 = toy.rms_normalize %0 {dim = 1 : i64, eps = 1.0e-5 : f64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = pock.mul %1, %w : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %3 = pock.relu %2 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %3 : tensor<2x4xf32>
}
