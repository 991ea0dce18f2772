// RUN: pock-opt %s --pock-plan-memory | FileCheck %s
// RUN: sed 's/, pock.in_place = 0 : i64//' %s | pock-opt --pock-plan-memory | FileCheck %s --check-prefix=APART

// A back end may say that a kernel's result may overwrite an operand.
// CHECK: pock.plan = {alignment = 64 : i64, arena = 64 : i64
// APART: pock.plan = {alignment = 64 : i64, arena = 128 : i64
func.func private @make(%in: memref<16xf32>, %out: memref<16xf32>) attributes {pock.kernel} {
  return
}
func.func private @sum(%in: memref<16xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func private @change(%in: memref<16xf32>, %out: memref<16xf32>) attributes {pock.kernel, pock.in_place = 0 : i64} {
  return
}
func.func @step(%x: tensor<16xf32>) -> tensor<f32> {
  %e = tensor.empty() : tensor<16xf32>
  %s = tensor.empty() : tensor<f32>
  %a = pock.launch @make ins(%x : tensor<16xf32>) outs(%e : tensor<16xf32>) -> tensor<16xf32>
  %b = pock.launch @change ins(%a : tensor<16xf32>) outs(%e : tensor<16xf32>) -> tensor<16xf32>
  %loss = pock.launch @sum ins(%b : tensor<16xf32>) outs(%s : tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}
