// RUN: pock-opt %s --pock-plan-memory | FileCheck %s

// Failures of one op have one number in all functions, and are described once.
// CHECK: module attributes {pock.plan = {{.*}}failures = [
// CHECK-SAME: {by = "op", expected = "less", kind = "index", module = "net.fc", source = "net.py:7"}, {
// CHECK-SAME: expected = "finite", kind = "loss"
module {
  func.func private @check(memref<4xi64>, memref<i1>) attributes {pock.kernel}
  // CHECK-LABEL: func.func @step(
  // CHECK: %[[FLAG:.+]] = memref.view %{{.+}} : memref<{{[0-9]+}}xi8> to memref<i1>
  // CHECK: pock.launch @check ins(%{{.+}} : memref<4xi64>) outs(%[[FLAG]] : memref<i1>)
  // CHECK: pock.fail_if %{{.+}} {{.*}}code = 1 : i64{{.*}} : memref<i1>
  // CHECK: pock.launch @check
  // CHECK: pock.fail_if %{{.+}} {{.*}}code = 2 : i64
  // CHECK: return
  func.func @step(%i: tensor<4xi64>) {
    %e = tensor.empty() : tensor<i1>
    %0 = pock.launch @check ins(%i : tensor<4xi64>) outs(%e : tensor<i1>) -> tensor<i1>
    pock.fail_if %0 {kind = "index", by = "op", expected = "less"} : tensor<i1> loc("net.fc"("/home/net.py":7:0))
    %1 = pock.launch @check ins(%i : tensor<4xi64>) outs(%e : tensor<i1>) -> tensor<i1>
    pock.fail_if %1 {kind = "loss", by = "loss", expected = "finite"} : tensor<i1>
    return
  }
  // CHECK-LABEL: func.func @predict(
  // CHECK: pock.fail_if %{{.+}} {{.*}}code = 1 : i64
  func.func @predict(%i: tensor<4xi64>) {
    %e = tensor.empty() : tensor<i1>
    %0 = pock.launch @check ins(%i : tensor<4xi64>) outs(%e : tensor<i1>) -> tensor<i1>
    pock.fail_if %0 {kind = "index", by = "op", expected = "less"} : tensor<i1> loc("net.fc"("/home/net.py":7:0))
    return
  }
}
