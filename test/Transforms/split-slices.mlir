// RUN: pock-opt %s --pock-split-slices --split-input-file | FileCheck %s

// The rests are constants. Readers of the whole read both parts; states have the
// shape of the slice already.
// CHECK: pock.param @w {slice = #pock.slice<axis = 1, size = 2>, trained} : tensor<4x2xf32>
// CHECK-NEXT: pock.param @w.rest {kind = #pock.kind<rest>, of = @w} : tensor<4x6xf32>
// CHECK-NEXT: pock.param @w.momentum_buffer
// CHECK-NEXT: pock.param @v {slice = {{.+}}, trained} : tensor<2x8xf32>
// CHECK-NEXT: pock.param @v.rest {kind = #pock.kind<rest>, of = @v} : tensor<2x8xf32>
// CHECK-LABEL: func.func @whole(
// CHECK: %[[SLICE:.+]] = pock.load_param @w : tensor<4x2xf32>
// CHECK: %[[REST:.+]] = pock.load_param @w.rest : tensor<4x6xf32>
// CHECK: pock.exp
// CHECK-NEXT: %[[W:.+]] = pock.concat %[[SLICE]], %[[REST]] {dim = 1 : i64}
// CHECK-NEXT: pock.neg %[[W]]
// CHECK: pock.sparse_update @w
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabi", index_bits = 32>} {
  pock.param @w {trained, slice = #pock.slice<axis = 1, size = 2>} : tensor<4x8xf32>
  pock.param @w.momentum_buffer {kind = #pock.kind<state>, of = @w} : tensor<4x2xf32>
  pock.param @v {trained, slice = #pock.slice<axis = 0, size = 2>} : tensor<4x8xf32>
  func.func @whole(%x: tensor<f32>, %g: tensor<4x2xf32>, %lr: tensor<f32>, %scale: tensor<f32>) -> (tensor<f32>, tensor<4x8xf32>) {
    %w = pock.load_param @w : tensor<4x8xf32>
    %loss = pock.exp %x : (tensor<f32>) -> tensor<f32>
    %y = pock.neg %w : (tensor<4x8xf32>) -> tensor<4x8xf32>
    pock.sparse_update @w lr(%lr) shared(%scale : tensor<f32>) optimizer(#pock.sgd<momentum = 0.5>) {
      pock.yield %g : tensor<4x2xf32>
    } : tensor<f32>
    return %loss, %y : tensor<f32>, tensor<4x8xf32>
  }
}

// -----

// Storage and real numbers of a rest are those of the parameter. A view that
// moves dimensions of size one is a view of each part. A sum of integers over
// the dimension that is divided is two sums: that of the rest is a constant.
// CHECK: pock.param @w {permutation = array<i64: 1, 0>, quantization = [[Q:.+]], slice = {{.+}}, trained} : tensor<3x4xi8>
// CHECK-NEXT: pock.param @w.rest {kind = #pock.kind<rest>, of = @w, permutation = array<i64: 1, 0>, quantization = [[Q]]} : tensor<5x4xi8>
// CHECK-LABEL: func.func @sums(
// CHECK-DAG: %[[SLICE:.+]] = pock.load_param @w :
// CHECK-DAG: %[[REST:.+]] = pock.load_param @w.rest :
// CHECK-DAG: %[[A:.+]] = pock.reshape %[[SLICE]] : (tensor<3x4xi8>) -> tensor<1x3x4xi8>
// CHECK-DAG: %[[B:.+]] = pock.reshape %[[REST]] : (tensor<5x4xi8>) -> tensor<1x5x4xi8>
// CHECK: %[[WIDE_A:.+]] = pock.cast %[[A]]
// CHECK: %[[SUM_A:.+]] = pock.sum %[[WIDE_A]] {dims = array<i64: 0, 1>}
// CHECK: %[[WIDE_B:.+]] = pock.cast %[[B]]
// CHECK: %[[SUM_B:.+]] = pock.sum %[[WIDE_B]] {dims = array<i64: 0, 1>}
// CHECK: %[[SUM:.+]] = pock.add %[[SUM_A]], %[[SUM_B]]
// CHECK-NOT: pock.concat
// CHECK: return %[[SUM]]
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabi", index_bits = 32>} {
  pock.param @w {permutation = array<i64: 1, 0>, quantization = #pock.quantization<scale = 0.5>, slice = #pock.slice<axis = 0, size = 3>, trained} : tensor<8x4xi8>
  pock.param @v {quantization = #pock.quantization<scale = 0.5>, slice = #pock.slice<axis = 0, size = 3>, trained} : tensor<8x4xi8>
  func.func @sums() -> tensor<4xi32> {
    %w = pock.load_param @w : tensor<8x4xi8>
    %view = pock.reshape %w : (tensor<8x4xi8>) -> tensor<1x8x4xi8>
    %wide = pock.cast %view : (tensor<1x8x4xi8>) -> tensor<1x8x4xi32>
    %sum = pock.sum %wide {dims = array<i64: 0, 1>} : (tensor<1x8x4xi32>) -> tensor<4xi32>
    return %sum : tensor<4xi32>
  }
}

// -----

// A sum of integers within each entry of the dimension is two sums, side by side.
// Sums of floats, and views that mix the dimension with others, read the whole.
// CHECK-LABEL: func.func @other_readers(
// CHECK: %[[W:.+]] = pock.concat
// CHECK-NEXT: %[[F:.+]] = pock.cast %[[W]] : (tensor<8x4xbf16>) -> tensor<8x4xf32>
// CHECK-NEXT: pock.sum %[[F]] {dims = array<i64: 0>}
// CHECK: %[[A:.+]] = pock.sum %{{.+}} {dims = array<i64: 1>} : (tensor<3x4xi32>) -> tensor<3xi32>
// CHECK: %[[B:.+]] = pock.sum %{{.+}} {dims = array<i64: 1>} : (tensor<5x4xi32>) -> tensor<5xi32>
// CHECK: pock.concat %[[A]], %[[B]] {dim = 0 : i64} : (tensor<3xi32>, tensor<5xi32>) -> tensor<8xi32>
// CHECK: %[[U:.+]] = pock.concat
// CHECK-NEXT: pock.reshape %[[U]]
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabi", index_bits = 32>} {
  pock.param @w {slice = #pock.slice<axis = 0, size = 3>, trained} : tensor<8x4xbf16>
  pock.param @v {quantization = #pock.quantization<scale = 0.5>, slice = #pock.slice<axis = 0, size = 3>, trained} : tensor<8x4xi8>
  pock.param @u {slice = #pock.slice<axis = 0, size = 3>, trained} : tensor<8x4xbf16>
  func.func @other_readers() -> (tensor<4xf32>, tensor<8xi32>, tensor<16x2xbf16>) {
    %w = pock.load_param @w : tensor<8x4xbf16>
    %wide = pock.cast %w : (tensor<8x4xbf16>) -> tensor<8x4xf32>
    %sum = pock.sum %wide {dims = array<i64: 0>} : (tensor<8x4xf32>) -> tensor<4xf32>
    %v = pock.load_param @v : tensor<8x4xi8>
    %integers = pock.cast %v : (tensor<8x4xi8>) -> tensor<8x4xi32>
    %rows = pock.sum %integers {dims = array<i64: 1>} : (tensor<8x4xi32>) -> tensor<8xi32>
    %u = pock.load_param @u : tensor<8x4xbf16>
    %view = pock.reshape %u : (tensor<8x4xbf16>) -> tensor<16x2xbf16>
    return %sum, %rows, %view : tensor<4xf32>, tensor<8xi32>, tensor<16x2xbf16>
  }
}

// -----

// These stay in one piece: a parameter that trains as a whole, one that the
// model stores, one whose slice is the whole, one that a pass reads twice, and
// one whose copy is larger than what all rests save.
// CHECK-NOT: rest
// CHECK-NOT: pock.concat
module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabi", index_bits = 32>} {
  pock.param @all {trained} : tensor<4x8xf32>
  pock.param @stored {trained, slice = #pock.slice<axis = 1, size = 1>} : tensor<4x8xf32>
  pock.param @full {trained, slice = #pock.slice<axis = 1, size = 8>} : tensor<4x8xf32>
  pock.param @twice {trained, slice = #pock.slice<axis = 1, size = 1>} : tensor<4x8xf32>
  pock.param @half {trained, slice = #pock.slice<axis = 0, size = 2>} : tensor<4x8xf32>
  pock.param @large {trained, slice = #pock.slice<axis = 0, size = 4>} : tensor<8x8xf32>
  func.func @kept() -> (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) {
    %a = pock.load_param @all : tensor<4x8xf32>
    %f = pock.load_param @full : tensor<4x8xf32>
    pock.store_param @stored, %a : tensor<4x8xf32>
    %t = pock.load_param @twice : tensor<4x8xf32>
    %e = pock.exp %t : (tensor<4x8xf32>) -> tensor<4x8xf32>
    %y = pock.mul %e, %t : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    return %a, %f, %y : tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>
  }
}

// -----

// Constants of this machine are in RAM, too.
// CHECK: pock.param @w {{.*}} : tensor<4x8xf32>
// CHECK-NOT: rest
pock.param @w {trained, slice = #pock.slice<axis = 1, size = 2>} : tensor<4x8xf32>
pock.param @v {trained, slice = #pock.slice<axis = 1, size = 2>} : tensor<4x8xf32>
