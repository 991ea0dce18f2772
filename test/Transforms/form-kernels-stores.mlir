// RUN: pock-opt %s --pock-form-kernels --split-input-file | FileCheck %s
// RUN: pock-opt %s --split-input-file --pass-pipeline="builtin.module(pock-form-kernels,pock-plan-pipeline)" -o /dev/null

// A parameter that is given its own value is not written.
pock.param @a {kind = #pock.kind<buffer>} : tensor<4xf32>
// CHECK-LABEL: func.func @own_value(
// CHECK-NOT: pock.launch
// CHECK-NOT: pock.store_param
// CHECK: return
func.func @own_value() {
  %a = pock.load_param @a : tensor<4xf32>
  pock.store_param @a, %a : tensor<4xf32>
  return
}

// -----

// A history: the oldest is overwritten first, whatever the order of the stores.
pock.param @now {kind = #pock.kind<buffer>} : tensor<4xf32>
pock.param @before {kind = #pock.kind<buffer>} : tensor<4xf32>
pock.param @oldest {kind = #pock.kind<buffer>} : tensor<4xf32>
// CHECK-LABEL: func.func @history(
// CHECK-SAME: %[[X:.+]]: tensor<4xf32>
// CHECK-DAG: %[[BEFORE:.+]] = pock.load_param @before
// CHECK-DAG: %[[OLDEST:.+]] = pock.load_param @oldest
// CHECK: %[[FIRST:.+]] = pock.launch @{{.+}} ins(%[[BEFORE]] : {{.*}}) outs(%[[OLDEST]] :
// CHECK: pock.store_param @oldest, %[[FIRST]]
// CHECK: pock.store_param @before
// CHECK: pock.store_param @now
func.func @history(%x: tensor<4xf32>) {
  %now = pock.load_param @now : tensor<4xf32>
  %before = pock.load_param @before : tensor<4xf32>
  %new = pock.neg %x : (tensor<4xf32>) -> tensor<4xf32>
  pock.store_param @now, %new : tensor<4xf32>
  pock.store_param @before, %now : tensor<4xf32>
  pock.store_param @oldest, %before : tensor<4xf32>
  return
}

// -----

// Two that change places: one is kept aside.
pock.param @a {kind = #pock.kind<buffer>} : tensor<4xf32>
pock.param @b {kind = #pock.kind<buffer>} : tensor<4xf32>
// CHECK-LABEL: func.func @exchange(
// CHECK: %[[ASIDE:.+]] = pock.launch @{{.+}} ins(%{{.+}}) outs(%{{.+}})
// CHECK: %[[B:.+]] = pock.launch
// CHECK: pock.store_param @b, %[[B]]
// CHECK: %[[A:.+]] = pock.launch @{{.+}} ins(%[[ASIDE]] :
// CHECK: pock.store_param @a, %[[A]]
func.func @exchange() {
  %a = pock.load_param @a : tensor<4xf32>
  %b = pock.load_param @b : tensor<4xf32>
  pock.store_param @a, %b : tensor<4xf32>
  pock.store_param @b, %a : tensor<4xf32>
  return
}

// -----

// A view of numbers that every kernel makes itself is made there, too.
// CHECK-LABEL: func.func @view_of_iota(
// CHECK-NOT: pock.iota
// CHECK: pock.launch @{{.+}} ins(%{{.+}} : tensor<3x1xf32>)
// CHECK-LABEL: func.func private @iota
// CHECK: pock.iota
// CHECK: pock.reshape
func.func @view_of_iota(%x: tensor<3x1xf32>) -> tensor<3x1xf32> {
  %0 = pock.iota {dim = 1 : i64} : () -> tensor<1x3xf32>
  %1 = pock.reshape %0 : (tensor<1x3xf32>) -> tensor<3x1xf32>
  %2 = pock.mul %x, %1 : (tensor<3x1xf32>, tensor<3x1xf32>) -> tensor<3x1xf32>
  return %2 : tensor<3x1xf32>
}

// -----

// A result without entries has a kernel that does nothing.
// CHECK-LABEL: func.func @empty_result(
// CHECK: %[[RESULT:.+]] = pock.launch @[[NOTHING:.+]] ins() outs(
// CHECK: return %[[RESULT]]
// CHECK: func.func private @[[NOTHING]](%[[OUT:.+]]: tensor<2x0xf32>
// CHECK-NEXT: return %[[OUT]]
func.func @empty_result(%x: tensor<2x0xf32>) -> tensor<2x0xf32> {
  return %x : tensor<2x0xf32>
}

// -----

// A kernel that overwrites a parameter finds what it reads of it, views too, where it writes.
pock.param @p {trained} : tensor<1x4xf32>
// CHECK-LABEL: func.func @view_of_what_is_overwritten(
// CHECK: %[[OLD:.+]] = pock.load_param @p
// CHECK: pock.launch @{{.+}} ins(%{{[a-z0-9]+}} : tensor<1x4xf32>) outs(%[[OLD]] : tensor<1x4xf32>)
// CHECK: func.func private @{{.+}}(%[[X:.+]]: tensor<1x4xf32>, %[[OUT:.+]]: tensor<1x4xf32>
// CHECK: pock.reshape %[[OUT]]
func.func @view_of_what_is_overwritten(%x: tensor<1x4xf32>) {
  %p = pock.load_param @p : tensor<1x4xf32>
  %row = pock.reshape %p : (tensor<1x4xf32>) -> tensor<4xf32>
  %0 = pock.mul %x, %row : (tensor<1x4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  %1 = pock.add %p, %0 : (tensor<1x4xf32>, tensor<1x4xf32>) -> tensor<1x4xf32>
  pock.store_param @p, %1 : tensor<1x4xf32>
  return
}

// -----

// One constant, two results: each has its place.
// CHECK-LABEL: func.func @constant_returned_twice(
// CHECK: %[[FIRST:.+]] = pock.launch
// CHECK: %[[SECOND:.+]] = pock.launch
// CHECK: return %[[FIRST]], %[[SECOND]]
func.func @constant_returned_twice() -> (tensor<2xf32>, tensor<2xf32>) {
  %0 = pock.constant dense<1.0> : tensor<2xf32>
  return %0, %0 : tensor<2xf32>, tensor<2xf32>
}
