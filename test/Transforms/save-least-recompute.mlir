// RUN: pock-opt %s --pass-pipeline='builtin.module(func.func(pock-save-least))' | FileCheck %s

// The backward pass needs what the activation reads and what it makes: one of
// both is kept, the other made again in front of its reader.

// CHECK-LABEL: func.func @activation(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<64x64xf32>, %[[W:[a-z0-9]+]]:
// CHECK: %[[Y:.+]] = pock.matmul %[[X]], %[[W]]
// CHECK: %[[Z:.+]] = pock.silu %[[Y]]
// CHECK: %[[LOSS:.+]] = pock.sum %[[Z]]
// CHECK: %[[GY:.+]] = pock.sigmoid %[[Y]]
// CHECK: %[[AGAIN:.+]] = pock.silu %[[Y]]
// CHECK: pock.matmul %[[AGAIN]], %[[GY]]
func.func @activation(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> (tensor<f32>, tensor<64x64xf32>) {
  %y = pock.matmul %x, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %z = pock.silu %y : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %loss = pock.sum %z {dims = array<i64: 0, 1>} : (tensor<64x64xf32>) -> tensor<f32>
  %e = pock.expand %loss : (tensor<f32>) -> tensor<64x64xf32>
  %s = pock.sigmoid %y : (tensor<64x64xf32>) -> tensor<64x64xf32>
  %g = pock.add %s, %e : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %dw = pock.matmul %z, %s : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %sum = pock.add %dw, %g : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %loss, %sum : tensor<f32>, tensor<64x64xf32>
}

// A product is not run again, whatever that saves: its result is kept.

// CHECK-LABEL: func.func @product(
// CHECK: pock.matmul
// CHECK: pock.sum
// CHECK-NOT: pock.matmul
// CHECK: return
func.func @product(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> (tensor<f32>, tensor<64x64xf32>) {
  %y = pock.matmul %x, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<64x64xf32>) -> tensor<f32>
  %e = pock.expand %loss : (tensor<f32>) -> tensor<64x64xf32>
  %g = pock.mul %y, %e : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %loss, %g : tensor<f32>, tensor<64x64xf32>
}

// Of two values of which one is made, the sum alone is read behind the loss:
// made again, both would have to be kept.

// CHECK-LABEL: func.func @residual(
// CHECK: %[[S:.+]] = pock.add
// CHECK: pock.sum %[[S]]
// CHECK-NOT: pock.add
// CHECK: pock.mul %[[S]]
func.func @residual(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> (tensor<f32>, tensor<64x64xf32>) {
  %a = pock.matmul %x, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %b = pock.matmul %w, %x : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %s = pock.add %a, %b : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %loss = pock.sum %s {dims = array<i64: 0, 1>} : (tensor<64x64xf32>) -> tensor<f32>
  %e = pock.expand %loss : (tensor<f32>) -> tensor<64x64xf32>
  %g = pock.mul %s, %e : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  return %loss, %g : tensor<f32>, tensor<64x64xf32>
}

// In a sum, a product that is computed on the way is rounded with it: made
// again, it would have other bits. What is kept is the sum.

// CHECK-LABEL: func.func @summed_product(
// CHECK: %[[P:.+]] = pock.mul
// CHECK: pock.sum %[[P]]
// CHECK: pock.matmul %[[P]]
// CHECK-NOT: pock.mul
// CHECK: return
func.func @summed_product(%x: tensor<64x64xf32>, %w: tensor<64x64xf32>) -> (tensor<f32>, tensor<64xf32>) {
  %y = pock.matmul %x, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %p = pock.mul %y, %y : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %q = pock.matmul %p, %w : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
  %loss = pock.sum %q {dims = array<i64: 0, 1>} : (tensor<64x64xf32>) -> tensor<f32>
  %e = pock.expand %loss : (tensor<f32>) -> tensor<64xf32>
  %s = pock.sum %p {dims = array<i64: 0>} : (tensor<64x64xf32>) -> tensor<64xf32>
  %t = pock.sum %y {dims = array<i64: 1>} : (tensor<64x64xf32>) -> tensor<64xf32>
  %u = pock.add %s, %t : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  %g = pock.add %u, %e : (tensor<64xf32>, tensor<64xf32>) -> tensor<64xf32>
  return %loss, %g : tensor<f32>, tensor<64xf32>
}
