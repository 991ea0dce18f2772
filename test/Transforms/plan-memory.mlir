// RUN: pock-opt %s --pock-plan-memory | FileCheck %s

// constants: @frozen at 0 (16 bytes, aligned to 64). state: @w at 0, then the
// state @w.m at 64, which @init zeroes (64 to 128). Arena of @step: %a (16 bytes)
// lives from launch 0 to 1, %b from 1 to 2; they meet at launch 1: 0 and 64.
// CHECK: arena = 80 : i64, constants = 64 : i64
// CHECK-SAME: state = 128 : i64
// CHECK-SAME: {bytes = 16 : i64, name = "frozen", offset = 0 : i64, segment = "constants"}
// CHECK-SAME: {bytes = 16 : i64, name = "w", offset = 0 : i64, segment = "state"}
// CHECK-SAME: {bytes = 16 : i64, name = "w.m", offset = 64 : i64, segment = "state"}
// CHECK-LABEL: func.func @step(
// CHECK-SAME: memref<64xi8> {pock.segment = "constants"}
// CHECK-SAME: memref<128xi8> {pock.segment = "state"}
// CHECK-SAME: memref<80xi8> {pock.segment = "arena"}
// CHECK-LABEL: func.func @init(
// CHECK: arith.constant 64 : index
// CHECK: pock.launch @zero_state
pock.param @frozen : tensor<4xf32>
pock.param @w {trained} : tensor<4xf32>
pock.param @w.m {kind = #pock.kind<state>, of = @w} : tensor<4xf32>
func.func private @k(%in: memref<4xf32>, %out: memref<4xf32>) attributes {pock.kernel} {
  return
}
func.func @step() -> tensor<4xf32> {
  %w = pock.load_param @frozen : tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  %a = pock.launch @k ins(%w : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %b = pock.launch @k ins(%a : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  %c = pock.launch @k ins(%b : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %c : tensor<4xf32>
}
