// RUN: pock-opt %s --pock-narrow-storage --split-input-file --verify-diagnostics | FileCheck %s

// What waits between the launches is bf16; the view, too. The input, the
// returned value and the small one stay as they are.

// CHECK: pock.param @frozen : tensor<64x64xbf16>
// CHECK: pock.param @trained {trained} : tensor<64x64xf32>
// CHECK: pock.param @small : tensor<64xf32>
// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[X:.+]]: tensor<64x64xf32>) -> tensor<64x64xf32>
// CHECK:         %[[Y:.+]] = pock.launch @first ins(%[[X]], %{{.+}}, %{{.+}}, %{{.+}} : tensor<64x64xf32>, tensor<64x64xbf16>, tensor<64x64xf32>, tensor<64xf32>) outs(%{{.+}} : tensor<64x64xbf16>) -> tensor<64x64xbf16>
// CHECK:         %[[V:.+]] = pock.reshape %[[Y]] : (tensor<64x64xbf16>) -> tensor<4096xbf16>
// CHECK:         %[[Z:.+]] = pock.launch @second ins(%[[V]] : tensor<4096xbf16>) outs(%{{.+}} : tensor<64x64xf32>) -> tensor<64x64xf32>
// CHECK:         return %[[Z]]
// CHECK-LABEL: func.func private @first(
// CHECK-SAME:    %[[A:.+]]: tensor<64x64xf32>, %[[F:.+]]: tensor<64x64xbf16>, %{{.+}}: tensor<64x64xf32>, %{{.+}}: tensor<64xf32>, %{{.+}}: tensor<64x64xbf16> {bufferization.writable = true}) -> tensor<64x64xbf16>
// CHECK:         %[[WIDE:.+]] = pock.cast %[[F]] : (tensor<64x64xbf16>) -> tensor<64x64xf32>
// CHECK:         pock.add %[[A]], %[[WIDE]]
// CHECK:         %[[NARROW:.+]] = pock.cast %{{.+}} : (tensor<64x64xf32>) -> tensor<64x64xbf16>
// CHECK:         return %[[NARROW]]
// CHECK-LABEL: func.func private @second(
// CHECK:         pock.cast %{{.+}} : (tensor<4096xbf16>) -> tensor<4096xf32>
module attributes {pock.precision = "bf16"} {
  pock.param @frozen : tensor<64x64xf32>
  pock.param @trained {trained} : tensor<64x64xf32>
  pock.param @small : tensor<64xf32>
  func.func @step(%x: tensor<64x64xf32>) -> tensor<64x64xf32> {
    %f = pock.load_param @frozen : tensor<64x64xf32>
    %t = pock.load_param @trained : tensor<64x64xf32>
    %s = pock.load_param @small : tensor<64xf32>
    %e = tensor.empty() : tensor<64x64xf32>
    %y = pock.launch @first ins(%x, %f, %t, %s : tensor<64x64xf32>, tensor<64x64xf32>, tensor<64x64xf32>, tensor<64xf32>) outs(%e : tensor<64x64xf32>) -> tensor<64x64xf32>
    %v = pock.reshape %y : (tensor<64x64xf32>) -> tensor<4096xf32>
    %e2 = tensor.empty() : tensor<64x64xf32>
    %z = pock.launch @second ins(%v : tensor<4096xf32>) outs(%e2 : tensor<64x64xf32>) -> tensor<64x64xf32>
    return %z : tensor<64x64xf32>
  }
  func.func private @first(%a: tensor<64x64xf32>, %f: tensor<64x64xf32>, %t: tensor<64x64xf32>, %s: tensor<64xf32>, %out: tensor<64x64xf32> {bufferization.writable = true}) -> tensor<64x64xf32> attributes {pock.kernel} {
    %0 = pock.add %a, %f : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    %1 = pock.add %0, %t : (tensor<64x64xf32>, tensor<64x64xf32>) -> tensor<64x64xf32>
    %2 = pock.add %1, %s : (tensor<64x64xf32>, tensor<64xf32>) -> tensor<64x64xf32>
    return %2 : tensor<64x64xf32>
  }
  func.func private @second(%a: tensor<4096xf32>, %out: tensor<64x64xf32> {bufferization.writable = true}) -> tensor<64x64xf32> attributes {pock.kernel} {
    %0 = pock.reshape %a : (tensor<4096xf32>) -> tensor<64x64xf32>
    %1 = pock.relu %0 : (tensor<64x64xf32>) -> tensor<64x64xf32>
    return %1 : tensor<64x64xf32>
  }
}

