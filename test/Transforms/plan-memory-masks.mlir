// RUN: pock-opt %s --pock-plan-memory | FileCheck %s

// Three values are saved for the backward pass: truth values in bytes, truth
// values in bits (which the launch says), and bytes that are numbers.
// CHECK: places = [
// CHECK-SAME: {begin = 0 : i64, bytes = 16 : i64, end = 2 : i64, mask, offset = {{[0-9]+}} : i64, type = tensor<16xi1>}
// CHECK-SAME: {begin = 0 : i64, bytes = 2 : i64, end = 2 : i64, mask, offset = {{[0-9]+}} : i64, type = tensor<2xi8>}
// CHECK-SAME: {begin = 0 : i64, bytes = 16 : i64, end = 2 : i64, offset = {{[0-9]+}} : i64, type = tensor<16xi8>}
func.func private @make(%in: memref<16xf32>, %bools: memref<16xi1>, %bits: memref<2xi8>, %numbers: memref<16xi8>) attributes {pock.kernel} {
  return
}
func.func private @lose(%in: memref<16xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func private @use(%bools: memref<16xi1>, %bits: memref<2xi8>, %numbers: memref<16xi8>, %out: memref<16xf32>) attributes {pock.kernel} {
  return
}
func.func @step(%x: tensor<16xf32>) -> (tensor<f32>, tensor<16xf32>) {
  %b = tensor.empty() : tensor<16xi1>
  %p = tensor.empty() : tensor<2xi8>
  %n = tensor.empty() : tensor<16xi8>
  %0:3 = pock.launch @make ins(%x : tensor<16xf32>) outs(%b, %p, %n : tensor<16xi1>, tensor<2xi8>, tensor<16xi8>) {pock.masks = array<i64: 1>}
      -> tensor<16xi1>, tensor<2xi8>, tensor<16xi8>
  %e = tensor.empty() : tensor<f32>
  %loss = pock.launch @lose ins(%x : tensor<16xf32>) outs(%e : tensor<f32>) -> tensor<f32>
  %g = tensor.empty() : tensor<16xf32>
  %1 = pock.launch @use ins(%0#0, %0#1, %0#2 : tensor<16xi1>, tensor<2xi8>, tensor<16xi8>) outs(%g : tensor<16xf32>) -> tensor<16xf32>
  return %loss, %1 : tensor<f32>, tensor<16xf32>
}
