//===- Passes.td - passes on the pock dialect --------------*- tablegen -*-===//

#ifndef POCK_TRANSFORMS_PASSES_TD
#define POCK_TRANSFORMS_PASSES_TD

include "mlir/Pass/PassBase.td"

def ApplyScheme : Pass<"pock-apply-scheme", "::mlir::ModuleOp"> {
  let summary = "Mark the parameters that train, and which slice of each";
  let description = [{
    Turns the module attribute `pock.scheme` (parameter name → fraction, absent
    means frozen) into the attributes `trained` and `slice` of `pock.param`.

    A fraction `r < 1` of a weight trains the first `round(r * C)` of its `C`
    input channels, at least one. Which dimension these are follows from the op
    that reads the weight: dimension 1 of a linear or convolution weight,
    dimension 0 of a transposed convolution's (with several groups, the first
    groups). Parameters of rank below 2 have no input channels and train whole.

    Before: `module attributes {pock.scheme = {w = 0.5 : f64}} { pock.param @w : tensor<4x8xf32> … }`
    After: `pock.param @w {slice = #pock.slice<axis = 1, size = 4>, trained} : tensor<4x8xf32>`

    Errors, of all parameters at once: a name that is no parameter; a parameter
    that `@loss` does not read; a fraction of a weight whose uses do not agree on
    an input-channel dimension; nothing to train.
  }];
}

def Decompose : Pass<"pock-decompose"> {
  let summary = "Replace composite ops by their parts";
  let description = [{
    Calls `decompose` of every `DecomposableOpInterface` op that is to be
    decomposed before differentiation: losses, batch norm, linear,
    average pooling. Others are left: attention, normalisation and softmax have a
    gradient of their own and are decomposed in their kernels.

    Before: `%y = pock.mse_loss %x, %t`
    After: `%d = pock.sub %x, %t; %s = pock.mul %d, %d; %y = pock.mean %s {dims = …}`

    Errors: an op that says it decomposes and fails to.
  }];
}

def AssignLayout : Pass<"pock-assign-layout", "::mlir::ModuleOp"> {
  let summary = "Run convolution and pooling channels-last";
  let description = [{
    Gives every op with a `layout` the value `channels_last` between transposes,
    moves the transposes towards the results through elementwise ops,
    reductions, normalisation, concatenation, slices and padding until they meet and cancel,
    and folds what remains on parameters into how these are stored: a
    `pock.param` all of whose loads are transposed alike gets a `permutation`.
    What is left in front of a `pock.matmul` becomes its `transpose_lhs` or
    `transpose_rhs`.

    Before: `%y = pock.conv %x, %w : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> …`
    After: `%y = pock.conv %xt, %w {layout = channels_last} : (tensor<1x8x8x3xf32>, tensor<3x3x3x4xf32>) -> …`
    with `pock.param @w {permutation = [2, 3, 1, 0]}`.
  }];
}

