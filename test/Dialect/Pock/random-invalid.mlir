// RUN: pock-opt %s --split-input-file --verify-diagnostics

func.func @dropout_c1(%x: tensor<4xf32>, %n: tensor<i64>) {
  // expected-error @below {{expected 0 <= p < 1, but got 1.0}}
  %0 = pock.dropout %x, %n, %n {p = 1.0 : f64, stream = 0 : i64, strides = array<i64: 1>} : (tensor<4xf32>, tensor<i64>, tensor<i64>) -> tensor<4xf32>
  return
}

// -----

func.func @dropout_c1_negative(%x: tensor<4xf32>, %n: tensor<i64>) {
  // expected-error @below {{expected 0 <= p < 1, but got -5.0}}
  %0 = pock.dropout %x, %n, %n {p = -0.5 : f64, stream = 0 : i64, strides = array<i64: 1>} : (tensor<4xf32>, tensor<i64>, tensor<i64>) -> tensor<4xf32>
  return
}

// -----

func.func @dropout_c1_nan(%x: tensor<4xf32>, %n: tensor<i64>) {
  // expected-error @below {{expected 0 <= p < 1, but got nan}}
  %0 = pock.dropout %x, %n, %n {p = 0x7FF8000000000000 : f64, stream = 0 : i64, strides = array<i64: 1>} : (tensor<4xf32>, tensor<i64>, tensor<i64>) -> tensor<4xf32>
  return
}

// -----

func.func @dropout_c2(%x: tensor<2x4xf32>, %n: tensor<i64>) {
  // expected-error @below {{expected 2 strides, but got 1}}
  %0 = pock.dropout %x, %n, %n {p = 0.5 : f64, stream = 0 : i64, strides = array<i64: 1>} : (tensor<2x4xf32>, tensor<i64>, tensor<i64>) -> tensor<2x4xf32>
  return
}

// -----

func.func @dropout_seed(%x: tensor<4xf32>, %seed: tensor<i32>, %n: tensor<i64>) {
  // expected-error @below {{operand #1 must be 0D tensor of 64-bit signless integer values, but got 'tensor<i32>'}}
  %0 = pock.dropout %x, %seed, %n {p = 0.5 : f64, stream = 0 : i64, strides = array<i64: 1>} : (tensor<4xf32>, tensor<i32>, tensor<i64>) -> tensor<4xf32>
  return
}

// -----

func.func @dropout_c1_as_f32(%x: tensor<4xf32>, %n: tensor<i64>) {
  // expected-error @below {{expected 0 <= p < 1}}
  %0 = pock.dropout %x, %n, %n {p = 0.99999999999 : f64, stream = 0 : i64, strides = array<i64: 1>} : (tensor<4xf32>, tensor<i64>, tensor<i64>) -> tensor<4xf32>
  return
}

// -----

func.func @dropout_c3(%x: tensor<4xf32>, %n: tensor<i64>) {
  // expected-error @below {{expected stream and offset of 32 bits, but got 4294967296 and 0}}
  %0 = pock.dropout %x, %n, %n {p = 0.5 : f64, stream = 4294967296 : i64, strides = array<i64: 1>} : (tensor<4xf32>, tensor<i64>, tensor<i64>) -> tensor<4xf32>
  return
}
