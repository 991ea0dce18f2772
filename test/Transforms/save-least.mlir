// RUN: pock-opt %s --pass-pipeline='builtin.module(func.func(pock-save-least{recompute=false}))' | FileCheck %s

// One channel of the activation is all that is kept of it for the backward pass.

// CHECK-LABEL: func.func @slice(
// CHECK: %[[Y:.+]] = pock.exp
// CHECK-NEXT: %[[SAVED:.+]] = pock.slice %[[Y]]
// CHECK-NEXT: %[[LOSS:.+]] = pock.sum %[[Y]]
// CHECK-NEXT: return %[[LOSS]], %[[SAVED]]
func.func @slice(%x: tensor<8x4xf32>) -> (tensor<f32>, tensor<8x1xf32>) {
  %y = pock.exp %x : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<8x4xf32>) -> tensor<f32>
  %part = pock.slice %y {starts = array<i64: 0, 0>, limits = array<i64: 8, 1>, strides = array<i64: 1, 1>} : (tensor<8x4xf32>) -> tensor<8x1xf32>
  return %loss, %part : tensor<f32>, tensor<8x1xf32>
}

// As large as what it reads: moving it early would save nothing.

// CHECK-LABEL: func.func @same_size(
// CHECK: pock.exp
// CHECK-NEXT: pock.sum
// CHECK-NEXT: pock.neg
func.func @same_size(%x: tensor<8x4xf32>) -> (tensor<f32>, tensor<8x4xf32>) {
  %y = pock.exp %x : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<8x4xf32>) -> tensor<f32>
  %n = pock.neg %y : (tensor<8x4xf32>) -> tensor<8x4xf32>
  return %loss, %n : tensor<f32>, tensor<8x4xf32>
}

// Two masks of one value are smaller than that; one of both is smaller still.

// CHECK-LABEL: func.func @masks(
// CHECK: %[[Y:.+]] = pock.exp
// CHECK-DAG: %[[A:.+]] = pock.cmp %[[Y]], %{{.+}} {predicate = #pock.cmp<le>}
// CHECK-DAG: %[[B:.+]] = pock.cmp %[[Y]], %{{.+}} {predicate = #pock.cmp<ge>}
// CHECK: %[[OR:.+]] = pock.or %[[A]], %[[B]]
// CHECK: pock.sum
// CHECK: pock.select %[[OR]]
func.func @masks(%x: tensor<8x4xf32>) -> (tensor<f32>, tensor<8x4xf32>) {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %six = pock.constant dense<6.0> : tensor<f32>
  %y = pock.exp %x : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<8x4xf32>) -> tensor<f32>
  %a = pock.cmp %y, %zero {predicate = #pock.cmp<le>} : (tensor<8x4xf32>, tensor<f32>) -> tensor<8x4xi1>
  %b = pock.cmp %y, %six {predicate = #pock.cmp<ge>} : (tensor<8x4xf32>, tensor<f32>) -> tensor<8x4xi1>
  %m = pock.or %a, %b : (tensor<8x4xi1>, tensor<8x4xi1>) -> tensor<8x4xi1>
  %g = pock.expand %loss : (tensor<f32>) -> tensor<8x4xf32>
  %dx = pock.select %m, %zero, %g : (tensor<8x4xi1>, tensor<f32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  return %loss, %dx : tensor<f32>, tensor<8x4xf32>
}

// Another reader keeps the value: its mask would come on top.

// CHECK-LABEL: func.func @kept_anyway(
// CHECK: pock.sum
// CHECK: pock.cmp
func.func @kept_anyway(%x: tensor<8x4xf32>) -> (tensor<f32>, tensor<8x4xf32>) {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %y = pock.exp %x : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<8x4xf32>) -> tensor<f32>
  %m = pock.cmp %y, %zero {predicate = #pock.cmp<le>} : (tensor<8x4xf32>, tensor<f32>) -> tensor<8x4xi1>
  %g = pock.expand %loss : (tensor<f32>) -> tensor<8x4xf32>
  %gy = pock.mul %g, %y : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  %dx = pock.select %m, %zero, %gy : (tensor<8x4xi1>, tensor<f32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  return %loss, %dx : tensor<f32>, tensor<8x4xf32>
}

// A view costs nothing and goes along.

// CHECK-LABEL: func.func @view(
// CHECK: %[[Y:.+]] = pock.exp
// CHECK-NEXT: %[[FLAT:.+]] = pock.reshape %[[Y]]
// CHECK-NEXT: %[[SAVED:.+]] = pock.slice %[[FLAT]]
// CHECK: pock.sum
func.func @view(%x: tensor<8x4xf32>) -> (tensor<f32>, tensor<8xf32>) {
  %y = pock.exp %x : (tensor<8x4xf32>) -> tensor<8x4xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<8x4xf32>) -> tensor<f32>
  %flat = pock.reshape %y : (tensor<8x4xf32>) -> tensor<32xf32>
  %part = pock.slice %flat {starts = array<i64: 0>, limits = array<i64: 32>, strides = array<i64: 4>} : (tensor<32xf32>) -> tensor<8xf32>
  return %loss, %part : tensor<f32>, tensor<8xf32>
}

// Inputs and parameters are there anyway.

pock.param @w {trained} : tensor<8x4xf32>

// CHECK-LABEL: func.func @inputs(
// CHECK: pock.sum
// CHECK-NEXT: pock.slice
// CHECK-NEXT: pock.slice
func.func @inputs(%x: tensor<8x4xf32>) -> (tensor<f32>, tensor<8x1xf32>, tensor<8x1xf32>) {
  %w = pock.load_param @w : tensor<8x4xf32>
  %y = pock.mul %x, %w : (tensor<8x4xf32>, tensor<8x4xf32>) -> tensor<8x4xf32>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<8x4xf32>) -> tensor<f32>
  %a = pock.slice %x {starts = array<i64: 0, 0>, limits = array<i64: 8, 1>, strides = array<i64: 1, 1>} : (tensor<8x4xf32>) -> tensor<8x1xf32>
  %b = pock.slice %w {starts = array<i64: 0, 0>, limits = array<i64: 8, 1>, strides = array<i64: 1, 1>} : (tensor<8x4xf32>) -> tensor<8x1xf32>
  return %loss, %a, %b : tensor<f32>, tensor<8x1xf32>, tensor<8x1xf32>
}
