// RUN: pock-opt %s --pock-form-dispatches --split-input-file --verify-diagnostics

func.func private @loop(%x: memref<4xf32>) attributes {pock.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c4 = arith.constant 4 : index
  %zero = arith.constant 0.0 : f32
  scf.for %i = %c0 to %c4 step %c1 {
    // expected-error @below {{cannot be computed by a shader}}
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

// -----

// A thread would read what another has written in the iteration before.

func.func private @neighbours(%x: memref<8x4xf32>) attributes {pock.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  // expected-error @below {{cannot be computed by a shader}}
  scf.for %i = %c0 to %c7 step %c1 {
    %from = memref.subview %x[%i, 0] [1, 3] [1, 1] : memref<8x4xf32> to memref<3xf32, strided<[1], offset: ?>>
    %next = arith.addi %i, %c1 : index
    %to = memref.subview %x[%next, 1] [1, 3] [1, 1] : memref<8x4xf32> to memref<3xf32, strided<[1], offset: ?>>
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
        ins(%from : memref<3xf32, strided<[1], offset: ?>>) outs(%to : memref<3xf32, strided<[1], offset: ?>>) {
    ^bb0(%a: f32, %old: f32):
      linalg.yield %a : f32
    }
  }
  return
}

// -----

// The part that the loop selects has the points of all threads in it.

func.func private @overlap(%x: memref<64xf32>, %y: memref<8xf32>) attributes {pock.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c7 = arith.constant 7 : index
  // expected-error @below {{cannot be computed by a shader}}
  scf.for %i = %c0 to %c7 step %c1 {
    %to = memref.subview %x[%i] [8] [1] : memref<64xf32> to memref<8xf32, strided<[1], offset: ?>>
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
        ins(%y : memref<8xf32>) outs(%to : memref<8xf32, strided<[1], offset: ?>>) {
    ^bb0(%a: f32, %old: f32):
      %s = arith.addf %a, %old : f32
      linalg.yield %s : f32
    }
  }
  return
}

// -----

// Threads would have to wait for each other between the nests.

func.func private @two(%x: memref<8x4xf32>, %y: memref<4xf32>, %z: memref<f32>) attributes {pock.kernel} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  // expected-error @below {{cannot be computed by a shader}}
  scf.for %i = %c0 to %c8 step %c1 {
    %row = memref.subview %x[%i, 0] [1, 4] [1, 1] : memref<8x4xf32> to memref<4xf32, strided<[1], offset: ?>>
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> (i)>], iterator_types = ["parallel"]}
        ins(%row : memref<4xf32, strided<[1], offset: ?>>) outs(%y : memref<4xf32>) {
    ^bb0(%a: f32, %old: f32):
      %s = arith.addf %a, %old : f32
      linalg.yield %s : f32
    }
    linalg.generic {indexing_maps = [affine_map<(i) -> (i)>, affine_map<(i) -> ()>], iterator_types = ["reduction"]}
        ins(%y : memref<4xf32>) outs(%z : memref<f32>) {
    ^bb0(%a: f32, %old: f32):
      %s = arith.addf %a, %old : f32
      linalg.yield %s : f32
    }
  }
  return
}

// -----

// No device of the row has so large a buffer.

func.func @step(%x: memref<33554436xf32>) {
  // expected-error @below {{a buffer of 'negate' has 134217744 bytes, but devices of the target allow 134217728}}
  pock.launch @negate ins() outs(%x : memref<33554436xf32>)
  return
}
func.func private @negate(%x: memref<33554436xf32>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [affine_map<(i) -> (i)>], iterator_types = ["parallel"]} outs(%x : memref<33554436xf32>) {
  ^bb0(%a: f32):
    %0 = arith.negf %a : f32
    linalg.yield %0 : f32
  }
  return
}
