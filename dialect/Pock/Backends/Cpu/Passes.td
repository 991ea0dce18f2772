//===- Passes.td - The CPU back end ------------------------*- tablegen -*-===//

#ifndef POCK_BACKENDS_CPU_PASSES
#define POCK_BACKENDS_CPU_PASSES

include "mlir/Pass/PassBase.td"

def SelectAlgorithms : Pass<"pock-select-algorithms", "::mlir::ModuleOp"> {
  let summary = "Choose how each convolution is computed";
  let description = [{
    Sets `algorithm` of `pock.conv`, `pock.conv_transpose` and
    `pock.conv_weight_grad` in kernels. Winograd's algorithm is considered for
    3x3 windows of stride and dilation 1 without groups, channels last, in f32,
    on targets with vectors, and chosen if an estimate of its time, arithmetic
    and transforms, is below that of the direct loops by `min-gain`. A kernel's
    `pock.algorithm` (see `pock-apply-tuning`) is obeyed instead.

    Before: `pock.conv %x, %w {…}`
    After: `pock.conv %x, %w {algorithm = #pock.algorithm<winograd>, …}`

    Errors: `pock.algorithm` is no algorithm's name.
  }];
  let dependentDialects = ["::mlir::pock::PockDialect"];
  let options = [
    Option<"winograd", "winograd", "std::string", "\"auto\"",
           "`auto`: where it pays; `always`: where it is possible; `never`">,
    Option<"minGain", "min-gain", "double", "1.15",
           "How many times faster than the direct loops it must be estimated">
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

def GroupProducts : Pass<"pock-group-products", "mlir::ModuleOp"> {
  let summary = "Multiply groups of narrow numbers where the target can";
  let description = [{
    For targets with instructions that add several products to one sum (the
    tables in `lib/Backends/Cpu/Isa`), sums of products that such an instruction
    computes take a group of terms at a time. What is contiguous along the sum is
    seen as groups; of anything else a copy interleaves as many rows as a group
    has elements. In modules of precision bf16, an operand in f32 is rounded on
    the way if the other one is bf16.

    ```mlir
    linalg.generic ins(%x, %w : memref<64x128xbf16>, memref<128x256xf32>)  // %out += extf(%x) * %w
    // becomes
    %xx = pock.group_view %x : memref<64x128xbf16> to memref<64x64xi32>
    %ww = memref.alloc() : memref<64x256xi32>
    // %ww[k, n] = %w[2 * k, n] and %w[2 * k + 1, n], rounded, in one word
    linalg.generic ins(%xx, %ww : memref<64x64xi32>, memref<64x256xi32>)   // pock.dot
    ```

    Where both operands are copied (the gradient of a weight), the sum runs over
    blocks of which half of `l2_bytes` of the target holds the copies.

    Does nothing where the number of terms is no multiple of the group, where a
    copy would be used fewer than 16 times, or where an f32 operand is contiguous
    along the sum.
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

def LaunchToCall : Pass<"pock-launch-to-call", "::mlir::ModuleOp"> {
  let summary = "Turn launches on buffers into calls";
  let description = [{
    Before: `pock.launch @k ins(%a : memref<4xf32>) outs(%o : memref<4xf32>)`
    After: `call @pock_kernel_k(%a, %o) : (memref<4xf32>, memref<4xf32>) -> ()`

    `pock.fail_if` becomes a branch to a block that returns its code.

    Kernels are renamed first: one called `tanh` would be what its own call of
    libm's `tanh` means.

    Also drops `pock.param`, whose data the caller owns, and gives the public
    functions the names of the C header: `<pock.name>_step`. Errors: a launch on
    tensors.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::memref::MemRefDialect"];
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

#endif // POCK_BACKENDS_CPU_PASSES
