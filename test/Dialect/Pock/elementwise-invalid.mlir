// RUN: pock-opt %s --split-input-file --verify-diagnostics

func.func @add_broadcasts(%a: tensor<2x4xf32>, %b: tensor<3xf32>) {
  // expected-error @below {{'pock.add' expected operands that broadcast, but got 'tensor<2x4xf32>' and 'tensor<3xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.add %a, %b : (tensor<2x4xf32>, tensor<3xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @mul_one_element_type(%a: tensor<4xf32>, %b: tensor<4xf64>) {
  // expected-error @below {{'pock.mul' expected operands of one element type, but got 'tensor<4xf32>' and 'tensor<4xf64>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.mul %a, %b : (tensor<4xf32>, tensor<4xf64>) -> tensor<4xf32>
  return
}

// -----

func.func @add_result_type(%a: tensor<4xf32>, %b: tensor<4xf32>) {
  // expected-error @below {{inferred type(s) 'tensor<4xf32>' are incompatible with return type(s) of operation 'tensor<1x4xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.add %a, %b : (tensor<4xf32>, tensor<4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @cmp_gives_bools(%a: tensor<4xf32>) {
  // expected-error @below {{must be statically shaped tensor of 1-bit signless integer values}}
  %0 = pock.cmp %a, %a {predicate = #pock.cmp<gt>} : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @cmp_needs_predicate(%a: tensor<4xf32>) {
  // expected-error @below {{requires attribute 'predicate'}}
  %0 = pock.cmp %a, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xi1>
  return
}

// -----

func.func @select_condition_broadcasts(%m: tensor<3xi1>, %a: tensor<4xf32>) {
  // expected-error @below {{'pock.select' expected operands that broadcast, but got 'tensor<3xi1>' and 'tensor<4xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.select %m, %a, %a : (tensor<3xi1>, tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @select_values_broadcast(%m: tensor<4xi1>, %a: tensor<4xf32>, %b: tensor<3xf32>) {
  // expected-error @below {{'pock.select' expected operands that broadcast, but got 'tensor<4xf32>' and 'tensor<3xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.select %m, %a, %b : (tensor<4xi1>, tensor<4xf32>, tensor<3xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @cast_c1(%x: tensor<4xf32>) {
  // expected-error @below {{expected operand and result of the same shape, but got 'tensor<4xf32>' and 'tensor<3xf64>'}}
  %0 = pock.cast %x : (tensor<4xf32>) -> tensor<3xf64>
  return
}

// -----

func.func @hardtanh_c1(%x: tensor<4xf32>) {
  // expected-error @below {{expected min <= max, but got 2.000000e+00 and 1.000000e+00}}
  %0 = pock.hardtanh %x {min = 2.0} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @hardtanh_c1_nan(%x: tensor<4xf32>) {
  // expected-error @below {{expected min <= max, but got}}
  %0 = pock.hardtanh %x {min = 0x7FF8000000000000 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @clamp_c1(%x: tensor<4xf32>) {
  // expected-error @below {{expected min, max or both}}
  %0 = pock.clamp %x : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @softplus_c1(%x: tensor<4xf32>) {
  // expected-error @below {{expected beta other than zero}}
  %0 = pock.softplus %x {beta = 0.0} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @relu_same_type(%x: tensor<4xf32>) {
  // expected-error @below {{requires the same type for all operands and results}}
  %0 = pock.relu %x : (tensor<4xf32>) -> tensor<4xf64>
  return
}

// -----

func.func @relu_of_integers(%x: tensor<4xi32>) {
  // expected-error @below {{must be statically shaped tensor of floating-point values}}
  %0 = pock.relu %x : (tensor<4xi32>) -> tensor<4xi32>
  return
}

// -----

func.func @floor_div_of_floats(%x: tensor<4xf32>) {
  // expected-error @below {{must be statically shaped tensor of}}
  %0 = pock.floor_div %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @trunc_div_of_floats(%x: tensor<4xf32>) {
  // expected-error @below {{must be statically shaped tensor of}}
  %0 = pock.trunc_div %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @shift_left_of_floats(%x: tensor<4xf32>) {
  // expected-error @below {{must be statically shaped tensor of}}
  %0 = pock.shift_left %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @shift_right_of_floats(%x: tensor<4xf32>) {
  // expected-error @below {{must be statically shaped tensor of}}
  %0 = pock.shift_right %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @floor_div_of_conditions(%x: tensor<4xi1>) {
  // expected-error @below {{must be statically shaped tensor of}}
  %0 = pock.floor_div %x, %x : (tensor<4xi1>, tensor<4xi1>) -> tensor<4xi1>
  return
}

// -----

func.func @and_of_floats(%x: tensor<4xf32>) {
  // expected-error @below {{must be statically shaped tensor of}}
  %0 = pock.and %x, %x : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @with_derivatives_c1(%v: tensor<1xf32>) {
  // expected-error @below {{expected value and result of the same type, but got 'tensor<1xf32>' and 'tensor<4xf32>'}}
  %0 = pock.with_derivatives %v : (tensor<1xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @with_derivatives_c2_shape(%v: tensor<1xf32>, %x: tensor<4xf32>) {
  // expected-error @below {{expected operands of one element type that broadcast to the result, but got 'tensor<4xf32>' and 'tensor<1xf32>'}}
  %0 = pock.with_derivatives %v, %x, %v : (tensor<1xf32>, tensor<4xf32>, tensor<1xf32>) -> tensor<1xf32>
  return
}

// -----

func.func @with_derivatives_c2_type(%v: tensor<4xf32>, %x: tensor<4xf64>) {
  // expected-error @below {{expected operands of one element type that broadcast to the result, but got 'tensor<4xf64>' and 'tensor<4xf32>'}}
  %0 = pock.with_derivatives %v, %v, %x : (tensor<4xf32>, tensor<4xf32>, tensor<4xf64>) -> tensor<4xf32>
  return
}