// -----

// As f16, only what is computed before the loss, the first result: gradients are
// below the range of f16.

// CHECK-LABEL: func.func @halves(
// CHECK:         %[[Y:.+]] = pock.launch @forward {{.*}} -> tensor<64x64xf16>
// CHECK:         %[[LOSS:.+]] = pock.launch @sum ins(%[[Y]] : tensor<64x64xf16>)
// CHECK:         %[[G:.+]] = pock.launch @backward ins(%[[Y]] : tensor<64x64xf16>) {{.*}} -> tensor<64x64xf32>
// CHECK:         pock.launch @update ins(%[[G]] : tensor<64x64xf32>)
// CHECK:       func.func private @forward(
// CHECK:         pock.cast %{{.+}} : (tensor<64x64xf32>) -> tensor<64x64xf16>
module attributes {pock.precision = "f16"} {
  func.func @halves(%x: tensor<64x64xf32>) -> (tensor<f32>, tensor<64x64xf32>) {
    %e = tensor.empty() : tensor<64x64xf32>
    %y = pock.launch @forward ins(%x : tensor<64x64xf32>) outs(%e : tensor<64x64xf32>) -> tensor<64x64xf32>
    %e1 = tensor.empty() : tensor<f32>
    %loss = pock.launch @sum ins(%y : tensor<64x64xf32>) outs(%e1 : tensor<f32>) -> tensor<f32>
    %e2 = tensor.empty() : tensor<64x64xf32>
    %g = pock.launch @backward ins(%y : tensor<64x64xf32>) outs(%e2 : tensor<64x64xf32>) -> tensor<64x64xf32>
    %e3 = tensor.empty() : tensor<64x64xf32>
    %z = pock.launch @update ins(%g : tensor<64x64xf32>) outs(%e3 : tensor<64x64xf32>) -> tensor<64x64xf32>
    return %loss, %z : tensor<f32>, tensor<64x64xf32>
  }
  func.func private @forward(%a: tensor<64x64xf32>, %out: tensor<64x64xf32> {bufferization.writable = true}) -> tensor<64x64xf32> attributes {pock.kernel} {
    %0 = pock.exp %a : (tensor<64x64xf32>) -> tensor<64x64xf32>
    return %0 : tensor<64x64xf32>
  }
  func.func private @sum(%a: tensor<64x64xf32>, %out: tensor<f32> {bufferization.writable = true}) -> tensor<f32> attributes {pock.kernel} {
    %0 = pock.sum %a {dims = array<i64: 0, 1>} : (tensor<64x64xf32>) -> tensor<f32>
    return %0 : tensor<f32>
  }
  func.func private @backward(%a: tensor<64x64xf32>, %out: tensor<64x64xf32> {bufferization.writable = true}) -> tensor<64x64xf32> attributes {pock.kernel} {
    %0 = pock.neg %a : (tensor<64x64xf32>) -> tensor<64x64xf32>
    return %0 : tensor<64x64xf32>
  }
  func.func private @update(%a: tensor<64x64xf32>, %out: tensor<64x64xf32> {bufferization.writable = true}) -> tensor<64x64xf32> attributes {pock.kernel} {
    %0 = pock.relu %a : (tensor<64x64xf32>) -> tensor<64x64xf32>
    return %0 : tensor<64x64xf32>
  }
}

// -----

// Nothing is asked for.

// CHECK-LABEL: module attributes {pock.precision = "f32"}
// CHECK-NOT: bf16
module attributes {pock.precision = "f32"} {
  func.func @step(%x: tensor<64x64xf32>) -> tensor<64x64xf32> {
    %e = tensor.empty() : tensor<64x64xf32>
    %y = pock.launch @k ins(%x : tensor<64x64xf32>) outs(%e : tensor<64x64xf32>) -> tensor<64x64xf32>
    %z = pock.launch @k ins(%y : tensor<64x64xf32>) outs(%e : tensor<64x64xf32>) -> tensor<64x64xf32>
    return %z : tensor<64x64xf32>
  }
  func.func private @k(%a: tensor<64x64xf32>, %out: tensor<64x64xf32> {bufferization.writable = true}) -> tensor<64x64xf32> attributes {pock.kernel} {
    %1 = pock.relu %a : (tensor<64x64xf32>) -> tensor<64x64xf32>
    return %1 : tensor<64x64xf32>
  }
}

// -----

// expected-error @below {{expected 'pock.precision' to be "f32", "bf16" or "f16", but got "f64"}}
module attributes {pock.precision = "f64"} {
}
