// RUN: pock-opt %s --convert-pock-to-linalg | FileCheck %s

// Where each thread computes one point, slices are gathered without a loop, and
// attention is computed on all of its matrices at once.

module attributes {pock.target = #pock.target<triple = "spirv-unknown-vulkan">} {
// CHECK-LABEL: func.func private @take(
// CHECK-SAME:    %[[INPUT:[^:]+]]: tensor<9x4xf32>, %[[INDICES:[^:]+]]: tensor<5xi64>
// CHECK-NOT:     scf.for
// CHECK:         linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel"]
// CHECK:         ^bb0(%[[INDEX:.+]]: i64, %{{.+}}: f32):
// CHECK:           arith.maxsi %[[INDEX]], %{{.+}} : i64
// CHECK:           arith.minsi
// CHECK:           tensor.extract %{{.+}}[%{{.+}}, %{{.+}}, %{{.+}}] : tensor<1x9x4xf32>
func.func private @take(%input: tensor<9x4xf32>, %indices: tensor<5xi64>, %out: tensor<5x4xf32>) -> tensor<5x4xf32> attributes {pock.kernel} {
  %0 = pock.take %input, %indices {dim = 0 : i64} : (tensor<9x4xf32>, tensor<5xi64>) -> tensor<5x4xf32>
  return %0 : tensor<5x4xf32>
}

// CHECK-LABEL: func.func private @attention(
// CHECK-NOT:     scf.for
// CHECK:         linalg.generic {{.*}} iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction"]
func.func private @attention(%q: tensor<2x3x5x4xf32>, %k: tensor<2x3x6x4xf32>, %v: tensor<2x3x6x4xf32>,
                             %out: tensor<2x3x5x4xf32>, %lse: tensor<2x3x5x1xf32>) -> (tensor<2x3x5x4xf32>, tensor<2x3x5x1xf32>) attributes {pock.kernel} {
  %0, %1 = pock.attention %q, %k, %v {scale = 0.5 : f64} : (tensor<2x3x5x4xf32>, tensor<2x3x6x4xf32>, tensor<2x3x6x4xf32>) -> (tensor<2x3x5x4xf32>, tensor<2x3x5x1xf32>)
  return %0, %1 : tensor<2x3x5x4xf32>, tensor<2x3x5x1xf32>
}
}
