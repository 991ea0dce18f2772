// RUN: pock-opt %s --pock-isolate-kernel=kernel=matmul --split-input-file | FileCheck %s

// Ins are inputs, parameters too; nothing else of the module stays.

// CHECK: module {
// CHECK-NOT: pock.param
// CHECK: func.func private @matmul_0(%{{.+}}: tensor<2x4xf32>, %{{.+}}: tensor<4x8xf32>, %{{.+}}: tensor<2x8xf32>)
// CHECK-SAME: attributes {pock.kernel}
// CHECK: func.func @candidate_0(%[[X:.+]]: tensor<2x4xf32> {pock.name = "x0"}, %[[W:.+]]: tensor<4x8xf32> {pock.name = "x1"})
// CHECK-SAME: -> (tensor<2x8xf32> {pock.name = "y0"})
// CHECK: %[[OUT:.+]] = tensor.empty() : tensor<2x8xf32>
// CHECK: %[[Y:.+]] = pock.launch @matmul_0 ins(%[[X]], %[[W]] :{{.*}}) outs(%[[OUT]] :
// CHECK: return %[[Y]]
// CHECK: func.func private @matmul_1(
// CHECK-SAME: attributes {pock.kernel, pock.tile = array<i64: 2, 1>}
// CHECK: func.func @candidate_1(
// CHECK: pock.launch @matmul_1
// CHECK: func.func @prepare()
// CHECK-NOT: func.func
module attributes {pock.candidates = [{}, {tile = array<i64: 2, 1>}], pock.tuning = {}} {
  pock.param @w : tensor<4x8xf32>
  func.func private @matmul(%x: tensor<2x4xf32>, %w: tensor<4x8xf32>, %o: tensor<2x8xf32>) -> tensor<2x8xf32> attributes {pock.kernel} {
    %0 = pock.matmul %x, %w : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
    return %0 : tensor<2x8xf32>
  }
  func.func private @relu(%x: tensor<2x8xf32>, %o: tensor<2x8xf32>) -> tensor<2x8xf32> attributes {pock.kernel} {
    %0 = pock.relu %x : (tensor<2x8xf32>) -> tensor<2x8xf32>
    return %0 : tensor<2x8xf32>
  }
  func.func @step(%x: tensor<2x4xf32>) -> tensor<2x8xf32> {
    %w = pock.load_param @w : tensor<4x8xf32>
    %e = tensor.empty() : tensor<2x8xf32>
    %a = pock.launch @matmul ins(%x, %w : tensor<2x4xf32>, tensor<4x8xf32>) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
    %b = pock.launch @relu ins(%a : tensor<2x8xf32>) outs(%e : tensor<2x8xf32>) -> tensor<2x8xf32>
    return %b : tensor<2x8xf32>
  }
}

// -----

// Without candidates: once, as it is.

// CHECK: func.func private @matmul_0(
// CHECK-SAME: attributes {pock.kernel}
// CHECK-NOT: @matmul_1
func.func private @matmul(%x: tensor<2x4xf32>, %w: tensor<4x8xf32>, %o: tensor<2x8xf32>) -> tensor<2x8xf32> attributes {pock.kernel} {
  %0 = pock.matmul %x, %w : (tensor<2x4xf32>, tensor<4x8xf32>) -> tensor<2x8xf32>
  return %0 : tensor<2x8xf32>
}
