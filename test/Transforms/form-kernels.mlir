// RUN: pock-opt %s --pock-form-kernels --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @elementwise_joins_its_producer(
// CHECK: %[[E:.+]] = tensor.empty()
// CHECK: %[[R:.+]] = pock.launch @matmul_relu ins(%arg0, %arg1 : {{.*}}) outs(%[[E]] : tensor<2x2xf32>)
// CHECK: return %[[R]]
// CHECK: func.func private @matmul_relu({{.*}}bufferization.writable = true{{.*}} attributes {pock.kernel}
// CHECK: pock.matmul
// CHECK: pock.relu
func.func @elementwise_joins_its_producer(%x: tensor<2x4xf32>, %w: tensor<4x2xf32>) -> tensor<2x2xf32> {
  %0 = pock.matmul %x, %w : (tensor<2x4xf32>, tensor<4x2xf32>) -> tensor<2x2xf32>
  %1 = pock.relu %0 : (tensor<2x2xf32>) -> tensor<2x2xf32>
  return %1 : tensor<2x2xf32>
}

// -----

// The new value of a parameter is written in place of the old one.
pock.param @w {trained} : tensor<4xf32>
// CHECK-LABEL: func.func @parameter_in_place(
// CHECK: %[[W:.+]] = pock.load_param @w
// CHECK: %[[N:.+]] = pock.launch @sub ins(%arg0 : {{.*}}) outs(%[[W]] : tensor<4xf32>)
// CHECK: pock.store_param @w, %[[N]]
func.func @parameter_in_place(%g: tensor<4xf32>) {
  %w = pock.load_param @w : tensor<4xf32>
  %0 = pock.sub %w, %g : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
  pock.store_param @w, %0 : tensor<4xf32>
  return
}

// -----

// An argument returned is copied.
// CHECK-LABEL: func.func @argument_returned(
// CHECK: pock.launch @copy ins(%arg0 :
func.func @argument_returned(%x: tensor<4xf32>) -> tensor<4xf32> {
  return %x : tensor<4xf32>
}

// -----

// CHECK-LABEL: func.func @nothing_to_do(
// CHECK-NEXT: return
func.func @nothing_to_do() {
  return
}

// -----

// A sum of products: each addition ends its own product, so that two partial
// sums live at a time and not all products.
// CHECK-LABEL: func.func @sum_of_products(
// CHECK: %[[P:.+]] = pock.launch @matmul ins(%arg0, %arg1 :
// CHECK: %[[Q:.+]] = pock.launch @matmul_add ins(%arg1, %arg0, %[[P]] :
// CHECK: pock.launch @matmul_add_0 ins(%arg1, %[[Q]] :
func.func @sum_of_products(%x: tensor<4x4xf32>, %w: tensor<4x4xf32>) -> tensor<4x4xf32> {
  %0 = pock.matmul %x, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %1 = pock.matmul %w, %x : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %2 = pock.add %0, %1 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %3 = pock.matmul %w, %w : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  %4 = pock.add %2, %3 : (tensor<4x4xf32>, tensor<4x4xf32>) -> tensor<4x4xf32>
  return %4 : tensor<4x4xf32>
}
