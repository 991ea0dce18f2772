// RUN: pock-opt %s --split-input-file --verify-diagnostics

func.func @take_c1(%x: tensor<10x4xf32>, %i: tensor<3xi64>) {
  // expected-error @below {{'pock.take' expected dim to be from 0 to 1, but got 2}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.take %x, %i {dim = 2 : i64} : (tensor<10x4xf32>, tensor<3xi64>) -> tensor<10x4x3xf32>
  return
}

// -----

func.func @take_c1_negative(%x: tensor<10x4xf32>, %i: tensor<3xi64>) {
  // expected-error @below {{'pock.take' expected dim to be from 0 to 1, but got -1}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.take %x, %i {dim = -1 : i64} : (tensor<10x4xf32>, tensor<3xi64>) -> tensor<10x3xf32>
  return
}

// -----

func.func @take_c2(%x: tensor<4x0xf32>, %i: tensor<3xi64>) {
  // expected-error @below {{'pock.take' expected a dimension that is not empty, but got dimension 1 of 'tensor<4x0xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.take %x, %i {dim = 1 : i64} : (tensor<4x0xf32>, tensor<3xi64>) -> tensor<4x3xf32>
  return
}

// -----

func.func @take_result(%x: tensor<10x4xf32>, %i: tensor<2x3xi64>) {
  // expected-error @below {{inferred type(s) 'tensor<2x3x4xf32>' are incompatible with return type(s) of operation 'tensor<6x4xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.take %x, %i {dim = 0 : i64} : (tensor<10x4xf32>, tensor<2x3xi64>) -> tensor<6x4xf32>
  return
}

// -----

func.func @take_indices(%x: tensor<10x4xf32>, %i: tensor<3xf32>) {
  // expected-error @below {{operand #1 must be statically shaped tensor of 32-bit signless integer or 64-bit signless integer values, but got 'tensor<3xf32>'}}
  %0 = pock.take %x, %i {dim = 0 : i64} : (tensor<10x4xf32>, tensor<3xf32>) -> tensor<3x4xf32>
  return
}

// -----

func.func @scatter_add_c1(%x: tensor<10x4xf32>, %i: tensor<3xi64>, %u: tensor<3x4xf32>) {
  // expected-error @below {{'pock.scatter_add' expected dim to be from 0 to 1, but got 2}}
  %0 = pock.scatter_add %x, %i, %u {dim = 2 : i64} : (tensor<10x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<10x4xf32>
  return
}

// -----

func.func @scatter_add_c1_empty(%x: tensor<0x4xf32>, %i: tensor<3xi64>, %u: tensor<3x4xf32>) {
  // expected-error @below {{'pock.scatter_add' expected a dimension that is not empty, but got dimension 0 of 'tensor<0x4xf32>'}}
  %0 = pock.scatter_add %x, %i, %u {dim = 0 : i64} : (tensor<0x4xf32>, tensor<3xi64>, tensor<3x4xf32>) -> tensor<0x4xf32>
  return
}

// -----

func.func @scatter_add_c2(%x: tensor<10x4xf32>, %i: tensor<3xi64>, %u: tensor<2x4xf32>) {
  // expected-error @below {{expected updates of type 'tensor<3x4xf32>', but got 'tensor<2x4xf32>'}}
  %0 = pock.scatter_add %x, %i, %u {dim = 0 : i64} : (tensor<10x4xf32>, tensor<3xi64>, tensor<2x4xf32>) -> tensor<10x4xf32>
  return
}

// -----

func.func @scatter_add_c2_element(%x: tensor<10x4xf32>, %i: tensor<3xi64>, %u: tensor<3x4xf64>) {
  // expected-error @below {{expected updates of type 'tensor<3x4xf32>', but got 'tensor<3x4xf64>'}}
  %0 = pock.scatter_add %x, %i, %u {dim = 0 : i64} : (tensor<10x4xf32>, tensor<3xi64>, tensor<3x4xf64>) -> tensor<10x4xf32>
  return
}
