// RUN: toy-opt %s --split-input-file --pock-form-kernels | FileCheck %s --check-prefix=KERNELS
// RUN: toy-opt %s --split-input-file --pass-pipeline='builtin.module(func.func(pock-save-least))' | FileCheck %s --check-prefix=SAVED

// A scan.

// It is a kernel of its own: what it reads is stored, and so is what it makes.
// KERNELS-LABEL: func.func @alone(
// KERNELS: %[[A:.+]] = pock.launch @add ins(%arg0, %arg1 :
// KERNELS: %[[P:.+]] = pock.launch @cumprod ins(%[[A]] :
// KERNELS: pock.launch @relu ins(%[[P]] :
func.func @alone(%x: tensor<2x4xf32>, %y: tensor<4xf32>) -> tensor<2x4xf32> {
  %0 = pock.add %x, %y : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  %1 = toy.cumprod %0 {dim = 1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  %2 = pock.relu %1 : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return %2 : tensor<2x4xf32>
}

// -----

// It is not run again, whatever that saves.
// SAVED-LABEL: func.func @kept(
// SAVED: %[[P:.+]] = toy.cumprod
// SAVED: pock.sum
// SAVED-NOT: toy.cumprod
// SAVED: pock.mul %[[P]],
func.func @kept(%x: tensor<64x64xf32>) -> (tensor<f32>, tensor<64x64xf32>) {
  %y = toy.cumprod %x {dim = 1 : i64} : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<64x64xf32>) -> tensor<f32>
  %e = pock.expand %loss : (tensor<f32>) -> tensor<64x64xf32>
  %g = pock.mul %y, %e : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %loss, %g : tensor<f32>, tensor<64x64xf32>
}
