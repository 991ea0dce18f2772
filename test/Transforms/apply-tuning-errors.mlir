// RUN: pock-opt %s --pock-apply-tuning --split-input-file --verify-diagnostics

// expected-error @below {{expected 'pock.tuning' to be a dictionary, but got 1 : i64}}
module attributes {pock.tuning = 1 : i64} {
}

// -----

// expected-error @below {{expected the 'pock.tuning' of 'k' to be a dictionary, but got 1 : i64}}
module attributes {pock.tuning = {k = 1 : i64}} {
}

// -----

// expected-error @below {{unknown key 'tiles' in the 'pock.tuning' of 'k'}}
module attributes {pock.tuning = {k = {tiles = array<i64: 6, 2>}}} {
}

// -----

// expected-error @below {{expected 'tile' of the 'pock.tuning' of 'k' to be 'array<i64: rows, vectors>', both positive, but got [6, 2]}}
module attributes {pock.tuning = {k = {tile = [6, 2]}}} {
}

// -----

// expected-error @below {{both positive, but got array<i64: 6, 0>}}
module attributes {pock.tuning = {k = {tile = array<i64: 6, 0>}}} {
}

// -----

// expected-error @below {{expected 'algorithm' of the 'pock.tuning' of 'k' to be a string, but got 1 : i64}}
module attributes {pock.tuning = {k = {algorithm = 1 : i64}}} {
}
