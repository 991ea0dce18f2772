// RUN: pock-opt %s --split-input-file --verify-diagnostics

func.func @pool_rank(%x: tensor<8x8xf32>) {
  // expected-error @below {{'pock.max_pool' expected one or two spatial dimensions}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<8x8xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @pool_rank_5(%x: tensor<1x3x8x8x8xf32>) {
  // expected-error @below {{'pock.max_pool' expected one or two spatial dimensions}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x8x8x8xf32>) -> tensor<1x3x4x4xf32>
  return
}

// -----

func.func @window_c1(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{'pock.sum_pool' expected kernel, strides, pad_low, pad_high and dilations to have 2 entries each}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.sum_pool %x {kernel = array<i64: 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  return
}

// -----

func.func @window_c2(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{'pock.max_pool' expected positive kernel, strides and dilations}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.max_pool %x {kernel = array<i64: 0, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  return
}

// -----

func.func @window_c3(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{'pock.sum_pool' expected a window that fits the padded input, but got kernel 9 with dilation 1 for size 8 with padding 0 and 0}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.sum_pool %x {kernel = array<i64: 9, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  return
}

// -----

func.func @pool_c1_low(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{'pock.max_pool' expected every window to contain an entry of the input}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 2, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x8x8xf32>) -> tensor<1x3x5x4xf32>
  return
}

// -----

func.func @pool_c1_high(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{'pock.max_pool' expected every window to contain an entry of the input}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.max_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 2>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x5xf32>
  return
}

// -----

func.func @avg_pool_c2(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{'pock.avg_pool' expected every window to contain an entry of the input}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.avg_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 2, 0>, pad_high = array<i64: 0, 0>}
      : (tensor<1x3x8x8xf32>) -> tensor<1x3x5x4xf32>
  return
}

// -----

func.func @max_pool_index_type(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{inferred type(s) 'tensor<1x3x4x4xi8>' are incompatible}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.max_pool_index %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xi32>
  return
}

// -----

func.func @max_pool_grad_c1(%g: tensor<1x3x3x3xf32>, %i: tensor<1x3x3x3xi8>) {
  // expected-error @below {{expected a gradient of type 'tensor<1x3x4x4xf32>', but got 'tensor<1x3x3x3xf32>'}}
  %0 = pock.max_pool_grad %g, %i {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x3x3xf32>, tensor<1x3x3x3xi8>) -> tensor<1x3x8x8xf32>
  return
}

// -----

func.func @max_pool_grad_c2(%g: tensor<1x3x4x4xf32>, %i: tensor<1x3x4x3xi8>) {
  // expected-error @below {{expected index and gradient of the same shape, but got 'tensor<1x3x4x3xi8>' and 'tensor<1x3x4x4xf32>'}}
  %0 = pock.max_pool_grad %g, %i {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x4x4xf32>, tensor<1x3x4x3xi8>) -> tensor<1x3x8x8xf32>
  return
}

// -----

func.func @sum_pool_grad_c1(%g: tensor<1x3x3x3xf32>) {
  // expected-error @below {{expected a gradient of type 'tensor<1x3x4x4xf32>', but got 'tensor<1x3x3x3xf32>'}}
  %0 = pock.sum_pool_grad %g {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>} : (tensor<1x3x3x3xf32>) -> tensor<1x3x8x8xf32>
  return
}

// -----

func.func @avg_pool_c1(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{'pock.avg_pool' expected a divisor other than zero}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.avg_pool %x {kernel = array<i64: 2, 2>, strides = array<i64: 2, 2>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, divisor = 0 : i64}
      : (tensor<1x3x8x8xf32>) -> tensor<1x3x4x4xf32>
  return
}

// -----

func.func @adaptive_avg_pool_c1_rank(%x: tensor<3x8xf32>) {
  // expected-error @below {{expected one or two spatial dimensions, but got 'tensor<3x8xf32>' and 'tensor<3x1xf32>'}}
  %0 = pock.adaptive_avg_pool %x : (tensor<3x8xf32>) -> tensor<3x1xf32>
  return
}

// -----

func.func @adaptive_avg_pool_c1_channels(%x: tensor<1x3x8x8xf32>) {
  // expected-error @below {{expected input and result to differ in spatial dimensions only}}
  %0 = pock.adaptive_avg_pool %x : (tensor<1x3x8x8xf32>) -> tensor<1x2x1x1xf32>
  return
}
