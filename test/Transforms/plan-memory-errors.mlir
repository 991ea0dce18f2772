// RUN: pock-opt %s --pock-plan-memory --split-input-file --verify-diagnostics

func.func @op_outside_kernel(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{expected only launches, loads, stores and views (pock-form-kernels)}}
  %0 = pock.relu %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

pock.param @w {trained} : tensor<4xf32>
func.func private @k(memref<4xf32>, memref<4xf32>) attributes {pock.kernel}
func.func @old_value_read_too_late(%x: tensor<4xf32>) {
  %w = pock.load_param @w : tensor<4xf32>
  // expected-note @below {{overwritten here}}
  %0 = pock.launch @k ins(%x : tensor<4xf32>) outs(%w : tensor<4xf32>) -> tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  // expected-error @below {{reads the old value of 'w', which is overwritten}}
  %1 = pock.launch @k ins(%w : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  pock.store_param @w, %0 : tensor<4xf32>
  return
}

// -----

pock.param @w : tensor<4xf32>
func.func @stored_elsewhere(%x: tensor<4xf32>) {
  // expected-error @below {{expected the value to be written in place of the parameter (pock-form-kernels)}}
  pock.store_param @w, %x : tensor<4xf32>
  return
}

// -----

func.func @returned_unwritten(%x: tensor<16xf32>) -> tensor<f32> {
  %s = tensor.empty() : tensor<f32>
  // expected-error @below {{expected operands that are arguments, loaded, or written by a launch before}}
  return %s : tensor<f32>
}

// -----

func.func private @k(memref<4xf32>, memref<4xf32>) attributes {pock.kernel}
func.func @read_unwritten() -> tensor<4xf32> {
  %unwritten = tensor.empty() : tensor<4xf32>
  %e = tensor.empty() : tensor<4xf32>
  // expected-error @below {{expected operands that are arguments, loaded, or written by a launch before}}
  %0 = pock.launch @k ins(%unwritten : tensor<4xf32>) outs(%e : tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @view_of_unwritten() -> tensor<4x1xf32> {
  %unwritten = tensor.empty() : tensor<4xf32>
  // expected-error @below {{expected operands that are arguments, loaded, or written by a launch before}}
  %0 = pock.reshape %unwritten : (tensor<4xf32>) -> tensor<4x1xf32>
  return %0 : tensor<4x1xf32>
}

// -----

pock.param @w : tensor<4xf32>
func.func @stored_unwritten() {
  %unwritten = tensor.empty() : tensor<4xf32>
  // expected-error @below {{expected operands that are arguments, loaded, or written by a launch before}}
  pock.store_param @w, %unwritten : tensor<4xf32>
  return
}

// -----

pock.param @w {trained} : tensor<4xf32>
func.func private @k(memref<4xf32>, memref<4xf32>) attributes {pock.kernel}
func.func private @check(memref<4xf32>, memref<i1>) attributes {pock.kernel}
func.func @fails_behind_a_write(%x: tensor<4xf32>) {
  %w = pock.load_param @w : tensor<4xf32>
  // expected-note @below {{written here}}
  %0 = pock.launch @k ins(%x : tensor<4xf32>) outs(%w : tensor<4xf32>) -> tensor<4xf32>
  %e = tensor.empty() : tensor<i1>
  %1 = pock.launch @check ins(%x : tensor<4xf32>) outs(%e : tensor<i1>) -> tensor<i1>
  // expected-error @below {{comes too late: a parameter is written in front of it}}
  pock.fail_if %1 {kind = "index", by = "op", expected = "less"} : tensor<i1>
  pock.store_param @w, %0 : tensor<4xf32>
  return
}
