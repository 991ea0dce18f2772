// RUN: pock-opt %s --pock-outline-parallel --split-input-file --verify-diagnostics

llvm.func @clause(%n: i32) {
  // expected-error @below {{expected a parallel region without clauses}}
  omp.parallel num_threads(%n : i32) {
    omp.terminator
  }
  llvm.return
}

// -----

llvm.func @nested() {
  omp.parallel {
    // expected-error @below {{expected a parallel region at the top level of a function of the LLVM dialect}}
    omp.parallel {
      omp.terminator
    }
    omp.terminator
  }
  llvm.return
}

// -----

func.func @too_early() {
  // expected-error @below {{expected a parallel region at the top level of a function of the LLVM dialect}}
  omp.parallel {
    omp.terminator
  }
  return
}
