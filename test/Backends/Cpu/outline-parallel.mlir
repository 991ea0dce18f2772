// RUN: pock-opt %s --pock-outline-parallel --split-input-file | FileCheck %s

// What the body uses travels on the stack; constants are made again.

// CHECK-DAG:   llvm.func extern_weak @omp_get_thread_num() -> i32
// CHECK-DAG:   llvm.func extern_weak @omp_get_num_threads() -> i32
// CHECK-DAG:   llvm.func extern_weak @GOMP_parallel(!llvm.ptr, !llvm.ptr, i32, i32)
llvm.func @omp_get_thread_num() -> i32
llvm.func @omp_get_num_threads() -> i32

// CHECK-LABEL: llvm.func internal @kernel(
// CHECK-SAME:    %[[OUT:.+]]: !llvm.ptr)
// CHECK:         %[[DATA:.+]] = llvm.alloca %{{.+}} x !llvm.struct<(ptr, {{.*}}ptr{{.*}})>
// CHECK:         %[[BODY:.+]] = llvm.mlir.addressof @kernel_parallel_0
// CHECK:         llvm.store %[[BODY]], %[[DATA]]
// CHECK:         llvm.store %[[OUT]], %{{.+}}
// CHECK:         %[[START:.+]] = llvm.mlir.addressof @GOMP_parallel
// CHECK:         %[[THERE:.+]] = llvm.icmp "ne" %[[START]]
// CHECK:         llvm.cond_br %[[THERE]], ^[[THREADS:.+]], ^[[SERIAL:.+]]
// CHECK:       ^[[THREADS]]:
// CHECK:         %[[RUNNER:.+]] = llvm.mlir.addressof @pock_run_thread
// CHECK:         llvm.call @GOMP_parallel(%[[RUNNER]], %[[DATA]], %{{.+}}, %{{.+}})
// CHECK:       ^[[SERIAL]]:
// CHECK:         llvm.call @kernel_parallel_0(%[[DATA]], %{{.+}}, %{{.+}})
// CHECK-NOT:     omp.
llvm.func internal @kernel(%out: !llvm.ptr) {
  %seven = llvm.mlir.constant(7 : i32) : i32
  omp.parallel {
    %thread = llvm.call @omp_get_thread_num() : () -> i32
    %threads = llvm.call @omp_get_num_threads() : () -> i32
    %sum = llvm.add %thread, %threads : i32
    %value = llvm.add %sum, %seven : i32
    %place = llvm.getelementptr %out[%thread] : (!llvm.ptr, i32) -> !llvm.ptr, i32
    llvm.store %value, %place : i32, !llvm.ptr
    omp.terminator
  }
  llvm.return
}

// CHECK-LABEL: llvm.func internal @kernel_parallel_0(
// CHECK-SAME:    %[[DATA:.+]]: !llvm.ptr, %[[THREAD:.+]]: i32, %[[COUNT:.+]]: i32)
// CHECK-DAG:     %[[OUT:.+]] = llvm.load %{{.+}} : !llvm.ptr -> !llvm.ptr
// CHECK-DAG:     %[[SEVEN:.+]] = llvm.mlir.constant(7 : i32)
// CHECK:         %[[SUM:.+]] = llvm.add %[[THREAD]], %[[COUNT]]
// CHECK:         %[[VALUE:.+]] = llvm.add %[[SUM]], %[[SEVEN]]
// CHECK:         %[[PLACE:.+]] = llvm.getelementptr %[[OUT]][%[[THREAD]]]
// CHECK:         llvm.store %[[VALUE]], %[[PLACE]]
// CHECK:         llvm.return

// CHECK-LABEL: llvm.func internal @pock_run_thread(
// CHECK-SAME:    %[[DATA:.+]]: !llvm.ptr)
// CHECK:         %[[BODY:.+]] = llvm.load %[[DATA]] : !llvm.ptr -> !llvm.ptr
// CHECK:         %[[THREAD:.+]] = llvm.call @omp_get_thread_num()
// CHECK:         %[[COUNT:.+]] = llvm.call @omp_get_num_threads()
// CHECK:         llvm.call %[[BODY]](%[[DATA]], %[[THREAD]], %[[COUNT]])

// -----

// CHECK-LABEL: llvm.func @serial(
// CHECK-NEXT:    llvm.return
// CHECK-NOT:   GOMP
llvm.func @serial() {
  llvm.return
}
