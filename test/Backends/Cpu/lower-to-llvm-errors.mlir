// RUN: pock-opt %s --pock-lower-to-llvm --split-input-file --verify-diagnostics

func.func @unplanned() -> f32 {
  %c0 = arith.constant 0 : index
  // expected-error @below {{failed to legalize operation 'memref.alloc'}}
  %a = memref.alloc() : memref<8xf32>
  %v = memref.load %a[%c0] : memref<8xf32>
  return %v : f32
}

// -----

// expected-error @below {{LLVM does not know the processor of 'pdp11-none-none'}}
module attributes {pock.target = #pock.target<triple = "pdp11-none-none">} {
}

// -----

// expected-error @below {{expected a triple of an x86, Arm, AArch64 or RISC-V processor, but got 'nvptx64-nvidia-cuda'}}
module attributes {pock.target = #pock.target<triple = "nvptx64-nvidia-cuda">} {
}

// -----

// expected-error @below {{expected a triple of an x86, Arm, AArch64 or RISC-V processor, but got 'spirv64-unknown-vulkan'}}
module attributes {pock.target = #pock.target<triple = "spirv64-unknown-vulkan">} {
}

// -----

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m4", index_bits = 32>} {
func.func @doubles(%x: memref<8xf64>) {
  %c0 = arith.constant 0 : index
  // expected-error @below {{needs f64, but the target has only f32}}
  %v = memref.load %x[%c0] : memref<8xf64>
  memref.store %v, %x[%c0] : memref<8xf64>
  return
}
}

// -----

module attributes {pock.target = #pock.target<triple = "thumbv6m-none-eabi", cpu = "cortex-m0plus", index_bits = 32>} {
func.func @soft_doubles(%x: memref<8xf64>) {
  %c0 = arith.constant 0 : index
  // expected-error @below {{needs f64, but the target has only f32}}
  %v = memref.load %x[%c0] : memref<8xf64>
  memref.store %v, %x[%c0] : memref<8xf64>
  return
}
}

// -----

module attributes {pock.target = #pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32>} {
func.func @halves(%x: memref<8xf16>) {
  %c0 = arith.constant 0 : index
  // expected-error @below {{needs f16, for which the target has no instructions}}
  %v = memref.load %x[%c0] : memref<8xf16>
  memref.store %v, %x[%c0] : memref<8xf16>
  return
}
}
