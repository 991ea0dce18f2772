// RUN: pock-opt %s --split-input-file --verify-diagnostics

func.func @batch_norm_c1(%x: tensor<2x3xf32>, %v: tensor<3xf32>) {
  // expected-error @below {{'pock.batch_norm' expected axis to be from 0 to 1, but got 2}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.batch_norm %x, %v, %v {axis = 2 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>} : (tensor<2x3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @batch_norm_c2(%x: tensor<2x3xf32>, %v: tensor<3xf32>, %b: tensor<2xf32>) {
  // expected-error @below {{'pock.batch_norm' expected per-channel operands of type 'tensor<3xf32>', but got 'tensor<2xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.batch_norm %x, %v, %b {operandSegmentSizes = array<i32: 1, 1, 1, 0, 0>} : (tensor<2x3xf32>, tensor<3xf32>, tensor<2xf32>) -> tensor<2x3xf32>
  return
}

// -----

func.func @batch_norm_train_c1(%x: tensor<1x3xf32>) {
  // expected-error @below {{'pock.batch_norm_train' expected more than one value per channel, but got 'tensor<1x3xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0:3 = pock.batch_norm_train %x {operandSegmentSizes = array<i32: 1, 0, 0>} : (tensor<1x3xf32>) -> (tensor<1x3xf32>, tensor<3xf32>, tensor<3xf32>)
  return
}

// -----

func.func @normalize_c1_order(%x: tensor<2x8xf32>) {
  // expected-error @below {{'pock.normalize' expected dims to be distinct, ascending and less than 2, but got 0}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = pock.normalize %x {dims = array<i64: 1, 0>} : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<1x1xf32>)
  return
}

// -----

func.func @normalize_c1_rank(%x: tensor<2x8xf32>) {
  // expected-error @below {{'pock.normalize' expected dims to be distinct, ascending and less than 2, but got 2}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = pock.normalize %x {dims = array<i64: 2>} : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x1xf32>)
  return
}

// -----

func.func @normalize_c1_negative(%x: tensor<2x8xf32>) {
  // expected-error @below {{'pock.normalize' expected dims to be distinct, ascending and less than 2, but got -1}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = pock.normalize %x {dims = array<i64: -1>} : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x1xf32>)
  return
}

// -----

func.func @normalize_c1_none(%x: tensor<2x8xf32>) {
  // expected-error @below {{'pock.normalize' expected at least one dim}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = pock.normalize %x {dims = array<i64>} : (tensor<2x8xf32>) -> (tensor<2x8xf32>, tensor<2x8xf32>)
  return
}
