// RUN: pock-opt %s --pock-narrow-gradients --split-input-file --verify-diagnostics

// expected-error @below {{expected 'pock.gradients' to be "f32", "i16" or "f16", but got "i8"}}
module attributes {pock.gradients = "i8"} {}

// -----

// expected-error @below {{expected 'pock.gradients' to be "f32", "i16" or "f16", but got 16 : i64}}
module attributes {pock.gradients = 16 : i64} {}
