// RUN: pock-opt %s --pock-split-prepare --split-input-file | FileCheck %s

// CHECK: pock.param @prepared.0 {kind = #pock.kind<prepared>} : tensor<4xf32>
pock.param @variance {kind = #pock.kind<buffer>} : tensor<4xf32>
// CHECK-LABEL: func.func @step(
// CHECK: %[[S:.+]] = pock.load_param @prepared.0
// CHECK: pock.mul %{{.+}}, %[[S]]
// CHECK-LABEL: func.func @prepare(
// CHECK: %[[V:.+]] = pock.load_param @variance
// CHECK: %[[R:.+]] = pock.rsqrt %[[V]]
// CHECK: pock.store_param @prepared.0, %[[R]]
func.func @step(%x: tensor<2x4xf32>) -> tensor<2x4xf32> {
  %v = pock.load_param @variance : tensor<4xf32>
  %s = pock.rsqrt %v : (tensor<4xf32>) -> tensor<4xf32>
  %y = pock.mul %x, %s : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x4xf32>
  return %y : tensor<2x4xf32>
}

// -----

// A view of a frozen parameter, an op on a trained one and one on a buffer that
// the step writes stay; @prepare is empty but exists.
// CHECK-NOT: prepared
pock.param @frozen : tensor<4xf32>
pock.param @trained {trained} : tensor<4xf32>
pock.param @written {kind = #pock.kind<buffer>} : tensor<4xf32>
// CHECK-LABEL: func.func @step(
// CHECK: pock.reshape
// CHECK: pock.exp
// CHECK: pock.neg
// CHECK-LABEL: func.func @prepare() {
// CHECK-NEXT: return
func.func @step() -> (tensor<2x2xf32>, tensor<4xf32>) {
  %f = pock.load_param @frozen : tensor<4xf32>
  %0 = pock.reshape %f : (tensor<4xf32>) -> tensor<2x2xf32>
  %t = pock.load_param @trained : tensor<4xf32>
  %1 = pock.exp %t : (tensor<4xf32>) -> tensor<4xf32>
  %b = pock.load_param @written : tensor<4xf32>
  %2 = pock.neg %b : (tensor<4xf32>) -> tensor<4xf32>
  pock.store_param @written, %2 : tensor<4xf32>
  return %0, %1 : tensor<2x2xf32>, tensor<4xf32>
}

// -----

// Two functions that need the same value share it.
// CHECK: pock.param @prepared.0
// CHECK-NOT: pock.param @prepared.1
pock.param @frozen : tensor<4xf32>
// CHECK-LABEL: func.func @step(
// CHECK: pock.load_param @prepared.0
// CHECK-LABEL: func.func @infer(
// CHECK: pock.load_param @prepared.0
func.func @step(%x: tensor<4xf32>) -> tensor<4xf32> {
  %f = pock.load_param @frozen : tensor<4xf32>
  %0 = pock.exp %f : (tensor<4xf32>) -> tensor<4xf32>
  %1 = pock.add %0, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}
func.func @infer(%x: tensor<4xf32>) -> tensor<4xf32> {
  %f = pock.load_param @frozen : tensor<4xf32>
  %0 = pock.exp %f : (tensor<4xf32>) -> tensor<4xf32>
  %1 = pock.mul %0, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %1 : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func private @external(
func.func private @external(tensor<4xf32>)
