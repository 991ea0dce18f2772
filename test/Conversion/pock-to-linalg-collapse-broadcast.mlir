// RUN: pock-opt --convert-pock-to-linalg %s | FileCheck %s

// The gradient of a mean, through a mask: dimensions of size 1 are read at the
// constant 0, so the loops of the broadcast stay.

// CHECK-LABEL: func.func @masked_mean
// CHECK-NOT: (d0, d0
// CHECK: return
func.func @masked_mean(%mask: tensor<36x6xi8>, %mean: tensor<8x1x1x6xf32>,
                       %out: tensor<8x6x6x6xf32> {bufferization.writable = true})
    -> tensor<8x6x6x6xf32> attributes {pock.kernel} {
  %0 = pock.unpack_bits %mask : (tensor<36x6xi8>) -> tensor<8x36x6xi1>
  %1 = pock.reshape %0 : (tensor<8x36x6xi1>) -> tensor<8x6x6x6xi1>
  %2 = pock.expand %mean : (tensor<8x1x1x6xf32>) -> tensor<8x6x6x6xf32>
  %zero = pock.constant dense<0.0> : tensor<f32>
  %3 = pock.select %1, %zero, %2 : (tensor<8x6x6x6xi1>, tensor<f32>, tensor<8x6x6x6xf32>) -> tensor<8x6x6x6xf32>
  return %3 : tensor<8x6x6x6xf32>
}
