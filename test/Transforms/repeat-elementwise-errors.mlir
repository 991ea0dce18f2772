// RUN: pock-opt %s --pock-repeat-elementwise --verify-diagnostics

func.func private @g(tensor<4xf32>) -> tensor<4xf32>
func.func @call(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected only pock ops on static tensors, which no kernel has been formed of yet}}
  %0 = func.call @g(%x) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
