//===- Passes.td - From linalg kernels to LLVM -------------*- tablegen -*-===//

#ifndef POCK_CODEGEN_PASSES
#define POCK_CODEGEN_PASSES

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

def PackOperands : Pass<"pock-pack-operands", "mlir::ModuleOp"> {
  let summary = "Copy large right operands of products";
  let description = [{
    The right operand of a sum of products, an argument of the kernel, is copied
    if it is larger than half of `l2_bytes` of the target, its rows are long,
    and enough rows of the result use the copy:

    ```mlir
    linalg.matmul ins(%x, %w : memref<512x3072xf32>, memref<3072x768xf32>)
    // becomes
    %panel = memref.alloc() : memref<3072x768xf32>
    // copy %w into %panel
    linalg.matmul ins(%x, %panel : …)
    ```

    `pock-localize-scratch`, which should follow, shrinks the copy to a panel of
    columns that the cache keeps for all rows.
  }];
  let dependentDialects = ["mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect"];
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

def PairProducts : Pass<"pock-pair-products", "mlir::ModuleOp"> {
  let summary = "Multiply pairs of bf16 where the target can";
  let description = [{
    In modules of precision bf16, for targets with products of pairs
    (AVX512-BF16), sums of products with an operand in bf16 take two terms at a
    time. What is contiguous along the sum is seen as pairs; of anything else,
    f32 included, a copy interleaves two rows at a time.

    ```mlir
    linalg.generic ins(%x, %w : memref<64x128xbf16>, memref<128x256xf32>)  // %out += extf(%x) * %w
    // becomes
    %xx = pock.pair_view %x : memref<64x128xbf16> to memref<64x64xi32>
    %ww = memref.alloc() : memref<64x256xi32>
    // %ww[k, n] = pair of %w[2 * k, n] and %w[2 * k + 1, n], rounded
    linalg.generic ins(%xx, %ww : memref<64x64xi32>, memref<64x256xi32>)   // pock.dot_pairs
    ```

    Where both operands are copied (the gradient of a weight), the sum runs over
    blocks of which half of `l2_bytes` of the target holds the copies.

    Does nothing where a sum has an odd number of terms, where a copy would be
    used fewer than 16 times, or where an f32 operand is contiguous along the
    sum.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect", "::mlir::pock::PockDialect"];
}

def FoldPadding : Pass<"pock-fold-padding", "mlir::ModuleOp"> {
  let summary = "Read what is padded without a padded copy";
  let description = [{
    A temporary whose border is filled and whose rest is a copy goes away if
    only sums over windows read it (depthwise convolutions, pooling) and the
    border adds nothing to them. They read a `pock.padded_view` of what was
    copied.

    ```mlir
    %pad = memref.alloc() : memref<8x58x58x96xf32>
    // fill the border of %pad with 0; copy %x into the rest; depthwise convolution of %pad
    // becomes
    %pad = pock.padded_view %x {low = array<i64: 0, 1, 1, 0>, high = array<i64: 0, 1, 1, 0>}
        : memref<8x56x56x96xf32> to memref<8x58x58x96xf32, strided<[301056, 5376, 96, 1], offset: ?>>
    // depthwise convolution of %pad
    ```

    Does nothing where a sum runs over channels, too, where windows reach so far
    beyond the border that many points differ in their taps, or where the
    source is written in between.
  }];
  let dependentDialects = ["::mlir::pock::PockDialect"];
}

def LocalizeScratch : Pass<"pock-localize-scratch", "mlir::ModuleOp"> {
  let summary = "Shrink temporaries of kernels to an image, or to a panel";
  let description = [{
    Where the operations around a temporary can run image by image (dimension 0
    of the temporary, any plain loop of the operations), they move into an
    `scf.for` over the batch, and the temporary shrinks to one image.

    ```mlir
    %pad = memref.alloc() : memref<16x18x18x96xf32>
    // fill %pad; copy %x into it; convolution of %pad
    // becomes
    %pad = memref.alloc() : memref<1x18x18x96xf32>
    scf.for %n = %c0 to %c16 step %c1 {
      // the same on image %n
    }
    ```

    In the same way the packed copy of an operand of a sum of products that is
    larger than half of `l2_bytes` of the target shrinks to a panel of columns;
    the rest of a width that panels do not divide is computed behind the loop.

    In kernels marked `pock.channel_blocks` (a convolution and the depthwise one
    that reads it), what lies between shrinks to a block of channels: a vector of
    them, or eight.

    Where several nests touch the rows of a buffer larger than `l2_bytes` (a
    softmax), they run on blocks of rows of which the cache holds all buffers.

    Sums over the batch are reassociated. Kernels that may run in place
    (`pock.inplace`) are left alone.
  }];
  let options = [
    Option<"minBytes", "min-bytes", "int64_t", /*default=*/"8192",
           "Temporaries below this size are not worth a loop">
  ];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect",
    "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect"
  ];
}

def BlockReductions : Pass<"pock-block-reductions", "mlir::ModuleOp"> {
  let summary = "Sum products over blocks of rows that the cache holds";
  let description = [{
    A sum of products whose operands do not fit into `l2_bytes` of the target,
    but whose result fits into half of it, runs over blocks of its outermost
    reduction loop:

    ```mlir
    linalg.generic ins(%x, %g : memref<25088x64xf32>, memref<25088x256xf32>) outs(%w)
    // becomes
    scf.for %k = %c0 to %c25088 step %c448 {
      // the same on rows %k to %k + 448, on top of %w
    }
    ```

    Every element is the sum of the same products in the same order.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect"];
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
           "Largest total size of temporaries that go to the stack; -1 is a "
           "sixteenth of the target's">,
    Option<"alignment", "alignment", "int64_t", /*default=*/"0",
           "Alignment in bytes of every temporary; 0 is the target's">
  ];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect"];
}

def VectorizeKernels : Pass<"pock-vectorize-kernels", "mlir::ModuleOp"> {
  let summary = "Emit tiled vector loops for the linalg operations of kernels";
  let description = [{
    Replaces linalg operations on memrefs by `scf.for` loops over vectors, in
    functions with the attribute `pock.kernel`. Operations that follow each
    other on the same iteration space (initialisation, reduction, elementwise
    epilogue) become one loop nest whose intermediate values stay in
    registers. The register tile comes from a cost model and from
    `pock.target`. Whatever the emitter does not understand (non-linear
    indexing maps) becomes scalar loops.

    With `threads = 0` in `pock.target`, a nest that is worth it becomes an
    `omp.parallel` region: threads divide the tiles of one parallel loop, so
    results do not depend on their number.

    Of buffers larger than `l2_bytes` of the target, what follows a sum, and the
    rows of the next one, are prefetched.

    Floating-point reductions over a vectorised dimension are reassociated;
    products that are summed are fused (`math.fma`).
  }];
  let options = [
    Option<"fuse", "fuse", "bool", /*default=*/"true",
           "Put operations on the same iteration space into one loop nest">,
    Option<"vectorBytes", "vector-bytes", "int64_t", /*default=*/"-1",
           "Overrides 'vector_bytes' of the target (0: scalar code)">
  ];
  let dependentDialects = [
    "mlir::affine::AffineDialect", "mlir::arith::ArithDialect",
    "mlir::math::MathDialect", "mlir::memref::MemRefDialect",
    "mlir::omp::OpenMPDialect", "mlir::scf::SCFDialect",
    "mlir::vector::VectorDialect"
  ];
}

def LowerToLLVM : Pass<"pock-lower-to-llvm", "mlir::ModuleOp"> {
  let summary = "Lower kernels and entry points to the LLVM dialect";
  let description = [{
    One conversion with one type converter for func, cf, scf, arith, math,
    index, memref, affine and vector; upstream's separate passes disagree about
    the width of `index`. The width, triple and CPU come from `pock.target`.
    Functions take bare pointers; private functions become internal, public
    ones keep their names.

    `exp`, `log`, `tanh`, `erf` and relatives on f32 become polynomials, so
    that results do not depend on a math library; on f64 they become LLVM
    intrinsics. A `memref.alloc` that is still there is an error: all memory
    is planned before.
  }];
  let dependentDialects = [
    "mlir::affine::AffineDialect", "mlir::arith::ArithDialect",
    "mlir::cf::ControlFlowDialect", "mlir::LLVM::LLVMDialect",
    "mlir::math::MathDialect", "mlir::memref::MemRefDialect",
    "mlir::scf::SCFDialect", "mlir::vector::VectorDialect"
  ];
}

def OutlineParallel : Pass<"pock-outline-parallel", "mlir::ModuleOp"> {
  let summary = "Turn parallel regions into calls of the OpenMP runtime";
  let description = [{
    Works on the LLVM dialect. The body of every `omp.parallel` becomes a
    function `body(data, thread, threads)`, and the region a call of
    `GOMP_parallel`, which libgomp and LLVM's libomp both have. What the body
    uses from outside travels in a structure on the stack.

    The runtime's functions are weak: without a runtime, one thread does it
    all. Clauses on `omp.parallel` are errors.
  }];
  let dependentDialects = ["mlir::LLVM::LLVMDialect",
                           "mlir::omp::OpenMPDialect"];
}

#endif // POCK_CODEGEN_PASSES
