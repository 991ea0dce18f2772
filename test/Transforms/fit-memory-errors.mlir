// RUN: pock-opt %s --pock-fit-memory --split-input-file --verify-diagnostics

// expected-error @below {{expected 'pock.memory_limit' to be a number of bytes, but got "64K"}}
module attributes {pock.memory_limit = "64K"} {
}

// -----

// expected-error @below {{expected 'pock.memory_limit' to be a number of bytes, but got -1 : i64}}
module attributes {pock.memory_limit = -1 : i64} {
}

// -----

// The weights alone are too many; the arena cannot be smaller than the one value
// that lives in it, with the workspace of the kernel that makes it.

// expected-error @below {{memory limit of 100 bytes: the smallest that fits is 640 bytes: parameters and optimizer state 256, arena 384}}
module attributes {pock.memory_limit = 100 : i64} {
pock.param @w : tensor<64xf32>
func.func private @make(%in: memref<64xf32>, %out: memref<64xf32>, %scratch: memref<128xi8>)
    attributes {pock.kernel, pock.workspace = 128 : i64} {
  return
}
func.func private @shrink(%in: memref<64xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func @too_small() -> tensor<f32> {
  %w = pock.load_param @w : tensor<64xf32>
  %0 = tensor.empty() : tensor<64xf32>
  %1 = tensor.empty() : tensor<f32>
  // expected-note @unknown {{256 bytes of make in block.conv}}
  // expected-note @unknown {{128 bytes of workspace of make in block.conv}}
  %a = pock.launch @make ins(%w : tensor<64xf32>) outs(%0 : tensor<64xf32>) -> tensor<64xf32> loc("block.conv")
  %loss = pock.launch @shrink ins(%a : tensor<64xf32>) outs(%1 : tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}
}

// -----

// @make reads the old weight, which is overwritten before its second reader: it
// cannot run again.

// expected-error @below {{the smallest that fits is 1024 bytes: parameters and optimizer state 256, arena 768}}
module attributes {pock.memory_limit = 900 : i64} {
pock.param @w {trained} : tensor<64xf32>
func.func private @make(%in: memref<64xf32>, %out: memref<64xf32>) attributes {pock.kernel} {
  return
}
func.func private @grow(%in: memref<64xf32>, %out: memref<128xf32>) attributes {pock.kernel} {
  return
}
func.func private @shrink(%in: memref<64xf32>, %out: memref<4xf32>) attributes {pock.kernel} {
  return
}
func.func private @update(%in: memref<128xf32>, %w: memref<64xf32>) attributes {pock.kernel} {
  return
}
func.func private @join(%a: memref<64xf32>, %w: memref<64xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func @overwritten_by_then(%x: tensor<64xf32>) -> tensor<f32> {
  %w = pock.load_param @w : tensor<64xf32>
  %0 = tensor.empty() : tensor<64xf32>
  %1 = tensor.empty() : tensor<128xf32>
  %2 = tensor.empty() : tensor<f32>
  // expected-note @below {{256 bytes of make}}
  %a = pock.launch @make ins(%w : tensor<64xf32>) outs(%0 : tensor<64xf32>) -> tensor<64xf32>
  // expected-note @below {{512 bytes of grow}}
  %b = pock.launch @grow ins(%a : tensor<64xf32>) outs(%1 : tensor<128xf32>) -> tensor<128xf32>
  %new = pock.launch @update ins(%b : tensor<128xf32>) outs(%w : tensor<64xf32>) -> tensor<64xf32>
  %loss = pock.launch @join ins(%a, %new : tensor<64xf32>, tensor<64xf32>) outs(%2 : tensor<f32>) -> tensor<f32>
  pock.store_param @w, %new : tensor<64xf32>
  return %loss : tensor<f32>
}
}

// -----

module attributes {pock.memory_limit = 832 : i64} {
func.func private @join(%a: memref<64xf32>, %b: memref<128xf32>, %out: memref<f32>) attributes {pock.kernel} {
  return
}
func.func @read_unwritten(%b: tensor<128xf32>) -> tensor<f32> {
  %0 = tensor.empty() : tensor<64xf32>
  %1 = tensor.empty() : tensor<f32>
  // expected-error @below {{expected operands that are arguments, loaded, or written by a launch before}}
  %loss = pock.launch @join ins(%0, %b : tensor<64xf32>, tensor<128xf32>) outs(%1 : tensor<f32>) -> tensor<f32>
  return %loss : tensor<f32>
}
}
