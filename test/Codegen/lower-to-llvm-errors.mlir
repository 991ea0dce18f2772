// RUN: pock-opt %s --pock-lower-to-llvm --split-input-file --verify-diagnostics

func.func @unplanned() -> f32 {
  %c0 = arith.constant 0 : index
  // expected-error @below {{failed to legalize operation 'memref.alloc'}}
  %a = memref.alloc() : memref<8xf32>
  %v = memref.load %a[%c0] : memref<8xf32>
  return %v : f32
}

// -----

// expected-error @below {{no LLVM back end for the triple 'pdp11-none-none'}}
module attributes {pock.target = {triple = "pdp11-none-none"}} {
}
