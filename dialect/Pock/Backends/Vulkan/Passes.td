//===- Passes.td - The Vulkan back end ---------------------*- tablegen -*-===//

#ifndef POCK_BACKENDS_VULKAN_PASSES
#define POCK_BACKENDS_VULKAN_PASSES

include "mlir/Pass/PassBase.td"

def StoreWords : Pass<"pock-store-words", "mlir::ModuleOp"> {
  let summary = "Store integers as 32-bit words";
  let description = [{
    Shaders that run on every device load and store 32 bits, and compute with
    integers of 32 bits. Buffers and tensors of `i1`, `i8` and `i64` become ones of
    `i32`: truth values are 0 or 1, bytes have their signs, and 64-bit integers have
    to fit, which the caller of a function checks for its inputs. The bodies of
    kernels become ones of `i1` and `i32`.

    ```mlir
    linalg.generic ins(%labels : memref<4xi64>) outs(%flags : memref<4xi1>) {
    ^bb0(%label: i64, %old: i1):
      %flag = arith.cmpi ne, %label, %c-100 : i64
      linalg.yield %flag : i1
    // becomes
    linalg.generic ins(%labels : memref<4xi32>) outs(%flags : memref<4xi32>) {
    ^bb0(%label: i32, %old: i32):
      %flag = arith.cmpi ne, %label, %c-100 : i32
      %word = arith.extui %flag : i1 to i32
      linalg.yield %word : i32
    ```

    A 64-bit number without dimensions may be added to, and be a parameter: it counts
    calls.

    Errors: other arithmetic of 64-bit integers, a constant that does not fit, and a
    parameter of such a type.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect"];
}

def FormDispatches : Pass<"pock-form-dispatches", "mlir::ModuleOp"> {
  let summary = "Divide kernels into shaders, and launches into dispatches";
  let description = [{
    A kernel on buffers becomes one `gpu.func` for each of its loop nests: threads
    of one dispatch cannot wait for all others, so what one nest writes only the
    next dispatch can read. A thread computes the values of all statements of its
    nest at one point of the parallel loops. Shaders take the buffers that they
    access, flat. Of arguments that a launch gives the same place, they have one:
    bindings may not alias.

    A `pock.launch` becomes a `gpu.launch_func` for each shader, in the order of the
    nests. Parts of a workspace are views of it.

    ```mlir
    pock.launch @relu ins(%x : memref<4x5xf32>) outs(%y : memref<4x5xf32>)
    // becomes
    gpu.launch_func @shaders::@relu blocks in (%c1, %c1, %c1) threads in (%c64, %c1, %c1)
        args(%x_flat : memref<20xf32>, %y_flat : memref<20xf32>)
    ```

    Errors: an operation that no nest can express, and a loop around nests.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::gpu::GPUDialect",
    "mlir::linalg::LinalgDialect", "mlir::math::MathDialect",
    "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect", "mlir::spirv::SPIRVDialect",
    "mlir::vector::VectorDialect"
  ];
}

def LowerToSpirv : Pass<"pock-lower-to-spirv", "mlir::ModuleOp"> {
  let summary = "Lower shaders to SPIR-V";
  let description = [{
    Converts the `gpu.module` of shaders to one `spirv.module` for Vulkan, with an
    entry point per shader. The argument `n` of a shader is the storage buffer of
    binding `n` in set 0. The module keeps the functions with dispatches.

    Errors: an operation or a type that the target's shaders do not have.
  }];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::gpu::GPUDialect",
    "mlir::memref::MemRefDialect", "mlir::spirv::SPIRVDialect"
  ];
}

#endif // POCK_BACKENDS_VULKAN_PASSES
