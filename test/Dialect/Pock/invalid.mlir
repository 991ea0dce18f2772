// RUN: pock-opt %s --split-input-file --verify-diagnostics

// Parameters, updates, launches and module attributes. Constraints of the other
// ops: <family>-invalid.mlir.

// param_c1
// expected-error @below {{expected a tensor of static shape, but got 'tensor<?x4xf32>'}}
pock.param @dynamic : tensor<?x4xf32>

// -----

// param_c1
// expected-error @below {{expected a tensor of static shape, but got 'f32'}}
pock.param @scalar : f32

// -----

// param_c2
// expected-error @below {{expected only a parameter of floating-point type, or with a quantization, to be trained, but got kind buffer and type 'tensor<4xf32>'}}
pock.param @buffer {kind = #pock.kind<buffer>, trained} : tensor<4xf32>

// -----

// param_c2
// expected-error @below {{expected only a parameter of floating-point type, or with a quantization, to be trained, but got kind parameter and type 'tensor<4xi64>'}}
pock.param @integer {trained} : tensor<4xi64>

// -----

// param_c3
// expected-error @below {{expected a parameter with a slice to be trained}}
pock.param @frozen_slice {slice = #pock.slice<axis = 0, size = 2>} : tensor<4xf32>

// -----

// param_c3
// expected-error @below {{expected a slice within 'tensor<4xf32>', but got #pock.slice<axis = 1, size = 2>}}
pock.param @slice_axis {slice = #pock.slice<axis = 1, size = 2>, trained} : tensor<4xf32>

// -----

// param_c3
// expected-error @below {{expected a slice within 'tensor<4xf32>', but got #pock.slice<axis = 0, size = 5>}}
pock.param @slice_too_large {slice = #pock.slice<axis = 0, size = 5>, trained} : tensor<4xf32>

// -----

// param_c3
// expected-error @below {{expected a slice within 'tensor<4xf32>', but got #pock.slice<axis = 0, size = 0>}}
pock.param @slice_empty {slice = #pock.slice<axis = 0, size = 0>, trained} : tensor<4xf32>

// -----

// param_c9
// expected-error @below {{expected a rest to be of a parameter}}
pock.param @w.rest {kind = #pock.kind<rest>} : tensor<4x6xf32>

// -----

// param_c9
// expected-error @below {{expected 'w' to be a pock.param}}
pock.param @w.rest {kind = #pock.kind<rest>, of = @w} : tensor<4x6xf32>

// -----

// param_c9
// expected-note @below {{declared here}}
pock.param @w {trained} : tensor<4x2xf32>
// expected-error @below {{expected 'w' to be a slice that 'tensor<4x6xf32>' continues}}
pock.param @w.rest {kind = #pock.kind<rest>, of = @w} : tensor<4x6xf32>

// -----

// param_c9: the whole is stored, not only the slice
// expected-note @below {{declared here}}
pock.param @w {trained, slice = #pock.slice<axis = 1, size = 2>} : tensor<4x8xf32>
// expected-error @below {{expected 'w' to be a slice that 'tensor<4x6xf32>' continues}}
pock.param @w.rest {kind = #pock.kind<rest>, of = @w} : tensor<4x6xf32>

// -----

// param_c9
// expected-note @below {{declared here}}
pock.param @w {trained, slice = #pock.slice<axis = 1, size = 2>} : tensor<4x2xf32>
// expected-error @below {{expected 'w' to be a slice that 'tensor<3x6xf32>' continues}}
pock.param @w.rest {kind = #pock.kind<rest>, of = @w} : tensor<3x6xf32>

// -----

// param_c4
// expected-error @below {{expected a permutation of 2 dimensions}}
pock.param @permutation {permutation = array<i64: 0, 0>} : tensor<4x2xf32>

// -----

// param_c4
// expected-error @below {{expected a permutation of 2 dimensions}}
pock.param @permutation_rank {permutation = array<i64: 0>} : tensor<4x2xf32>

// -----

func.func @load_param_c1_unknown() {
  // expected-error @below {{expected 'w' to be a pock.param}}
  %w = pock.load_param @w : tensor<4xf32>
  return
}

// -----

func.func @load_param_c1_of_function() {
  // expected-error @below {{expected 'load_param_c1_of_function' to be a pock.param}}
  %w = pock.load_param @load_param_c1_of_function : tensor<4xf32>
  return
}

// -----

// expected-note @below {{declared here}}
pock.param @w : tensor<4xf32>
func.func @load_param_c1_type() {
  // expected-error @below {{expected the parameter's type 'tensor<4xf32>', but got 'tensor<3xf32>'}}
  %w = pock.load_param @w : tensor<3xf32>
  return
}

// -----

// expected-note @below {{declared here}}
pock.param @w : tensor<4xf32>
func.func @store_param_c1(%x: tensor<3xf32>) {
  // expected-error @below {{expected the parameter's type 'tensor<4xf32>', but got 'tensor<3xf32>'}}
  pock.store_param @w, %x : tensor<3xf32>
  return
}

// -----

pock.param @w : tensor<4xf32>
func.func @store_param_c2(%x: tensor<4xf32>) {
  // expected-note @below {{stored here before}}
  pock.store_param @w, %x : tensor<4xf32>
  // expected-error @below {{expected one store of 'w' in a function}}
  pock.store_param @w, %x : tensor<4xf32>
  return
}

// -----

pock.param @w : tensor<4xf32>
func.func @sparse_update_c1_frozen(%g: tensor<4xf32>, %lr: tensor<f32>) {
  // expected-error @below {{expected 'w' to be trained}}
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
    pock.yield %g : tensor<4xf32>
  } : tensor<f32>
  return
}

// -----

func.func @sparse_update_c1_unknown(%g: tensor<4xf32>, %lr: tensor<f32>) {
  // expected-error @below {{expected 'w' to be a pock.param}}
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
    pock.yield %g : tensor<4xf32>
  } : tensor<f32>
  return
}

// -----

// expected-note @below {{declared here}}
pock.param @w {slice = #pock.slice<axis = 1, size = 3>, trained} : tensor<4x8xf32>
func.func @sparse_update_c2(%g: tensor<4x8xf32>, %lr: tensor<f32>) {
  // expected-error @below {{expected a gradient of type 'tensor<4x3xf32>', but got 'tensor<4x8xf32>'}}
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
    pock.yield %g : tensor<4x8xf32>
  } : tensor<f32>
  return
}

// -----

pock.param @w {trained} : tensor<4xf32>
func.func @sparse_update_region_arguments(%g: tensor<4xf32>, %lr: tensor<f32>) {
  // expected-error @below {{expected a region without arguments that ends in pock.yield}}
  pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
  ^bb0(%arg: tensor<4xf32>):
    pock.yield %arg : tensor<4xf32>
  } : tensor<f32>
  return
}

// -----

pock.param @w {trained} : tensor<4xf32>
func.func @sparse_update_optimizer(%g: tensor<4xf32>, %lr: tensor<f32>) {
  // expected-error @below {{invalid kind of attribute specified}}
  pock.sparse_update @w lr(%lr) optimizer(#pock.slice<axis = 0, size = 1>) {
    pock.yield %g : tensor<4xf32>
  } : tensor<f32>
  return
}

// -----

func.func @yield_outside_update(%g: tensor<4xf32>) {
  // expected-error @below {{expects parent op 'pock.sparse_update'}}
  pock.yield %g : tensor<4xf32>
}

// -----

func.func @launch_c1_unknown(%x: tensor<4xf32>) {
  // expected-error @below {{expected 'k' to be a function}}
  %r = pock.launch @k ins() outs(%x : tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

// expected-note @below {{declared here}}
func.func private @k(tensor<4xf32>) -> tensor<4xf32>
func.func @launch_c1_arguments(%x: tensor<4xf32>) {
  // expected-error @below {{expected ins and outs to be the arguments of 'k'}}
  %r = pock.launch @k ins(%x : tensor<4xf32>) outs(%x : tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func private @k(tensor<4xf32>) -> tensor<4xf32>
func.func @launch_c2_tensors(%x: tensor<4xf32>) {
  // expected-error @below {{expected one result of the type of each outs operand on tensors, none on buffers}}
  pock.launch @k ins() outs(%x : tensor<4xf32>)
  return
}

// -----

func.func private @k(memref<4xf32>)
func.func @launch_c2_buffers(%x: memref<4xf32>) {
  // expected-error @below {{expected one result of the type of each outs operand on tensors, none on buffers}}
  %r = pock.launch @k ins() outs(%x : memref<4xf32>) -> memref<4xf32>
  return
}

// -----

func.func private @k(tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>>

func.func @launch_c3(%x: tensor<4xcomplex<f32>>) {
  // expected-error @below {{expected elements to be integers of up to 64 bits, f16, bf16, f32, f64 or index, but got 'tensor<4xcomplex<f32>>'}}
  %r = pock.launch @k ins() outs(%x : tensor<4xcomplex<f32>>) -> tensor<4xcomplex<f32>>
  return
}

// -----

// expected-error @below {{expected the fraction of 'w' in 'pock.scheme' to be a floating-point number from 0 to 1, but got 1 : i64}}
module attributes {pock.scheme = {w = 1}} {}

// -----

// expected-error @below {{expected the fraction of 'w' in 'pock.scheme' to be a floating-point number from 0 to 1, but got 0x7FF8000000000000 : f64}}
module attributes {pock.scheme = {w = 0x7FF8000000000000 : f64}} {}

// -----

func.func @padded_view_c1_rank(%x: memref<4x8xf32>) {
  // expected-error @below {{expected "low" to have 2 entries, none negative, but got [1]}}
  %p = pock.padded_view %x {low = array<i64: 1>, high = array<i64: 0, 0>} : memref<4x8xf32> to memref<5x8xf32, strided<[8, 1], offset: ?>>
  return
}

// -----

func.func @padded_view_c1_negative(%x: memref<4x8xf32>) {
  // expected-error @below {{expected "high" to have 2 entries, none negative, but got [0, -1]}}
  %p = pock.padded_view %x {low = array<i64: 0, 0>, high = array<i64: 0, -1>} : memref<4x8xf32> to memref<4x7xf32, strided<[8, 1], offset: ?>>
  return
}

// -----

func.func @padded_view_c2_result(%x: memref<4x8xf32>) {
  // expected-error @below {{expected a result of type 'memref<5x8xf32, strided<[8, 1], offset: ?>>', but got 'memref<5x8xf32>'}}
  %p = pock.padded_view %x {low = array<i64: 1, 0>, high = array<i64: 0, 0>} : memref<4x8xf32> to memref<5x8xf32>
  return
}

// -----

func.func @group_view_c1_odd(%x: memref<4x7xbf16>) {
  // expected-error @below {{expected a contiguous source whose last dimension is a multiple of 2, but got 'memref<4x7xbf16>'}}
  %p = pock.group_view %x : memref<4x7xbf16> to memref<4x3xi32>
  return
}

// -----

func.func @group_view_c1_strided(%x: memref<4x8xbf16, strided<[16, 1]>>) {
  // expected-error @below {{expected a contiguous source whose last dimension is a multiple of 2}}
  %p = pock.group_view %x : memref<4x8xbf16, strided<[16, 1]>> to memref<4x4xi32>
  return
}

// -----

func.func @group_view_c2_result(%x: memref<4x8xbf16>) {
  // expected-error @below {{expected a result of type 'memref<4x4xi32>', but got 'memref<4x8xi32>'}}
  %p = pock.group_view %x : memref<4x8xbf16> to memref<4x8xi32>
  return
}

// -----

func.func @dot_types(%s: f32, %x: i32, %w: vector<4xi32>) {
  // expected-error @below {{op failed to verify that all of {lhs, rhs} have same type}}
  %r = "pock.dot"(%s, %x, %w) {lhsElement = bf16, rhsElement = bf16} : (f32, i32, vector<4xi32>) -> f32
  return
}

// -----

func.func @dot_lanes(%s: vector<8xf32>, %x: vector<4xi32>) {
  // expected-error @below {{all non-scalar operands/results must have the same shape and base type}}
  %r = pock.dot %s, %x, %x of bf16, bf16 : vector<8xf32>, vector<4xi32>
  return
}

// -----

module {
  module {
    // expected-error @below {{expected a parameter in the outermost module}}
    pock.param @param_c5_nested : tensor<4xf32>
  }
}

// -----

// expected-error @below {{expected less than 2^46 bytes, but got 'tensor<3x9223372036854775807xf32>'}}
pock.param @param_c6_huge : tensor<3x9223372036854775807xf32>

// -----

// expected-error @below {{expected elements to be integers of up to 64 bits, f16, bf16, f32, f64 or index, but got 'tensor<4xcomplex<f32>>'}}
pock.param @param_c6_complex : tensor<4xcomplex<f32>>

// -----

pock.param @w {trained, slice = #pock.slice<axis = 0, size = 2>} : tensor<4xf32>
// expected-note @below {{declared here}}
pock.param @w.grad {kind = #pock.kind<state>, of = @w} : tensor<2xi32>
func.func @sparse_update_c3_state(%g: tensor<2xf32>, %lr: tensor<f32>) {
  // expected-error @below {{expected the optimizer state 'w.grad' to be of type 'tensor<2xf32>', but got 'tensor<2xi32>'}}
  pock.sparse_update @w lr(%lr) optimizer(#pock.accumulate) {
    pock.yield %g : tensor<2xf32>
  } : tensor<f32>
  return
}

// -----

module {
  module {
    // expected-error @below {{expected a kernel in the outermost module}}
    func.func private @kernel_nested(%x: memref<4xf32>, %out: memref<4xf32>) attributes {pock.kernel}
  }
}

// -----

// expected-error @below {{expected elements to be integers of up to 64 bits, f16, bf16, f32, f64 or index, but got 'memref<8xcomplex<f32>>'}}
func.func private @kernel_argument(%x: memref<8xcomplex<f32>>) attributes {pock.kernel}

// -----

func.func private @kernel_value() attributes {pock.kernel} {
  // expected-error @below {{expected less than 2^46 bytes, but got 'memref<4611686018427387904x4xf32>'}}
  %a = memref.alloc() : memref<4611686018427387904x4xf32>
  return
}

// -----

func.func private @k(%x: tensor<4xf32>)
func.func @launch_operand(%x: tensor<4xi128>, %out: tensor<4xf32>) {
  // expected-error @below {{expected elements to be integers of up to 64 bits, f16, bf16, f32, f64 or index, but got 'tensor<4xi128>'}}
  %0 = pock.launch @k ins(%x : tensor<4xi128>) outs(%out : tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @fail_if_c1(%flag: tensor<i1>) {
  // expected-error @below {{expected a range of two numbers, the first less than the second}}
  pock.fail_if %flag {kind = "index", by = "op", expected = "none", range = array<i64: 4, 4>} : tensor<i1>
  return
}

// -----

// expected-error @below {{expected the results of a kernel to be tensors}}
func.func private @kernel_returns_buffer(%out: memref<4xf32>) -> memref<4xf32> attributes {pock.kernel}

// -----

func.func @dot_c1_no_sign(%s: i32, %x: i32) {
  // expected-error @below {{expected elements of bf16, or of 8 or 16 bits with a sign (si8, ui8), but got 'i8'}}
  %r = pock.dot %s, %x, %x of i8, i8 : i32, i32
  return
}

// -----

func.func @dot_c1_widths(%s: i32, %x: i32) {
  // expected-error @below {{expected elements of one width and kind, but got 'ui8' and 'si16'}}
  %r = pock.dot %s, %x, %x of ui8, si16 : i32, i32
  return
}

// -----

func.func @dot_c2_sum(%s: f32, %x: i32) {
  // expected-error @below {{expected a sum in i32, but got 'f32'}}
  %r = pock.dot %s, %x, %x of si8, si8 : f32, i32
  return
}

// -----

func.func @load_word_c1(%x: memref<8xi8>, %i: index) {
  // expected-error @below {{expected 'bytes' between 1 and 4, but got 5}}
  %w = pock.load_word %x[%i] {bytes = 5 : i64} : memref<8xi8>
  return
}

// -----

func.func @dot_quads_c1(%s: i32, %a: memref<8xi32>, %w: memref<8xi8>, %i: index) {
  // expected-error @below {{expected 1 to 4 sums and as many results, but got 1 and 2}}
  %r:2 = pock.dot_quads %a[%i], %w[%i] from (%s) {terms = 4 : i64} : memref<8xi32>, memref<8xi8> -> i32, i32
  return
}

// -----

func.func @dot_quads_c2(%s: i32, %a: memref<8xi32>, %w: memref<8xi8>, %i: index) {
  // expected-error @below {{expected 'terms' to be positive, but got 0}}
  %r = pock.dot_quads %a[%i], %w[%i] from (%s) {terms = 0 : i64} : memref<8xi32>, memref<8xi8> -> i32
  return
}
