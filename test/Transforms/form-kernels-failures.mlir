// RUN: pock-opt %s --pock-form-kernels --split-input-file | FileCheck %s

// The flag is decided before the mean is known: the kernel writes the buffer.

pock.param @mean {kind = #pock.kind<buffer>} : tensor<4xf32>
// CHECK-LABEL: func.func @failure_first(
// CHECK: %[[FLAG:.+]] = pock.launch @cmp_sum ins(%arg1
// CHECK-NEXT: pock.fail_if %[[FLAG]] {by = "op", expected = "less", kind = "index"}
// CHECK: %[[OLD:.+]] = pock.load_param @mean
// CHECK: %[[NEW:.+]] = pock.launch @sum ins(%arg0 : tensor<8x4xf32>) outs(%[[OLD]]
// CHECK-NOT: @copy
// CHECK: pock.store_param @mean, %[[NEW]]
func.func @failure_first(%x: tensor<8x4xf32>, %i: tensor<8xi64>, %end: tensor<i64>) {
  %a = pock.cmp %i, %end {predicate = #pock.cmp<ge>} : (tensor<8xi64>, tensor<i64>) -> tensor<8xi1>
  %flag = pock.sum %a {dims = array<i64: 0>} : (tensor<8xi1>) -> tensor<i1>
  pock.fail_if %flag {kind = "index", by = "op", expected = "less"} : tensor<i1>
  %sum = pock.sum %x {dims = array<i64: 0>} : (tensor<8x4xf32>) -> tensor<4xf32>
  pock.store_param @mean, %sum : tensor<4xf32>
  return
}

// -----

// The flag depends on the mean: that waits in the arena, and is copied when
// nothing can fail any more.

pock.param @mean {kind = #pock.kind<buffer>} : tensor<4xf32>
// CHECK-LABEL: func.func @failure_last(
// CHECK: %[[WAITS:.+]] = tensor.empty()
// CHECK: %[[SUM:.+]] = pock.launch @sum ins(%arg0 : tensor<8x4xf32>) outs(%[[WAITS]]
// CHECK: %[[FLAG:.+]] = pock.launch @cmp_sum ins(%[[SUM]]
// CHECK-NEXT: pock.fail_if %[[FLAG]]
// CHECK: %[[OLD:.+]] = pock.load_param @mean
// CHECK: %[[NEW:.+]] = pock.launch @copy ins(%[[SUM]] : tensor<4xf32>) outs(%[[OLD]]
// CHECK: pock.store_param @mean, %[[NEW]]
func.func @failure_last(%x: tensor<8x4xf32>, %limit: tensor<f32>) {
  %sum = pock.sum %x {dims = array<i64: 0>} : (tensor<8x4xf32>) -> tensor<4xf32>
  pock.store_param @mean, %sum : tensor<4xf32>
  %a = pock.cmp %sum, %limit {predicate = #pock.cmp<ge>} : (tensor<4xf32>, tensor<f32>) -> tensor<4xi1>
  %flag = pock.sum %a {dims = array<i64: 0>} : (tensor<4xi1>) -> tensor<i1>
  pock.fail_if %flag {kind = "index", by = "op", expected = "less"} : tensor<i1>
  return
}

// -----

// The loss is returned, by a copy if it is a view, before what fails because of
// it.

// CHECK-LABEL: func.func @loss_first(
// CHECK: %[[SUM:.+]] = pock.launch @sum ins(%arg0
// CHECK: %[[LOSS:.+]] = pock.launch @copy
// CHECK: %[[FLAG:.+]] = pock.launch @cmp
// CHECK-NEXT: pock.fail_if %[[FLAG]]
// CHECK: return %[[LOSS]]
func.func @loss_first(%x: tensor<8xf32>, %limit: tensor<f32>) -> tensor<f32> {
  %sum = pock.sum %x {dims = array<i64: 0>, keepdim = true} : (tensor<8xf32>) -> tensor<1xf32>
  %loss = pock.reshape %sum : (tensor<1xf32>) -> tensor<f32>
  %flag = pock.cmp %loss, %limit {predicate = #pock.cmp<ge>} : (tensor<f32>, tensor<f32>) -> tensor<i1>
  pock.fail_if %flag {kind = "loss", by = "loss", expected = "less"} : tensor<i1>
  return %loss : tensor<f32>
}

// -----

// A flag that no kernel makes gets one that does.

// CHECK-LABEL: func.func @given_flag(
// CHECK: %[[FLAG:.+]] = pock.launch @copy ins(%arg0
// CHECK-NEXT: pock.fail_if %[[FLAG]]
func.func @given_flag(%flag: tensor<i1>) {
  pock.fail_if %flag {kind = "index", by = "op", expected = "less"} : tensor<i1>
  return
}