def SinkReshapes : Pass<"pock-sink-reshapes", "::mlir::func::FuncOp"> {
  let summary = "Run what follows a product row by row on its rows";
  let description = [{
    Moves reshapes that split the rows of a product into batch and time behind
    the elementwise ops and the normalisation that read them, so that these join
    the product's kernel. Other operands are reshaped in return; a reshape is a
    view and costs nothing.

    Before: `%y = pock.reshape %p : (tensor<8x4xf32>) -> tensor<2x4x4xf32>; %z = pock.add %y, %b`
    After: `%y = pock.add %p, %b; %z = pock.reshape %y : (tensor<8x4xf32>) -> tensor<2x4x4xf32>`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def RepeatElementwise : Pass<"pock-repeat-elementwise", "::mlir::func::FuncOp"> {
  let summary = "Repeat cheap ops in every kernel that reads them";
  let description = [{
    A cheap elementwise op (addition, product, clamp) whose result several
    kernels read, each point by point, runs in each of them, if all that it reads
    is a tensor which is stored anyway, of its own type, and small ones. The
    result is neither stored nor, for the backward pass, saved.

    Before: `%d = pock.sub %x, %mean` with the readers `pock.mul %d, %d` (for a
    variance) and `pock.mul %d, %scale`, and `%x` read by others, too
    After: `%d1 = pock.sub %x, %mean` in front of the first, `%d2 = pock.sub %x,
    %mean` in front of the second

    Does nothing where a reader needs the result as a whole (a product, a
    transposition, a result), or where the large operand would not be stored
    otherwise.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def BuildStep : Pass<"pock-build-step", "::mlir::ModuleOp"> {
  let summary = "Derive the training step from the loss";
  let description = [{
    Replaces `@loss` by `@step`, which takes the learning rate as one more input
    and also differentiates and updates. Reverse mode, demand driven: an op is
    differentiated only if it lies on a path from a trained parameter to the
    loss, and of its operands only those that do; a frozen branch leaves no op.
    Cotangents are summed where a value fans out. Each trained parameter gets one
    `pock.sparse_update` with the optimizer of the module attribute
    `pock.optimizer`, and its states as `pock.param` of kind `state`.

    Before: `func.func @loss(%x, %t) -> tensor<f32>`
    After: `func.func @step(%x, %t, %lr) -> tensor<f32>` with `pock.sparse_update @w …`

    More module attributes say what else happens to the gradients:
    `pock.optimizer` may be an array, one optimizer per parameter group, with
    `pock.optimizer_group` a dictionary from parameter to group (absent: 0); the
    learning rate then is a vector. `pock.clip_grad_value` limits every entry,
    `pock.clip_grad_norm` the norm of all gradients, which becomes a second
    result `grad_norm`. With `pock.accumulate = n` the update is by the mean of n
    gradients: `@accumulate` adds one to the states `<param>.grad`, `@step` the
    last. All of these attributes are removed, and so is `pock.stop_gradient`.

    Where `pock.custom_gradient` gives gradients, they are taken instead of what
    the rules say; what computes them moves into the backward pass. A trained
    parameter that no cotangent arrives at has a gradient of zeros.

    Errors: no function `@loss` with a floating-point scalar first; no optimizer;
    an attribute that is not as said; an op on the path that has no gradient
    rule; a loss that depends on its own gradients.
  }];
}

def MoveScales : Pass<"pock-move-scales", "::mlir::func::FuncOp"> {
  let summary = "Scale weights and their gradients instead of gradients of activations";
  let description = [{
    With `s` one number per output channel of the weight `w` (the scale of a
    frozen batch norm),

    * `conv_weight_grad(x, g * s) = conv_weight_grad(x, g) * s`,
    * `conv_transpose(g * s, w) = conv_transpose(g, w * s)`,

    and the same for `xᵀ (g * s)` and `(g * s) wᵀ`. Then `g * s`, which is as
    large as the activation, is neither written nor read. Fires only if `g` is
    kept anyway because something else reads it, all that reads `g * s` can do
    without, and each of the weights is smaller than `g`.

    Before: `%gs = pock.mul %g, %s; %dx = pock.conv_transpose %gs, %w; %dw = pock.conv_weight_grad %x, %gs`
    After: `%ws = pock.mul %w, %s; %dx = pock.conv_transpose %g, %ws; %d = pock.conv_weight_grad %x, %g; %dw = pock.mul %d, %s`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def DeriveScaleGradients : Pass<"pock-derive-scale-gradients", "::mlir::func::FuncOp"> {
  let summary = "Gradients of scales from weight gradients";
  let description = [{
    The gradient of a scale behind `y = conv(x, w)` is a sum over all but the
    channels `f`, for which `y` would be saved. As `y` is linear in `w`,

    `sum(g * (y - mean))[f] = <w[.., f], dw[.., f]> - mean[f] * sum(g)[f]`
    with `dw = conv_weight_grad(x, g)`,

    and likewise for a product of matrices, for `y + bias` and `y * scale`.
    Fires only if the step computes `dw`, of the whole weight, anyway, `w` is a
    parameter, the backward pass does not read `y` otherwise, `y` has at least
    twice as many elements as `w`, and `x` has been normalised, or cut off by an
    activation. The value of `w` is that before the update. The result is as
    accurate as `dw`, times `mean` over the standard deviation of `y` where that
    is large: behind inputs, and behind products that nothing has normalised, it
    may be too large.

    Before: `%p = pock.mul %g, %y; %ds = pock.sum %p {dims = array<i64: 0, 1, 2>}`
    After: `%p = pock.mul %dw, %w; %ds = pock.sum %p {dims = array<i64: 0, 1, 2>}`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def SinkGradients : Pass<"pock-sink-gradients", "::mlir::func::FuncOp"> {
  let summary = "Move what only one update needs into its region";
  let description = [{
    An op of the backward pass whose results are used by a single
    `pock.sparse_update` only moves into its region, so that the update, with
    its gradient, is scheduled as one. What stays: ops of the forward pass; ops
    behind the loss that make less of its values (the mask of a relu, the slice
    of an activation), which `pock-schedule` may save instead; ops on parameters
    alone, which `pock-split-prepare` may compute once.

    Before: `%g = pock.matmul %x, %dy; pock.sparse_update @w … { pock.yield %g }`
    After: `pock.sparse_update @w … { %g = pock.matmul %x, %dy; pock.yield %g }`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def SplitPrepare : Pass<"pock-split-prepare", "::mlir::ModuleOp"> {
  let summary = "Compute once what depends on frozen parameters only";
  let description = [{
    Moves ops that depend on frozen parameters and never-written buffers (and on
    nothing else) to a function `@prepare`, which stores what the other functions
    read as `pock.param` of kind `prepared`. Views and broadcasts stay where they
    are: they cost nothing there and memory here.
    A `pock.fail_if` on such values moves along.

    Before: `%s = pock.rsqrt %var; %y = pock.mul %x, %s`
    After: `@prepare { pock.store_param @prepared.0, pock.rsqrt(%var) }`, `%y = pock.mul %x, pock.load_param @prepared.0`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def SaveLeast : Pass<"pock-save-least", "::mlir::func::FuncOp"> {
  let summary = "Keep the fewest bytes for the backward pass";
  let description = [{
    Two things make less to be kept until the backward pass. Ops of the backward
    pass that read values of the forward pass only (the mask of an activation,
    the slice of one, the indices of max pooling) may run right behind their
    operands. Ops of the forward pass that take few operations per entry
    (activations, scales and shifts, copies) may run again in front of their
    first reader in the backward pass. Which of them do is a minimum cut: no other
    choice keeps fewer bytes. What runs again counts as a twelfth of the bytes
    that it makes, and a byte per 96 operations.

    Before: `%mask = pock.cmp %y, %zero`, the last reader of `%y`, and
    `pock.select %mask, …`
    After: `%mask` stands behind `%y`; an i1 is kept instead of an f32

    Before: `%z = pock.silu %y` in the forward pass; the backward pass reads
    `%y` and `%z`
    After: `%again = pock.silu %y` in the backward pass, whose readers of `%z`
    read it instead

    Does nothing where others of the backward pass read the operands anyway, or
    where the result is no smaller. Results do not change by a bit. Behind it
    neither canonicalization nor CSE may run: they would undo the second.
  }];
  let options = [
    Option<"recompute", "recompute", "bool", "true",
           "Let the backward pass run cheap ops again">
  ];
}

def PackMasks : Pass<"pock-pack-masks", "::mlir::func::FuncOp"> {
  let summary = "Keep one bit per entry of masks";
  let description = [{
    Masks of at least 1024 entries, a multiple of 8, that the forward pass leaves
    for the backward pass are packed, eight entries to a byte, and unpacked in
    front of their first reader there. Comparisons and what combines them are
    computed in the shape `[8, entries / 8]`, so that packing does it on the way.

    Before: `%m = pock.cmp %y, %zero`, read behind the loss
    After: `%b = pock.pack_bits %planes` of `%planes = pock.cmp %view, %zero`,
    and behind the loss `pock.unpack_bits %b`

    Does nothing with masks that only the forward pass reads. Behind it neither
    canonicalization nor CSE may run.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def FailEarly : Pass<"pock-fail-early", "::mlir::func::FuncOp"> {
  let summary = "Let a function fail before it computes";
  let description = [{
    Moves each `pock.fail_if` whose flag follows from inputs and parameters by
    integer arithmetic, with all that leads to the flag, to the beginning of the
    function: what is stored need not wait for it then. Labels and indices that
    are inputs are of that kind. A flag that depends on activations stays where
    it is, and so does what a floating-point number leads to.

    Before: `%y = pock.conv %x, %w; %bad = pock.cmp %label, %classes; pock.fail_if %bad`
    After: `%bad = pock.cmp %label, %classes; pock.fail_if %bad; %y = pock.conv %x, %w`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def Schedule : Pass<"pock-schedule", "::mlir::func::FuncOp"> {
  let summary = "Order the step: updates behind gradients";
  let description = [{
    Keeps the order of the forward and the backward pass, and moves each
    `pock.sparse_update` right behind the last op it waits for: the loss, every
    `pock.fail_if`, the producers of what it captures, all readers of the
    parameter's old value (an input gradient that needs the old weight thus comes
    first, and so does the update of a scale whose gradient does).

    Results do not change by a bit.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def LowerUpdates : Pass<"pock-lower-updates", "::mlir::ModuleOp"> {
  let summary = "Turn sparse updates into optimizer ops and stores";
  let description = [{
    Inlines each `pock.sparse_update`: its region, the optimizer's update op on
    the trained part of the parameter and its states, and the stores.

    Before: `pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) { … pock.yield %g }`
    After: `%n = pock.sgd_update %w, %g, %lr; pock.store_param @w, %n`

    If the gradient is a `pock.scatter_add` into zeros that nobody else reads,
    and the optimizer leaves entries without gradient as they are (SGD without
    momentum and weight decay), the update is a scatter into the parameter:
    `%n = pock.scatter_add %w, %i, %s` with `%s = -lr * %u`. What
    `#pock.accumulate` changes is its sum only; the parameter is not stored.
  }];
}

def FormKernels : Pass<"pock-form-kernels", "::mlir::ModuleOp"> {
  let summary = "Group ops into kernels and outline them";
  let description = [{
    Every op that computes becomes part of a kernel: contractions, pooling,
    reductions, softmax and data movement one each, elementwise ops with the
    producer whose shape they share, or with the reduction that alone reads
    them. Kernels are private functions marked `pock.kernel`, destination style;
    what remains of a function is a list of `pock.launch`, views, loads and
    stores. A kernel that makes the new value of a parameter writes it in place
    of the old one if no later kernel reads that, and none makes the flag of a
    `pock.fail_if`; else a copy at the end does.

    A depthwise convolution takes the convolution of single entries that makes its
    input along, with what follows that, if nothing else reads the input and it is
    large: `pock.channel_blocks` on the kernel says that code generation may
    divide it by channels, so that the input never exists as a whole.

    A padded convolution takes the transposition of its input along, if nothing
    else reads that: one copy does both.

    With `reorder=false`, an update stays where it is in the function instead of
    becoming part of the kernel that makes its gradient.

    Of a chain of more than `max-ops` elementwise ops, several kernels compute a
    part each. Behind that, the code of one loop only grows: its values no longer
    fit registers, and passes on one block take more than twice the time for
    twice the ops. What is lost is one store and load per value that goes on.

    `pock.masks` on a launch has the numbers of the results that are packed truth
    values (`pock-pack-masks`): reports tell them from bytes that are numbers.

    Before: `%c = pock.conv %x, %w; %y = pock.relu %c`
    After: `%y = pock.launch @conv_relu ins(%x, %w) outs(%e)`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect",
                           "::mlir::pock::PockDialect",
                           "::mlir::tensor::TensorDialect"];
  let options = [
    Option<"reorder", "reorder", "bool", "true",
           "Let updates join the kernel of their gradient">,
    Option<"mostOps", "max-ops", "unsigned", "64",
           "Ops that may share a kernel at most">
  ];
}

def NarrowStorage : Pass<"pock-narrow-storage", "::mlir::ModuleOp"> {
  let summary = "Store activations, gradients and frozen weights in bf16";
  let description = [{
    With `pock.precision = "bf16"` on the module, values of at least 1024
    elements that one launch leaves for another, and frozen parameters as large,
    are stored in bf16: the kernel that makes a value rounds it at the end, those
    that read it widen it at the beginning. Kernels compute in f32; trained
    parameters and the optimizer's state stay f32. Without the attribute, or
    with `"f32"`, nothing changes.

    Before: `%y = pock.launch @k ins(%x : …) outs(%e : tensor<64x64xf32>) -> tensor<64x64xf32>`
    After: `%y = pock.launch @k ins(%x : …) outs(%e : tensor<64x64xbf16>) -> tensor<64x64xbf16>`
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def ShareKernels : Pass<"pock-share-kernels", "::mlir::ModuleOp"> {
  let summary = "Keep one of several equal kernels";
  let description = [{
    Two kernels are equal if their bodies are, whatever their names and
    locations. Launches of the later one call the first.
  }];
}

def ApplyTuning : Pass<"pock-apply-tuning", "::mlir::ModuleOp"> {
  let summary = "Hand measured choices to their kernels";
  let description = [{
    The module attribute `pock.tuning` maps the fingerprint of a kernel (a hash
    of its text without name and locations) to what measuring has chosen for it:
    the register tile of the nest with the most work, the algorithm of its ops,
    or both.

    Before: `module attributes {pock.tuning = {"6e0a…" = {tile = array<i64: 6, 2>}}} { func.func private @conv_relu(…)
    attributes {pock.kernel} … }`
    After: `module { func.func private @conv_relu(…) attributes {pock.fingerprint = "6e0a…", pock.kernel,
    pock.tile = array<i64: 6, 2>} … }`

    Every kernel gets its fingerprint; those without an entry leave the choice to
    the cost model. Entries that no kernel has are ignored. Errors: an entry with
    an unknown key, or with a value of another kind.
  }];
}

def IsolateKernel : Pass<"pock-isolate-kernel", "::mlir::ModuleOp"> {
  let summary = "Leave copies of one kernel, to be measured";
  let description = [{
    Leaves of a module at stage `kernels` one kernel, as often as the module
    attribute `pock.candidates` has entries (once if there is none). Each copy
    has the choice of its entry, and a public function that launches it. No
    pipeline has it; `pock.tune` asks for it.

    Before: `module attributes {pock.candidates = [{}, #choice]} { … func.func private @k(%x, %out) … }`
    with `#choice = {tile = array<i64: 6, 2>}`
    After: `func.func @candidate_0(%x0) -> %y0 { pock.launch @k_0 … }`, `@candidate_1` with
    `@k_1 attributes {pock.tile = array<i64: 6, 2>}`, and an empty `@prepare`

    Errors: no such kernel; a malformed choice.
  }];
  let options = [
    Option<"kernel", "kernel", "std::string", /*default=*/"",
           "Name of the kernel">
  ];
  let dependentDialects = ["::mlir::func::FuncDialect",
                           "::mlir::pock::PockDialect",
                           "::mlir::tensor::TensorDialect"];
}

def OrderLaunches : Pass<"pock-order-launches", "::mlir::ModuleOp"> {
  let summary = "Order launches for the least memory";
  let description = [{
    Reorders the launches of each function so that the most bytes that live in
    the arena at one moment, values and workspace, become as few as the search
    finds (`lib/Support/OrderSearch.h`): exactly the least where that can be
    found, else the best of several strategies, and never more than in the given
    order. Edges that keep their order: from the maker of a value to its readers,
    from the readers of a parameter's old value to what overwrites it, from the
    loss to what stands behind it, from what makes the flag of a `pock.fail_if`
    to what writes a parameter. `pock.least_peak` on the function says what no
    order can beat.

    Results do not change by a bit. Does nothing where the given order is as good.
    Needs kernels that say how much workspace they want (stage `plan`).
  }];
}

def FitMemory : Pass<"pock-fit-memory", "::mlir::ModuleOp"> {
  let summary = "Run launches again to stay within a memory limit";
  let description = [{
    With `pock.memory_limit = N : i64` on the module, parameters, optimizer state
    and arena together shall take N bytes at most. Where they take more, values
    that are alive at the peak without being used there die early, and the
    launches that make them run again in front of their next reader
    (`lib/Support/Recompute.h`), the ones first that free most for the operations
    that they cost. Repeated launches are marked `pock.again`. If nothing fits,
    fails with the smallest limit that would, and the values at its peak.

    Results do not change by a bit: the same kernels run on the same operands. Does
    nothing without the attribute, or where everything fits as it is. Kernels that
    write parameters or results of the function never run twice. Needs kernels
    that say how much workspace they want (stage `plan`). The options must be
    those of `pock-plan-memory`, whose arena is what has to fit.

    Before: `%y = pock.launch @conv ins(%x)`, read by the next launch and, much
    later, by the backward pass
    After: `%y` is read by the next launch only; `%z = pock.launch @conv ins(%x) …
    {pock.again}` stands in front of the reader in the backward pass
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
  let options = [
    Option<"reorder", "reorder", "bool", "true",
           "Order launches anew behind repeating some">,
    Option<"inPlace", "in-place", "bool", "true",
           "Let elementwise kernels write over operands that die">,
    Option<"reuse", "reuse", "bool", "true",
           "Let values share bytes that do not live at the same time">,
    Option<"guard", "guard", "int64_t", "0",
           "Bytes left free around every value in the arena">
  ];
}

def PlanMemory : Pass<"pock-plan-memory", "::mlir::ModuleOp"> {
  let summary = "Give every value its place in memory";
  let description = [{
    Turns functions on tensors into functions on `(constants, state, arena,
    inputs…, outputs…)`. Parameters get an offset in the segment `constants`
    (never written) or `state`; every other value of a function a place in its
    arena for the launches from its first to its last use (planned by
    `lib/Support/MemoryPlanner`, verified); workspace of a kernel for its launch.
    An elementwise kernel writes over an operand that dies there. Values never
    share bytes while both are live, a parameter is overwritten only behind the
    last reader of its old value, and no parameter in front of a `pock.fail_if`:
    all of this is checked.

    The module attribute `pock.plan` holds the sizes, places and figures that
    the manifest reports. Failures are numbered from 1. Also makes `@init`, which zeroes optimizer state.

    The options are for checks: results do not depend on them by a bit. Errors,
    besides these checks: a segment is larger than the target's limit.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect",
                           "::mlir::memref::MemRefDialect",
                           "::mlir::linalg::LinalgDialect"];
  let options = [
    Option<"inPlace", "in-place", "bool", "true",
           "Let elementwise kernels write over operands that die">,
    Option<"reuse", "reuse", "bool", "true",
           "Let values share bytes that do not live at the same time">,
    Option<"guard", "guard", "int64_t", "0",
           "Bytes left free around every value in the arena">
  ];
}

def ProfileLaunches : Pass<"pock-profile-launches", "::mlir::ModuleOp"> {
  let summary = "Read the clock around every launch";
  let description = [{
    Gives each public function with `n` launches one trailing argument
    `memref<(n + 2) x i64>`, to which it writes readings of the monotonic clock
    in nanoseconds: two before the first launch, whose difference is what a
    reading costs, and one after each launch. Between stages `plan` and `llvm`;
    no pipeline has it, `Step.profile` asks for it.

    Before: `func.func @step(%x) { pock.launch @k ins(%x …) … }`
    After: `func.func @step(%x, %times: memref<3xi64> {pock.profile}) { … pock.launch @k ins(%x …) …;
    %t = call @pock_clock(); memref.store %t, %times[%c2] }`

    The clock is the C library's `clock_gettime`. Errors: a target that is not
    64-bit; a launch on tensors.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect",
                           "::mlir::func::FuncDialect",
                           "::mlir::memref::MemRefDialect"];
}

#endif // POCK_TRANSFORMS_PASSES_TD
