// RUN: pock-opt %s --pock-profile-launches --split-input-file | FileCheck %s

// Two readings before the first launch, one after each.

// CHECK-LABEL: func.func private @k(
// CHECK-SAME:    memref<4xf32>)
func.func private @k(memref<4xf32>) attributes {pock.kernel}
// CHECK-LABEL: func.func @step(
// CHECK-SAME:    %[[X:.+]]: memref<4xf32> {pock.name = "x"}, %[[TIMES:.+]]: memref<4xi64> {pock.profile}) -> i32
// CHECK:         %[[T0:.+]] = call @pock_clock() : () -> i64
// CHECK:         memref.store %[[T0]], %[[TIMES]][%c0]
// CHECK:         %[[T1:.+]] = call @pock_clock()
// CHECK:         memref.store %[[T1]], %[[TIMES]][%c1]
// CHECK-NEXT:    pock.launch @k
// CHECK:         %[[T2:.+]] = call @pock_clock()
// CHECK:         memref.store %[[T2]], %[[TIMES]][%c2]
// CHECK-NEXT:    pock.launch @k
// CHECK:         %[[T3:.+]] = call @pock_clock()
// CHECK:         memref.store %[[T3]], %[[TIMES]][%c3]
// CHECK-NOT:     pock_clock
// CHECK:         return
func.func @step(%x: memref<4xf32> {pock.name = "x"}) -> i32 {
  pock.launch @k ins() outs(%x : memref<4xf32>)
  pock.launch @k ins() outs(%x : memref<4xf32>)
  %ok = arith.constant 0 : i32
  return %ok : i32
}
// Each function counts its own launches.
// CHECK-LABEL: func.func @predict(
// CHECK-SAME:    memref<4xf32>, %{{.+}}: memref<3xi64> {pock.profile}
func.func @predict(%x: memref<4xf32>) {
  pock.launch @k ins() outs(%x : memref<4xf32>)
  return
}
// CHECK:       func.func private @clock_gettime(i32, memref<2xi64>) -> i32
// CHECK-LABEL: func.func private @pock_clock() -> i64
// CHECK:         %[[MONOTONIC:.+]] = arith.constant 1 : i32
// CHECK:         %[[TIME:.+]] = memref.alloca() : memref<2xi64>
// CHECK:         call @clock_gettime(%[[MONOTONIC]], %[[TIME]])
// CHECK:         %[[SECOND:.+]] = arith.constant 1000000000 : i64
// CHECK:         %[[SECONDS:.+]] = memref.load %[[TIME]][%c0]
// CHECK:         %[[WHOLE:.+]] = arith.muli %[[SECONDS]], %[[SECOND]]
// CHECK:         %[[REST:.+]] = memref.load %[[TIME]][%c1]
// CHECK:         %[[NOW:.+]] = arith.addi %[[WHOLE]], %[[REST]]
// CHECK:         return %[[NOW]]

// -----

// Nothing to launch, no clock.

// CHECK-LABEL: func.func @init(
// CHECK-SAME:    memref<0xi8>) -> i32
// CHECK-NOT:   clock
func.func @init(%state: memref<0xi8>) -> i32 {
  %ok = arith.constant 0 : i32
  return %ok : i32
}
