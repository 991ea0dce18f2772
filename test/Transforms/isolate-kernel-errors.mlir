// RUN: pock-opt %s --pock-isolate-kernel=kernel=k --split-input-file --verify-diagnostics

// expected-error @below {{no kernel is called 'k'}}
module {
  func.func @k() {
    return
  }
}

// -----

// expected-error @below {{expected 'pock.candidates' to be an array, but got {}}}
module attributes {pock.candidates = {}} {
}

// -----

// expected-error @below {{expected entry 1 of 'pock.candidates' to be a dictionary, but got 1 : i64}}
module attributes {pock.candidates = [{}, 1 : i64]} {
}

// -----

// expected-error @below {{unknown key 'rows' in entry 0 of 'pock.candidates'}}
module attributes {pock.candidates = [{rows = 1 : i64}]} {
}
