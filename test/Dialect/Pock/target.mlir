// RUN: pock-opt %s --split-input-file | pock-opt --split-input-file | FileCheck %s

// Defaults are not printed.
// CHECK: module attributes {pock.target = #pock.target}
module attributes {pock.target = #pock.target<index_bits = 64, threads = 1>} {
}

// -----

// CHECK: module attributes {pock.target = #pock.target<triple = "thumbv8.1m.main-none-eabihf", cpu = "cortex-m55", features = "-fp64", index_bits = 32, vector_registers = 8, l1_bytes = 4096, l2_bytes = 16384, alignment = 16, stack_bytes = 4096>}
module attributes {pock.target = #pock.target<stack_bytes = 4096, triple = "thumbv8.1m.main-none-eabihf", cpu = "cortex-m55", features = "-fp64", index_bits = 32, vector_bytes = 16, vector_registers = 8, l1_bytes = 4096, l2_bytes = 16384, alignment = 16>} {
}
