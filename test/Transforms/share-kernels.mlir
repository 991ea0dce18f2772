// RUN: pock-opt %s --pock-share-kernels | FileCheck %s

// CHECK: func.func private @relu(
func.func private @relu(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  %0 = pock.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// CHECK-NOT: func.func private @relu_0(
func.func private @relu_0(%a: tensor<4xf32>, %b: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  %0 = pock.relu %a : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// Another operand, attribute or type is another kernel.
// CHECK: func.func private @of_out(
func.func private @of_out(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  %0 = pock.relu %o : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// CHECK: func.func private @leaky(
func.func private @leaky(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  %0 = pock.leaky_relu %x {slope = 0.1} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// CHECK: func.func private @leaky_0(
func.func private @leaky_0(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  %0 = pock.leaky_relu %x {slope = 0.2} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
// No kernels: kept, though equal.
// CHECK: func.func @f(
func.func @f() {
  return
}
// CHECK: func.func @g(
func.func @g() {
  return
}
// CHECK-LABEL: func.func @step(
// CHECK: pock.launch @relu ins
// CHECK: pock.launch @relu ins
// CHECK: pock.launch @leaky ins
// CHECK: pock.launch @leaky_0 ins
func.func @step(%x: tensor<4xf32>, %o: tensor<4xf32>) {
  %0 = pock.launch @relu ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  %1 = pock.launch @relu_0 ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  %2 = pock.launch @leaky ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  %3 = pock.launch @leaky_0 ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  return
}
