// RUN: pock-opt %s --split-input-file --verify-diagnostics

func.func @custom_gradient_c1(%x: tensor<4xf32>) {
  // expected-error @below {{expected at least one value}}
  "pock.custom_gradient"(%x) {operandSegmentSizes = array<i32: 1, 0>} : (tensor<4xf32>) -> ()
  return
}

// -----

func.func @custom_gradient_c1_types(%x: tensor<4xf32>) {
  // expected-error @below {{inferred type(s) 'tensor<4xf32>', 'tensor<4xf32>' are incompatible with return type(s) of operation 'tensor<4xf32>', 'tensor<5xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %y:2 = "pock.custom_gradient"(%x, %x) {operandSegmentSizes = array<i32: 1, 1>} : (tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<5xf32>)
  return
}

// -----

func.func @custom_gradient_c2(%x: tensor<4xf32>) {
  // expected-error @below {{expected its gradients to be set once}}
  %y, %dy = pock.custom_gradient inputs(%x : tensor<4xf32>) values(%x : tensor<4xf32>)
  // expected-note @below {{set here}}
  pock.set_gradients %y gives %dy : tensor<4xf32>, tensor<4xf32>
  // expected-note @below {{set here}}
  pock.set_gradients %y gives %dy : tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @set_gradients_c1(%x: tensor<4xf32>) {
  // expected-error @below {{expected the first result of a pock.custom_gradient}}
  pock.set_gradients %x gives %x : tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @set_gradients_c1_cotangent(%x: tensor<4xf32>) {
  %y, %dy = pock.custom_gradient inputs(%x : tensor<4xf32>) values(%x : tensor<4xf32>)
  // expected-error @below {{expected the first result of a pock.custom_gradient}}
  pock.set_gradients %dy gives %dy : tensor<4xf32>, tensor<4xf32>
  return
}

// -----

func.func @set_gradients_c2(%x: tensor<4xf32>) {
  // expected-note @below {{inputs are named here}}
  %y, %dy = pock.custom_gradient inputs(%x, %x : tensor<4xf32>, tensor<4xf32>) values(%x : tensor<4xf32>)
  // expected-error @below {{expected one gradient for each of 2 inputs, of its type}}
  pock.set_gradients %y gives %dy : tensor<4xf32>, tensor<4xf32>
  return
}
