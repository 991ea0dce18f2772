// RUN: pock-opt %s --pock-launch-to-call --split-input-file | FileCheck %s

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

// -----

// Failures share one exit.
// CHECK-LABEL: func.func @step(
// CHECK: call @pock_kernel_k
// CHECK: %[[A:.+]] = memref.load %arg0[]
// CHECK: %[[ONE:.+]] = arith.constant 1 : i32
// CHECK: cf.cond_br %[[A]], ^[[EXIT:.+]](%[[ONE]] : i32), ^[[NEXT:.+]]
// CHECK: ^[[NEXT]]:
// CHECK: call @pock_kernel_k
// CHECK: %[[B:.+]] = memref.load %arg1[]
// CHECK: %[[TWO:.+]] = arith.constant 2 : i32
// CHECK: cf.cond_br %[[B]], ^[[EXIT]](%[[TWO]] : i32), ^[[LAST:.+]]
// CHECK: ^[[LAST]]:
// CHECK: return %{{.+}} : i32
// CHECK: ^[[EXIT]](%[[CODE:.+]]: i32):
// CHECK: return %[[CODE]] : i32
module {
  func.func private @k(memref<i1>) attributes {pock.kernel}
  func.func @step(%a: memref<i1>, %b: memref<i1>) -> i32 {
    pock.launch @k ins() outs(%a : memref<i1>)
    pock.fail_if %a {kind = "index", by = "op", expected = "less", code = 1 : i64} : memref<i1>
    pock.launch @k ins() outs(%b : memref<i1>)
    pock.fail_if %b {kind = "index", by = "op", expected = "less", code = 2 : i64} : memref<i1>
    %ok = arith.constant 0 : i32
    return %ok : i32
  }
}
