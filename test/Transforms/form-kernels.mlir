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

// -----

// The scale of each channel stands behind the product, but does not need it:
// it moves in front, so that all that follows the product is its epilogue.
pock.param @gamma : tensor<16xf32>
// CHECK-LABEL: func.func @small_operand_comes_first(
// CHECK: pock.launch @add ins(
// CHECK: %[[SCALE:.+]] = pock.launch @mul ins(
// CHECK: %[[VIEW:.+]] = pock.reshape %[[SCALE]]
// CHECK: pock.launch @matmul_sub_mul ins(%arg0, %arg1, %{{.+}}, %[[VIEW]] :
// CHECK-NOT: pock.launch
// CHECK: return
func.func @small_operand_comes_first(%x: tensor<8x4xf32>, %w: tensor<4x16xf32>, %m: tensor<16xf32>, %r: tensor<16xf32>) -> (tensor<8x16xf32>, tensor<16xf32>) {
  %0 = pock.matmul %x, %w : (tensor<8x4xf32>, tensor<4x16xf32>) -> tensor<8x16xf32>
  %1 = pock.sub %0, %m : (tensor<8x16xf32>, tensor<16xf32>) -> tensor<8x16xf32>
  %g = pock.load_param @gamma : tensor<16xf32>
  %2 = pock.add %r, %g : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %v = pock.reshape %2 : (tensor<16xf32>) -> tensor<1x16xf32>
  %v2 = pock.reshape %v : (tensor<1x16xf32>) -> tensor<16xf32>
  %3 = pock.mul %v2, %g : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  %4 = pock.reshape %3 : (tensor<16xf32>) -> tensor<1x16xf32>
  %5 = pock.mul %1, %4 : (tensor<8x16xf32>, tensor<1x16xf32>) -> tensor<8x16xf32>
  return %5, %2 : tensor<8x16xf32>, tensor<16xf32>
}

// -----

// A scale that depends on the product (squeeze and excitation) cannot come
// first.
// CHECK-LABEL: func.func @small_operand_needs_the_product(
// CHECK: pock.launch @matmul ins(
// CHECK: pock.launch @amax ins(
// CHECK: pock.launch @mul ins(
func.func @small_operand_needs_the_product(%x: tensor<8x4xf32>, %w: tensor<4x16xf32>) -> tensor<8x16xf32> {
  %0 = pock.matmul %x, %w : (tensor<8x4xf32>, tensor<4x16xf32>) -> tensor<8x16xf32>
  %1 = pock.amax %0 {dims = array<i64: 0>} : (tensor<8x16xf32>) -> tensor<16xf32>
  %2 = pock.mul %0, %1 : (tensor<8x16xf32>, tensor<16xf32>) -> tensor<8x16xf32>
  return %2 : tensor<8x16xf32>
}

// -----

// Neither does what is not small: it would have to be kept longer.
// CHECK-LABEL: func.func @large_operand_stays(
// CHECK: pock.launch @matmul ins(
// CHECK: pock.launch @relu ins(
// CHECK: pock.launch @mul ins(
func.func @large_operand_stays(%x: tensor<8x4xf32>, %w: tensor<4x16xf32>, %r: tensor<2x16xf32>) -> tensor<8x16xf32> {
  %0 = pock.matmul %x, %w : (tensor<8x4xf32>, tensor<4x16xf32>) -> tensor<8x16xf32>
  %1 = pock.relu %r : (tensor<2x16xf32>) -> tensor<2x16xf32>
  %2 = pock.slice %1 {starts = array<i64: 0, 0>, limits = array<i64: 1, 16>, strides = array<i64: 1, 1>} : (tensor<2x16xf32>) -> tensor<1x16xf32>
  %3 = pock.mul %0, %2 : (tensor<8x16xf32>, tensor<1x16xf32>) -> tensor<8x16xf32>
  return %3 : tensor<8x16xf32>
}

// -----

// Nor what overwrites a parameter.
pock.param @s {trained} : tensor<16xf32>
// CHECK-LABEL: func.func @small_update_stays(
// CHECK: pock.launch @matmul ins(
// CHECK: pock.launch @sub ins(
// CHECK: pock.launch @mul ins(
func.func @small_update_stays(%x: tensor<8x4xf32>, %w: tensor<4x16xf32>, %d: tensor<16xf32>) -> tensor<8x16xf32> {
  %0 = pock.matmul %x, %w : (tensor<8x4xf32>, tensor<4x16xf32>) -> tensor<8x16xf32>
  %s = pock.load_param @s : tensor<16xf32>
  %1 = pock.sub %s, %d : (tensor<16xf32>, tensor<16xf32>) -> tensor<16xf32>
  pock.store_param @s, %1 : tensor<16xf32>
  %2 = pock.mul %0, %1 : (tensor<8x16xf32>, tensor<16xf32>) -> tensor<8x16xf32>
  return %2 : tensor<8x16xf32>
}

// -----

// A transposed convolution packs its weight anyway: what makes it is computed
// on the way.
// CHECK-LABEL: func.func @weight_of_transposed_convolution(
// CHECK: pock.launch @mul_conv_transpose ins(
// CHECK-NOT: pock.launch
// CHECK: return
func.func @weight_of_transposed_convolution(%g: tensor<1x8x8x4xf32>, %w: tensor<1x1x4x4xf32>, %s: tensor<4xf32>) -> tensor<1x8x8x4xf32> {
  %0 = pock.mul %w, %s : (tensor<1x1x4x4xf32>, tensor<4xf32>) -> tensor<1x1x4x4xf32>
  %1 = pock.conv_transpose %g, %0 {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x8x8x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x8x8x4xf32>
  return %1 : tensor<1x8x8x4xf32>
}

// -----

// With another reader it is a kernel of its own.
// CHECK-LABEL: func.func @weight_with_another_reader(
// CHECK: pock.launch @mul ins(
// CHECK: pock.launch @conv_transpose ins(
func.func @weight_with_another_reader(%g: tensor<1x8x8x4xf32>, %w: tensor<1x1x4x4xf32>, %s: tensor<4xf32>) -> (tensor<1x8x8x4xf32>, tensor<1x1x4x4xf32>) {
  %0 = pock.mul %w, %s : (tensor<1x1x4x4xf32>, tensor<4xf32>) -> tensor<1x1x4x4xf32>
  %1 = pock.conv_transpose %g, %0 {strides = array<i64: 1, 1>, pad_low = array<i64: 0, 0>, pad_high = array<i64: 0, 0>, dilations = array<i64: 1, 1>, layout = #pock.layout<channels_last>}
      : (tensor<1x8x8x4xf32>, tensor<1x1x4x4xf32>) -> tensor<1x8x8x4xf32>
  return %1, %0 : tensor<1x8x8x4xf32>, tensor<1x1x4x4xf32>
}
