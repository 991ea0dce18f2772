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

func.func private @gather(%table: memref<9xf32>, %indices: memref<4xi32>, %out: memref<4xf32>) attributes {pock.kernel} {
  // expected-error @below {{reads memory at computed places, which a shader cannot do}}
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%out : memref<4xf32>) {
  ^bb0(%old: f32):
    %i = linalg.index 0 : index
    %word = memref.load %indices[%i] : memref<4xi32>
    %place = arith.index_cast %word : i32 to index
    %value = memref.load %table[%place] : memref<9xf32>
    linalg.yield %value : f32
  }
  return
}
