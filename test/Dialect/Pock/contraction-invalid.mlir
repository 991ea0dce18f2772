// RUN: pock-opt %s --split-input-file --verify-diagnostics

func.func @matmul_c1_rank(%a: tensor<4xf32>) {
  // expected-error @below {{'pock.matmul' expected operands of one element type and one rank of at least 2}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.matmul %a, %a : (tensor<4xf32>, tensor<4xf32>) -> tensor<f32>
  return
}

// -----

func.func @matmul_c1_element_type(%a: tensor<2x2xf32>, %b: tensor<2x2xf64>) {
  // expected-error @below {{'pock.matmul' expected operands of one element type and one rank}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.matmul %a, %b : (tensor<2x2xf32>, tensor<2x2xf64>) -> tensor<2x2xf32>
  return
}

// -----

func.func @matmul_c2(%a: tensor<3x2x2xf32>, %b: tensor<1x2x2xf32>) {
  // expected-error @below {{'pock.matmul' expected equal leading dimensions}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.matmul %a, %b : (tensor<3x2x2xf32>, tensor<1x2x2xf32>) -> tensor<3x2x2xf32>
  return
}

// -----

func.func @matmul_c3(%a: tensor<2x4xf32>, %b: tensor<2x8xf32>) {
  // expected-error @below {{'pock.matmul' expected equal contracted dimensions, but got 4 and 8}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.matmul %a, %b {transpose_rhs} : (tensor<2x4xf32>, tensor<2x8xf32>) -> tensor<2x2xf32>
  return
}

// -----

func.func @linear_c1(%x: tensor<2x8xf32>, %w: tensor<4x8x1xf32>) {
  // expected-error @below {{'pock.linear' expected an input and a weight of rank 2 with one element type}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.linear %x, %w : (tensor<2x8xf32>, tensor<4x8x1xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @linear_c1_scalar_input(%x: tensor<f32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'pock.linear' expected an input and a weight of rank 2}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.linear %x, %w : (tensor<f32>, tensor<4x8xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @linear_c2(%x: tensor<2x7xf32>, %w: tensor<4x8xf32>) {
  // expected-error @below {{'pock.linear' expected equal last dimensions}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.linear %x, %w : (tensor<2x7xf32>, tensor<4x8xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @conv_one_rank(%x: tensor<1x4x8x8xf32>, %w: tensor<2x4x3xf32>) {
  // expected-error @below {{'pock.conv' expected input and weight of one rank}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x4x8x8xf32>, tensor<2x4x3xf32>) -> tensor<1x2x6x6xf32>
  return
}

// -----

func.func @conv_one_element_type(%x: tensor<1x4x8x8xf32>, %w: tensor<2x4x3x3xf64>) {
  // expected-error @below {{'pock.conv' expected operands of one element type}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x4x8x8xf32>, tensor<2x4x3x3xf64>) -> tensor<1x2x6x6xf32>
  return
}

// -----

func.func @window_c1_spatial_dimensions(%x: tensor<1x4xf32>, %w: tensor<2x4xf32>) {
  // expected-error @below {{'pock.conv' expected one or two spatial dimensions}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  return
}

// -----

