// RUN: pock-opt %s --pock-form-dispatches --split-input-file --verify-diagnostics

func.func private @loop(%x: memref<4xf32>) attributes {pock.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0.0 : f32
  // expected-error @below {{cannot be computed by a shader}}
  scf.for %i = %c0 to %c4 step %c1 {
    memref.store %zero, %x[%i] : memref<4xf32>
  }
  return
}

// -----

func.func private @part(%table: memref<9xf32>, %at: index, %out: memref<4xf32>) attributes {pock.kernel} {
  %part = memref.subview %table[%at] [3] [1] : memref<9xf32> to memref<3xf32, strided<[1], offset: ?>>
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%out : memref<4xf32>) {
  ^bb0(%old: f32):
    %i = linalg.index 0 : index
    // expected-error @below {{reads a part of a buffer that begins at a computed place, which a shader cannot do}}
    %value = memref.load %part[%i] : memref<3xf32, strided<[1], offset: ?>>
    linalg.yield %value : f32
  }
  return
}
