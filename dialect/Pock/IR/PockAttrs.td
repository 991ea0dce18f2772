//===- PockAttrs.td - attributes of the pock dialect -------*- tablegen -*-===//

#ifndef POCK_ATTRS_TD
#define POCK_ATTRS_TD

include "Pock/IR/PockDialect.td"
include "Pock/Interfaces/OptimizerAttrInterface.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"

class Pock_Attr<string name, string attrMnemonic, list<Trait> traits = []>
    : AttrDef<Pock_Dialect, name, traits> {
  let mnemonic = attrMnemonic;
}

/// A floating-point parameter, printed so that it reads back to the same bits.
class Pock_Real<string default>
    : DefaultValuedParameter<"::mlir::pock::Real", "::mlir::pock::Real(" # default # ")"> {
  let printer = "$_printer.printFloat(::llvm::APFloat(double($_self)))";
}

class Pock_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::mlir::pock";
  let genSpecializedAttr = 0;
}

class Pock_EnumAttr<EnumAttrInfo info, string attrMnemonic>
    : EnumAttr<Pock_Dialect, info, attrMnemonic> {
  let assemblyFormat = "`<` $value `>`";
}

def Pock_Layout : Pock_Enum<"Layout", "order of the channel dimension", [
    I32EnumAttrCase<"ChannelsFirst", 0, "channels_first">,
    I32EnumAttrCase<"ChannelsLast", 1, "channels_last">,
    I32EnumAttrCase<"ChannelsLastOhwi", 2, "channels_last_ohwi">]>;
def Pock_LayoutAttr : Pock_EnumAttr<Pock_Layout, "layout"> {
  let summary = "where the channel dimension of an op's tensors is";
  let description = [{
    `channels_first`: activations `[N, C, spatial…]`, convolution weights
    `[F, C/groups, spatial…]`. `channels_last`: activations `[N, spatial…, C]`,
    convolution weights `[spatial…, C/groups, F]`. `channels_last_ohwi`: the
    same activations, but convolution weights `[F, spatial…, C/groups]`, so that
    the terms of a sum are contiguous in both operands.
  }];
}

def Pock_Algorithm : Pock_Enum<"Algorithm", "how a convolution is computed", [
    I32EnumAttrCase<"Direct", 0, "direct">,
    I32EnumAttrCase<"Winograd", 1, "winograd">]>;
def Pock_AlgorithmAttr : Pock_EnumAttr<Pock_Algorithm, "algorithm"> {
  let summary = "which implementation of a convolution or of its gradient to use";
  let description = [{
    `direct`: a sum over all taps. `winograd`: products of transformed tiles,
    with fewer multiplications for 3x3 windows of stride 1. The results differ by
    rounding only. `pock-select-algorithms` sets it. If the algorithm does not
    apply to an op's shapes, the lowering uses `direct`.
  }];
}

def Pock_ParamKind : Pock_Enum<"ParamKind", "what a parameter symbol is for", [
    I32EnumAttrCase<"Parameter", 0, "parameter">,
    I32EnumAttrCase<"Buffer", 1, "buffer">,
    I32EnumAttrCase<"State", 2, "state">,
    I32EnumAttrCase<"Prepared", 3, "prepared">,
    I32EnumAttrCase<"Rest", 4, "rest">]>;
def Pock_ParamKindAttr : Pock_EnumAttr<Pock_ParamKind, "kind"> {
  let summary = "parameter, buffer, optimizer state, value made by `@prepare`, or frozen rest of a parameter";
}

def Pock_CmpPredicate : Pock_Enum<"CmpPredicate", "comparison", [
    I32EnumAttrCase<"EQ", 0, "eq">, I32EnumAttrCase<"NE", 1, "ne">,
    I32EnumAttrCase<"LT", 2, "lt">, I32EnumAttrCase<"LE", 3, "le">,
    I32EnumAttrCase<"GT", 4, "gt">, I32EnumAttrCase<"GE", 5, "ge">]>;
