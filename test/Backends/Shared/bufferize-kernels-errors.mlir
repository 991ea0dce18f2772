// RUN: pock-opt %s --pock-bufferize-kernels --split-input-file --verify-diagnostics

// expected-error @below {{expected static shapes in a kernel}}
func.func private @dynamic(%x: tensor<?xf32>, %out: tensor<?xf32>) -> tensor<?xf32> attributes {pock.kernel} {
  return %x : tensor<?xf32>
}

// -----

// expected-error @below {{expected one out argument per result, but got 0 arguments and 1 results}}
func.func private @no_out() -> tensor<8xf32> attributes {pock.kernel} {
  %x = tensor.empty() : tensor<8xf32>
  return %x : tensor<8xf32>
}

// -----

// expected-error @below {{expected out argument 0 to have the type of its result, 'tensor<8xf32>'}}
func.func private @wrong_out(%x: tensor<8xf32>, %out: tensor<4xf32>) -> tensor<8xf32> attributes {pock.kernel} {
  return %x : tensor<8xf32>
}
