// RUN: pock-opt %s --split-input-file --verify-diagnostics

func.func @attention_c1_rank(%x: tensor<4xf32>) {
  // expected-error @below {{'pock.attention' expected operands of one element type and one rank of at least 2, but got 'tensor<4xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = pock.attention %x, %x, %x : (tensor<4xf32>, tensor<4xf32>, tensor<4xf32>) -> (tensor<4xf32>, tensor<1xf32>)
  return
}

// -----

func.func @attention_c1_ranks(%q: tensor<2x8x4xf32>, %k: tensor<8x4xf32>) {
  // expected-error @below {{expected operands of one element type and one rank of at least 2, but got 'tensor<2x8x4xf32>', 'tensor<8x4xf32>' and 'tensor<2x8x4xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = pock.attention %q, %k, %q : (tensor<2x8x4xf32>, tensor<8x4xf32>, tensor<2x8x4xf32>) -> (tensor<2x8x4xf32>, tensor<2x8x1xf32>)
  return
}

// -----

func.func @attention_c1_element(%q: tensor<8x4xf32>, %v: tensor<8x4xf64>) {
  // expected-error @below {{expected operands of one element type}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = pock.attention %q, %q, %v : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf64>) -> (tensor<8x4xf32>, tensor<8x1xf32>)
  return
}

// -----

func.func @attention_c2(%q: tensor<2x8x4xf32>, %k: tensor<1x8x4xf32>) {
  // expected-error @below {{'pock.attention' expected equal leading dimensions, but got 'tensor<2x8x4xf32>', 'tensor<1x8x4xf32>' and 'tensor<2x8x4xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = pock.attention %q, %k, %q : (tensor<2x8x4xf32>, tensor<1x8x4xf32>, tensor<2x8x4xf32>) -> (tensor<2x8x4xf32>, tensor<2x8x1xf32>)
  return
}

// -----

func.func @attention_c3_features(%q: tensor<8x4xf32>, %k: tensor<8x5xf32>) {
  // expected-error @below {{'pock.attention' expected query and key of one last dimension, key and value of one length, but got 'tensor<8x4xf32>', 'tensor<8x5xf32>' and 'tensor<8x4xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = pock.attention %q, %k, %q : (tensor<8x4xf32>, tensor<8x5xf32>, tensor<8x4xf32>) -> (tensor<8x4xf32>, tensor<8x1xf32>)
  return
}

// -----

func.func @attention_c3_length(%q: tensor<8x4xf32>, %v: tensor<7x4xf32>) {
  // expected-error @below {{'pock.attention' expected query and key of one last dimension, key and value of one length}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = pock.attention %q, %q, %v : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<7x4xf32>) -> (tensor<8x4xf32>, tensor<8x1xf32>)
  return
}

// -----

func.func @attention_c4_shape(%q: tensor<2x8x4xf32>, %mask: tensor<7xi1>) {
  // expected-error @below {{'pock.attention' expected a mask of i1 or of the query's element type that broadcasts to 'tensor<2x8x8xi1>', but got 'tensor<7xi1>'}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = pock.attention %q, %q, %q, %mask : (tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<2x8x4xf32>, tensor<7xi1>) -> (tensor<2x8x4xf32>, tensor<2x8x1xf32>)
  return
}

// -----

// A mask must not have more matrices than there are.
func.func @attention_c4_larger(%q: tensor<1x8x4xf32>, %mask: tensor<3x8x8xf32>) {
  // expected-error @below {{that broadcasts to 'tensor<1x8x8xf32>', but got 'tensor<3x8x8xf32>'}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = pock.attention %q, %q, %q, %mask : (tensor<1x8x4xf32>, tensor<1x8x4xf32>, tensor<1x8x4xf32>, tensor<3x8x8xf32>) -> (tensor<1x8x4xf32>, tensor<1x8x1xf32>)
  return
}

// -----

func.func @attention_c4_element(%q: tensor<8x4xf32>, %mask: tensor<8x8xf64>) {
  // expected-error @below {{expected a mask of i1 or of the query's element type}}
  // expected-error @below {{failed to infer returned types}}
  %0:2 = pock.attention %q, %q, %q, %mask : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x8xf64>) -> (tensor<8x4xf32>, tensor<8x1xf32>)
  return
}

// -----

func.func @attention_grad_c1(%q: tensor<8x4xf32>, %k: tensor<8x5xf32>, %lse: tensor<8x1xf32>) {
  // expected-error @below {{'pock.attention_grad' expected query and key of one last dimension, key and value of one length}}
  %0:3 = pock.attention_grad %q, %k, %q, %q, %lse, %q
      : (tensor<8x4xf32>, tensor<8x5xf32>, tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x1xf32>, tensor<8x4xf32>)
      -> (tensor<8x4xf32>, tensor<8x5xf32>, tensor<8x4xf32>)
  return
}

// -----

func.func @attention_grad_result(%q: tensor<8x4xf32>, %lse: tensor<8x1xf32>) {
  // expected-error @below {{failed to verify that all of {query, query_grad} have same type}}
  %0:3 = pock.attention_grad %q, %q, %q, %q, %lse, %q
      : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x1xf32>, tensor<8x4xf32>)
      -> (tensor<8x5xf32>, tensor<8x4xf32>, tensor<8x4xf32>)
  return
}

// -----

func.func @attention_grad_c2(%q: tensor<8x4xf32>, %o: tensor<7x4xf32>, %lse: tensor<8x1xf32>) {
  // expected-error @below {{expected output and lse of types 'tensor<8x4xf32>' and 'tensor<8x1xf32>', but got 'tensor<7x4xf32>' and 'tensor<8x1xf32>'}}
  %0:3 = pock.attention_grad %q, %q, %q, %o, %lse, %o
      : (tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>, tensor<7x4xf32>, tensor<8x1xf32>, tensor<7x4xf32>)
      -> (tensor<8x4xf32>, tensor<8x4xf32>, tensor<8x4xf32>)
  return
}
