//===- Passes.td - The CPU back end ------------------------*- tablegen -*-===//

#ifndef POCK_BACKENDS_CPU_PASSES
#define POCK_BACKENDS_CPU_PASSES

include "mlir/Pass/PassBase.td"

def SelectAlgorithms : Pass<"pock-select-algorithms", "::mlir::ModuleOp"> {
  let summary = "Choose how each convolution is computed";
  let description = [{
    Sets `algorithm` of `pock.conv`, `pock.conv_transpose` and
    `pock.conv_weight_grad` in kernels. Winograd's algorithm is possible for 3x3
    windows of stride and dilation 1 without groups, channels last, in f32, on
    targets with vectors. It is chosen if its estimated time, arithmetic and
    transforms, is smaller than that of the direct loops by the factor
    `min-gain`. A `pock.algorithm` on the kernel (see `pock-apply-tuning`) takes
    precedence.

    Before: `pock.conv %x, %w {…}`
    After: `pock.conv %x, %w {algorithm = #pock.algorithm<winograd>, …}`

    Errors: `pock.algorithm` is not the name of an algorithm.
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

def TileProducts : Pass<"pock-tile-products", "mlir::ModuleOp"> {
  let summary = "Make the factors of products contiguous for tiles of registers";
  let description = [{
    For targets without vectors that load several registers at once. A tile of
    4 x 4 sums needs, for each term, four rows of one factor and four columns of
    the other. Rows that are not adjacent in memory are copied in groups:

    ```mlir
    linalg.generic ins(%g, %w : memref<64x48xf32>, memref<48x192xf32>) …  // %w is made from int8
    // becomes
    %rows = memref.alloc() : memref<16x48x4xf32>   // [rows / 4][terms][4]
    // copy %g into %rows
    %panel = memref.alloc() : memref<48x4xf32>
    scf.for %column = %c0 to %c192 step %c4 {
      // make four columns of %w in %panel
      linalg.generic ins(%rows, %panel : memref<16x48x4xf32>, memref<48x4xf32>) …
    }
    ```

    If the copy of the rows would have more than `l2_bytes` of the target, the
    sum runs in blocks of terms, with copies of at most half of that. Fills and elementwise operations on the result
    run on the same columns and groups. Sums keep their order.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect"];
}

def LoadMultiple : Pass<"pock-load-multiple", "mlir::ModuleOp"> {
  let summary = "Load groups of registers with one instruction";
  let description = [{
    Works on the LLVM dialect. On Arm's microcontrollers with a floating-point
    unit and without vectors, a load of 4 or 8 numbers of f32 that are used one
    by one becomes `vldmia`, in inline assembly with fixed registers. (LLVM
    forms it only where the registers happen to be in order.)

    ```mlir
    %v = llvm.load %p : !llvm.ptr -> vector<4xf32>
    // becomes
    %v = llvm.inline_asm "vldmia $4, {$0, $1, $2, $3}", "={s16},={s17},={s18},={s19},r,~{memory}" %p
    ```
  }];
  let dependentDialects = ["mlir::LLVM::LLVMDialect"];
}

def PackWords : Pass<"pock-pack-words", "mlir::ModuleOp"> {
  let summary = "Pack the masks in a word at once";
  let description = [{
    On microcontrollers without vectors, `pock.pack_bits` on buffers whose rows are
    multiples of four bytes shifts and merges words: four masks, bytes of zero or
    one.

    Before: `%bit = arith.extui %mask : i1 to i8; %moved = arith.shli %bit, %k; arith.ori %out, %moved`
    After: `%moved = arith.shli %masks, %k : i32; arith.ori %out, %moved : i32`
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect"];
}

def MergeKernels : Pass<"pock-merge-kernels", "mlir::ModuleOp"> {
  let summary = "Use one function for kernels that differ in numbers";
  let description = [{
    Works on the LLVM dialect, for microcontrollers. Kernels that are equal but
    for up to six numbers (operands of additions, products, comparisons and
    branches) become one function that receives them. Kernels with inline
    assembly or intrinsics of the target, where most of the time is spent, stay as
    they are.

    Before: `llvm.func @a(%x)` with `llvm.icmp "slt" %i, 48`, `llvm.func @b(%x)` with `llvm.icmp "slt" %i, 96`
    After: `llvm.func @a(%x, %n)` with `llvm.icmp "slt" %i, %n`, called with 48 and with 96
  }];
  let dependentDialects = ["mlir::LLVM::LLVMDialect"];
}

def GroupProducts : Pass<"pock-group-products", "mlir::ModuleOp"> {
  let summary = "Multiply groups of narrow numbers where the target can";
  let description = [{
    For targets with instructions that add several products to one sum (the
    tables in `lib/Backends/Cpu/Isa`), sums of products that such an instruction
    computes take a group of terms at a time. An operand that is contiguous along
    the sum is viewed as groups. For any other operand, a copy interleaves as many
    rows as a group has elements. In modules of precision bf16, an operand in f32
    is rounded on the way if the other one is bf16.

    ```mlir
    linalg.generic ins(%x, %w : memref<64x128xbf16>, memref<128x256xf32>)  // %out += extf(%x) * %w
    // becomes
    %xx = pock.group_view %x : memref<64x128xbf16> to memref<64x64xi32>
    %ww = memref.alloc() : memref<64x256xi32>
    // %ww[k, n] = %w[2 * k, n] and %w[2 * k + 1, n], rounded, in one word
    linalg.generic ins(%xx, %ww : memref<64x64xi32>, memref<64x256xi32>)   // pock.dot
    ```

    If both operands are copied (the gradient of a weight), the sum runs over
    blocks whose copies fit into half of `l2_bytes` of the target.

    On targets with vectors, a copy widens bytes to 16 bits for an instruction
    that multiplies those, and subtracts their zero point; on others, if the other
    operand has 16 bits, as a gradient may. An instruction that
    multiplies unsigned bytes also takes signed ones with a zero point of -128,
    with their highest bit flipped. If both operands are contiguous along the
    sum, the one along whose rows vectors run is copied.

    Does nothing if the number of terms is no multiple of the group, if a copy
    would be used fewer than 16 times, or if an f32 operand is contiguous along
    the sum.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect", "::mlir::pock::PockDialect"];
}

def FloatSums : Pass<"pock-float-sums", "mlir::ModuleOp"> {
  let summary = "Sum products of bytes in f32 where that is exact";
  let description = [{
    x86 processors multiply and add floats in one instruction, and 32-bit
    integers in three. A sum of products of bytes that `pock-group-products` left
    is computed in f32 if all its partial sums are integers of at most 24 bits, so
    that none is rounded: depthwise convolutions, and the first convolution of a
    network. A factor with at least 16 uses is converted in a copy.

    ```mlir
    linalg.generic ins(%x, %w : memref<8x64xi8>, memref<64x3xi8>)  // %out += extsi(%x) * extsi(%w)
    // becomes
    linalg.generic ins(%x, %ww : memref<8x64xi8>, memref<64x3xf32>)  // %sum += sitofp(%x) * %ww
    linalg.generic ins(%sum : memref<8x3xf32>)                       // %out += fptosi(%sum)
    ```

    Does nothing on other targets, and if a sum may have more than 24 bits.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect"];
}

def WriteResults : Pass<"pock-write-results", "mlir::ModuleOp"> {
  let summary = "Compute results in their places instead of in temporaries";
  let description = [{
    If one result of a kernel is computed from another one, bufferization computes
    both in a temporary, and copies it to each result when that is finished. On
    processors without vectors whose code is optimised for size, the operations
    before a copy write its target instead, and those behind it read the target.

    ```mlir
    %sum = memref.alloc() : memref<64x48xf32>
    // sum products in %sum
    linalg.copy ins(%sum : memref<64x48xf32>) outs(%first : memref<64x48xf32>)
    linalg.generic … ins(%sum : …) outs(%sum : …)
    linalg.copy ins(%sum : memref<64x48xf32>) outs(%second : memref<64x48xf32>)
    // becomes
    // sum products in %first
    linalg.generic … ins(%first : …) outs(%second : …)
    ```

    Does nothing on other targets, and if another operation accesses the target of
    the copy in the meantime.
  }];
  let dependentDialects = ["mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect"];
}

def SplitChannels : Pass<"pock-split-channels", "mlir::ModuleOp"> {
  let summary = "Depthwise sums of floats, one channel at a time";
  let description = [{
    On processors without vectors whose code is optimised for size, a depthwise
    convolution of f32, or its gradient with respect to the input, also of i16,
    runs one channel at a time, with everything around it: the weight that becomes
    f32, the mask, the scale. So temporaries have the size of one channel. The channel is
    copied to a plane in scratch, where the entries of a row are adjacent. Sums
    read it through `pock.padded_view`, and leave out the border.

    ```mlir
    // fill and copy a padded temporary of %x : memref<1x8x8x192xf32>, and sum
    // becomes
    %plane = memref.alloc() : memref<1x8x8x1xf32>
    scf.for %channel = %c0 to %c192 step %c1 {
      // copy a channel of %x into %plane
      %padded = pock.padded_view %plane {…}
      // sum over the windows of %padded
    }
    ```

    If the kernel consists of this loop, and the input and the only result have
    the same type, the result may overwrite the input (`pock.in_place`), because
    each channel is copied before it is written.

    Does nothing on other targets, if channels are not the innermost dimension, or
    if an operation of the kernel cannot run channel by channel.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::linalg::LinalgDialect",
                           "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect", "::mlir::pock::PockDialect"];
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

    Sums over the batch are reassociated.
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

def FuseByteLayers : Pass<"pock-fuse-byte-layers", "mlir::ModuleOp"> {
  let summary = "1x1 and depthwise convolutions of bytes by groups of channels";
  let description = [{
    In a kernel with a convolution of bytes and the depthwise one that reads it,
    the former writes planes of up to four channels in scratch, and the latter
    reads them (`pock-depthwise-bytes`). So the tensor between them need not
    exist, and nothing is computed twice.

    ```mlir
    // 1x1 convolution of %x into %t : memref<4096x32xi8>; depthwise convolution of %t
    // becomes
    scf.for %c = 0 to 8 {
      // channels 4 * %c to 4 * %c + 3 of the 1x1 convolution, to four planes
      // the same channels of the depthwise one, from the planes
    }
    ```

    Does nothing on targets without the instructions of `pock-tile-bytes`.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect", "mlir::vector::VectorDialect",
                           "::mlir::pock::PockDialect"];
}

def DepthwiseBytes : Pass<"pock-depthwise-bytes", "mlir::ModuleOp"> {
  let summary = "Depthwise convolutions of bytes, one channel at a time";
  let description = [{
    On microcontrollers that multiply pairs of numbers of 16 bits
    (`lib/Backends/Cpu/Isa/ByteInstructions.h`), a depthwise convolution of bytes
    copies one channel of an image to a plane in scratch, with its border, as
    numbers of 16 bits. Sums of two neighbouring outputs then take two terms of a
    row at a time (`pock.dot`), also with strides and dilations. With Helium,
    planes have bytes, and sums of four neighbouring outputs are a vector. The
    statements around the sum, such as the bias and requantisation, follow in
    registers.

    Before: fill and copy a padded temporary, and a `linalg.generic` that sums
    products of bytes over windows.
    After: `scf.for` over images, channels, rows and pairs of columns.

    If the kernel consists of this convolution, and input and result have the
    same shape, the result may overwrite the input (`pock.in_place`), because each
    channel is copied before it is written.

    Does nothing on other targets, and for windows of more than two dimensions or
    of very many taps.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect", "mlir::vector::VectorDialect",
                           "::mlir::pock::PockDialect"];
}

def TileBytes : Pass<"pock-tile-bytes", "mlir::ModuleOp"> {
  let summary = "Products of bytes, four points by one channel at a time";
  let description = [{
    On microcontrollers that multiply pairs of numbers of 16 bits
    (`lib/Backends/Cpu/Isa/ByteInstructions.h`), a matrix product or convolution
    of bytes runs over tiles of four points. What they read is widened once, to a
    panel in scratch, for all channels. If it is not contiguous (windows, borders,
    groups), it is gathered before. The statements around the sum follow in
    registers.

    ```mlir
    linalg.generic ins(%x, %w : memref<64x48xi8>, memref<144x48xi8>) outs(%sum)
    linalg.generic ins(%sum, %bias, %multiplier) outs(%y)  // requantises
    // becomes
    scf.for %p = … {
      // widen four rows of %x to %panel
      scf.for %n = … {
        %s:4 = pock.dot_quads %panel[…], %w[…] from (%b, %b, %b, %b) {terms = 48 : i64} …
        // requantise and store four entries of %y
      }
    }
    ```

    With Helium, bytes are multiplied where they are, 16 at a time
    (`pock.dot_lanes`). What the zero point adds to the sums of a
    channel is computed once. The last terms are half a vector, or the first lanes
    of a whole one.

    Does nothing on other targets, for windows that few channels read, and if the
    terms are not contiguous in the weight.
  }];
  let dependentDialects = ["mlir::arith::ArithDialect",
                           "mlir::memref::MemRefDialect",
                           "mlir::scf::SCFDialect", "mlir::vector::VectorDialect",
                           "::mlir::pock::PockDialect"];
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

def CheckFpu : Pass<"pock-check-fpu", "::mlir::ModuleOp"> {
  let summary = "Let @init say that the floating-point unit is off";
  let description = [{
    On a microcontroller with a floating-point unit, `@init` first reads the
    register that switches it on (CPACR of Arm, `mstatus` of RISC-V), and returns
    -1 if it is off. Without this, the first instruction on its registers is a
    fault. `@init` itself then only writes integers to memory, but vectors of
    Helium are among the registers that may not be used.

    Before: `func @init(%state) { … return %c0 }`
    After: `func @init(%state) { cond_br %on, ^rest, ^off; ^off: return %cm1; … }`

    The registers can be read only with privileges, so no other function has the
    check.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::cf::ControlFlowDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::LLVM::LLVMDialect"];
}

def LaunchToCall : Pass<"pock-launch-to-call", "::mlir::ModuleOp"> {
  let summary = "Turn launches on buffers into calls";
  let description = [{
    Before: `pock.launch @k ins(%a : memref<4xf32>) outs(%o : memref<4xf32>)`
    After: `call @pock_kernel_k(%a, %o) : (memref<4xf32>, memref<4xf32>) -> ()`

    `pock.fail_if` becomes a branch to a block that returns its code.

    Kernels are renamed first: a kernel named `tanh` would otherwise be the target
    of its own call of libm's `tanh`.

    The pass also removes `pock.param`, whose data the caller owns, and gives the
    public functions the names of the C header: `<pock.name>_step`. Errors: a
    launch on tensors.
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

#endif // POCK_BACKENDS_CPU_PASSES
