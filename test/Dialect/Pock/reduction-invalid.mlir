// RUN: pock-opt %s --split-input-file --verify-diagnostics

func.func @reduce_c1_order(%x: tensor<2x4xf32>) {
  // expected-error @below {{'pock.sum' expected dims to be distinct, ascending and less than 2, but got 0}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.sum %x {dims = array<i64: 1, 0>} : (tensor<2x4xf32>) -> tensor<f32>
  return
}

// -----

func.func @reduce_c1_negative(%x: tensor<2x4xf32>) {
  // expected-error @below {{'pock.mean' expected dims to be distinct, ascending and less than 2, but got -1}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.mean %x {dims = array<i64: -1>} : (tensor<2x4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @reduce_c1_rank(%x: tensor<2x4xf32>) {
  // expected-error @below {{'pock.amax' expected dims to be distinct, ascending and less than 2, but got 2}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.amax %x {dims = array<i64: 2>} : (tensor<2x4xf32>) -> tensor<2xf32>
  return
}

// -----

func.func @reduce_c1_rank_0(%x: tensor<f32>) {
  // expected-error @below {{'pock.sum' expected dims to be distinct, ascending and less than 0, but got 0}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.sum %x {dims = array<i64: 0>} : (tensor<f32>) -> tensor<f32>
  return
}

// -----

func.func @sum_needs_dims(%x: tensor<2x4xf32>) {
  // expected-error @below {{requires attribute 'dims'}}
  %0 = pock.sum %x : (tensor<2x4xf32>) -> tensor<f32>
  return
}

// -----

func.func @argmax_c1(%x: tensor<2x4xf32>) {
  // expected-error @below {{'pock.argmax' expected dims to be distinct, ascending and less than 2, but got 2}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.argmax %x {dim = 2 : i64} : (tensor<2x4xf32>) -> tensor<2xi64>
  return
}

// -----

func.func @softmax_c1(%x: tensor<2x4xf32>) {
  // expected-error @below {{expected dim to be from 0 to 1, but got 2}}
  %0 = pock.softmax %x {dim = 2 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @log_softmax_c1(%x: tensor<2x4xf32>) {
  // expected-error @below {{expected dim to be from 0 to 1, but got -1}}
  %0 = pock.log_softmax %x {dim = -1 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @cumsum_c1(%x: tensor<2x4xf32>) {
  // expected-error @below {{expected dim to be from 0 to 1, but got 2}}
  %0 = pock.cumsum %x {dim = 2 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}