func.func @window_c1_entries(%x: tensor<1x4x8x8xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error @below {{'pock.conv' expected kernel, strides, pad_low, pad_high and dilations to have 2 entries each}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x4x8x8xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x6x6xf32>
  return
}

// -----

func.func @window_c2_stride(%x: tensor<1x4x8x8xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error @below {{'pock.conv' expected positive kernel, strides and dilations}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1, 0>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x4x8x8xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x6x6xf32>
  return
}

// -----

func.func @window_c2_kernel(%x: tensor<1x4x8x8xf32>, %w: tensor<2x4x0x3xf32>) {
  // expected-error @below {{'pock.conv' expected positive kernel, strides and dilations}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x4x8x8xf32>, tensor<2x4x0x3xf32>) -> tensor<1x2x6x6xf32>
  return
}

// -----

func.func @window_c2_padding(%x: tensor<1x4x8x8xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error @below {{'pock.conv' expected paddings that are not negative}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: -1, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x4x8x8xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x6x6xf32>
  return
}

// -----

func.func @window_c3(%x: tensor<1x4x8x8xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error @below {{'pock.conv' expected a window that fits the padded input, but got kernel 3 with dilation 4 for size 8 with padding 0 and 0}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 4>}
      : (tensor<1x4x8x8xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x6x6xf32>
  return
}

// -----

func.func @conv_c1(%x: tensor<1x4x8x8xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error @below {{'pock.conv' expected groups to divide 4 input and 2 output channels, but got 3}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>, groups = 3 : i64}
      : (tensor<1x4x8x8xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x6x6xf32>
  return
}

// -----

func.func @conv_c1_zero_groups(%x: tensor<1x4x8x8xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error @below {{'pock.conv' expected groups to divide 4 input and 2 output channels, but got 0}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>, groups = 0 : i64}
      : (tensor<1x4x8x8xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x6x6xf32>
  return
}

// -----

func.func @conv_c2(%x: tensor<1x4x8x8xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error @below {{'pock.conv' expected a weight with 2 input channels per group, but got 4}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>, groups = 2 : i64}
      : (tensor<1x4x8x8xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x6x6xf32>
  return
}

// -----

func.func @conv_result_type(%x: tensor<1x4x8x8xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error @below {{inferred type(s) 'tensor<1x2x6x6xf32>' are incompatible}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x4x8x8xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x8x8xf32>
  return
}

// -----

func.func @conv_channels_last(%x: tensor<1x4x8x8xf32>, %w: tensor<2x4x3x3xf32>) {
  // expected-error @below {{'pock.conv' expected a weight with 8 input channels per group, but got 3}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.conv %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x4x8x8xf32>, tensor<2x4x3x3xf32>) -> tensor<1x2x6x6xf32>
  return
}

// -----

func.func @conv_transpose_c1(%x: tensor<1x4x3x3xf32>, %w: tensor<4x2x2x2xf32>) {
  // expected-error @below {{expected an input of type 'tensor<1x4x5x5xf32>', but got 'tensor<1x4x3x3xf32>'}}
  %0 = pock.conv_transpose %x, %w {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x4x3x3xf32>, tensor<4x2x2x2xf32>) -> tensor<1x2x6x6xf32>
  return
}

// -----

func.func @conv_weight_grad_c1(%x: tensor<1x3x8x8xf32>, %g: tensor<1x4x6x6xf32>) {
  // expected-error @below {{expected a gradient of type 'tensor<1x4x7x7xf32>', but got 'tensor<1x4x6x6xf32>'}}
  %0 = pock.conv_weight_grad %x, %g {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>}
      : (tensor<1x3x8x8xf32>, tensor<1x4x6x6xf32>) -> tensor<4x3x2x2xf32>
  return
}

// -----

func.func @factors_c1_matmul(%g: tensor<2x4xf32>, %w: tensor<4x3xi8>) {
  // expected-error @below {{'pock.matmul' expected operands of one element type}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.matmul %g, %w : (tensor<2x4xf32>, tensor<4x3xi8>) -> tensor<2x3xf32>
  return
}

// -----

func.func @factors_c1_conv_weight_grad(%x: tensor<1x3x8xi8>, %g: tensor<1x4x6xf32>) {
  // expected-error @below {{expected operands of one element type, but got 'tensor<1x3x8xi8>' and 'tensor<1x4x6xf32>'}}
  %0 = pock.conv_weight_grad %x, %g {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>}
      : (tensor<1x3x8xi8>, tensor<1x4x6xf32>) -> tensor<4x3x3xf32>
  return
}

// -----

func.func @conv_weight_grad_sums(%x: tensor<1x3x8xi8>, %g: tensor<1x4x6xi16>) {
  // expected-error @below {{expected a result of elements 'i32', but got 'tensor<4x3x3xf32>'}}
  %0 = pock.conv_weight_grad %x, %g {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>}
      : (tensor<1x3x8xi8>, tensor<1x4x6xi16>) -> tensor<4x3x3xf32>
  return
}

// -----

func.func @zero_c1_conv_weight_grad(%x: tensor<1x3x8xi8>, %g: tensor<1x4x6xi16>) {
  // expected-error @below {{'pock.conv_weight_grad' expected a zero point between -128 and 127}}
  %0 = pock.conv_weight_grad %x, %g {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>, dilations = array<i64: 1>, input_zero = 128 : i64}
      : (tensor<1x3x8xi8>, tensor<1x4x6xi16>) -> tensor<4x3x3xi32>
  return
}
