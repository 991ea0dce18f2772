// RUN: pock-opt %s --pock-launch-to-call | FileCheck %s

module attributes {pock.name = "net"} {
  // CHECK-NOT: pock.param
  pock.param @w : tensor<4xf32>
  // Kernels get names that no C library has.
  // CHECK: func.func private @pock_kernel_tanh(memref<4xf32>, memref<4xf32>)
  func.func private @tanh(memref<4xf32>, memref<4xf32>) attributes {pock.kernel}
  // CHECK-LABEL: func.func @net_step(
  // CHECK: call @pock_kernel_tanh(%arg0, %arg1) : (memref<4xf32>, memref<4xf32>) -> ()
  // CHECK-NOT: pock.launch
  func.func @step(%a: memref<4xf32>, %o: memref<4xf32>) {
    pock.launch @tanh ins(%a : memref<4xf32>) outs(%o : memref<4xf32>)
    return
  }
}
