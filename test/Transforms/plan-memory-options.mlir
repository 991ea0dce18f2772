// RUN: pock-opt %s --pock-plan-memory | FileCheck %s
// RUN: pock-opt %s --pock-plan-memory=in-place=false | FileCheck %s --check-prefix=APART
// RUN: pock-opt %s --pock-plan-memory=reuse=false | FileCheck %s --check-prefix=ONCE
// RUN: pock-opt %s --pock-plan-memory="reuse=false in-place=false" | FileCheck %s --check-prefix=ALL
// RUN: pock-opt %s --pock-plan-memory="reuse=false guard=10" | FileCheck %s --check-prefix=GUARD

// Values of 64 bytes: #0 makes one, #1 negates it, #2 works on that, #3 sums up.
// #1 writes over its operand; the result of #2 begins where that ends, in #2.
// CHECK: pock.plan = {alignment = 64 : i64, arena = 128 : i64
// CHECK: lower_bound = 128 : i64
// CHECK-SAME: overwritten
// CHECK-SAME: timeline = array<i64: 64, 64, 128, 64>

// Not in place: three values, of which two live at a time.
// APART: pock.plan = {alignment = 64 : i64, arena = 128 : i64
// APART-NOT: overwritten
// APART: timeline = array<i64: 64, 128, 128, 64>

// No bytes are used twice, but for what is in place.
// ONCE: pock.plan = {alignment = 64 : i64, arena = 128 : i64
// ONCE: overwritten
// ALL: pock.plan = {alignment = 64 : i64, arena = 192 : i64
// ALL-NOT: overwritten
// ALL-DAG: offset = 0 : i64
// ALL-DAG: offset = 64 : i64
// ALL-DAG: offset = 128 : i64

// Guards are as large as the alignment: 64 free bytes, 64 of a value, 64 free
// bytes, and that again.
// GUARD: pock.plan = {alignment = 64 : i64, arena = 384 : i64
// GUARD-DAG: offset = 64 : i64
// GUARD-DAG: offset = 256 : i64
func.func private @make(%in: memref<16xf32>, %out: memref<16xf32>) attributes {pock.kernel} {
  return
}
func.func private @sum(%in: memref<16xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func private @negate(%in: memref<16xf32>, %out: memref<16xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
      ins(%in : memref<16xf32>) outs(%out : memref<16xf32>) {
  ^bb0(%a: f32, %old: f32):
    %b = arith.negf %a : f32
    linalg.yield %b : f32
  }
  return
}
func.func @step(%x: tensor<16xf32>) -> tensor<f32> {
  %e = tensor.empty() : tensor<16xf32>
  %s = tensor.empty() : tensor<f32>
  %a = pock.launch @make ins(%x : tensor<16xf32>) outs(%e : tensor<16xf32>) -> tensor<16xf32>
  %b = pock.launch @negate ins(%a : tensor<16xf32>) outs(%e : tensor<16xf32>) -> tensor<16xf32>
  %c = pock.launch @make ins(%b : tensor<16xf32>) outs(%e : tensor<16xf32>) -> tensor<16xf32>
  %loss = pock.launch @sum ins(%c : tensor<16xf32>) outs(%s : tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}
