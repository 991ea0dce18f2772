// RUN: pock-opt %s --pock-profile-launches --split-input-file --verify-diagnostics

func.func private @k(tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
func.func @launch_on_tensors(%x: tensor<4xf32>, %o: tensor<4xf32>) {
  // expected-error @below {{expected buffers (pock-plan-memory)}}
  %r = pock.launch @k ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// expected-error @below {{expected a 64-bit target to profile, but got 'index_bits' = 32}}
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabi", index_bits = 32>} {
  func.func private @k(memref<4xf32>) attributes {pock.kernel}
  func.func @step(%x: memref<4xf32>) {
    pock.launch @k ins() outs(%x : memref<4xf32>)
    return
  }
}
