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

def PackOperands : Pass<"pock-pack-operands", "mlir::ModuleOp"> {
  let summary = "Copy large right operands of products";
  let description = [{
    Copies the right operand of a sum of products, if it is an argument of the
    kernel and larger than half of `l2_bytes` of the target, its rows are long,
    and enough rows of the result use the copy:

    ```mlir
    linalg.matmul ins(%x, %w : memref<512x3072xf32>, memref<3072x768xf32>)
    // becomes
    %panel = memref.alloc() : memref<3072x768xf32>
    // copy %w into %panel
    linalg.matmul ins(%x, %panel : …)
    ```

    `pock-localize-scratch`, which should follow, shrinks the copy to a panel of
    columns that stays in the cache for all rows.
  }];
  let dependentDialects = ["mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect"];
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

def PairProducts : Pass<"pock-pair-products", "mlir::ModuleOp"> {
  let summary = "Multiply pairs of bf16 on targets with such instructions";
  let description = [{
    In modules of precision bf16, for targets with products of pairs
    (AVX512-BF16), sums of products with an operand in bf16 take two terms at a
    time. An operand that is contiguous along the sum is viewed as pairs. For any
    other operand, f32 included, a copy interleaves two rows at a time.

    ```mlir
    linalg.generic ins(%x, %w : memref<64x128xbf16>, memref<128x256xf32>)  // %out += extf(%x) * %w
    // becomes
    %xx = pock.pair_view %x : memref<64x128xbf16> to memref<64x64xi32>
    %ww = memref.alloc() : memref<64x256xi32>
    // %ww[k, n] = pair of %w[2 * k, n] and %w[2 * k + 1, n], rounded
    linalg.generic ins(%xx, %ww : memref<64x64xi32>, memref<64x256xi32>)   // pock.dot_pairs
    ```

    If both operands are copied (the gradient of a weight), the sum runs over
    blocks whose copies fit into half of `l2_bytes` of the target.

    Does nothing if a sum has an odd number of terms, if a copy would be used
    fewer than 16 times, or if an f32 operand is contiguous along the sum.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect", "::mlir::pock::PockDialect"];
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
    between the copy and its readers.
  }];
  let dependentDialects = ["::mlir::pock::PockDialect"];
}

def LocalizeScratch : Pass<"pock-localize-scratch", "mlir::ModuleOp"> {
  let summary = "Shrink temporaries of kernels to an image, or to a panel";
  let description = [{
    If all operations that use a temporary can run image by image (dimension 0 of
    the temporary, any plain loop of the operations), they move into an
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

    The packed copy of an operand of a sum of products, if larger than half of
    `l2_bytes` of the target, shrinks to a panel of columns in the same way. If
    the panels do not divide the width, the rest is computed after the loop.

    In kernels marked `pock.channel_blocks` (a convolution and the depthwise one
    that reads it), the temporary between them shrinks to a block of channels: a
    vector of them, or eight.

    If several nests read the rows of a buffer larger than `l2_bytes` (a softmax),
    they run on blocks of rows whose buffers fit into the cache.

    Sums over the batch are reassociated. Kernels marked `pock.inplace` do not
    change.
  }];
  let options = [
    Option<"minBytes", "min-bytes", "int64_t", /*default=*/"8192",
           "Temporaries below this size get no loop">
  ];
  let dependentDialects = [
    "mlir::arith::ArithDialect", "mlir::linalg::LinalgDialect",
    "mlir::memref::MemRefDialect", "mlir::scf::SCFDialect"
  ];
}

def BlockReductions : Pass<"pock-block-reductions", "mlir::ModuleOp"> {
  let summary = "Sum products over blocks of rows that fit into the cache";
  let description = [{
    A sum of products runs over blocks of its outermost reduction loop if its
    operands do not fit into `l2_bytes` of the target, but its result fits into
    half of it:

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
           "Largest total size of temporaries on the stack; -1 is a sixteenth of "
           "the target's stack">,
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
    registers. A cost model chooses the register tile for `pock.target`.
    Operations that the emitter does not support (non-linear indexing maps)
    become scalar loops.

    With `threads = 0` in `pock.target`, a nest becomes an `omp.parallel` region
    if the cost model estimates that this pays. Threads divide the tiles of one
    parallel loop, so results do not depend on their number.

    For buffers larger than `l2_bytes` of the target, the elements after the
    current sum, and the rows of the next one, are prefetched.

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

    `exp`, `log`, `tanh`, `erf` and similar functions on f32 become polynomials,
    so that results do not depend on a math library. On f64 they become LLVM
    intrinsics. A remaining `memref.alloc` is an error: all memory is planned
    before.
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
    function `body(data, thread, threads)`, and the region becomes a call of
    `GOMP_parallel`, which both libgomp and LLVM's libomp have. Values that the
    body uses are passed in a structure on the stack.

    The runtime's functions are weak: without a runtime, one thread does all the
    work. Clauses on `omp.parallel` are errors.
  }];
  let dependentDialects = ["mlir::LLVM::LLVMDialect",
                           "mlir::omp::OpenMPDialect"];
}

#endif // POCK_CODEGEN_PASSES
