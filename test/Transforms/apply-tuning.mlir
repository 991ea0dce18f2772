// RUN: pock-opt %s --pock-apply-tuning --split-input-file | FileCheck %s

// The key is the text: it does not depend on the name of the kernel, nor on the model.

// CHECK: module {
// CHECK: func.func private @relu(
// CHECK-SAME: attributes {pock.algorithm = "direct", pock.fingerprint = "f1cdde036eedb2f8", pock.kernel, pock.tile = array<i64: 6, 2>}
// CHECK: func.func private @untuned(
// CHECK-SAME: attributes {pock.fingerprint = "{{[0-9a-f]+}}", pock.kernel}
// CHECK: func.func @step(
// CHECK-NOT: pock.fingerprint
module attributes {pock.tuning = {"f1cdde036eedb2f8" = {algorithm = "direct", tile = array<i64: 6, 2>},
                                  "0000000000000000" = {tile = array<i64: 1, 1>}}} {
  func.func private @relu(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
    %0 = pock.relu %x : (tensor<4xf32>) -> tensor<4xf32>
    return %0 : tensor<4xf32>
  }
  func.func private @untuned(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
    %0 = pock.exp %x : (tensor<4xf32>) -> tensor<4xf32>
    return %0 : tensor<4xf32>
  }
  func.func @step(%x: tensor<4xf32>, %o: tensor<4xf32>) {
    return
  }
}

// -----

// Without tuning there is just the key.

// CHECK: func.func private @another_name(
// CHECK-SAME: attributes {pock.fingerprint = "f1cdde036eedb2f8", pock.kernel}
func.func private @another_name(%x: tensor<4xf32>, %o: tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel} {
  %0 = pock.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
