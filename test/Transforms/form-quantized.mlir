// RUN: pock-opt %s --pock-form-quantized --split-input-file | FileCheck %s

// A convolution, its bias and relu6: sums of bytes, a bias of the sums' scale,
// and a multiplier per channel, 0.05 * scale / 0.1 * 2^32.

// CHECK-DAG: pock.param @w.multiplier {kind = #pock.kind<buffer>, value = dense<[21474836, 42949672]> : tensor<2xi32>}
// CHECK-DAG: pock.param @b {quantization = #pock.quantization<scale = 5.000000e-02, min = -2147418622, max = 2147418622, scales = @w.scale, axis = 0>} : tensor<2xi32>
// CHECK-LABEL: func @conv
// CHECK-SAME: %[[X:.+]]: tensor<1x1x4x4xi8>
// CHECK-DAG: %[[W:.+]] = pock.load_param @w :
// CHECK-DAG: %[[B:.+]] = pock.load_param @b :
// CHECK-DAG: %[[BR:.+]] = pock.reshape %[[B]]
// CHECK-DAG: %[[A:.+]] = pock.conv %[[X]], %[[W]] {{.*}}input_zero = -128
// CHECK: %[[S:.+]] = pock.add %[[A]], %[[BR]] : (tensor<1x2x4x4xi32>, tensor<2x1x1xi32>)
// CHECK: pock.requantize %[[S]], %{{.+}} {max = 50 : i64, min = -10 : i64, zero_point = -10 : i64}
module {
  pock.param @w {quantization = #pock.quantization<scales = @w.scale, axis = 0, min = -127>} : tensor<2x1x1x1xi8>
  pock.param @b : tensor<2xf32>
  pock.param @w.scale {kind = #pock.kind<buffer>, value = dense<[0.01, 0.02]> : tensor<2xf32>} : tensor<2xf32>
  func.func @conv(%x: tensor<1x1x4x4xi8>) -> tensor<1x2x4x4xi8> {
    %xf = pock.dequantize %x {scale = 0.05 : f64, zero_point = -128 : i64} : (tensor<1x1x4x4xi8>) -> tensor<1x1x4x4xf32>
    %w = pock.load_param @w : tensor<2x1x1x1xi8>
    %s = pock.load_param @w.scale : tensor<2xf32>
    %sr = pock.reshape %s : (tensor<2xf32>) -> tensor<2x1x1x1xf32>
    %wf = pock.dequantize %w, %sr : (tensor<2x1x1x1xi8>, tensor<2x1x1x1xf32>) -> tensor<2x1x1x1xf32>
    %y = pock.conv %xf, %wf {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>,
        dilations = array<i64: 1, 1>} : (tensor<1x1x4x4xf32>, tensor<2x1x1x1xf32>) -> tensor<1x2x4x4xf32>
    %b = pock.load_param @b : tensor<2xf32>
    %br = pock.reshape %b : (tensor<2xf32>) -> tensor<2x1x1xf32>
    %z = pock.add %y, %br : (tensor<1x2x4x4xf32>, tensor<2x1x1xf32>) -> tensor<1x2x4x4xf32>
    %r = pock.hardtanh %z {min = 0.0 : f64, max = 6.0 : f64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xf32>
    %q = pock.quantize %r {scale = 0.1 : f64, zero_point = -10 : i64} : (tensor<1x2x4x4xf32>) -> tensor<1x2x4x4xi8>
    return %q : tensor<1x2x4x4xi8>
  }
}

// -----

// Two scales: 20 bits after the point.

// CHECK-LABEL: func @residual
// CHECK-DAG: %[[M:.+]] = pock.constant dense<4096> : tensor<i32>
// CHECK-DAG: %[[L:.+]] = pock.constant dense<524288> : tensor<i32>
// CHECK-DAG: %[[R:.+]] = pock.constant dense<1048576> : tensor<i32>
// CHECK: %[[SUM:.+]] = pock.add %{{.+}}, %{{.+}} : (tensor<4xi32>, tensor<4xi32>)
// CHECK: pock.requantize %[[SUM]], %[[M]] {zero_point = 5 : i64}
func.func @residual(%a: tensor<4xi8>, %b: tensor<4xi8>) -> tensor<4xi8> {
  %af = pock.dequantize %a {scale = 0.25 : f64, zero_point = 3 : i64} : (tensor<4xi8>) -> tensor<4xf32>
  %bf = pock.dequantize %b {scale = 0.5 : f64} : (tensor<4xi8>) -> tensor<4xf32>
  %s = pock.add %af, %bf : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %q = pock.quantize %s {scale = 0.5 : f64, zero_point = 5 : i64} : (tensor<4xf32>) -> tensor<4xi8>
  return %q : tensor<4xi8>
}

// -----

// A ratio of scales from 2 on needs wide sums.

// CHECK-LABEL: func @wide_residual
// CHECK: pock.add %{{.+}}, %{{.+}} : (tensor<4xi64>, tensor<4xi64>)
func.func @wide_residual(%a: tensor<4xi8>, %b: tensor<4xi8>) -> tensor<4xi8> {
  %af = pock.dequantize %a {scale = 2.0 : f64} : (tensor<4xi8>) -> tensor<4xf32>
  %bf = pock.dequantize %b {scale = 0.5 : f64} : (tensor<4xi8>) -> tensor<4xf32>
  %s = pock.add %af, %bf : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  %q = pock.quantize %s {scale = 0.5 : f64} : (tensor<4xf32>) -> tensor<4xi8>
  return %q : tensor<4xi8>
}

// -----

// A clamp that a quantiser has left to itself, with one scale before and after:
// the limits of the first requantization. Not if something else reads that, or
// if the scale differs.

// CHECK-LABEL: func @clamp_again
// CHECK: %[[R:.+]] = pock.requantize %{{.+}} {max = 27 : i64, min = 3 : i64, zero_point = 3 : i64}
// CHECK-NEXT: return %[[R]]
func.func @clamp_again(%x: tensor<4xi8>) -> tensor<4xi8> {
  %xf = pock.dequantize %x {scale = 0.5 : f64} : (tensor<4xi8>) -> tensor<4xf32>
  %q = pock.quantize %xf {scale = 0.25 : f64, zero_point = 3 : i64} : (tensor<4xf32>) -> tensor<4xi8>
  %qf = pock.dequantize %q {scale = 0.25 : f64, zero_point = 3 : i64} : (tensor<4xi8>) -> tensor<4xf32>
  %r = pock.hardtanh %qf {min = 0.0 : f64, max = 6.0 : f64} : (tensor<4xf32>) -> tensor<4xf32>
  %again = pock.quantize %r {scale = 0.25 : f64, zero_point = 3 : i64} : (tensor<4xf32>) -> tensor<4xi8>
  return %again : tensor<4xi8>
}

// CHECK-LABEL: func @clamp_quantized_again
// CHECK-SAME: %[[X:.+]]: tensor<4xf32>
// CHECK: %[[Q:.+]] = pock.quantize %[[X]] {min = 3 : i64, scale = 2.500000e-01 : f64, zero_point = 3 : i64}
// CHECK-NEXT: return %[[Q]]
func.func @clamp_quantized_again(%x: tensor<4xf32>) -> tensor<4xi8> {
  %q = pock.quantize %x {scale = 0.25 : f64, zero_point = 3 : i64} : (tensor<4xf32>) -> tensor<4xi8>
  %qf = pock.dequantize %q {scale = 0.25 : f64, zero_point = 3 : i64} : (tensor<4xi8>) -> tensor<4xf32>
  %r = pock.relu %qf : (tensor<4xf32>) -> tensor<4xf32>
  %again = pock.quantize %r {scale = 0.25 : f64, zero_point = 3 : i64} : (tensor<4xf32>) -> tensor<4xi8>
  return %again : tensor<4xi8>
}

// CHECK-LABEL: func @clamp_another
// CHECK: pock.requantize
// CHECK: pock.requantize
// CHECK: pock.quantize
// CHECK: pock.requantize
func.func @clamp_another(%x: tensor<4xi8>, %y: tensor<4xf32>) -> (tensor<4xi8>, tensor<4xi8>, tensor<4xi8>) {
  %xf = pock.dequantize %x {scale = 0.5 : f64} : (tensor<4xi8>) -> tensor<4xf32>
  %q = pock.quantize %xf {scale = 0.25 : f64, zero_point = 3 : i64} : (tensor<4xf32>) -> tensor<4xi8>
  %qf = pock.dequantize %q {scale = 0.25 : f64, zero_point = 3 : i64} : (tensor<4xi8>) -> tensor<4xf32>
  %r = pock.relu %qf : (tensor<4xf32>) -> tensor<4xf32>
  %again = pock.quantize %r {scale = 0.25 : f64, zero_point = 3 : i64} : (tensor<4xf32>) -> tensor<4xi8>
  %p = pock.quantize %y {scale = 0.25 : f64} : (tensor<4xf32>) -> tensor<4xi8>
  %pf = pock.dequantize %p {scale = 0.25 : f64} : (tensor<4xi8>) -> tensor<4xf32>
  %other = pock.quantize %pf {scale = 0.125 : f64} : (tensor<4xf32>) -> tensor<4xi8>
  return %q, %again, %other : tensor<4xi8>, tensor<4xi8>, tensor<4xi8>
}

// -----

// CHECK-LABEL: func @mean
// CHECK: %[[S:.+]] = pock.sum %{{.+}} {dims = array<i64: 1>} : (tensor<2x4xi32>) -> tensor<2xi32>
// CHECK: pock.requantize %[[S]], %{{.+}} {zero_point = 3 : i64}
func.func @mean(%x: tensor<2x4xi8>) -> tensor<2xi8> {
  %xf = pock.dequantize %x {scale = 0.25 : f64, zero_point = 3 : i64} : (tensor<2x4xi8>) -> tensor<2x4xf32>
  %m = pock.mean %xf {dims = array<i64: 1>} : (tensor<2x4xf32>) -> tensor<2xf32>
  %q = pock.quantize %m {scale = 0.25 : f64, zero_point = 3 : i64} : (tensor<2xf32>) -> tensor<2xi8>
  return %q : tensor<2xi8>
}

// -----

// Movement and max pooling: bytes. Quantizing with the same scale again is
// nothing. Padding is the zero point.

// CHECK-LABEL: func @movement
// CHECK-SAME: %[[X:.+]]: tensor<1x2x4xi8>
// CHECK: %[[P:.+]] = pock.pad %[[X]] {{.*}}value = 7.000000e+00
// CHECK: %[[M:.+]] = pock.max_pool %[[P]]
// CHECK: %[[R:.+]] = pock.reshape %[[M]] : (tensor<1x2x3xi8>) -> tensor<6xi8>
// CHECK-NEXT: return %[[R]]
func.func @movement(%x: tensor<1x2x4xi8>) -> tensor<6xi8> {
  %xf = pock.dequantize %x {scale = 0.25 : f64, zero_point = 7 : i64} : (tensor<1x2x4xi8>) -> tensor<1x2x4xf32>
  %p = pock.pad %xf {low = array<i64: 0, 0, 1>, high = array<i64: 0, 0, 1>, interior = array<i64: 0, 0, 0>, value = 0.0 : f64}
      : (tensor<1x2x4xf32>) -> tensor<1x2x6xf32>
  %m = pock.max_pool %p {kernel = array<i64: 2>, strides = array<i64: 2>, pad_low = array<i64: 0>, pad_high = array<i64: 0>,
      dilations = array<i64: 1>} : (tensor<1x2x6xf32>) -> tensor<1x2x3xf32>
  %r = pock.reshape %m : (tensor<1x2x3xf32>) -> tensor<6xf32>
  %q = pock.quantize %r {scale = 0.25 : f64, zero_point = 7 : i64} : (tensor<6xf32>) -> tensor<6xi8>
  return %q : tensor<6xi8>
}

// -----

// Parts of different scales get that of the whole.

// CHECK-LABEL: func @concat
// CHECK-SAME: %[[A:.+]]: tensor<2xi8>, %[[B:.+]]: tensor<3xi8>
// CHECK: %[[R:.+]] = pock.requantize
// CHECK: pock.concat %[[A]], %[[R]] {dim = 0 : i64} : (tensor<2xi8>, tensor<3xi8>)
func.func @concat(%a: tensor<2xi8>, %b: tensor<3xi8>) -> tensor<5xi8> {
  %af = pock.dequantize %a {scale = 0.25 : f64} : (tensor<2xi8>) -> tensor<2xf32>
  %bf = pock.dequantize %b {scale = 0.125 : f64} : (tensor<3xi8>) -> tensor<3xf32>
  %c = pock.concat %af, %bf {dim = 0 : i64} : (tensor<2xf32>, tensor<3xf32>) -> tensor<5xf32>
  %q = pock.quantize %c {scale = 0.25 : f64} : (tensor<5xf32>) -> tensor<5xi8>
  return %q : tensor<5xi8>
}

// -----

// Nothing to do: a function between dequantize and quantize stays one on floats.

// CHECK-LABEL: func @island
// CHECK: pock.dequantize
// CHECK: pock.tanh
// CHECK: pock.quantize
func.func @island(%x: tensor<4xi8>) -> tensor<4xi8> {
  %xf = pock.dequantize %x {scale = 0.25 : f64} : (tensor<4xi8>) -> tensor<4xf32>
  %t = pock.tanh %xf : (tensor<4xf32>) -> tensor<4xf32>
  %q = pock.quantize %t {scale = 0.0078125 : f64} : (tensor<4xf32>) -> tensor<4xi8>
  return %q : tensor<4xi8>
}

// -----

// A sum of 40,000 products may overflow: it stays one of floats.

// CHECK-LABEL: func @too_long
// CHECK: pock.linear %{{.+}}, %{{.+}} : (tensor<1x40000xf32>
func.func @too_long(%x: tensor<1x40000xi8>, %w: tensor<2x40000xi8>) -> tensor<1x2xf32> {
  %xf = pock.dequantize %x {scale = 0.25 : f64, zero_point = -128 : i64} : (tensor<1x40000xi8>) -> tensor<1x40000xf32>
  %wf = pock.dequantize %w {scale = 0.25 : f64} : (tensor<2x40000xi8>) -> tensor<2x40000xf32>
  %y = pock.linear %xf, %wf : (tensor<1x40000xf32>, tensor<2x40000xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}

// -----

// Scales that are not known at compile time.

// CHECK-LABEL: func @unknown_scales
// CHECK: %[[A:.+]] = pock.linear %{{.+}}, %{{.+}} : (tensor<1x4xi8>, tensor<2x4xi8>) -> tensor<1x2xi32>
// CHECK: %[[D:.+]] = pock.dequantize %[[A]]
// CHECK: pock.quantize %[[D]]
module {
  pock.param @s {kind = #pock.kind<buffer>} : tensor<2xf32>
  func.func @unknown_scales(%x: tensor<1x4xi8>, %w: tensor<2x4xi8>) -> tensor<1x2xi8> {
    %xf = pock.dequantize %x {scale = 0.25 : f64} : (tensor<1x4xi8>) -> tensor<1x4xf32>
    %s = pock.load_param @s : tensor<2xf32>
    %sr = pock.reshape %s : (tensor<2xf32>) -> tensor<2x1xf32>
    %wf = pock.dequantize %w, %sr : (tensor<2x4xi8>, tensor<2x1xf32>) -> tensor<2x4xf32>
    %y = pock.linear %xf, %wf : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
    %q = pock.quantize %y {scale = 0.5 : f64} : (tensor<1x2xf32>) -> tensor<1x2xi8>
    return %q : tensor<1x2xi8>
  }
}

// -----

// A zero point far away makes sums that overflow, too.

// CHECK-LABEL: func.func @far_zero
// CHECK-COUNT-2: pock.dequantize
// CHECK:         pock.linear {{.*}} : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
func.func @far_zero(%x: tensor<1x4xi8>, %w: tensor<2x4xi8>) -> tensor<1x2xf32> {
  %xf = pock.dequantize %x {scale = 0.25 : f64, zero_point = 9223372036854775807 : i64} : (tensor<1x4xi8>) -> tensor<1x4xf32>
  %wf = pock.dequantize %w {scale = 0.25 : f64} : (tensor<2x4xi8>) -> tensor<2x4xf32>
  %y = pock.linear %xf, %wf : (tensor<1x4xf32>, tensor<2x4xf32>) -> tensor<1x2xf32>
  return %y : tensor<1x2xf32>
}
