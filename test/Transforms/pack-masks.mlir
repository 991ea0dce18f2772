// RUN: pock-opt %s --pass-pipeline='builtin.module(func.func(pock-pack-masks))' | FileCheck %s

// A mask of 1024 entries is kept as 128 bytes. The comparison runs in the shape
// of the planes, so that the mask itself is never there.

// CHECK-LABEL: func.func @comparison(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<32x32xf32>
// CHECK: %[[Y:.+]] = pock.exp %[[X]]
// CHECK-NOT: pock.cmp %[[Y]]
// CHECK: %[[VIEW:.+]] = pock.reshape %[[Y]] : (tensor<32x32xf32>) -> tensor<8x4x32xf32>
// CHECK: %[[PLANES:.+]] = pock.cmp %[[VIEW]], %{{.+}} {predicate = #pock.cmp<gt>} : (tensor<8x4x32xf32>, tensor<f32>)
// CHECK: %[[BYTES:.+]] = pock.pack_bits %[[PLANES]] : (tensor<8x4x32xi1>) -> tensor<4x32xi8>
// CHECK: %[[LOSS:.+]] = pock.sum
// CHECK: %[[UNPACKED:.+]] = pock.unpack_bits %[[BYTES]]
// CHECK: %[[MASK:.+]] = pock.reshape %[[UNPACKED]] : (tensor<8x4x32xi1>) -> tensor<32x32xi1>
// CHECK: pock.select %[[MASK]], %[[X]]
func.func @comparison(%x: tensor<32x32xf32>) -> (tensor<f32>, tensor<32x32xf32>) {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %y = pock.exp %x : (tensor<32x32xf32>) -> tensor<32x32xf32>
  %m = pock.cmp %y, %zero {predicate = #pock.cmp<gt>} : (tensor<32x32xf32>, tensor<f32>) -> tensor<32x32xi1>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<32x32xf32>) -> tensor<f32>
  %g = pock.select %m, %x, %zero : (tensor<32x32xi1>, tensor<32x32xf32>, tensor<f32>) -> tensor<32x32xf32>
  return %loss, %g : tensor<f32>, tensor<32x32xf32>
}

// What combines masks is computed in planes, too.

// CHECK-LABEL: func.func @combined(
// CHECK-DAG: %[[LOW:.+]] = pock.cmp %{{.+}} {predicate = #pock.cmp<le>} : (tensor<8x128xf32>
// CHECK-DAG: %[[HIGH:.+]] = pock.cmp %{{.+}} {predicate = #pock.cmp<ge>} : (tensor<8x128xf32>
// CHECK: %[[EITHER:.+]] = pock.or %[[LOW]], %[[HIGH]]
// CHECK: %[[INSIDE:.+]] = pock.not %[[EITHER]]
// CHECK: pock.pack_bits %[[INSIDE]]
// CHECK-NOT: tensor<1024xi1>
// CHECK: pock.sum
func.func @combined(%x: tensor<1024xf32>) -> (tensor<f32>, tensor<1024xf32>) {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %six = pock.constant dense<6.0> : tensor<1xf32>
  %y = pock.exp %x : (tensor<1024xf32>) -> tensor<1024xf32>
  %a = pock.cmp %y, %zero {predicate = #pock.cmp<le>} : (tensor<1024xf32>, tensor<f32>) -> tensor<1024xi1>
  %b = pock.cmp %y, %six {predicate = #pock.cmp<ge>} : (tensor<1024xf32>, tensor<1xf32>) -> tensor<1024xi1>
  %c = pock.or %a, %b : (tensor<1024xi1>, tensor<1024xi1>) -> tensor<1024xi1>
  %m = pock.not %c : (tensor<1024xi1>) -> tensor<1024xi1>
  %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<1024xf32>) -> tensor<f32>
  %g = pock.select %m, %x, %zero : (tensor<1024xi1>, tensor<1024xf32>, tensor<f32>) -> tensor<1024xf32>
  return %loss, %g : tensor<f32>, tensor<1024xf32>
}

// A comparison with one number per channel cannot be seen as planes: the mask is
// packed behind it. So is one that is an argument.

// CHECK-LABEL: func.func @per_channel(
// CHECK-SAME: %[[X:[a-z0-9]+]]: tensor<64x32xf32>, %[[BOUND:[a-z0-9]+]]: tensor<32xf32>
// CHECK: %[[M:.+]] = pock.cmp %{{.+}}, %[[BOUND]]
// CHECK: %[[VIEW:.+]] = pock.reshape %[[M]] : (tensor<64x32xi1>) -> tensor<8x8x32xi1>
// CHECK: pock.pack_bits %[[VIEW]]
func.func @per_channel(%x: tensor<64x32xf32>, %bound: tensor<32xf32>) -> (tensor<f32>, tensor<64x32xf32>) {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %y = pock.exp %x : (tensor<64x32xf32>) -> tensor<64x32xf32>
  %m = pock.cmp %y, %bound {predicate = #pock.cmp<gt>} : (tensor<64x32xf32>, tensor<32xf32>) -> tensor<64x32xi1>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<64x32xf32>) -> tensor<f32>
  %g = pock.select %m, %x, %zero : (tensor<64x32xi1>, tensor<64x32xf32>, tensor<f32>) -> tensor<64x32xf32>
  return %loss, %g : tensor<f32>, tensor<64x32xf32>
}

// Every kernel makes numbers and constants for itself: there are no bytes to be
// seen as planes.

// CHECK-LABEL: func.func @not_stored(
// CHECK: %[[NUMBERS:.+]] = pock.iota
// CHECK-NOT: pock.reshape %[[NUMBERS]]
// CHECK: %[[M:.+]] = pock.cmp %[[NUMBERS]]
// CHECK: %[[VIEW:.+]] = pock.reshape %[[M]] : (tensor<1x1024xi1>) -> tensor<8x128xi1>
// CHECK: pock.pack_bits %[[VIEW]]
// CHECK: %[[SIX:.+]] = pock.constant dense<6.000000e+00> : tensor<1x1x1xf32>
// CHECK-NOT: pock.reshape %[[SIX]]
// CHECK: pock.sum
func.func @not_stored(%x: tensor<1x1024xf32>, %label: tensor<1x1xi64>, %z: tensor<4x16x16xf32>)
    -> (tensor<f32>, tensor<1x1024xf32>, tensor<4x16x16xf32>) {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %numbers = pock.iota {dim = 1 : i64} : () -> tensor<1x1024xi64>
  %m = pock.cmp %numbers, %label {predicate = #pock.cmp<eq>} : (tensor<1x1024xi64>, tensor<1x1xi64>) -> tensor<1x1024xi1>
  %six = pock.constant dense<6.0> : tensor<1x1x1xf32>
  %b = pock.cmp %z, %six {predicate = #pock.cmp<gt>} : (tensor<4x16x16xf32>, tensor<1x1x1xf32>) -> tensor<4x16x16xi1>
  %loss = pock.sum %x {dims = array<i64: 0, 1>} : (tensor<1x1024xf32>) -> tensor<f32>
  %g = pock.select %m, %x, %zero : (tensor<1x1024xi1>, tensor<1x1024xf32>, tensor<f32>) -> tensor<1x1024xf32>
  %h = pock.select %b, %z, %zero : (tensor<4x16x16xi1>, tensor<4x16x16xf32>, tensor<f32>) -> tensor<4x16x16xf32>
  return %loss, %g, %h : tensor<f32>, tensor<1x1024xf32>, tensor<4x16x16xf32>
}

// Read through views of views, in both passes, by several: the forward pass keeps
// reading the mask itself, which nobody else keeps alive; the backward pass reads
// one that is unpacked in front of its first reader.

// CHECK-LABEL: func.func @views_and_both_passes(
// CHECK: %[[M:.+]] = pock.cmp %{{.+}} : (tensor<32x32xf32>, tensor<f32>) -> tensor<32x32xi1>
// CHECK: %[[BYTES:.+]] = pock.pack_bits
// CHECK: %[[FORWARD_VIEW:.+]] = pock.reshape %[[M]] : (tensor<32x32xi1>) -> tensor<1024xi1>
// CHECK-NOT: pock.reshape %[[M]]
// CHECK: pock.select %[[FORWARD_VIEW]]
// CHECK: pock.sum
// CHECK-NOT: pock.reshape %[[M]]
// CHECK: %[[UNPACKED:.+]] = pock.unpack_bits %[[BYTES]]
// CHECK: %[[SQUARE:.+]] = pock.reshape %[[UNPACKED]] : (tensor<8x4x32xi1>) -> tensor<4x256xi1>
// CHECK: pock.select %[[SQUARE]]
// CHECK-NOT: pock.unpack_bits
// CHECK: %[[FLAT:.+]] = pock.reshape %[[UNPACKED]] : (tensor<8x4x32xi1>) -> tensor<1024xi1>
// CHECK: pock.select %[[FLAT]]
// CHECK: return
func.func @views_and_both_passes(%x: tensor<32x32xf32>, %v: tensor<1024xf32>, %w: tensor<4x256xf32>)
    -> (tensor<f32>, tensor<4x256xf32>, tensor<1024xf32>) {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %y = pock.exp %x : (tensor<32x32xf32>) -> tensor<32x32xf32>
  %m = pock.cmp %y, %zero {predicate = #pock.cmp<gt>} : (tensor<32x32xf32>, tensor<f32>) -> tensor<32x32xi1>
  %flat = pock.reshape %m : (tensor<32x32xi1>) -> tensor<1024xi1>
  %s = pock.select %flat, %v, %zero : (tensor<1024xi1>, tensor<1024xf32>, tensor<f32>) -> tensor<1024xf32>
  %loss = pock.sum %s {dims = array<i64: 0>} : (tensor<1024xf32>) -> tensor<f32>
  %other = pock.reshape %flat : (tensor<1024xi1>) -> tensor<4x256xi1>
  %g = pock.select %other, %w, %zero : (tensor<4x256xi1>, tensor<4x256xf32>, tensor<f32>) -> tensor<4x256xf32>
  %h = pock.select %flat, %v, %loss : (tensor<1024xi1>, tensor<1024xf32>, tensor<f32>) -> tensor<1024xf32>
  return %loss, %g, %h : tensor<f32>, tensor<4x256xf32>, tensor<1024xf32>
}

// The mask is read behind the loss only, through a view of a view in front of it:
// nothing of it is left.

// CHECK-LABEL: func.func @views_are_dropped(
// CHECK-NOT: -> tensor<32x32xi1>
// CHECK: pock.sum
func.func @views_are_dropped(%x: tensor<32x32xf32>, %w: tensor<4x256xf32>) -> (tensor<f32>, tensor<4x256xf32>) {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %y = pock.exp %x : (tensor<32x32xf32>) -> tensor<32x32xf32>
  %m = pock.cmp %y, %zero {predicate = #pock.cmp<gt>} : (tensor<32x32xf32>, tensor<f32>) -> tensor<32x32xi1>
  %flat = pock.reshape %m : (tensor<32x32xi1>) -> tensor<1024xi1>
  %other = pock.reshape %flat : (tensor<1024xi1>) -> tensor<4x256xi1>
  %loss = pock.sum %y {dims = array<i64: 0, 1>} : (tensor<32x32xf32>) -> tensor<f32>
  %g = pock.select %other, %w, %zero : (tensor<4x256xi1>, tensor<4x256xf32>, tensor<f32>) -> tensor<4x256xf32>
  return %loss, %g : tensor<f32>, tensor<4x256xf32>
}

// Of what makes a mask, the result of another kept mask is read packed as well.

// CHECK-LABEL: func.func @two_kept_masks(
// CHECK-COUNT-2: pock.pack_bits
// CHECK: pock.sum
// CHECK-COUNT-2: pock.unpack_bits
func.func @two_kept_masks(%x: tensor<1024xf32>) -> (tensor<f32>, tensor<1024xf32>) {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %y = pock.exp %x : (tensor<1024xf32>) -> tensor<1024xf32>
  %a = pock.cmp %y, %zero {predicate = #pock.cmp<le>} : (tensor<1024xf32>, tensor<f32>) -> tensor<1024xi1>
  %b = pock.not %a : (tensor<1024xi1>) -> tensor<1024xi1>
  %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<1024xf32>) -> tensor<f32>
  %g = pock.select %a, %x, %zero : (tensor<1024xi1>, tensor<1024xf32>, tensor<f32>) -> tensor<1024xf32>
  %h = pock.select %b, %g, %loss : (tensor<1024xi1>, tensor<1024xf32>, tensor<f32>) -> tensor<1024xf32>
  return %loss, %h : tensor<f32>, tensor<1024xf32>
}

// Fewer than 1024 entries; no multiple of 8; read by the forward pass only; made
// behind the loss; of numbers: left as they are.

// CHECK-LABEL: func.func @small(
// CHECK-NOT: pock.pack_bits
// CHECK: return
func.func @small(%x: tensor<1016xf32>) -> (tensor<f32>, tensor<1016xf32>) {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %m = pock.cmp %x, %zero {predicate = #pock.cmp<gt>} : (tensor<1016xf32>, tensor<f32>) -> tensor<1016xi1>
  %loss = pock.sum %x {dims = array<i64: 0>} : (tensor<1016xf32>) -> tensor<f32>
  %g = pock.select %m, %x, %zero : (tensor<1016xi1>, tensor<1016xf32>, tensor<f32>) -> tensor<1016xf32>
  return %loss, %g : tensor<f32>, tensor<1016xf32>
}

// CHECK-LABEL: func.func @odd(
// CHECK-NOT: pock.pack_bits
// CHECK: return
func.func @odd(%x: tensor<1028xf32>) -> (tensor<f32>, tensor<1028xf32>) {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %m = pock.cmp %x, %zero {predicate = #pock.cmp<gt>} : (tensor<1028xf32>, tensor<f32>) -> tensor<1028xi1>
  %loss = pock.sum %x {dims = array<i64: 0>} : (tensor<1028xf32>) -> tensor<f32>
  %g = pock.select %m, %x, %zero : (tensor<1028xi1>, tensor<1028xf32>, tensor<f32>) -> tensor<1028xf32>
  return %loss, %g : tensor<f32>, tensor<1028xf32>
}

// CHECK-LABEL: func.func @one_pass_only(
// CHECK-NOT: pock.pack_bits
// CHECK: return
func.func @one_pass_only(%x: tensor<1024xf32>) -> (tensor<f32>, tensor<1024xf32>) {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %m = pock.cmp %x, %zero {predicate = #pock.cmp<gt>} : (tensor<1024xf32>, tensor<f32>) -> tensor<1024xi1>
  %s = pock.select %m, %x, %zero : (tensor<1024xi1>, tensor<1024xf32>, tensor<f32>) -> tensor<1024xf32>
  %loss = pock.sum %s {dims = array<i64: 0>} : (tensor<1024xf32>) -> tensor<f32>
  %b = pock.cmp %s, %loss {predicate = #pock.cmp<gt>} : (tensor<1024xf32>, tensor<f32>) -> tensor<1024xi1>
  %g = pock.select %b, %s, %zero : (tensor<1024xi1>, tensor<1024xf32>, tensor<f32>) -> tensor<1024xf32>
  return %loss, %g : tensor<f32>, tensor<1024xf32>
}

// CHECK-LABEL: func.func @numbers(
// CHECK-NOT: pock.pack_bits
// CHECK: return
func.func @numbers(%x: tensor<1024xf32>) -> (tensor<f32>, tensor<1024xf32>) {
  %y = pock.exp %x : (tensor<1024xf32>) -> tensor<1024xf32>
  %loss = pock.sum %y {dims = array<i64: 0>} : (tensor<1024xf32>) -> tensor<f32>
  %g = pock.mul %y, %loss : (tensor<1024xf32>, tensor<f32>) -> tensor<1024xf32>
  return %loss, %g : tensor<f32>, tensor<1024xf32>
}

// A mask that is returned is nobody's to pack; neither are those of a function
// without results.

// CHECK-LABEL: func.func @returned(
// CHECK-NOT: pock.pack_bits
// CHECK: return
func.func @returned(%x: tensor<1024xf32>) -> (tensor<f32>, tensor<1024xi1>) {
  %zero = pock.constant dense<0.0> : tensor<f32>
  %m = pock.cmp %x, %zero {predicate = #pock.cmp<gt>} : (tensor<1024xf32>, tensor<f32>) -> tensor<1024xi1>
  %loss = pock.sum %x {dims = array<i64: 0>} : (tensor<1024xf32>) -> tensor<f32>
  return %loss, %m : tensor<f32>, tensor<1024xi1>
}

// CHECK-LABEL: func.func @no_results(
// CHECK-NEXT: return
func.func @no_results() {
  return
}
