// RUN: pock-opt %s --pock-compute-in-words --split-input-file --verify-diagnostics

#map = affine_map<(i) -> (i)>
func.func private @quotient(%x: memref<4xi8>, %out: memref<4xi8>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%x : memref<4xi8>) outs(%out : memref<4xi8>) {
  ^bb0(%a: i8, %old: i8):
    // expected-error @below {{'arith.divsi' computes with 'i8', but shaders have integers of 32 bits}}
    %0 = arith.divsi %a, %a : i8
    linalg.yield %0 : i8
  }
  return
}
