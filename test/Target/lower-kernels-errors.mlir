// RUN: pock-opt %s --pock-plan-pipeline --split-input-file --verify-diagnostics
// RUN: pock-opt %s --pock-generate-code --split-input-file --verify-diagnostics

// The first stage that needs the target refuses it if no back end has code for
// it; so does every other.

// expected-error @below {{no back end for the target 'nvptx64-nvidia-cuda' (cpu: expected a triple of an x86, Arm, AArch64 or RISC-V processor, but got 'nvptx64-nvidia-cuda'; vulkan: expected the triple 'spirv-unknown-vulkan', but got 'nvptx64-nvidia-cuda')}}
module attributes {pock.target = #pock.target<triple = "nvptx64-nvidia-cuda">} {
}

// -----

// expected-error @below {{no back end for the target 'spirv64-unknown-vulkan' (cpu: expected a triple of an x86, Arm, AArch64 or RISC-V processor, but got 'spirv64-unknown-vulkan'; vulkan: expected the triple 'spirv-unknown-vulkan', but got 'spirv64-unknown-vulkan')}}
module attributes {pock.target = #pock.target<triple = "spirv64-unknown-vulkan">} {
}

// -----

// expected-error @below {{no back end for the target 'hexagon-unknown-elf' (cpu: expected a triple of an x86, Arm, AArch64 or RISC-V processor, but got 'hexagon-unknown-}}
module attributes {pock.target = #pock.target<triple = "hexagon-unknown-elf", index_bits = 32>} {
}

// -----

// expected-error @below {{no back end for the target 'pdp11-none-none' (cpu: LLVM does not know the processor of 'pdp11-none-none'; vulkan: expected the triple 'spirv-unknown-vulkan', but got 'pdp11-none-none')}}
module attributes {pock.target = #pock.target<triple = "pdp11-none-none">} {
}
