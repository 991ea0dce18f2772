// RUN: pock-opt %s -verify-diagnostics '--pass-pipeline=builtin.module(func.func(convert-pock-to-linalg))'

// The operands have a legal size, but the bytes of a matrix of scores do not fit
// into 64 bits.
module attributes {pock.target = #pock.target<vector_bytes = 64, l2_bytes = 98304, threads = 0>} {
  func.func @scores_of_many_bytes(%q: tensor<2x4x4294967296x8xf32>, %k: tensor<2x4x4294967296x8xf32>, %v: tensor<2x4x4294967296x8xf32>,
                                  %out: tensor<2x4x4294967296x8xf32>, %out_lse: tensor<2x4x4294967296x1xf32>)
      -> (tensor<2x4x4294967296x8xf32>, tensor<2x4x4294967296x1xf32>) attributes {pock.kernel} {
    // expected-error @below {{expected less than 2^46 bytes, but got 'tensor<4294967296x4294967296xf32>'}}
    %o, %lse = pock.attention %q, %k, %v {scale = 1.0 : f64}
        : (tensor<2x4x4294967296x8xf32>, tensor<2x4x4294967296x8xf32>, tensor<2x4x4294967296x8xf32>) -> (tensor<2x4x4294967296x8xf32>, tensor<2x4x4294967296x1xf32>)
    return %o, %lse : tensor<2x4x4294967296x8xf32>, tensor<2x4x4294967296x1xf32>
  }
}
