// RUN: pock-opt %s --pock-store-constants --split-input-file | FileCheck %s

// Shaders cannot contain arrays. Equal arrays are one parameter.

// CHECK:       pock.param @constant {{.*}}dense<[0, 1, 2]> : tensor<3xi64>
// CHECK-NOT:   pock.param
// CHECK-LABEL: func.func @step(
// CHECK-DAG:     pock.load_param @constant : tensor<3xi64>
// CHECK-DAG:     pock.constant dense<1.000000e+00> : tensor<3xf32>
// CHECK-NOT:     pock.constant
// CHECK:         return
module attributes {pock.target = #pock.target<triple = "spirv-unknown-vulkan">} {
func.func @step() -> (tensor<3xi64>, tensor<3xi64>, tensor<3xf32>) {
  %0 = pock.constant dense<[0, 1, 2]> : tensor<3xi64>
  %1 = pock.constant dense<[0, 1, 2]> : tensor<3xi64>
  %2 = pock.constant dense<1.0> : tensor<3xf32>
  return %0, %1, %2 : tensor<3xi64>, tensor<3xi64>, tensor<3xf32>
}
}

// -----

// Processors can.

// CHECK-LABEL: func.func @step(
// CHECK-NEXT:    pock.constant dense<[0, 1, 2]> : tensor<3xi64>
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabi">} {
func.func @step() -> tensor<3xi64> {
  %0 = pock.constant dense<[0, 1, 2]> : tensor<3xi64>
  return %0 : tensor<3xi64>
}
}
