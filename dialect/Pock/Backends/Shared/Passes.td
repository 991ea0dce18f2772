//===- Passes.td - What back ends share --------------------*- tablegen -*-===//

#ifndef POCK_BACKENDS_SHARED_PASSES
#define POCK_BACKENDS_SHARED_PASSES

include "mlir/Pass/PassBase.td"

def BufferizeKernels : Pass<"pock-bufferize-kernels", "mlir::ModuleOp"> {
  let summary = "Bufferize kernels in destination style";
  let description = [{
    Turns every function with the unit attribute `pock.kernel` from linalg on
    tensors into linalg on memrefs of identity layout. The last arguments, one
    per result, are the outs: they receive the results, and the function
    returns nothing. Elementwise operations are fused first, also into loops
    that make what they read block by block, and initial tensors are chosen so
    that results are computed in place.

    ```mlir
    func.func private @relu(%x: tensor<8xf32>, %out: tensor<8xf32>)
        -> tensor<8xf32> attributes {pock.kernel}
    // becomes
    func.func private @relu(%x: memref<8xf32>, %out: memref<8xf32>)
        attributes {pock.kernel}
    ```

    An out that is read is updated in place. Temporaries stay `memref.alloc`
    (see `pock-place-scratch`); those of loops move in front of them, as each
    iteration may use the same memory. Dynamic shapes and operations that cannot be
    bufferized are errors. Other functions are left alone.
  }];
  let dependentDialects = [
    "mlir::affine::AffineDialect", "mlir::arith::ArithDialect",
    "mlir::bufferization::BufferizationDialect", "mlir::func::FuncDialect",
    "mlir::linalg::LinalgDialect", "mlir::memref::MemRefDialect",
    "mlir::scf::SCFDialect", "mlir::tensor::TensorDialect"
  ];
}

def NarrowScratch : Pass<"pock-narrow-scratch", "mlir::ModuleOp"> {
  let summary = "Keep temporaries in bf16 that hold what is bf16";
  let description = [{
    A temporary of f32 into which nothing is written but widened bf16, and
    constants that bf16 represents, becomes one of bf16; what reads it widens.

    ```mlir
    %pad = memref.alloc() : memref<18x18x64xf32>
    // fill the border of %pad with 0; extf of %x into the rest
    // becomes
    %pad = memref.alloc() : memref<18x18x64xbf16>
    // fill the border of %pad with 0; copy %x into the rest
    ```

    Does nothing where f32 arithmetic writes the temporary, or something else
    than linalg.generic uses it.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect"];
}

def PlaceScratch : Pass<"pock-place-scratch", "mlir::ModuleOp"> {
  let summary = "Give the temporaries of kernels their memory";
  let description = [{
    Replaces every static `memref.alloc` of a kernel. Temporaries that
    `pock-vectorize-kernels` will keep in registers stay (they vanish there).
    Of the others the smallest become `memref.alloca`, up to `stack-bytes` in
    all. The rest is placed by lifetime into one trailing argument
    `memref<Nxi8>`, and the function gets the attribute
    `pock.workspace = N : i64`.

    ```mlir
    func.func private @k(%x: memref<64x64xf32>, ..., %ws: memref<16384xi8>)
        attributes {pock.kernel, pock.workspace = 16384 : i64} {
      %tmp = memref.view %ws[%c0][] : memref<16384xi8> to memref<64x64xf32>
    ```

    Callers of the kernel are not changed: who builds the calls reads the
    attribute.
  }];
  let options = [
    Option<"stackBytes", "stack-bytes", "int64_t", /*default=*/"-1",
           "Largest total size of temporaries that go to the stack; -1 is "
           "what the back end gives a kernel">,
    Option<"alignment", "alignment", "int64_t", /*default=*/"0",
           "Alignment in bytes of every temporary; 0 is the target's">
  ];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect"];
}

#endif // POCK_BACKENDS_SHARED_PASSES
