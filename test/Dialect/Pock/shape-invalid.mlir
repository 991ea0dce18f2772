// RUN: pock-opt %s --split-input-file --verify-diagnostics

func.func @iota_c1() {
  // expected-error @below {{expected dim to be from 0 to 1, but got 2}}
  %0 = pock.iota {dim = 2 : i64} : () -> tensor<2x4xi64>
  return
}

// -----

func.func @reshape_c1_elements(%x: tensor<2x4xf32>) {
  // expected-error @below {{expected as many elements of the same type, but got 'tensor<2x4xf32>' and 'tensor<9xf32>'}}
  %0 = pock.reshape %x : (tensor<2x4xf32>) -> tensor<9xf32>
  return
}

// -----

func.func @reshape_c1_element_type(%x: tensor<2x4xf32>) {
  // expected-error @below {{expected as many elements of the same type}}
  %0 = pock.reshape %x : (tensor<2x4xf32>) -> tensor<8xf64>
  return
}

// -----

func.func @transpose_c1_rank(%x: tensor<2x4xf32>) {
  // expected-error @below {{'pock.transpose' expected a permutation of 2 dimensions}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.transpose %x {permutation = array<i64: 0>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @transpose_c1_twice(%x: tensor<2x4xf32>) {
  // expected-error @below {{'pock.transpose' expected a permutation of 2 dimensions}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.transpose %x {permutation = array<i64: 1, 1>} : (tensor<2x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @transpose_c1_outside(%x: tensor<2x4xf32>) {
  // expected-error @below {{'pock.transpose' expected a permutation of 2 dimensions}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.transpose %x {permutation = array<i64: 2, -1>} : (tensor<2x4xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @expand_c1(%x: tensor<2xf32>) {
  // expected-error @below {{expected an operand that broadcasts to the result, but got 'tensor<2xf32>' and 'tensor<2x4xf32>'}}
  %0 = pock.expand %x : (tensor<2xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @expand_c1_shrinks(%x: tensor<2x4xf32>) {
  // expected-error @below {{expected an operand that broadcasts to the result}}
  %0 = pock.expand %x : (tensor<2x4xf32>) -> tensor<1x4xf32>
  return
}

// -----

func.func @concat_c1() {
  // expected-error @below {{'pock.concat' expected at least one input}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.concat {dim = 0 : i64} : () -> tensor<4xf32>
  return
}

// -----

func.func @concat_c2(%a: tensor<2x4xf32>) {
  // expected-error @below {{'pock.concat' expected dim to be from 0 to 1, but got 2}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.concat %a {dim = 2 : i64} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @concat_c3(%a: tensor<2x4xf32>, %b: tensor<2x3xf32>) {
  // expected-error @below {{'pock.concat' expected inputs that differ in dimension 0 only, but got 'tensor<2x4xf32>' and 'tensor<2x3xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.concat %a, %b {dim = 0 : i64} : (tensor<2x4xf32>, tensor<2x3xf32>) -> tensor<4x4xf32>
  return
}

// -----

func.func @concat_c3_rank(%a: tensor<2x4xf32>, %b: tensor<4xf32>) {
  // expected-error @below {{'pock.concat' expected inputs that differ in dimension 1 only}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.concat %a, %b {dim = 1 : i64} : (tensor<2x4xf32>, tensor<4xf32>) -> tensor<2x8xf32>
  return
}

// -----

func.func @slice_c1(%x: tensor<2x4xf32>) {
  // expected-error @below {{'pock.slice' expected starts, limits and strides to have 2 entries each}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.slice %x {starts = array<i64: 0>, limits = array<i64: 2, 4>, strides = array<i64: 1, 1>} : (tensor<2x4xf32>) -> tensor<2x4xf32>
  return
}

// -----

func.func @slice_c2_limit(%x: tensor<4xf32>) {
  // expected-error @below {{'pock.slice' expected 0 <= start <= limit <= 4 and a positive stride in dimension 0, but got start 0, limit 5, stride 1}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.slice %x {starts = array<i64: 0>, limits = array<i64: 5>, strides = array<i64: 1>} : (tensor<4xf32>) -> tensor<5xf32>
  return
}

// -----

func.func @slice_c2_stride(%x: tensor<4xf32>) {
  // expected-error @below {{'pock.slice' expected 0 <= start <= limit <= 4 and a positive stride in dimension 0}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.slice %x {starts = array<i64: 0>, limits = array<i64: 4>, strides = array<i64: 0>} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @slice_c2_start(%x: tensor<4xf32>) {
  // expected-error @below {{'pock.slice' expected 0 <= start <= limit <= 4}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.slice %x {starts = array<i64: 3>, limits = array<i64: 2>, strides = array<i64: 1>} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @insert_slice_c1(%s: tensor<3xf32>, %x: tensor<4xf32>) {
  // expected-error @below {{expected a source of type 'tensor<2xf32>', but got 'tensor<3xf32>'}}
  %0 = pock.insert_slice %s, %x {starts = array<i64: 0>, limits = array<i64: 2>, strides = array<i64: 1>} : (tensor<3xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @insert_slice_of_slice_c2(%s: tensor<5xf32>, %x: tensor<4xf32>) {
  // expected-error @below {{'pock.insert_slice' expected 0 <= start <= limit <= 4}}
  %0 = pock.insert_slice %s, %x {starts = array<i64: 0>, limits = array<i64: 5>, strides = array<i64: 1>} : (tensor<5xf32>, tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @pad_c1_entries(%x: tensor<4xf32>) {
  // expected-error @below {{'pock.pad' expected low, high and interior to have 1 entries each}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.pad %x {low = array<i64: 0, 0>, high = array<i64: 0>, interior = array<i64: 0>} : (tensor<4xf32>) -> tensor<4xf32>
  return
}

// -----

func.func @pad_c1_negative(%x: tensor<4xf32>) {
  // expected-error @below {{'pock.pad' expected low, high and interior that are not negative}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.pad %x {low = array<i64: -1>, high = array<i64: 0>, interior = array<i64: 0>} : (tensor<4xf32>) -> tensor<3xf32>
  return
}

// -----

func.func @pack_bits_c1(%m: tensor<4x8xi1>) {
  // expected-error @below {{'pock.pack_bits' expected a first dimension of 8, but got 'tensor<4x8xi1>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.pack_bits %m : (tensor<4x8xi1>) -> tensor<8xi8>
  return
}

// -----

func.func @pack_bits_c1_rank(%m: tensor<i1>) {
  // expected-error @below {{'pock.pack_bits' expected a first dimension of 8, but got 'tensor<i1>'}}
  // expected-error @below {{failed to infer returned types}}
  %0 = pock.pack_bits %m : (tensor<i1>) -> tensor<i8>
  return
}

// -----

func.func @pack_bits_of_numbers(%x: tensor<8x4xf32>) {
  // expected-error @below {{operand #0 must be statically shaped tensor of 1-bit signless integer values}}
  %0 = pock.pack_bits %x : (tensor<8x4xf32>) -> tensor<4xi8>
  return
}

// -----

func.func @unpack_bits_shape(%x: tensor<4xi8>) {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{inferred type(s) 'tensor<8x4xi1>' are incompatible with return type(s) of operation 'tensor<4x8xi1>'}}
  %0 = pock.unpack_bits %x : (tensor<4xi8>) -> tensor<4x8xi1>
  return
}

// -----

func.func @unpack_bits_of_bools(%x: tensor<4xi1>) {
  // expected-error @below {{operand #0 must be statically shaped tensor of 8-bit signless integer values}}
  %0 = pock.unpack_bits %x : (tensor<4xi1>) -> tensor<8x4xi1>
  return
}
