// RUN: pock-opt %s --pock-vectorize-kernels --split-input-file --verify-diagnostics

func.func private @unplaced(%x: memref<8xf32>) attributes {pock.kernel} {
  // expected-error @below {{temporary has no memory; run 'pock-place-scratch' before}}
  %a = memref.alloc() : memref<8xf32>
  %c0 = arith.constant 0 : index
  %v = memref.load %a[%c0] : memref<8xf32>
  memref.store %v, %x[%c0] : memref<8xf32>
  return
}

// -----

func.func private @border(%x: memref<8xf32>, %out: memref<10xf32>) attributes {pock.kernel} {
  // expected-error @below {{has a border without memory, which its reader does not leave out}}
  %pad = pock.padded_view %x {low = array<i64: 1>, high = array<i64: 1>} : memref<8xf32> to memref<10xf32, strided<[1], offset: ?>>
  linalg.copy ins(%pad : memref<10xf32, strided<[1], offset: ?>>) outs(%out : memref<10xf32>)
  return
}
