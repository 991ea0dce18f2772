// RUN: pock-opt %s -split-input-file -verify-diagnostics

// Discardable attributes of the dialect: where each may stand, and what it is.

// expected-error @below {{unknown attribute 'pock.schema'}}
module attributes {pock.schema = {w = 1.0 : f64}} {}

// -----

// expected-error @below {{unknown attribute 'pock.nme'}}
func.func private @f(tensor<4xf32> {pock.nme = "x"})

// -----

// expected-error @below {{expected 'pock.optimizer' to be an optimizer attribute, or an array of them, but got 1 : i64}}
module attributes {pock.optimizer = 1 : i64} {}

// -----

// expected-error @below {{expected 'pock.optimizer' to be an optimizer attribute, or an array of them, but got []}}
module attributes {pock.optimizer = []} {}

// -----

// expected-error @below {{expected 'pock.optimizer' to be an optimizer attribute, or an array of them, but got [#pock.sgd, 1]}}
module attributes {pock.optimizer = [#pock.sgd, 1]} {}

// -----

// expected-error @below {{expected 'pock.optimizer' to be an attribute of a module}}
func.func private @f() attributes {pock.optimizer = #pock.sgd}

// -----

// expected-error @below {{expected 'pock.optimizer_group' to be a dictionary, but got 1 : i64}}
module attributes {pock.optimizer_group = 1 : i64} {}

// -----

// expected-error @below {{expected 'pock.scheme' to be a dictionary, but got 5.000000e-01 : f64}}
module attributes {pock.scheme = 0.5 : f64} {}

// -----

// expected-error @below {{expected the fraction of 'w' in 'pock.scheme' to be a floating-point number from 0 to 1, but got 1.500000e+00 : f64}}
module attributes {pock.scheme = {w = 1.5 : f64}} {}

// -----

// expected-error @below {{expected 'pock.name' to be a string, but got 1 : i64}}
module attributes {pock.name = 1 : i64} {}

// -----

// expected-error @below {{expected 'pock.accumulate' to be a positive integer, but got 0 : i64}}
module attributes {pock.accumulate = 0 : i64} {}

// -----

// expected-error @below {{expected 'pock.accumulate' to be a positive integer, but got 2 : i32}}
module attributes {pock.accumulate = 2 : i32} {}

// -----

// expected-error @below {{expected 'pock.clip_grad_norm' to be a positive number, but got 0x7FC00000 : f32}}
module attributes {pock.clip_grad_norm = 0x7FC00000 : f32} {}

// -----

// expected-error @below {{expected 'pock.clip_grad_value' to be a positive number, but got 0.000000e+00 : f64}}
module attributes {pock.clip_grad_value = 0.0 : f64} {}

// -----

// expected-error @below {{expected 'pock.precision' to be "f32", "bf16" or "f16", but got "f64"}}
module attributes {pock.precision = "f64"} {}

// -----

// expected-error @below {{expected 'pock.memory_limit' to be a number of bytes, but got -1 : i64}}
module attributes {pock.memory_limit = -1 : i64} {}

// -----

// expected-error @below {{expected 'pock.tuning' to be a dictionary, but got []}}
module attributes {pock.tuning = []} {}

// -----

// expected-error @below {{expected 'pock.candidates' to be an array, but got "x"}}
module attributes {pock.candidates = "x"} {}

// -----

// expected-error @below {{expected 'pock.plan' to be a dictionary, but got []}}
module attributes {pock.plan = []} {}

// -----

// expected-error @below {{expected 'pock.kernel' to be a unit attribute, but got true}}
func.func private @f() attributes {pock.kernel = true}

// -----

// expected-error @below {{expected 'pock.kernel' to be an attribute of a function}}
module attributes {pock.kernel} {}

// -----

// expected-error @below {{expected 'pock.channel_blocks' to be a unit attribute, but got 2 : i64}}
func.func private @f() attributes {pock.channel_blocks = 2 : i64}

// -----

// expected-error @below {{expected 'pock.fingerprint' to be a string, but got 1 : i64}}
func.func private @f() attributes {pock.fingerprint = 1 : i64}

// -----

// expected-error @below {{expected 'pock.tile' to be 'array<i64: rows, vectors>', both positive, but got array<i64: 0, 1>}}
func.func private @f() attributes {pock.tile = array<i64: 0, 1>}

// -----

// expected-error @below {{expected 'pock.algorithm' to be a string, but got 1 : i64}}
func.func private @f() attributes {pock.algorithm = 1 : i64}

// -----

// expected-error @below {{expected 'pock.workspace' to be a number of bytes, but got -4 : i64}}
func.func private @f() attributes {pock.workspace = -4 : i64}

// -----

// expected-error @below {{expected 'pock.least_peak' to be a number of bytes, but got "few"}}
func.func private @f() attributes {pock.least_peak = "few"}

// -----

// expected-error @below {{expected 'pock.segment' to be "constants", "state" or "arena", but got "heap"}}
func.func private @f(memref<4xi8> {pock.segment = "heap"})

// -----

// expected-error @below {{expected 'pock.segment' to be an attribute of an argument or a result of a function}}
module attributes {pock.segment = "state"} {}

// -----

// expected-error @below {{expected 'pock.output' to be a string, but got 0 : i64}}
func.func private @f(memref<4xf32> {pock.output = 0 : i64})

// -----

// expected-error @below {{expected 'pock.name' to be a string, but got 1 : i64}}
func.func private @f() -> (tensor<4xf32> {pock.name = 1 : i64})

// -----

// expected-error @below {{expected 'pock.profile' to be a unit attribute, but got 1 : i64}}
func.func private @f(memref<4xi64> {pock.profile = 1 : i64})

// -----

// expected-error @below {{expected 'pock.plan' to be an attribute of a module}}
func.func private @f(memref<4xi64> {pock.plan = {}})

// -----

// expected-error @below {{expected 'pock.masks' to be an attribute of a pock.launch}}
func.func private @f() attributes {pock.masks = array<i64: 0>}

// -----

func.func private @k(tensor<4xf32>) -> tensor<4xf32> attributes {pock.kernel}

func.func @f(%x: tensor<4xf32>) {
  // expected-error @below {{expected 'pock.masks' to be an array of i64, but got 1 : i64}}
  %r = pock.launch @k ins() outs(%x : tensor<4xf32>) {pock.masks = 1 : i64} -> tensor<4xf32>
  return
}

// -----

// expected-error @below {{expected 'pock.again' to be an attribute of a pock.launch}}
func.func private @f() attributes {pock.again}

// -----

// expected-error @below {{expected 'pock.apart' to be an attribute of a linalg.generic}}
func.func @apart() attributes {pock.apart} {
  return
}
