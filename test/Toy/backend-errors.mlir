// RUN: toy-opt %s --pock-plan-pipeline --split-input-file --verify-diagnostics

// What the limits of a back end exclude is refused by the passes that all share.

// expected-error @below {{no back end for the target 'nvptx64-nvidia-cuda' (cpu: expected a triple of an x86, Arm, AArch64 or RISC-V processor, but got 'nvptx64-nvidia-cuda'; vulkan: expected the triple 'spirv-unknown-vulkan', but got 'nvptx64-nvidia-cuda'; toy: expected a triple that begins with 'toy')}}
module attributes {pock.target = #pock.target<triple = "nvptx64-nvidia-cuda">} {
}

// -----

module attributes {pock.target = #pock.target<triple = "toy">} {
  func.func private @doubles(%x: tensor<8xf64>, %out: tensor<8xf64>) -> tensor<8xf64> attributes {pock.kernel} {
    // expected-error @below {{the back end 'toy' does not compute with elements of 'f64'}}
    %0 = pock.add %x, %x : (tensor<8xf64>, tensor<8xf64>) -> tensor<8xf64>
    return %0 : tensor<8xf64>
  }
}

// -----

module attributes {pock.target = #pock.target<triple = "toy">} {
  // expected-error @below {{has 4 buffers, but a kernel of the back end 'toy' has at most 3}}
  func.func private @many(%x: tensor<8xf32>, %y: tensor<8xf32>, %z: tensor<8xf32>, %out: tensor<8xf32>) -> tensor<8xf32> attributes {pock.kernel} {
    %0 = pock.add %x, %y : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    %1 = pock.add %0, %z : (tensor<8xf32>, tensor<8xf32>) -> tensor<8xf32>
    return %1 : tensor<8xf32>
  }
}

// -----

// expected-error @below {{the segment 'constants' needs 8192 bytes, but the target has at most 4096}}
module attributes {pock.target = #pock.target<triple = "toy">} {
  pock.param @w : tensor<2048xf32>
}
