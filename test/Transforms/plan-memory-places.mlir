// RUN: pock-opt %s --pock-plan-memory | FileCheck %s

// The loss is #2. One place of 16 bytes holds in turn the result of #0, what #1
// and #3 write over it, and what #5 adds to it; the result of #1 is saved, as #3
// reads it. Beside it live in #4 and #5 the result of #4, in #4 its workspace,
// and in #6 the result of #6. Most gradients live in #4: 16 + 16.
// CHECK: gradients = 32 : i64
// CHECK-SAME: loss = 2 : i64
// CHECK-SAME: places = [
// CHECK-SAME: {begin = 0 : i64, bytes = 16 : i64, end = 1 : i64, offset = [[CHAIN:[0-9]+]] : i64, overwritten, type = tensor<4xf32>}
// CHECK-SAME: {begin = 1 : i64, bytes = 16 : i64, end = 3 : i64, offset = [[CHAIN]] : i64, overwritten, type = tensor<4xf32>}
// CHECK-SAME: {begin = 3 : i64, bytes = 16 : i64, end = 5 : i64, offset = [[CHAIN]] : i64, overwritten, type = tensor<4xf32>}
// CHECK-SAME: {begin = 5 : i64, bytes = 16 : i64, end = 6 : i64, offset = [[CHAIN]] : i64, type = tensor<4xf32>}
// CHECK-SAME: {begin = 4 : i64, bytes = 16 : i64, end = 5 : i64, offset = {{[0-9]+}} : i64, type = tensor<4xf32>}
// CHECK-SAME: {begin = 4 : i64, bytes = 32 : i64, end = 4 : i64, offset = {{[0-9]+}} : i64}
// CHECK-SAME: {begin = 6 : i64, bytes = 16 : i64, end = 6 : i64, offset = {{[0-9]+}} : i64, type = tensor<4xf32>}
// CHECK-SAME: ]
// CHECK-SAME: saved = 16 : i64
// CHECK-SAME: timeline = array<i64: 16, 16, 16, 16, 64, 32, 32>
func.func private @make(%in: memref<4xf32>, %out: memref<4xf32>) attributes {pock.kernel} {
  return
}
func.func private @work(%in: memref<4xf32>, %out: memref<4xf32>, %scratch: memref<32xi8>)
    attributes {pock.kernel, pock.workspace = 32 : i64} {
  return
}
func.func private @sum(%in: memref<4xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func private @negate(%in: memref<4xf32>, %out: memref<4xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%in : memref<4xf32>) outs(%out : memref<4xf32>) {
  ^bb0(%a: f32, %old: f32):
    %b = arith.negf %a : f32
    linalg.yield %b : f32
  }
  return
}
func.func @step(%x: tensor<4xf32>) -> tensor<f32> {
  %e = tensor.empty() : tensor<4xf32>
  %s = tensor.empty() : tensor<f32>
  %a = pock.launch @make ins(%x : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %b = pock.launch @negate ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %loss = pock.launch @sum ins(%b : tensor<4xf32>) outs(%s : tensor<f32>) -> tensor<f32>
  %g = pock.launch @negate ins(%b : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %h = pock.launch @work ins(%g : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %i = pock.launch @make ins(%h : tensor<4xf32>) outs(%g : tensor<4xf32>) -> tensor<4xf32>
  %j = pock.launch @make ins(%i : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %loss : tensor<f32>
}
