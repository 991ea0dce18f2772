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

// -----

// Each value is computed once, however many ways lead to it: here 2^40.
pock.param @frozen : tensor<4xf32>
// CHECK-LABEL: func.func @many_ways(
// CHECK: pock.load_param @prepared.0
// CHECK-NOT: pock.mul
// CHECK: return
// CHECK: func.func @prepare()
// CHECK-COUNT-40: pock.mul
// CHECK-NOT: pock.mul
// CHECK: pock.store_param @prepared.0
func.func @many_ways(%x: tensor<4xf32>) -> tensor<4xf32> {
  %0 = pock.load_param @frozen : tensor<4xf32>
  %1 = pock.mul %0, %0 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %2 = pock.mul %1, %1 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %3 = pock.mul %2, %2 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %4 = pock.mul %3, %3 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %5 = pock.mul %4, %4 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %6 = pock.mul %5, %5 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %7 = pock.mul %6, %6 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %8 = pock.mul %7, %7 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %9 = pock.mul %8, %8 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %10 = pock.mul %9, %9 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %11 = pock.mul %10, %10 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %12 = pock.mul %11, %11 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %13 = pock.mul %12, %12 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %14 = pock.mul %13, %13 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %15 = pock.mul %14, %14 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %16 = pock.mul %15, %15 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %17 = pock.mul %16, %16 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %18 = pock.mul %17, %17 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %19 = pock.mul %18, %18 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %20 = pock.mul %19, %19 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %21 = pock.mul %20, %20 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %22 = pock.mul %21, %21 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %23 = pock.mul %22, %22 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %24 = pock.mul %23, %23 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %25 = pock.mul %24, %24 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %26 = pock.mul %25, %25 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %27 = pock.mul %26, %26 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %28 = pock.mul %27, %27 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %29 = pock.mul %28, %28 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %30 = pock.mul %29, %29 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %31 = pock.mul %30, %30 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %32 = pock.mul %31, %31 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %33 = pock.mul %32, %32 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %34 = pock.mul %33, %33 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %35 = pock.mul %34, %34 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %36 = pock.mul %35, %35 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %37 = pock.mul %36, %36 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %38 = pock.mul %37, %37 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %39 = pock.mul %38, %38 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %40 = pock.mul %39, %39 : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %y = pock.add %40, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return %y : tensor<4xf32>
}

// -----

// What a frozen table decides fails once, in @prepare; what an input decides
// stays.
pock.param @positions {kind = #pock.kind<buffer>} : tensor<4xi64>
// CHECK-LABEL: func.func @step(
// CHECK: %[[BAD:.+]] = pock.cmp %arg0, %arg1
// CHECK-NEXT: pock.fail_if %[[BAD]]
// CHECK-NOT: pock.fail_if
// CHECK-LABEL: func.func @predict(
// CHECK-NOT: pock.fail_if
// CHECK-LABEL: func.func @prepare(
// CHECK: %[[P:.+]] = pock.load_param @positions
// CHECK: %[[C:.+]] = pock.cmp %[[P]]
// CHECK: %[[F:.+]] = pock.sum %[[C]]
// CHECK: pock.fail_if %[[F]]
// CHECK-NOT: pock.fail_if
func.func @step(%i: tensor<i64>, %end: tensor<i64>) {
  %bad = pock.cmp %i, %end {predicate = #pock.cmp<ge>} : (tensor<i64>, tensor<i64>) -> tensor<i1>
  pock.fail_if %bad {kind = "index", by = "op", expected = "less"} : tensor<i1>
  %p = pock.load_param @positions : tensor<4xi64>
  %four = pock.constant dense<4> : tensor<i64>
  %c = pock.cmp %p, %four {predicate = #pock.cmp<ge>} : (tensor<4xi64>, tensor<i64>) -> tensor<4xi1>
  %f = pock.sum %c {dims = array<i64: 0>} : (tensor<4xi1>) -> tensor<i1>
  pock.fail_if %f {kind = "index", by = "op", expected = "less"} : tensor<i1>
  return
}
func.func @predict() {
  %p = pock.load_param @positions : tensor<4xi64>
  %four = pock.constant dense<4> : tensor<i64>
  %c = pock.cmp %p, %four {predicate = #pock.cmp<ge>} : (tensor<4xi64>, tensor<i64>) -> tensor<4xi1>
  %f = pock.sum %c {dims = array<i64: 0>} : (tensor<4xi1>) -> tensor<i1>
  pock.fail_if %f {kind = "index", by = "op", expected = "less"} : tensor<i1>
  return
}
