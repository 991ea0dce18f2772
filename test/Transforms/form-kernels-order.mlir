// RUN: pock-opt %s --pock-form-kernels --split-input-file | FileCheck %s
// RUN: pock-opt %s --pock-form-kernels=reorder=false --split-input-file | FileCheck %s --check-prefix=STAY

// An update stands behind another product: it joins the kernel that makes its
// gradient, in front of that, or stays where it is.

pock.param @w {trained} : tensor<4x4xf32>
// CHECK-LABEL: func.func @update_behind_another_kernel(
// CHECK: pock.launch @matmul_sub ins(%arg0
// CHECK: pock.launch @matmul ins(%arg1
// STAY-LABEL: func.func @update_behind_another_kernel(
// STAY-NOT: pock.launch @matmul_sub
// STAY: %[[G:.+]] = pock.launch @matmul ins(%arg0
// STAY: pock.launch @matmul{{.*}} ins(%arg1
// STAY: %[[NEW:.+]] = pock.launch @sub ins(%[[G]] : {{.*}}) outs(%{{.+}} : tensor<4x4xf32>)
// STAY: pock.store_param @w, %[[NEW]]
func.func @update_behind_another_kernel(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>) -> (tensor<f32>, tensor<4x4xf32>) {
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<4x4xf32>) -> tensor<f32>
  %w = pock.load_param @w : tensor<4x4xf32>
  %g = pock.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %z = pock.matmul %y, %y : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %new = pock.sub %w, %g : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  pock.store_param @w, %new : tensor<4x4xf32>
  return %loss, %z : tensor<f32>, tensor<4x4xf32>
}

// -----

// Nothing stands between: one kernel in both cases, and other ops do not mind.

pock.param @w {trained} : tensor<4x4xf32>
// CHECK-LABEL: func.func @update_right_behind(
// CHECK: pock.launch @matmul_sub ins(
// STAY-LABEL: func.func @update_right_behind(
// STAY: pock.launch @matmul_relu ins(
// STAY: pock.launch @matmul_sub ins(
func.func @update_right_behind(%x: tensor<4x4xf32>, %y: tensor<4x4xf32>) -> (tensor<f32>, tensor<4x4xf32>) {
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<4x4xf32>) -> tensor<f32>
  %w = pock.load_param @w : tensor<4x4xf32>
  %z = pock.matmul %y, %y : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %r = pock.relu %z : (tensor<4x4xf32>) -> tensor<4x4xf32>
  %g = pock.matmul %x, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %new = pock.sub %w, %g : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  pock.store_param @w, %new : tensor<4x4xf32>
  return %loss, %r : tensor<f32>, tensor<4x4xf32>
}
