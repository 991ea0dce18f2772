// RUN: pock-opt %s --pock-generate-code | FileCheck %s

// The back end's pipeline makes code of launches and kernels.

// CHECK: llvm.func internal @pock_kernel_negate(
// CHECK-LABEL: llvm.func @net_predict(
// CHECK: llvm.call @pock_kernel_negate
module attributes {pock.name = "net"} {
  func.func private @negate(%x: memref<8xf32>, %out: memref<8xf32>) attributes {pock.kernel} {
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
        ins(%x : memref<8xf32>) outs(%out : memref<8xf32>) {
    ^bb0(%a: f32, %b: f32):
      %n = arith.negf %a : f32
      linalg.yield %n : f32
    }
    return
  }
  func.func @predict(%x: memref<8xf32>, %y: memref<8xf32>) -> i32 {
    pock.launch @negate ins(%x : memref<8xf32>) outs(%y : memref<8xf32>)
    %c0 = arith.constant 0 : i32
    return %c0 : i32
  }
}
