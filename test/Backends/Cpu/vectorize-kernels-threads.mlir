// RUN: pock-opt %s --pock-vectorize-kernels --canonicalize --cse --split-input-file | FileCheck %s

// Threads divide the tiles of a parallel loop. The reduction is nobody's to
// divide: every element is the sum of the same terms in the same order.

module attributes {pock.target = #pock.target<vector_bytes = 64, vector_registers = 32, threads = 0>} {
// CHECK:       func.func private @omp_get_thread_num() -> i32
// CHECK:       func.func private @omp_get_num_threads() -> i32
// CHECK-LABEL: func.func private @matmul(
// CHECK:         omp.parallel {
// CHECK:           %[[THREAD32:.+]] = func.call @omp_get_thread_num()
// CHECK:           %[[THREAD:.+]] = arith.index_cast %[[THREAD32]]
// CHECK:           %[[COUNT32:.+]] = func.call @omp_get_num_threads()
// CHECK:           %[[COUNT:.+]] = arith.index_cast %[[COUNT32]]
// CHECK:           %[[NEXT:.+]] = arith.addi %[[THREAD]], %c1
// CHECK:           arith.divui {{.*}}, %[[COUNT]]
// CHECK:           %[[BEGIN:.+]] = arith.muli
// CHECK:           arith.divui {{.*}}, %[[COUNT]]
// CHECK:           %[[END:.+]] = arith.muli
// CHECK:           %[[LAST:.+]] = arith.cmpi eq, %[[NEXT]], %[[COUNT]]
// CHECK:           scf.for %{{.+}} = %[[BEGIN]] to %[[END]]
// The rows that fill no tile belong to the last thread.
// CHECK:           scf.if %[[LAST]]
// CHECK:           omp.terminator
// CHECK-NOT:     linalg
func.func private @matmul(%x: memref<389x128xf32>, %w: memref<128x128xf32>, %out: memref<389x128xf32>) attributes {pock.kernel} {
  linalg.matmul ins(%x, %w : memref<389x128xf32>, memref<128x128xf32>) outs(%out : memref<389x128xf32>)
  return
}
}

// -----

// Not worth waking anybody.

module attributes {pock.target = #pock.target<vector_bytes = 64, vector_registers = 32, threads = 0>} {
// CHECK-NOT:   omp_
// CHECK-LABEL: func.func private @small(
// CHECK-NOT:     omp.parallel
func.func private @small(%x: memref<8x64xf32>, %w: memref<64x16xf32>, %out: memref<8x16xf32>) attributes {pock.kernel} {
  linalg.matmul ins(%x, %w : memref<8x64xf32>, memref<64x16xf32>) outs(%out : memref<8x16xf32>)
  return
}
}

// -----

// The target has no threads.

module attributes {pock.target = #pock.target<vector_bytes = 64, vector_registers = 32, threads = 1>} {
// CHECK-NOT:   omp_
// CHECK-LABEL: func.func private @serial(
// CHECK-NOT:     omp.parallel
func.func private @serial(%x: memref<389x128xf32>, %w: memref<128x128xf32>, %out: memref<389x128xf32>) attributes {pock.kernel} {
  linalg.matmul ins(%x, %w : memref<389x128xf32>, memref<128x128xf32>) outs(%out : memref<389x128xf32>)
  return
}
}
