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

  // CHECK: func.func private @pock_kernel_nothing(%{{.+}}: memref<0xf32>)
  func.func private @nothing(%o: memref<2x0xf32>) attributes {pock.kernel} {
    return
  }
  // No bare pointer is made of a stride of zero.
  // CHECK-LABEL: func.func @net_predict(
  // CHECK-SAME: %[[EMPTY:.+]]: memref<0xf32>)
  // CHECK: call @pock_kernel_nothing(%[[EMPTY]])
  func.func @predict(%o: memref<2x0xf32>) {
    pock.launch @nothing ins() outs(%o : memref<2x0xf32>)
    return
  }
}