def Pock_CmpPredicateAttr : Pock_EnumAttr<Pock_CmpPredicate, "cmp"> {
  let summary = "ordered comparison; `ne` is true for NaN, the others false";
}

def Pock_GeluApproximation : Pock_Enum<"GeluApproximation", "form of gelu", [
    I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Tanh", 1, "tanh">]>;
def Pock_GeluApproximationAttr
    : Pock_EnumAttr<Pock_GeluApproximation, "gelu"> {
  let summary = "exact gelu (with erf) or its tanh approximation";
}

def Pock_Reduction : Pock_Enum<"Reduction", "how a loss is reduced", [
    I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Mean", 1, "mean">,
    I32EnumAttrCase<"Sum", 2, "sum">]>;
def Pock_ReductionAttr : Pock_EnumAttr<Pock_Reduction, "reduction"> {
  let summary = "PyTorch's `reduction` argument of losses";
}

def Pock_SliceAttr : Pock_Attr<"Slice", "slice"> {
  let summary = "the first `size` entries of dimension `axis`";
  let description = [{
    The part of a parameter that trains, or that is read or written. Example:
    `#pock.slice<axis = 1, size = 4>`.
  }];
  let parameters = (ins "int64_t":$axis, "int64_t":$size);
  let assemblyFormat = "`<` struct(params) `>`";
}

def Pock_QuantizationAttr : Pock_Attr<"Quantization", "quantization"> {
  let summary = "which real numbers the integers of a parameter stand for";
  let description = [{
    `(integer - zero_point) * scale`, times an entry of the parameter `scales` for
    each index of dimension `axis`, if there is one. `min` and `max` bound the
    integers.

    Constraints: `quantization_c1`: `scale` is positive and finite;
    `quantization_c2`: `min <= zero_point <= max`; `quantization_c3`: `axis` is
    given with `scales`.

    Example: `#pock.quantization<scales = @conv.weight.scale, axis = 0, min = -127>`
  }];
  let parameters = (ins
    Pock_Real<"1.0">:$scale,
    DefaultValuedParameter<"int64_t", "0">:$zero_point,
    DefaultValuedParameter<"int64_t", "-128">:$min,
    DefaultValuedParameter<"int64_t", "127">:$max,
    OptionalParameter<"::mlir::FlatSymbolRefAttr">:$scales,
    DefaultValuedParameter<"int64_t", "-1">:$axis);
  let assemblyFormat = "(`<` struct(params)^ `>`)?";
  let genVerifyDecl = 1;
}

def Pock_TargetAttr : Pock_Attr<"Target", "target"> {
  let summary = "the machine that a module is compiled for";
  let description = [{
    The module attribute `pock.target`: all that passes know of the machine.
    Without it, code is generated for a generic 64-bit host. Back ends say which
    targets they have code for (`pock-lower-kernels`). Sizes are in bytes.

    * `triple`: LLVM's name of processor family, system and ABI; empty for the
      host's. It is normalised: LLVM reads `arm-none-eabi` as a system `eabi`.
    * `cpu`, `features`: LLVM's names of the processor and of its features
      (`+avx2,-fma`).
    * `index_bits`: the width of `index` and of offsets.
    * `vector_bytes`: the size of a vector register; 0 for scalar code.
    * `vector_registers`: the number of vector registers.
    * `l1_bytes`, `l2_bytes`: the data caches of one core.
    * `alignment`: the alignment of the memory that a function receives.
    * `stack_bytes`: the stack that the whole program may use.
    * `threads`: 1 for serial code, 0 for as many threads as the OpenMP runtime has.

    Constraints: `target_c1`: `index_bits` is 32 or 64; `target_c2`:
    `vector_bytes` is 0 or a power of two up to 256; `target_c3`:
    `vector_registers` is positive; `target_c4`: `threads` is 0 or 1;
    `target_c5`: `alignment` is a power of two; `target_c6`: caches and stack
    are not negative.

    Example: `#pock.target<triple = "thumbv7em-none-eabihf", cpu = "cortex-m7", index_bits = 32, vector_bytes = 0>`.
  }];
  let parameters = (ins
    StringRefParameter<"", [{""}]>:$triple,
    StringRefParameter<"", [{""}]>:$cpu,
    StringRefParameter<"", [{""}]>:$features,
    DefaultValuedParameter<"int64_t", "64">:$index_bits,
    DefaultValuedParameter<"int64_t", "16">:$vector_bytes,
    DefaultValuedParameter<"int64_t", "16">:$vector_registers,
    DefaultValuedParameter<"int64_t", "32768">:$l1_bytes,
    DefaultValuedParameter<"int64_t", "524288">:$l2_bytes,
    DefaultValuedParameter<"int64_t", "64">:$alignment,
    DefaultValuedParameter<"int64_t", "65536">:$stack_bytes,
    DefaultValuedParameter<"int64_t", "1">:$threads);
  let assemblyFormat = "(`<` struct(params)^ `>`)?";
  let genVerifyDecl = 1;
}

def Pock_SgdAttr : Pock_Attr<"Sgd", "sgd",
    [DeclareAttrInterfaceMethods<OptimizerAttrInterface>]> {
  let summary = "stochastic gradient descent, `torch.optim.SGD`";
  let description = [{
    Momentum state is named `momentum_buffer`; there is none when `momentum` is
    zero. The learning rate is an input of the step.

    Constraints: `sgd_c1`: `momentum` and `weight_decay` are finite and not
    negative, `dampening` is finite; `sgd_c2`: `nesterov` needs momentum and no
    dampening.

    Example: `#pock.sgd<momentum = 0.9, nesterov = true>`.
  }];
  let parameters = (ins
    Pock_Real<"0.0">:$momentum,
    Pock_Real<"0.0">:$dampening,
    Pock_Real<"0.0">:$weight_decay,
    DefaultValuedParameter<"bool", "false">:$nesterov,
    DefaultValuedParameter<"bool", "false">:$maximize);
  let assemblyFormat = "(`<` struct(params)^ `>`)?";
  let genVerifyDecl = 1;
}

def Pock_AccumulateAttr : Pock_Attr<"Accumulate", "accumulate",
    [DeclareAttrInterfaceMethods<OptimizerAttrInterface>]> {
  let summary = "accumulates the gradient without an update";
  let description = [{
    The operation of `@accumulate` between two updates: the state `grad` becomes
    `grad + gradient`. The learning rate is not read.

    Example: `#pock.accumulate`.
  }];
  let assemblyFormat = "";
}

def Pock_AdamAttr : Pock_Attr<"Adam", "adam",
    [DeclareAttrInterfaceMethods<OptimizerAttrInterface>]> {
  let summary = "Adam and AdamW, `torch.optim.Adam`, `torch.optim.AdamW`";
  let description = [{
    `decoupled` selects AdamW's decoupled weight decay. States: `exp_avg`,
    `exp_avg_sq`, with `amsgrad` also `max_exp_avg_sq`.

    Constraints: `adam_c1`: both betas are in `[0, 1)`; `adam_c2`: `eps` and
    `weight_decay` are finite and not negative.

    Example: `#pock.adam<weight_decay = 0.01, decoupled = true>`.
  }];
  let parameters = (ins
    Pock_Real<"0.9">:$beta1,
    Pock_Real<"0.999">:$beta2,
    Pock_Real<"1e-8">:$eps,
    Pock_Real<"0.0">:$weight_decay,
    DefaultValuedParameter<"bool", "false">:$amsgrad,
    DefaultValuedParameter<"bool", "false">:$maximize,
    DefaultValuedParameter<"bool", "false">:$decoupled);
  let assemblyFormat = "(`<` struct(params)^ `>`)?";
  let genVerifyDecl = 1;
}

#endif // POCK_ATTRS_TD
