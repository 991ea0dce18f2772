// RUN: pock-opt %s --pock-store-words --split-input-file --verify-diagnostics

#map = affine_map<(i) -> (i)>
func.func private @sum(%x: memref<4xi64>, %out: memref<4xi64>) attributes {pock.kernel} {
  linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%x : memref<4xi64>) outs(%out : memref<4xi64>) {
  ^bb0(%a: i64, %old: i64):
    // expected-error @below {{'arith.addi' computes with 'i64', but shaders have integers of 32 bits}}
    %0 = arith.addi %a, %a : i64
    linalg.yield %0 : i64
  }
  return
}

// -----

#map = affine_map<(i) -> (i)>
func.func private @large(%x: memref<4xi64>, %out: memref<4xi1>) attributes {pock.kernel} {
  // expected-error @below {{needs an integer of 64 bits, but shaders have integers of 32 bits}}
  %large = arith.constant 4294967296 : i64
  linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%x : memref<4xi64>) outs(%out : memref<4xi1>) {
  ^bb0(%a: i64, %old: i1):
    %0 = arith.cmpi slt, %a, %large : i64
    linalg.yield %0 : i1
  }
  return
}

// -----

pock.param @count : tensor<2xi64>
func.func @step() -> tensor<2xi64> {
  // expected-error @below {{reads a parameter of 'i64', but shaders have integers of 32 bits}}
  %0 = pock.load_param @count : tensor<2xi64>
  return %0 : tensor<2xi64>
}
