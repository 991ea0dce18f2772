// RUN: pock-opt %s --split-input-file --verify-diagnostics

// target_c2
// expected-error @below {{expected 'vector_bytes' to be 0 or a power of two up to 256, but got 48}}
module attributes {pock.target = #pock.target<vector_bytes = 48>} {
}

// -----

// target_c1
// expected-error @below {{expected 'index_bits' to be 32 or 64, but got 16}}
module attributes {pock.target = #pock.target<index_bits = 16>} {
}

// -----

// target_c3
// expected-error @below {{expected 'vector_registers' to be positive, but got 0}}
module attributes {pock.target = #pock.target<vector_registers = 0>} {
}

// -----

// target_c4
// expected-error @below {{expected 'threads' to be 0 (as many as the OpenMP runtime has) or 1, but got 2}}
module attributes {pock.target = #pock.target<threads = 2>} {
}

// -----

// target_c5
// expected-error @below {{expected 'alignment' to be a power of two, but got 12}}
module attributes {pock.target = #pock.target<alignment = 12>} {
}

// -----

// target_c6
// expected-error @below {{expected 'l1_bytes', 'l2_bytes' and 'stack_bytes' not to be negative, but got 32768, -1 and 65536}}
module attributes {pock.target = #pock.target<l2_bytes = -1>} {
}

// -----

// expected-error @below {{duplicate or unknown struct parameter name: color}}
module attributes {pock.target = #pock.target<color = "red">} {
}

// -----

// expected-error @below {{expected 'pock.target' to be a #pock.target attribute, but got {cpu = "x"}}}
module attributes {pock.target = {cpu = "x"}} {
}

// -----

// expected-error @below {{expected 'pock.target' to be an attribute of a module}}
func.func private @kernel() attributes {pock.target = #pock.target}

// -----

// expected-error @below {{expected 'pock.arithmetic' to be "fast" or "portable", but got "exact"}}
module attributes {pock.arithmetic = "exact"} {
}
