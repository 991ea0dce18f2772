// RUN: pock-opt %s --pock-fail-early --split-input-file | FileCheck %s

// Labels are an input: the call fails before anything is computed, in the order
// in which it did.
// CHECK-LABEL: func.func @inputs_decide(
// CHECK-NEXT: %[[END:.+]] = pock.constant
// CHECK-NEXT: %[[A:.+]] = pock.cmp %arg1, %[[END]]
// CHECK-NEXT: %[[FLAG:.+]] = pock.sum %[[A]]
// CHECK-NEXT: pock.fail_if %[[FLAG]] {{.*}}expected = "first"
// CHECK-NEXT: %[[LAST:.+]] = pock.add %arg2, %arg2
// CHECK-NEXT: %[[B:.+]] = pock.cmp %[[LAST]], %[[END]]
// CHECK-NEXT: pock.fail_if %[[B]] {{.*}}expected = "second"
// CHECK-NEXT: %[[Y:.+]] = pock.exp %arg0
// CHECK-NEXT: pock.take %[[Y]], %[[LAST]]
func.func @inputs_decide(%x: tensor<4xf32>, %labels: tensor<4xi64>, %i: tensor<i64>) -> tensor<f32> {
  %y = pock.exp %x : (tensor<4xf32>) -> tensor<4xf32>
  %end = pock.constant dense<4> : tensor<i64>
  %a = pock.cmp %labels, %end {predicate = #pock.cmp<ge>} : (tensor<4xi64>, tensor<i64>) -> tensor<4xi1>
  %flag = pock.sum %a {dims = array<i64: 0>} : (tensor<4xi1>) -> tensor<i1>
  pock.fail_if %flag {kind = "index", by = "op", expected = "first"} : tensor<i1>
  %j = pock.add %i, %i : (tensor<i64>, tensor<i64>) -> tensor<i64>
  %b = pock.cmp %j, %end {predicate = #pock.cmp<ge>} : (tensor<i64>, tensor<i64>) -> tensor<i1>
  pock.fail_if %b {kind = "index", by = "op", expected = "second"} : tensor<i1>
  %z = pock.take %y, %j {dim = 0 : i64} : (tensor<4xf32>, tensor<i64>) -> tensor<f32>
  return %z : tensor<f32>
}

// -----

// An index that activations give stays behind them.
// CHECK-LABEL: func.func @activations_decide(
// CHECK-NEXT: pock.exp
// CHECK-NEXT: pock.cast
// CHECK-NEXT: pock.cmp
// CHECK-NEXT: pock.fail_if
func.func @activations_decide(%x: tensor<f32>, %end: tensor<i64>) -> tensor<f32> {
  %y = pock.exp %x : (tensor<f32>) -> tensor<f32>
  %i = pock.cast %y : (tensor<f32>) -> tensor<i64>
  %a = pock.cmp %i, %end {predicate = #pock.cmp<ge>} : (tensor<i64>, tensor<i64>) -> tensor<i1>
  pock.fail_if %a {kind = "index", by = "op", expected = "less"} : tensor<i1>
  return %y : tensor<f32>
}

// -----

// CHECK-LABEL: func.func @nothing_fails(
// CHECK-NEXT: pock.exp
func.func @nothing_fails(%x: tensor<f32>) -> tensor<f32> {
  %y = pock.exp %x : (tensor<f32>) -> tensor<f32>
  return %y : tensor<f32>
}

// CHECK: func.func private @external(
func.func private @external(tensor<f32>)
