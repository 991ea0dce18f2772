// RUN: toy-opt %s --split-input-file --pock-form-kernels | FileCheck %s --check-prefix=KERNELS
// RUN: toy-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(pock-save-least))' | FileCheck %s --check-prefix=SAVED

// An elementwise op.

// It is the epilogue of a product.
// KERNELS-LABEL: func.func @follows_a_product(
// KERNELS: pock.launch @matmul_mish ins(%arg0, %arg1 :
// KERNELS-NOT: pock.launch
// KERNELS: return
func.func @follows_a_product(%x: tensor<2x4xf32>, %w: tensor<4x2xf32>) -> tensor<2x2xf32> {
  %0 = pock.matmul %x, %w : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  %1 = toy.mish %0 : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// -----

// A reduction computes it on the way, and elementwise ops join it.
// KERNELS-LABEL: func.func @reduced(
// KERNELS: pock.launch @add_mish_sum ins(%arg0, %arg1 :
// KERNELS-NOT: pock.launch
// KERNELS: return
func.func @reduced(%x: tensor<2x4xf32>, %y: tensor<4xf32>) -> tensor<2xf32> {
  %0 = pock.add %x, %y : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %1 = toy.mish %0 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = pock.sum %1 {dims = array<i64: 1>} : (tensor<2x4xf32>) -> tensor<2xf32>
  return %2 : tensor<2xf32>
}

// -----

// One of %y and %z is kept; the other is made again.
// SAVED-LABEL: func.func @activation(
// SAVED: %[[Y:.+]] = pock.matmul
// SAVED: toy.mish %[[Y]]
// SAVED: pock.sum
// SAVED: %[[AGAIN:.+]] = toy.mish %[[Y]]
// SAVED: pock.matmul %[[AGAIN]],
func.func @activation(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> (tensor<f32>, tensor<64x64xf32>) {
  %y = pock.matmul %x, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %z = toy.mish %y : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %loss = pock.sum %z {dims = array<i64: 0, 1>} : (tensor<64x64xf32>) -> tensor<f32>
  %e = pock.expand %loss : (tensor<f32>) -> tensor<64x64xf32>
  %s = pock.sigmoid %y : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %g = pock.add %s, %e : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %dw = pock.matmul %z, %s : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %sum = pock.add %dw, %g : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %loss, %sum : tensor<f32>, tensor<64x64xf32>
}
