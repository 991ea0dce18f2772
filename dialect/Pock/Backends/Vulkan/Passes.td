//===- Passes.td - The Vulkan back end ---------------------*- tablegen -*-===//

#ifndef POCK_BACKENDS_VULKAN_PASSES
#define POCK_BACKENDS_VULKAN_PASSES

include "mlir/Pass/PassBase.td"

def ComputeInWords : Pass<"pock-compute-in-words", "mlir::ModuleOp"> {
  let summary = "Compute bytes with 32-bit integers";
  let description = [{
    Shaders that run on every device compute with integers of 32 bits. In kernels,
    arithmetic of `i8` becomes arithmetic of `i32`: a byte is extended with its sign
    where it is loaded, is the low byte with its sign again after each operation that
    can exceed it, and is truncated where it is stored. Memory does not change.

    ```mlir
    ^bb0(%a: i8, %b: i8, %old: i8):
      %sum = arith.addi %a, %b : i8
      linalg.yield %sum : i8
    // becomes
    ^bb0(%a: i8, %b: i8, %old: i8):
      %a32 = arith.extsi %a : i8 to i32
      %b32 = arith.extsi %b : i8 to i32
      %sum = arith.addi %a32, %b32 : i32
      %high = arith.shli %sum, %c24 : i32
      %low = arith.shrsi %high, %c24 : i32
      %byte = arith.trunci %low : i32 to i8
      linalg.yield %byte : i8
    ```

    Errors: another operation whose result is a byte, such as a division.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect"];
}

def EmulateWideIntegers : Pass<"pock-emulate-wide-integers", "mlir::ModuleOp"> {
  let summary = "Compute 64-bit integers as pairs of 32-bit integers";
  let description = [{
    Shaders that run on every device have integers of 32 bits. In `gpu.func`, `i64`
    becomes `vector<2xi32>`, the low word first, also in buffers, whose bytes stay what
    they are. Patterns of MLIR do it: `arith-emulate-wide-int` and
    `memref-emulate-wide-int`. Divisions, which they lack, become loops over the bits.

    Errors: an operation on 64-bit integers that has no pattern, such as
    `arith.mulsi_extended`.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::gpu::GPUDialect",
    "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect",
    "mlir::vector::VectorDialect"
  ];
}

def ExpandArithmetic : Pass<"pock-expand-arithmetic", "mlir::ModuleOp"> {
  let summary = "Compute functions, and what devices round in their own way, by formulas";
  let description = [{
    Functions such as `math.exp` become the formulas of all targets, because those of
    drivers have few digits.

    If the module has `pock.arithmetic = "portable"`, everything else that Vulkan leaves
    to devices becomes exact, too: `arith.divf`, `math.sqrt` and `math.fma` on `f32`
    become calls of functions that compute the bits with integers, and
    `arith.maximumf` and `arith.minimumf` become selections, which tell zeros by their
    signs. Sums and products need nothing: Vulkan rounds them to nearest.

    ```mlir
    %0 = arith.divf %a, %b : f32
    // becomes
    %0 = func.call @pock_divide(%a, %b) : (f32, f32) -> f32
    ```
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::func::FuncDialect",
    "mlir::math::MathDialect", "mlir::scf::SCFDialect", "mlir::vector::VectorDialect"
  ];
}

def FormDispatches : Pass<"pock-form-dispatches", "mlir::ModuleOp"> {
  let summary = "Divide kernels into shaders, and launches into dispatches";
  let description = [{
    A kernel on buffers becomes one `gpu.func` for each of its loop nests: threads
    of one dispatch cannot wait for all others, so what one nest writes only the
    next dispatch can read. A thread computes the values of all statements of its
    nest at one point of the parallel loops. Shaders take the buffers that they
    access, flat. Where there are few points and long sums, the 64 threads of a
    workgroup add the terms of one point together; where there are many points, a
    thread computes up to 16, whose loads of the same entry are one.

    Of arguments that a launch gives the same place, they have one:
    bindings may not alias.

    A `pock.launch` becomes a `gpu.launch_func` for each shader, in the order of the
    nests. Parts of a workspace are views of it. What may take a device longer than
    100 ms becomes several, each with some of the workgroups: phones reset a device that
    works on one dispatch for long.

    ```mlir
    pock.launch @relu ins(%x : memref<4x5xf32>) outs(%y : memref<4x5xf32>)
    // becomes
    gpu.launch_func @shaders::@relu blocks in (%c1, %c1, %c1) threads in (%c64, %c1, %c1)
        args(%x_flat : memref<20xf32>, %y_flat : memref<20xf32>)
    ```

    A loop around one nest, as in the gradient of an embedding, becomes a loop of each
    thread, if threads read nothing that other threads have written in it.

    Errors: an operation that no nest can express, another loop, and a binding with more
    bytes than devices of the target allow.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::gpu::GPUDialect",
    "mlir::linalg::LinalgDialect", "mlir::math::MathDialect",
    "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect", "mlir::spirv::SPIRVDialect",
    "mlir::vector::VectorDialect"
  ];
}

def PackArguments : Pass<"pock-pack-arguments", "mlir::ModuleOp"> {
  let summary = "Put inputs and outputs of functions into one argument";
  let description = [{
    In functions that launch kernels, all arguments that are no segments become views of
    one, in their order, at multiples of 256 bytes, which every device accepts as the
    begin of a binding. So they have common memory, like the values of a segment, and
    need no binding each. `pock.packed` says what is where.

    ```mlir
    func.func @step(%state: memref<512xi8> {pock.segment = "state"}, %x: memref<4x6xf32>,
                    %loss: memref<f32> {pock.output = "loss"})
    // becomes
    func.func @step(%state: memref<512xi8> {pock.segment = "state"},
                    %packed: memref<260xi8> {pock.packed = array<i64: 0, 0, 96, 1, 256, 4>})
      %x = memref.view %packed[%c0][] : memref<260xi8> to memref<4x6xf32>
      %loss = memref.view %packed[%c256][] : memref<260xi8> to memref<f32>
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::func::FuncDialect",
                           "mlir::memref::MemRefDialect"];
}

def PadAtOnce : Pass<"pock-pad-at-once", "mlir::ModuleOp"> {
  let summary = "Write a padded copy by one operation";
  let description = [{
    In kernels on buffers, a temporary or an argument whose border is filled, side by
    side, and whose rest is a copy is written by one `linalg.generic`: each of its points
    reads its entry of the operand, or is a part of the border. So it is one dispatch.

    ```mlir
    linalg.fill ins(%zero : f32) outs(%left : memref<1xf32, strided<[1]>>)
    linalg.fill ins(%zero : f32) outs(%right : memref<1xf32, strided<[1], offset: 7>>)
    linalg.copy ins(%x : memref<6xf32>) outs(%middle : memref<6xf32, strided<[1], offset: 1>>)
    // becomes
    linalg.generic … outs(%padded : memref<8xf32>) {
      %i = linalg.index 0 : index
      %place = arith.subi %i, %c1 : index
      %inside = arith.cmpi ult, %place, %c6 : index
      %safe = arith.select %inside, %place, %c0 : index
      %v = memref.load %x[%safe] : memref<6xf32>
      %w = arith.select %inside, %v, %zero : f32
      linalg.yield %w : f32
    }
    ```
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect"];
}

def SplitSums : Pass<"pock-split-sums", "mlir::ModuleOp"> {
  let summary = "Add long sums of few points in two steps";
  let description = [{
    In kernels on buffers, a sum with fewer points than workgroups that keep a device
    of the target's row busy, and with many terms, becomes sums of parts in a
    temporary, which several workgroups compute, and sums of these. The order of terms
    does not depend on the device.

    ```mlir
    linalg.generic {iterator_types = ["reduction"]}
        ins(%x : memref<65536xf32>) outs(%y : memref<f32>)
    // becomes
    %parts = memref.alloc() : memref<64xf32>
    linalg.fill ins(%zero : f32) outs(%parts : memref<64xf32>)
    linalg.generic {iterator_types = ["parallel", "reduction"]}
        ins(%x : memref<65536xf32>) outs(%parts : memref<64xf32>)
    linalg.generic {iterator_types = ["reduction"]}
        ins(%parts : memref<64xf32>) outs(%y : memref<f32>)
    ```

    Does nothing in portable arithmetic, to sums whose terms have an order, in loops,
    and if no reduction loop that stands alone in all maps has a divisor of that size.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect"];
}

def ProbeArithmetic : Pass<"pock-probe-arithmetic", "mlir::ModuleOp"> {
  let summary = "Add a function that shows whether a device has portable arithmetic";
  let description = [{
    If the module has `pock.arithmetic = "portable"`, adds a function `pock_probe` with
    its shader: sums, products, divisions, fused multiply-adds, roots, extremes,
    comparisons and conversions of numbers where roundings differ (zeros, denormal
    numbers, the largest numbers, halves of the last place, infinities, NaN). Its
    attributes have its input, and the output of arithmetic as IEEE 754 has it. The
    runtime calls it when a step is loaded, and refuses a device that gives others.

    ```mlir
    func.func @pock_probe(%packed: memref<25088xi8> {pock.packed = …})
        attributes {pock.probe_inputs = array<i32: …>, pock.probe_outputs = array<i32: …>} {
      gpu.launch_func @shaders::@pock_probe …
    }
    ```
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::func::FuncDialect", "mlir::gpu::GPUDialect",
    "mlir::math::MathDialect", "mlir::memref::MemRefDialect", "mlir::spirv::SPIRVDialect"
  ];
}

def LowerToSpirv : Pass<"pock-lower-to-spirv", "mlir::ModuleOp"> {
  let summary = "Lower shaders to SPIR-V";
  let description = [{
    Converts the `gpu.module` of shaders to one `spirv.module` for Vulkan, with an
    entry point per shader. The argument `n` of a shader is the storage buffer of
    binding `n` in set 0. The module keeps the functions with dispatches.

    In portable arithmetic, drivers may not contract operations (`NoContraction`), and
    keep denormal numbers and the signs of zeros (`SPV_KHR_float_controls`).

    Errors: an operation or a type that the target's shaders do not have.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::gpu::GPUDialect",
    "mlir::memref::MemRefDialect", "mlir::spirv::SPIRVDialect"
  ];
}

#endif // POCK_BACKENDS_VULKAN_PASSES
