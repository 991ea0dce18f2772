// RUN: pock-opt %s --split-input-file --pock-build-step --canonicalize --cse | FileCheck %s

// The gradient with respect to integers is a float. da = g m / 2^32 where the
// result is not clamped, dx = conv_transpose(da, w), dw = conv_weight_grad(x, da),
// without the zero point of x; the update is that of the real numbers.

// CHECK-LABEL: func.func @step
// CHECK-SAME: (%[[X:[^:]+]]: tensor<1x1x4xi8>, %[[SEED:[^:]+]]: tensor<i64> {pock.name = "random_seed"}, %[[STEP:[^:]+]]: tensor<i64> {pock.name = "random_step"}, %[[LR:[^:]+]]: tensor<f32>
// CHECK-DAG: %[[W:.+]] = pock.load_param @w :
// CHECK-DAG: %[[M:.+]] = pock.load_param @m :
// CHECK: %[[A:.+]] = pock.conv %[[X]], %[[W]]
// CHECK: %[[MASK:.+]] = pock.requantize_mask %[[A]], %[[M]]{{.*}} {zero_point = 5 : i64}
// CHECK: %[[SCALE:.+]] = pock.dequantize %[[M]] {scale = 2.3283064365386963E-10 : f64}
// CHECK: %[[SCALED:.+]] = pock.mul %[[SCALE]], %{{.+}}
// CHECK: %[[DA:.+]] = pock.select %[[MASK]], %[[SCALED]], %{{.+}}
// CHECK: %[[CENTRED:.+]] = pock.dequantize %[[X]] {zero_point = -7 : i64}
// CHECK: %[[DW:.+]] = pock.conv_weight_grad %[[CENTRED]], %[[DA]]
// CHECK: %[[REAL:.+]] = pock.mul %[[DW]], %{{.+}}
// CHECK: pock.sparse_update @w lr(%[[LR]]) inverse_scale(%{{.+}} : tensor<f32>) random(%[[SEED]], %[[STEP]] : tensor<i64>, tensor<i64>)
// CHECK: pock.yield %[[REAL]] : tensor<2x1x1xf32>
module attributes {pock.optimizer = #pock.sgd} {
  pock.param @w {trained, quantization = #pock.quantization<scale = 0.25>} : tensor<2x1x1xi8>
  pock.param @m {kind = #pock.kind<buffer>} : tensor<2x1xi32>
  func.func @loss(%x: tensor<1x1x4xi8>) -> tensor<f32> {
    %w = pock.load_param @w : tensor<2x1x1xi8>
    %m = pock.load_param @m : tensor<2x1xi32>
    %a = pock.conv %x, %w {strides = array<i64: 1>, pad_low = array<i64: 0>, pad_high = array<i64: 0>,
        dilations = array<i64: 1>, input_zero = -7 : i64} : (tensor<1x1x4xi8>, tensor<2x1x1xi8>) -> tensor<1x2x4xi32>
    %q = pock.requantize %a, %m {zero_point = 5 : i64} : (tensor<1x2x4xi32>, tensor<2x1xi32>) -> tensor<1x2x4xi8>
    %y = pock.dequantize %q {scale = 0.5 : f64, zero_point = 5 : i64} : (tensor<1x2x4xi8>) -> tensor<1x2x4xf32>
    %loss = pock.sum %y {dims = array<i64: 0, 1, 2>} : (tensor<1x2x4xf32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}

// -----

// An op on integers between others is differentiated as the op on floats: the
// residual sum passes the gradient to both operands, scaled.

// CHECK-LABEL: func.func @step
// CHECK-DAG: %[[L:.+]] = pock.constant dense<3.000000e+00>
// CHECK-DAG: %[[R:.+]] = pock.constant dense<5.000000e+00>
// CHECK: pock.sparse_update @a
// CHECK: pock.sparse_update @b
// CHECK-NOT: random
module attributes {pock.optimizer = #pock.sgd, pock.rounding = "nearest"} {
  pock.param @a {trained, quantization = #pock.quantization<scale = 0.25>} : tensor<4xi8>
  pock.param @b {trained, quantization = #pock.quantization<scale = 0.25>} : tensor<4xi8>
  func.func @loss() -> tensor<f32> {
    %three = pock.constant dense<3> : tensor<i32>
    %five = pock.constant dense<5> : tensor<i32>
    %m = pock.constant dense<262144> : tensor<i32>
    %a = pock.load_param @a : tensor<4xi8>
    %b = pock.load_param @b : tensor<4xi8>
    %aw = pock.cast %a : (tensor<4xi8>) -> tensor<4xi32>
    %bw = pock.cast %b : (tensor<4xi8>) -> tensor<4xi32>
    %as = pock.mul %aw, %three : (tensor<4xi32>, tensor<i32>) -> tensor<4xi32>
    %bs = pock.mul %bw, %five : (tensor<4xi32>, tensor<i32>) -> tensor<4xi32>
    %s = pock.add %as, %bs : (tensor<4xi32>, tensor<4xi32>) -> tensor<4xi32>
    %q = pock.requantize %s, %m : (tensor<4xi32>, tensor<i32>) -> tensor<4xi8>
    %y = pock.dequantize %q {scale = 0.5 : f64} : (tensor<4xi8>) -> tensor<4xf32>
    %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<4xf32>) -> tensor<f32>
    return %loss : tensor<f32>
  }
}
