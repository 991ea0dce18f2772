// RUN: pock-opt %s --pock-form-quantized --split-input-file | FileCheck %s

// A resize to nearest entries takes bytes.

// CHECK-LABEL: func @taken
// CHECK-SAME: %[[X:.+]]: tensor<1x5xi8>, %[[I:.+]]: tensor<7xi64>
// CHECK: %[[T:.+]] = pock.take %[[X]], %[[I]] {dim = 1 : i64} : (tensor<1x5xi8>, tensor<7xi64>) -> tensor<1x7xi8>
// CHECK-NEXT: return %[[T]]
func.func @taken(%x: tensor<1x5xi8>, %i: tensor<7xi64>) -> tensor<1x7xi8> {
  %xf = pock.dequantize %x {scale = 0.25 : f64, zero_point = 7 : i64} : (tensor<1x5xi8>) -> tensor<1x5xf32>
  %t = pock.take %xf, %i {dim = 1 : i64} : (tensor<1x5xf32>, tensor<7xi64>) -> tensor<1x7xf32>
  %q = pock.quantize %t {scale = 0.25 : f64, zero_point = 7 : i64} : (tensor<1x7xf32>) -> tensor<1x7xi8>
  return %q : tensor<1x7xi8>
}

// -----

// A positive factor is part of the scale, on either side, of a quotient, too.

// CHECK-LABEL: func @scaled
// CHECK-SAME: %[[X:.+]]: tensor<4xi8>
// CHECK: %[[A:.+]] = pock.dequantize %[[X]] {scale = 1.250000e-01 : f64, zero_point = 7 : i64}
// CHECK: %[[B:.+]] = pock.dequantize %[[X]] {scale = 1.250000e-01 : f64, zero_point = 7 : i64}
// CHECK: %[[C:.+]] = pock.dequantize %[[X]] {scale = 2.000000e+00 : f64, zero_point = 7 : i64}
// CHECK: return %[[A]], %[[B]], %[[C]]
func.func @scaled(%x: tensor<4xi8>) -> (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) {
  %xf = pock.dequantize %x {scale = 0.5 : f64, zero_point = 7 : i64} : (tensor<4xi8>) -> tensor<4xf32>
  %quarter = pock.constant dense<0.25> : tensor<f32>
  %a = pock.mul %xf, %quarter : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  %b = pock.mul %quarter, %xf : (tensor<f32>, tensor<4xf32>) -> tensor<4xf32>
  %c = pock.div %xf, %quarter : (tensor<4xf32>, tensor<f32>) -> tensor<4xf32>
  return %a, %b, %c : tensor<4xf32>, tensor<4xf32>, tensor<4xf32>
}

// -----

// Negative factors, zero, a factor that makes the result larger, and a number
// that is divided, are products of real numbers.

// CHECK-LABEL: func @not_scaled
// CHECK: pock.mul
// CHECK: pock.mul
// CHECK: pock.mul
// CHECK: pock.div
func.func @not_scaled(%x: tensor<1xi8>) -> (tensor<1xf32>, tensor<1xf32>, tensor<4xf32>, tensor<1xf32>) {
  %xf = pock.dequantize %x {scale = 0.5 : f64} : (tensor<1xi8>) -> tensor<1xf32>
  %minus = pock.constant dense<-0.25> : tensor<f32>
  %a = pock.mul %xf, %minus : (tensor<1xf32>, tensor<f32>) -> tensor<1xf32>
  %zero = pock.constant dense<0.0> : tensor<f32>
  %b = pock.mul %xf, %zero : (tensor<1xf32>, tensor<f32>) -> tensor<1xf32>
  %many = pock.constant dense<0.25> : tensor<4xf32>
  %c = pock.mul %xf, %many : (tensor<1xf32>, tensor<4xf32>) -> tensor<4xf32>
  %two = pock.constant dense<2.0> : tensor<f32>
  %d = pock.div %two, %xf : (tensor<f32>, tensor<1xf32>) -> tensor<1xf32>
  return %a, %b, %c, %d : tensor<1xf32>, tensor<1xf32>, tensor<4xf32>, tensor<1xf32>
}

// -----

// Attention: products of bytes with two zero points, and a factor between them,
// which softmax reads as real numbers.

// CHECK-LABEL: func @attention
// CHECK: %[[S:.+]] = pock.matmul %{{.+}}, %{{.+}} {lhs_zero = 3 : i64, rhs_zero = -5 : i64, transpose_rhs} : (tensor<2x3x4xi8>, tensor<2x3x4xi8>) -> tensor<2x3x3xi32>
// CHECK: %[[D:.+]] = pock.dequantize %[[S]] {scale = 6.250000e-02 : f64}
// CHECK: %[[P:.+]] = pock.softmax %[[D]]
// CHECK: %[[Q:.+]] = pock.quantize %[[P]]
// CHECK: %[[O:.+]] = pock.matmul %[[Q]], %{{.+}} {lhs_zero = -128 : i64, rhs_zero = 1 : i64} : (tensor<2x3x3xi8>, tensor<2x3x4xi8>) -> tensor<2x3x4xi32>
// CHECK: pock.requantize %[[O]]
func.func @attention(%q: tensor<2x3x4xi8>, %k: tensor<2x3x4xi8>, %v: tensor<2x3x4xi8>) -> tensor<2x3x4xi8> {
  %qf = pock.dequantize %q {scale = 0.5 : f64, zero_point = 3 : i64} : (tensor<2x3x4xi8>) -> tensor<2x3x4xf32>
  %kf = pock.dequantize %k {scale = 0.25 : f64, zero_point = -5 : i64} : (tensor<2x3x4xi8>) -> tensor<2x3x4xf32>
  %vf = pock.dequantize %v {scale = 0.25 : f64, zero_point = 1 : i64} : (tensor<2x3x4xi8>) -> tensor<2x3x4xf32>
  %s = pock.matmul %qf, %kf {transpose_rhs} : (tensor<2x3x4xf32>, tensor<2x3x4xf32>) -> tensor<2x3x3xf32>
  %factor = pock.constant dense<0.5> : tensor<f32>
  %scores = pock.mul %s, %factor : (tensor<2x3x3xf32>, tensor<f32>) -> tensor<2x3x3xf32>
  %p = pock.softmax %scores {dim = 2 : i64} : (tensor<2x3x3xf32>) -> tensor<2x3x3xf32>
  %pq = pock.quantize %p {scale = 0.00390625 : f64, zero_point = -128 : i64} : (tensor<2x3x3xf32>) -> tensor<2x3x3xi8>
  %pf = pock.dequantize %pq {scale = 0.00390625 : f64, zero_point = -128 : i64} : (tensor<2x3x3xi8>) -> tensor<2x3x3xf32>
  %o = pock.matmul %pf, %vf : (tensor<2x3x3xf32>, tensor<2x3x4xf32>) -> tensor<2x3x4xf32>
  %r = pock.quantize %o {scale = 0.125 : f64, zero_point = -4 : i64} : (tensor<2x3x4xf32>) -> tensor<2x3x4xi8>
  return %r : tensor<2x3x4xi8>
}
