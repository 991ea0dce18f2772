//===- Passes.td - Passes that back ends share -------------*- tablegen -*-===//

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
    that make their operands block by block. Initial tensors are chosen so that
    results are computed in place.

    ```mlir
    func.func private @relu(%x: tensor<8xf32>, %out: tensor<8xf32>)
        -> tensor<8xf32> attributes {pock.kernel}
    // becomes
    func.func private @relu(%x: memref<8xf32>, %out: memref<8xf32>)
        attributes {pock.kernel}
    ```

    An out that is read is updated in place. Temporaries stay `memref.alloc`
    (see `pock-place-scratch`). Temporaries in loops move before the loop, because
    all iterations may use the same memory. Dynamic shapes and operations that
    cannot be bufferized are errors. Other functions do not change.
  }];
  let dependentDialects = [
    "mlir::affine::AffineDialect", "mlir::arith::ArithDialect",
    "mlir::bufferization::BufferizationDialect", "mlir::func::FuncDialect",
    "mlir::linalg::LinalgDialect", "mlir::memref::MemRefDialect",
    "mlir::scf::SCFDialect", "mlir::tensor::TensorDialect"
  ];
}

def FoldPadding : Pass<"pock-fold-padding", "mlir::ModuleOp"> {
  let summary = "Read padded operands without a padded copy";
  let description = [{
    Removes a temporary whose border is filled and whose rest is a copy, if all
    its readers are sums over windows (depthwise convolutions, pooling) to which
    the border adds nothing. They read a `pock.padded_view` of the source.

    ```mlir
    %pad = memref.alloc() : memref<8x58x58x96xf32>
    // fill the border of %pad with 0; copy %x into the rest; depthwise convolution of %pad
    // becomes
    %pad = pock.padded_view %x {low = array<i64: 0, 1, 1, 0>, high = array<i64: 0, 1, 1, 0>}
        : memref<8x56x56x96xf32> to memref<8x58x58x96xf32, strided<[301056, 5376, 96, 1], offset: ?>>
    // depthwise convolution of %pad
    ```

    Does nothing if a sum also runs over channels, if windows reach so far into
    the border that many points differ in their taps, or if the source is written
    between the copy and its readers. With `check-taps`, the first two do not
    matter, except in portable arithmetic: products of infinite weights and a
    border must be the same on all targets.
  }];
  let options = [Option<"checkTaps", "check-taps", "bool", "false",
                        "Code decides for each tap whether it is on the border">];
  let dependentDialects = ["::mlir::pock::PockDialect"];
}

def NarrowScratch : Pass<"pock-narrow-scratch", "mlir::ModuleOp"> {
  let summary = "Keep temporaries in bf16 that hold only bf16 values";
  let description = [{
    A temporary of f32 becomes one of bf16 if all values written to it are widened
    bf16 values, or constants that bf16 represents. Its readers widen it.

    ```mlir
    %pad = memref.alloc() : memref<18x18x64xf32>
    // fill the border of %pad with 0; extf of %x into the rest
    // becomes
    %pad = memref.alloc() : memref<18x18x64xbf16>
    // fill the border of %pad with 0; copy %x into the rest
    ```

    Does nothing if f32 arithmetic writes the temporary, or if an operation other
    than linalg.generic uses it.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect"];
}

def PlaceScratch : Pass<"pock-place-scratch", "mlir::ModuleOp"> {
  let summary = "Assign memory to the temporaries of kernels";
  let description = [{
    Replaces every static `memref.alloc` of a kernel. Temporaries that
    `pock-vectorize-kernels` will keep in registers stay; that pass removes them.
    Of the others, the smallest become `memref.alloca`, up to `stack-bytes` in
    total. The rest is placed by lifetime into one trailing argument
    `memref<Nxi8>`, and the function gets the attribute
    `pock.workspace = N : i64`.

    ```mlir
    func.func private @k(%x: memref<64x64xf32>, ..., %ws: memref<16384xi8>)
        attributes {pock.kernel, pock.workspace = 16384 : i64} {
      %tmp = memref.view %ws[%c0][] : memref<16384xi8> to memref<64x64xf32>
    ```

    Callers of the kernel do not change: the pass that builds the calls reads the
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
