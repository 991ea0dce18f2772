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

def FormQuantized : Pass<"pock-form-quantized", "::mlir::ModuleOp"> {
  let summary = "Compute with integers between dequantize and quantize";
  let description = [{
    A quantiser leaves ops on floats between `pock.dequantize` and
    `pock.quantize`. Where integers give the same result, up to a step where it is
    near a tie, this pass replaces them:

    * products and convolutions of quantised tensors are exact sums in `i32`; a
      bias becomes an `i32` parameter of the sum's scale;
    * `pock.quantize` of a sum is a `pock.requantize` with a multiplier per
      channel, a parameter with a `value`;
    * sums and products of two quantised tensors, means and average pooling are
      integer sums before a `pock.requantize`; max pooling is one of bytes;
    * relu and clamps before `pock.quantize` limit its range;
    * data movement moves bytes.

    A sum that could overflow, or a scale that is not a known constant, leaves the
    ops on floats: correct, and slow.

    Before: `%y = pock.conv %xf, %wf; %q = pock.quantize %y {scale = 0.05 : f64}`
    with `%xf = pock.dequantize %x`, `%wf = pock.dequantize %w, %scales`
    After: `%a = pock.conv %x, %w {input_zero = …} : (tensor<…xi8>, tensor<…xi8>) -> tensor<…xi32>; %q = pock.requantize %a, %m`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def FoldZeroPoints : Pass<"pock-fold-zero-points", "::mlir::func::FuncOp"> {
  let summary = "Sum products of bytes as they are stored";
  let description = [{
    The sum of `w * (x - z)` is that of `w * x` minus `z` times the sum of `w`.
    Instructions multiply bytes as they are stored, and the second part is one
    number per channel, which is added to the bias: of frozen weights it is
    computed once.

    What the kernels of a target subtract from their input at no cost
    (`TargetBackend::getKernelZeroPoint`) stays a zero point: all of it where
    they widen bytes first, -128 where they multiply bytes as unsigned ones.

    Before: `%a = pock.conv %x, %w {input_zero = -128 : i64}; %y = pock.add %a, %bias`
    After: `%a = pock.conv %x, %w {pad_value = -128 : i64}; %b = pock.add %bias, %correction; %y = pock.add %a, %b`
  }];
}

def Decompose : Pass<"pock-decompose"> {
  let summary = "Replace composite ops by their parts";
  let description = [{
    Calls `decompose` of every `DecomposableOpInterface` op that is decomposed
    before differentiation: losses, batch norm, linear, average pooling.
    Attention, normalisation and softmax stay: they have gradient rules of their
    own and are decomposed in their kernels.

    Before: `%y = pock.mse_loss %x, %t`
    After: `%d = pock.sub %x, %t; %s = pock.mul %d, %d; %y = pock.mean %s {dims = …}`

    Errors: an op whose decomposition fails.
  }];
}

def AssignLayout : Pass<"pock-assign-layout", "::mlir::ModuleOp"> {
  let summary = "Run convolution and pooling channels-last";
  let description = [{
    Gives every op with a `layout` the value `channels_last` between transposes,
    moves the transposes towards the results through elementwise ops,
    reductions, normalisation, concatenation, slices and padding until they meet and cancel,
    and folds transposes of parameters into their storage: a `pock.param` whose
    loads are all transposed alike gets a `permutation`. A transpose that is left
    before a `pock.matmul` becomes its `transpose_lhs` or `transpose_rhs`.

    Before: `%y = pock.conv %x, %w : (tensor<1x3x8x8xf32>, tensor<4x3x3x3xf32>) -> …`
    After: `%y = pock.conv %xt, %w {layout = channels_last} : (tensor<1x8x8x3xf32>, tensor<3x3x3x4xf32>) -> …`
    with `pock.param @w {permutation = [2, 3, 1, 0]}`.
  }];
}

def SinkReshapes : Pass<"pock-sink-reshapes", "::mlir::func::FuncOp"> {
  let summary = "Move reshapes behind the rowwise ops that follow a product";
  let description = [{
    Moves reshapes that split the rows of a product into batch and time behind
    the elementwise ops and the normalisation that read them, so that these ops
    join the product's kernel. Their other operands are reshaped instead; a
    reshape is a view and costs nothing.

    Before: `%y = pock.reshape %p : (tensor<8x4xf32>) -> tensor<2x4x4xf32>; %z = pock.add %y, %b`
    After: `%y = pock.add %p, %b; %z = pock.reshape %y : (tensor<8x4xf32>) -> tensor<2x4x4xf32>`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def StoreConstants : Pass<"pock-store-constants", "::mlir::ModuleOp"> {
  let summary = "Make constant arrays parameters";
  let description = [{
    On targets whose kernels cannot contain arrays, a `pock.constant` whose entries
    differ becomes a buffer with that value, in segment `constants`. Equal ones are
    one buffer.

    Before: `%0 = pock.constant dense<[0, 1, 2]> : tensor<3xi64>`
    After: `pock.param @constant : tensor<3xi64> value dense<[0, 1, 2]> …` and
    `%0 = pock.load_param @constant : tensor<3xi64>`

    Does nothing for other targets, and to constants with one value in all entries.
  }];
  let dependentDialects = ["::mlir::pock::PockDialect"];
}

def RepeatElementwise : Pass<"pock-repeat-elementwise", "::mlir::func::FuncOp"> {
  let summary = "Recompute cheap values in every kernel that reads them";
  let description = [{
    If several kernels read the result of a cheap elementwise op (addition,
    product, clamp) point by point, the op runs in each of them. Its operands
    must be one tensor of the result's type that is stored anyway, and small
    tensors. The result is neither stored nor saved for the backward pass.

    Before: `%d = pock.sub %x, %mean` with the readers `pock.mul %d, %d` (for a
    variance) and `pock.mul %d, %scale`, and `%x` has other readers, too
    After: `%d1 = pock.sub %x, %mean` before the first reader, `%d2 = pock.sub
    %x, %mean` before the second

    Does nothing if a reader needs the whole result (a product, a transposition,
    a return), or if the large operand would otherwise not be stored.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def BuildStep : Pass<"pock-build-step", "::mlir::ModuleOp"> {
  let summary = "Derive the training step from the loss";
  let description = [{
    Replaces `@loss` by `@step`, which has the learning rate as an additional
    input, and also differentiates and updates. Differentiation is demand-driven
    reverse mode: an op is differentiated only if it lies on a path from a
    trained parameter to the loss, and only with respect to the operands on such
    a path. A frozen branch adds no op. Cotangents are summed where a value has
    several readers. Each trained parameter gets one `pock.sparse_update` with
    the optimizer of the module attribute `pock.optimizer`, and its states as
    `pock.param` of kind `state`.

    Before: `func.func @loss(%x, %t) -> tensor<f32>`
    After: `func.func @step(%x, %t, %lr) -> tensor<f32>` with `pock.sparse_update @w …`

    More module attributes control the processing of gradients.
    `pock.optimizer` may be an array with one optimizer per parameter group. Then
    `pock.optimizer_group` maps parameters to groups (absent: 0), and the
    learning rate is a vector. `pock.clip_grad_value` limits every entry.
    `pock.clip_grad_norm` limits the norm of all gradients, which becomes a
    second result `grad_norm`. With `pock.accumulate = n` the update uses the
    mean of n gradients: `@accumulate` adds one gradient to the states
    `<param>.grad`, and `@step` adds the last one. The pass removes all of these
    attributes, and `pock.stop_gradient`.

    Gradients of `pock.custom_gradient` replace those of the rules; the ops that
    compute them move into the backward pass. A trained parameter without a
    cotangent has a gradient of zeros.

    Errors: no function `@loss` whose first result is a floating-point scalar; no
    optimizer; a malformed attribute; an op on the path without a gradient rule;
    a loss that depends on its own gradients.
  }];
}

def NarrowGradients : Pass<"pock-narrow-gradients", "::mlir::ModuleOp"> {
  let summary = "Multiply gradients in 16 bits";
  let description = [{
    Acts if the module attribute `pock.gradients`, which it removes, is `"i16"` or
    `"f16"`. A product of a gradient `g` and integers `w - z` of a quantised layer,
    in the backward pass, becomes one of that type, with one power of two for all
    of `g`:

        q = round(g * 2^e), |q| < 2^(bits - 1)      e from the largest |g|
        result = f32(sum of q (w - z)) * 2^-e

    Sums of `i16` are exact in `i32`; those of `f16` are fused multiply-adds in that
    type. `bits` is 16 for integers and 2 for `f16`, or less if the sum of all terms
    of the product could overflow then. With many terms, the product stays one of
    `f32`: fewer than 10 bits lose too much, and of `f16` fewer than -2. If an entry
    of `g` is infinite or NaN, all entries of the result are NaN.

    The products are those that read `pock.dequantize` of bytes with scale 1:
    gradients of inputs and of weights. Sums of gradients (of biases), and all
    other operations stay as they are.

    Before: `%r = pock.dequantize %w; %y = pock.matmul %g, %r`
    After: `%m = pock.magnitude %g; %max = pock.amax %m; %q = pock.block_quantize %g, %max; %s = pock.matmul %q, %w; %y = pock.block_dequantize %s, %max`
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
    large as the activation, is neither written nor read. Applies only if `g`
    has another reader and is stored anyway, all readers of `g * s` can be
    rewritten, and each of the weights is smaller than `g`.

    Before: `%gs = pock.mul %g, %s; %dx = pock.conv_transpose %gs, %w; %dw = pock.conv_weight_grad %x, %gs`
    After: `%ws = pock.mul %w, %s; %dx = pock.conv_transpose %g, %ws; %d = pock.conv_weight_grad %x, %g; %dw = pock.mul %d, %s`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def DeriveScaleGradients : Pass<"pock-derive-scale-gradients", "::mlir::func::FuncOp"> {
  let summary = "Derive gradients of scales from weight gradients";
  let description = [{
    The gradient of a scale after `y = conv(x, w)` is a sum over all dimensions
    except the channels `f`, and would require to save `y`. Since `y` is linear
    in `w`,

    `sum(g * (y - mean))[f] = <w[.., f], dw[.., f]> - mean[f] * sum(g)[f]`
    with `dw = conv_weight_grad(x, g)`,

    and likewise for a product of matrices, for `y + bias` and `y * scale`.
    Applies only if the step computes `dw` of the whole weight anyway, `w` is a
    parameter, the backward pass has no other reader of `y`, `y` has at least
    twice as many elements as `w`, and `x` has been normalised or passed through
    an activation. `w` is the value before the update. The result is as accurate
    as `dw`, times `mean` over the standard deviation of `y` if that is large.
    After inputs, and after products without normalisation, that factor may be
    too large.

    Before: `%p = pock.mul %g, %y; %ds = pock.sum %p {dims = array<i64: 0, 1, 2>}`
    After: `%p = pock.mul %dw, %w; %ds = pock.sum %p {dims = array<i64: 0, 1, 2>}`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def SinkGradients : Pass<"pock-sink-gradients", "::mlir::func::FuncOp"> {
  let summary = "Move ops that only one update needs into its region";
  let description = [{
    Moves an op of the backward pass into the region of a `pock.sparse_update` if
    only that update uses its results, so that update and gradient are scheduled
    as a unit. These ops stay: ops of the forward pass; ops after the loss whose
    result is smaller than the forward value that they read (the mask of a relu,
    the slice of an activation), which `pock-save-least` may move to the forward
    pass; ops on parameters only, which `pock-split-prepare` may compute once.

    Before: `%g = pock.matmul %x, %dy; pock.sparse_update @w … { pock.yield %g }`
    After: `pock.sparse_update @w … { %g = pock.matmul %x, %dy; pock.yield %g }`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def SplitPrepare : Pass<"pock-split-prepare", "::mlir::ModuleOp"> {
  let summary = "Compute values of frozen parameters once";
  let description = [{
    Moves ops that depend only on frozen parameters and never-written buffers to
    a function `@prepare`. It stores the values that other functions read as
    `pock.param` of kind `prepared`. Views and broadcasts stay where they are:
    they are free there, but would need memory if stored. A `pock.fail_if` on
    such values moves, too.

    Before: `%s = pock.rsqrt %var; %y = pock.mul %x, %s`
    After: `@prepare { pock.store_param @prepared.0, pock.rsqrt(%var) }`, `%y = pock.mul %x, pock.load_param @prepared.0`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def SplitSlices : Pass<"pock-split-slices", "::mlir::ModuleOp"> {
  let summary = "Store the frozen rest of a parameter with the constants";
  let description = [{
    Divides every parameter with a `slice` in two: the parameter itself keeps the
    trained entries, and a parameter of kind `rest` has the frozen ones, which
    then are constants. Readers of the whole parameter read a concatenation. A
    sum of integers becomes the sum of two sums, of which `pock-split-prepare`
    moves one to `@prepare`.

    Before: `pock.param @w {trained, slice = #pock.slice<axis = 1, size = 2>} : tensor<4x8xf32>`,
    `%w = pock.load_param @w`
    After: `pock.param @w {…} : tensor<4x2xf32>`, `pock.param @w.rest kind(rest) of(@w) : tensor<4x6xf32>`,
    `%w = pock.concat %slice, %rest {dim = 1 : i64}`

    A copy of the whole exists while an op reads it. So the pass divides only
    parameters whose rests together are larger than the largest copy. It does not
    divide parameters that the model itself stores, or that several ops of the
    forward or of the backward pass read, and none for targets whose constants are
    in RAM like the state (those that do not prepare values ahead). Results do not
    change by a bit.
  }];
}

def SaveLeast : Pass<"pock-save-least", "::mlir::func::FuncOp"> {
  let summary = "Keep the fewest bytes for the backward pass";
  let description = [{
    Two measures reduce the bytes that are saved for the backward pass. Ops of
    the backward pass that read only values of the forward pass (the mask of an
    activation, a slice of one, the indices of max pooling) may run directly
    after their operands. Ops of the forward pass with few operations per entry
    (activations, scales and shifts, copies) may run again before their first
    reader in the backward pass. A minimum cut decides for all of them: no other
    choice costs less. A recomputed value costs a twelfth of its bytes, and a
    byte per 96 operations.

    Before: `%mask = pock.cmp %y, %zero`, the last reader of `%y`, and
    `pock.select %mask, …`
    After: `%mask` follows `%y`; an i1 is saved instead of an f32

    Before: `%z = pock.silu %y` in the forward pass; the backward pass reads
    `%y` and `%z`
    After: `%again = pock.silu %y` in the backward pass, whose readers of `%z`
    read it instead

    Does nothing if other ops of the backward pass read the operands anyway, or
    if the result is not smaller. Results do not change by a bit. Neither
    canonicalization nor CSE may run afterwards: they would merge recomputed
    values with the originals.
  }];
  let options = [
    Option<"recompute", "recompute", "bool", "true",
           "Let the backward pass run cheap ops again">
  ];
}

def PackMasks : Pass<"pock-pack-masks", "::mlir::func::FuncOp"> {
  let summary = "Pack saved masks to one bit per entry";
  let description = [{
    Masks that the forward pass saves for the backward pass are packed, eight
    entries to a byte, and unpacked before their first reader there. They must
    have at least 1024 entries, a multiple of 8. Comparisons and the ops that
    combine them are computed in the shape `[8, entries / 8]`, so that they can
    be part of the packing kernel.

    Before: `%m = pock.cmp %y, %zero`, read after the loss
    After: `%b = pock.pack_bits %planes` of `%planes = pock.cmp %view, %zero`,
    and after the loss `pock.unpack_bits %b`

    Does nothing with masks that only the forward pass reads. Neither
    canonicalization nor CSE may run afterwards.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def FailEarly : Pass<"pock-fail-early", "::mlir::func::FuncOp"> {
  let summary = "Let a function fail before it computes";
  let description = [{
    Moves each `pock.fail_if` whose flag follows from inputs and parameters by
    integer arithmetic to the beginning of the function, together with the ops
    that compute the flag. Then stores need not wait for it. Labels and indices
    that are inputs are of this kind. A flag that depends on activations, or on
    any floating-point value, stays where it is.

    Before: `%y = pock.conv %x, %w; %bad = pock.cmp %label, %classes; pock.fail_if %bad`
    After: `%bad = pock.cmp %label, %classes; pock.fail_if %bad; %y = pock.conv %x, %w`
  }];
  let dependentDialects = ["::mlir::func::FuncDialect"];
}

def Schedule : Pass<"pock-schedule", "::mlir::func::FuncOp"> {
  let summary = "Move updates directly after their gradients";
  let description = [{
    Keeps the order of the forward and the backward pass. Moves each
    `pock.sparse_update` directly after the last op that it depends on: the loss,
    every `pock.fail_if`, the producers of the values that it captures, and all
    readers of the parameter's old value. So an input gradient that needs the old
    weight comes first, and so does the update of a scale whose gradient needs
    it.

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

    If the gradient is a `pock.scatter_add` into zeros without other readers, and
    the optimizer does not change entries without gradient (SGD without momentum
    and weight decay), the update is a scatter into the parameter:
    `%n = pock.scatter_add %w, %i, %s` with `%s = -lr * %u`. `#pock.accumulate`
    changes only its sum; the parameter is not stored.
  }];
}

def FormKernels : Pass<"pock-form-kernels", "::mlir::ModuleOp"> {
  let summary = "Group ops into kernels and outline them";
  let description = [{
    Every op that computes becomes part of a kernel. Contractions, pooling,
    reductions, softmax and data movement start one kernel each. Elementwise ops
    join the producer whose shape they share, or the reduction that is their only
    reader. Kernels are private functions marked `pock.kernel`, in destination
    style. The rest of a function is a list of `pock.launch`, views, loads and
    stores. A kernel that makes the new value of a parameter writes it in place
    if no later kernel reads the old value and no later kernel makes the flag of
    a `pock.fail_if`; otherwise a copy at the end of the function does it.

    A depthwise convolution is fused with the 1x1 convolution that makes its
    input, and with the elementwise ops between them, if the input is large and
    has no other reader. `pock.channel_blocks` on the kernel tells code
    generation to divide it by channels, so that the whole input never exists. (Not
    where a thread computes one point.)

    A padded convolution is fused with the transposition of its input, if that
    has no other reader: one copy does both.

    With `reorder=false`, an update stays where it is in the function instead of
    joining the kernel of its gradient.

    A chain of more than `max-ops` elementwise ops is divided among several
    kernels. In longer loops, values no longer fit into registers, and passes on
    one block take more than twice the time for twice the ops. The division costs
    one store and load per value that crosses it.

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
           "Maximum number of elementwise ops in a kernel">
  ];
}

def NarrowStorage : Pass<"pock-narrow-storage", "::mlir::ModuleOp"> {
  let summary = "Store activations, gradients and frozen weights in 16 bits";
  let description = [{
    With `pock.precision = "bf16"` on the module, values that pass from one
    launch to another and frozen parameters are stored in bf16 if they have at
    least 1024 elements. The kernel that makes a value rounds it at its end, and
    the kernels that read it widen it at their beginning. Kernels compute in f32.
    Trained parameters and the optimizer's state stay f32. With `"f16"`, so do values
    that are computed after the loss: many gradients are below the range of f16.
    Without the attribute, or with `"f32"`, nothing changes.

    Before: `%y = pock.launch @k ins(%x : …) outs(%e : tensor<64x64xf32>) -> tensor<64x64xf32>`
    After: `%y = pock.launch @k ins(%x : …) outs(%e : tensor<64x64xbf16>) -> tensor<64x64xbf16>`
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
}

def ShareKernels : Pass<"pock-share-kernels", "::mlir::ModuleOp"> {
  let summary = "Keep one of several equal kernels";
  let description = [{
    Two kernels are equal if their bodies are equal, without regard to names and
    locations. Launches of the later kernel then call the first one.
  }];
}

def ApplyTuning : Pass<"pock-apply-tuning", "::mlir::ModuleOp"> {
  let summary = "Attach measured choices to kernels";
  let description = [{
    The module attribute `pock.tuning` maps the fingerprint of a kernel (a hash
    of its text without name and locations) to a measured choice: the register
    tile of the nest with the most work, the algorithm of its ops, or both.

    Before: `module attributes {pock.tuning = {"6e0a…" = {tile = array<i64: 6, 2>}}} { func.func private @conv_relu(…)
    attributes {pock.kernel} … }`
    After: `module { func.func private @conv_relu(…) attributes {pock.fingerprint = "6e0a…", pock.kernel,
    pock.tile = array<i64: 6, 2>} … }`

    Every kernel gets its fingerprint. The cost model decides for kernels without
    an entry. Entries without a kernel are ignored. Errors: an entry with an
    unknown key, or with a value of the wrong kind.
  }];
}

def IsolateKernel : Pass<"pock-isolate-kernel", "::mlir::ModuleOp"> {
  let summary = "Make copies of one kernel, to be measured";
  let description = [{
    Reduces a module at stage `kernels` to copies of one kernel: one copy per
    entry of the module attribute `pock.candidates` (one copy without it). Each
    copy has the choice of its entry, and a public function that launches it. The
    pass is in no pipeline; `pock.tune` runs it.

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
    Reorders the launches of each function to lower the peak of live bytes in the
    arena, values and workspace (`lib/Support/OrderSearch.h`). The result is
    optimal if the exact search finishes, else the best of several strategies,
    and never worse than the given order. These edges keep their order: from the
    maker of a value to its readers; from the readers of a parameter's old value
    to the launch that overwrites it; from the loss to the launches after it;
    from the maker of the flag of a `pock.fail_if` to the launches that write a
    parameter. `pock.least_peak` on the function is a lower bound for all orders.

    Results do not change by a bit. Does nothing if the given order is as good.
    Needs kernels with known workspace (stage `plan`).
  }];
}

def FitMemory : Pass<"pock-fit-memory", "::mlir::ModuleOp"> {
  let summary = "Run launches again to stay within a memory limit";
  let description = [{
    `pock.memory_limit = N : i64` on the module limits parameters, optimizer state
    and arena together to N bytes. If they take more, values that are live at the
    peak without being used there die early, and the launches that make them run
    again before their next reader (`lib/Support/Recompute.h`). Values that free
    most memory for their cost in operations come first. Repeated launches are
    marked `pock.again`. If nothing fits, the pass fails with the smallest limit
    that does, and the values at its peak.

    Results do not change by a bit: the same kernels run on the same operands.
    Does nothing without the attribute, or if everything fits already. Kernels
    that write parameters or results of the function never run twice. Needs
    kernels with known workspace (stage `plan`). The options must be those of
    `pock-plan-memory`, because its arena has to fit.

    Before: `%y = pock.launch @conv ins(%x)`, read by the next launch and, much
    later, by the backward pass
    After: `%y` is read by the next launch only; `%z = pock.launch @conv ins(%x) …
    {pock.again}` precedes the reader in the backward pass
  }];
  let dependentDialects = ["::mlir::tensor::TensorDialect"];
  let options = [
    Option<"reorder", "reorder", "bool", "true",
           "Order launches again after repeating some">,
    Option<"inPlace", "in-place", "bool", "true",
           "Let elementwise kernels write over operands that die">,
    Option<"reuse", "reuse", "bool", "true",
           "Let values share bytes that do not live at the same time">,
    Option<"guard", "guard", "int64_t", "0",
           "Bytes left free around every value in the arena">
  ];
}

def FitKernels : Pass<"pock-fit-kernels", "::mlir::ModuleOp"> {
  let summary = "Lower kernels and order launches within a memory limit";
  let description = [{
    Runs `pock-lower-kernels`, `pock-order-launches` (with `reorder`) and
    `pock-fit-memory`. Some algorithms for kernels are faster and need more
    workspace. If the limit cannot be met and `winograd` is not `never`, the pass
    runs the three passes again on the module that it was given, with
    `winograd = never`. If that fails as well, the error is the one that names the
    smaller limit.

    Before: kernels of pock ops, launches in program order
    After: kernels on buffers, launches ordered, some of them repeated

    Errors: those of the three passes.
  }];
  let options = [
    Option<"winograd", "winograd", "std::string", "\"auto\"",
           "Winograd's algorithm for convolutions: auto, always or never">,
    Option<"reorder", "reorder", "bool", "true",
           "Order launches for the least memory">,
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
    inputs…, outputs…)`. A parameter gets an offset in the segment `constants`
    (never written) or `state`. Every other value of a function gets a place in
    its arena from its first to its last use, and the workspace of a kernel one
    during its launch (`lib/Support/MemoryPlanner`). An elementwise kernel writes
    over an operand that dies there. The pass verifies that live values share no
    bytes, that a parameter is overwritten only after the last reader of its old
    value, and that no parameter is written before a `pock.fail_if`.

    The module attribute `pock.plan` holds the sizes, places and figures of the
    manifest. Failures are numbered from 1. The pass also makes `@init`, which
    zeroes optimizer state.

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
    Adds a trailing argument `memref<(n + 2) x i64>` to each public function with
    `n` launches. The function writes readings of the monotonic clock to it, in
    nanoseconds: two before the first launch, whose difference is the cost of a
    reading, and one after each launch. The pass runs between the stages `plan`
    and `llvm`. It is in no pipeline; `Step.profile` runs it.

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
