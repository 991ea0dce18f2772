// RUN: pock-opt %s --pock-launch-to-call | FileCheck %s

module attributes {pock.name = "net"} {
  // CHECK-NOT: pock.param
  pock.param @w : tensor<4xf32>
  // CHECK: func.func private @k(memref<4xf32>, memref<4xf32>)
  func.func private @k(memref<4xf32>, memref<4xf32>)
  // CHECK-LABEL: func.func @net_step(
  // CHECK: call @k(%arg0, %arg1) : (memref<4xf32>, memref<4xf32>) -> ()
  // CHECK-NOT: pock.launch
  func.func @step(%a: memref<4xf32>, %o: memref<4xf32>) {
    pock.launch @k ins(%a : memref<4xf32>) outs(%o : memref<4xf32>)
    return
  }
}
