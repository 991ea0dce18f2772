// RUN: pock-opt %s --pock-fit-memory --split-input-file | FileCheck %s
// RUN: pock-opt %s --pock-fit-memory=reorder=false --split-input-file | FileCheck %s

// @make's result of 256 bytes is read twice, and between both a value of 512
// bytes is alive, with a small one of 16. 528 bytes have no room for all: the
// second reader gets a result of its own.

module attributes {pock.memory_limit = 528 : i64} {
// CHECK-LABEL: func.func @late_reader(
// CHECK: %[[A:.+]] = pock.launch @make ins(%arg0 : tensor<64xf32>)
// CHECK-NOT: pock.again
// CHECK: %[[R:.+]] = pock.launch @shrink ins(%[[A]] :
// CHECK: %[[B:.+]] = pock.launch @grow ins(%arg0 :
// CHECK: %[[LOSS:.+]] = pock.launch @loss ins(%[[B]], %[[R]] :
// CHECK: %[[AGAIN:.+]] = pock.launch @make ins(%arg0 : tensor<64xf32>) {{.*}} {pock.again}
// CHECK: %[[G:.+]] = pock.launch @shrink ins(%[[AGAIN]] :
// CHECK: return %[[LOSS]], %[[G]]
func.func private @make(%in: memref<64xf32>, %out: memref<64xf32>) attributes {pock.kernel} {
  return
}
func.func private @grow(%in: memref<64xf32>, %out: memref<128xf32>) attributes {pock.kernel} {
  return
}
func.func private @shrink(%in: memref<64xf32>, %out: memref<4xf32>) attributes {pock.kernel} {
  return
}
func.func private @loss(%in: memref<128xf32>, %r: memref<4xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func @late_reader(%x: tensor<64xf32>) -> (tensor<f32>, tensor<4xf32>) {
  %0 = tensor.empty() : tensor<64xf32>
  %1 = tensor.empty() : tensor<4xf32>
  %2 = tensor.empty() : tensor<128xf32>
  %3 = tensor.empty() : tensor<f32>
  %a = pock.launch @make ins(%x : tensor<64xf32>) outs(%0 : tensor<64xf32>) -> tensor<64xf32>
  %r = pock.launch @shrink ins(%a : tensor<64xf32>) outs(%1 : tensor<4xf32>) -> tensor<4xf32>
  %b = pock.launch @grow ins(%x : tensor<64xf32>) outs(%2 : tensor<128xf32>) -> tensor<128xf32>
  %loss = pock.launch @loss ins(%b, %r : tensor<128xf32>, tensor<4xf32>) outs(%3 : tensor<f32>) -> tensor<f32>
  %g = pock.launch @shrink ins(%a : tensor<64xf32>) outs(%1 : tensor<4xf32>) -> tensor<4xf32>
  return %loss, %g : tensor<f32>, tensor<4xf32>
}
}

// -----

// The late reader sees @make's result through a view, and so it does of what is
// made again. That is made from a parameter, whose new value is written behind
// it. Parameters count: 256 bytes and 528.

module attributes {pock.memory_limit = 784 : i64} {
// CHECK-LABEL: func.func @view_of_repeated(
// CHECK: %[[W:.+]] = pock.load_param @w
// CHECK: %[[A:.+]] = pock.launch @make ins(%[[W]] :
// CHECK: %[[VIEW:.+]] = pock.reshape %[[A]]
// CHECK: pock.launch @shrink ins(%[[VIEW]] :
// CHECK: pock.launch @loss
// CHECK: %[[AGAIN:.+]] = pock.launch @make ins(%[[W]] : {{.*}} {pock.again}
// CHECK: %[[VIEW_AGAIN:.+]] = pock.reshape %[[AGAIN]]
// CHECK: %[[G:.+]] = pock.launch @shrink ins(%[[VIEW_AGAIN]] :
// CHECK: %[[NEW:.+]] = pock.launch @update ins(%[[G]] : {{.*}}) outs(%[[W]] :
// CHECK: pock.store_param @w, %[[NEW]]
pock.param @w {trained} : tensor<64xf32>
func.func private @make(%in: memref<64xf32>, %out: memref<64xf32>) attributes {pock.kernel} {
  return
}
func.func private @grow(%in: memref<64xf32>, %out: memref<128xf32>) attributes {pock.kernel} {
  return
}
func.func private @shrink(%in: memref<8x8xf32>, %out: memref<4xf32>) attributes {pock.kernel} {
  return
}
func.func private @loss(%in: memref<128xf32>, %r: memref<4xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func private @update(%g: memref<4xf32>, %w: memref<64xf32>) attributes {pock.kernel} {
  return
}
func.func @view_of_repeated(%x: tensor<64xf32>) -> tensor<f32> {
  %w = pock.load_param @w : tensor<64xf32>
  %0 = tensor.empty() : tensor<64xf32>
  %1 = tensor.empty() : tensor<4xf32>
  %2 = tensor.empty() : tensor<128xf32>
  %3 = tensor.empty() : tensor<f32>
  %a = pock.launch @make ins(%w : tensor<64xf32>) outs(%0 : tensor<64xf32>) -> tensor<64xf32>
  %v = pock.reshape %a : (tensor<64xf32>) -> tensor<8x8xf32>
  %r = pock.launch @shrink ins(%v : tensor<8x8xf32>) outs(%1 : tensor<4xf32>) -> tensor<4xf32>
  %b = pock.launch @grow ins(%x : tensor<64xf32>) outs(%2 : tensor<128xf32>) -> tensor<128xf32>
  %loss = pock.launch @loss ins(%b, %r : tensor<128xf32>, tensor<4xf32>) outs(%3 : tensor<f32>) -> tensor<f32>
  %g = pock.launch @shrink ins(%v : tensor<8x8xf32>) outs(%1 : tensor<4xf32>) -> tensor<4xf32>
  %new = pock.launch @update ins(%g : tensor<4xf32>) outs(%w : tensor<64xf32>) -> tensor<64xf32>
  pock.store_param @w, %new : tensor<64xf32>
  return %loss : tensor<f32>
}
}

// -----

// Everything fits; and without a limit everything does.

module attributes {pock.memory_limit = 832 : i64} {
// CHECK-LABEL: func.func @fits(
// CHECK-NOT: pock.again
// CHECK: return
func.func private @make(%in: memref<64xf32>, %out: memref<64xf32>) attributes {pock.kernel} {
  return
}
func.func private @grow(%in: memref<64xf32>, %out: memref<128xf32>) attributes {pock.kernel} {
  return
}
func.func private @join(%a: memref<64xf32>, %b: memref<128xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func @fits(%x: tensor<64xf32>) -> tensor<f32> {
  %0 = tensor.empty() : tensor<64xf32>
  %1 = tensor.empty() : tensor<128xf32>
  %2 = tensor.empty() : tensor<f32>
  %a = pock.launch @make ins(%x : tensor<64xf32>) outs(%0 : tensor<64xf32>) -> tensor<64xf32>
  %b = pock.launch @grow ins(%x : tensor<64xf32>) outs(%1 : tensor<128xf32>) -> tensor<128xf32>
  %loss = pock.launch @join ins(%a, %b : tensor<64xf32>, tensor<128xf32>) outs(%2 : tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}
}

// -----

// CHECK-LABEL: func.func @no_limit(
// CHECK-NOT: pock.again
// CHECK: return
func.func private @make(%in: memref<64xf32>, %out: memref<64xf32>) attributes {pock.kernel} {
  return
}
func.func @no_limit(%x: tensor<64xf32>) -> tensor<64xf32> {
  %0 = tensor.empty() : tensor<64xf32>
  %a = pock.launch @make ins(%x : tensor<64xf32>) outs(%0 : tensor<64xf32>) -> tensor<64xf32>
  return %a : tensor<64xf32>
}
