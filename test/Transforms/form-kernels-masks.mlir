// RUN: pock-opt %s --pock-form-kernels | FileCheck %s

// A launch says which of its results are truth values in bits: as types, they are
// bytes like others.

// CHECK-LABEL: func.func @masks(
// CHECK: pock.launch @{{.+}} {pock.masks = array<i64: 0>} -> tensor<128xi8>
// CHECK: pock.launch @{{.+}} -> tensor<1024xf32>
func.func @masks(%x: tensor<1024xf32>) -> (tensor<128xi8>, tensor<1024xf32>) {
  %view = pock.reshape %x : (tensor<1024xf32>) -> tensor<8x128xf32>
  %zero = pock.constant dense<0.0> : tensor<f32>
  %planes = pock.cmp %view, %zero {predicate = #pock.cmp<gt>} : (tensor<8x128xf32>, tensor<f32>) -> tensor<8x128xi1>
  %bits = pock.pack_bits %planes : (tensor<8x128xi1>) -> tensor<128xi8>
  %y = pock.exp %x : (tensor<1024xf32>) -> tensor<1024xf32>
  return %bits, %y : tensor<128xi8>, tensor<1024xf32>
}
