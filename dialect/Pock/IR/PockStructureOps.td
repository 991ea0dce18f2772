//===- PockStructureOps.td - parameters, updates, launches -*- tablegen -*-===//

#ifndef POCK_STRUCTURE_OPS_TD
#define POCK_STRUCTURE_OPS_TD

include "Pock/IR/PockOpBase.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"

def Pock_ParamOp : Pock_Op<"param", NoKernelRole<"Absent">, [Symbol,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a parameter, buffer or state, without its data";
  let description = [{
    Declares a tensor that lives across steps. Its data is bound by name at run
    time. `trained` marks a parameter that the step updates; `slice` restricts
    the update to the first entries of one dimension. `permutation` describes the
    storage: dimension `i` of `type` is dimension `permutation[i]` of the model's
    tensor. `of` is the parameter of a state. Integers with a `quantization` stand
    for real numbers. A `value` is known to the compiler, and never changes.

    A parameter whose `slice` is stored apart (`pock-split-slices`) has the type
    of the slice. A parameter of kind `rest`, which is `of` it, has the frozen
    entries behind the slice. Both together are the model's tensor.

    Constraints: `param_c1`: `type` is a tensor of static shape; `param_c2`:
    only a parameter of floating-point type, or with a `quantization`, is
    `trained`; `param_c3`: `slice` needs `trained`, its axis
    is within the rank and its size between 1 and the dimension's;
    `param_c4`: `permutation` is one, of the rank; `param_c5`: it is in the
    outermost module; `param_c6`: elements are integers of up to 64 bits, f16,
    bf16, f32, f64 or index, and take less than 2^46 bytes; `param_c7`: a
    `quantization` is one of integers of 8 or 32 bits, its limits are such
    integers, and its `axis` is within the rank; `param_c8`: a `value` has the type
    of the parameter, a buffer that is never stored to; `param_c9`: a `rest` is
    frozen and `of` a parameter that is its own `slice`, whose type differs from
    its type in the dimension of the slice only.

    Example: `pock.param @conv.weight {trained, slice = #pock.slice<axis = 1, size = 2>} : tensor<16x8x3x3xf32>`
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$type,
    DefaultValuedAttr<Pock_ParamKindAttr, "::mlir::pock::ParamKind::Parameter">:$kind,
    UnitAttr:$trained, OptionalAttr<Pock_SliceAttr>:$slice,
    OptionalAttr<DenseI64ArrayAttr>:$permutation,
    OptionalAttr<FlatSymbolRefAttr>:$of,
    OptionalAttr<Pock_QuantizationAttr>:$quantization,
    OptionalAttr<ElementsAttr>:$value);
  let assemblyFormat = "$sym_name attr-dict `:` $type";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The frozen rest of a parameter whose slice is stored apart; null if it is
    /// stored as a whole.
    ParamOp findRest();
    /// The type of the whole tensor in storage, the rest included.
    RankedTensorType getWholeType();
  }];
}

def Pock_LoadParamOp : Pock_Op<"load_param", NoKernelRole<"Boundary">, [Pure,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the value a parameter has on entry to the function";
  let description = [{
    Constraints: `load_param_c1`: the symbol is a `pock.param` of the result's type.

    Example: `%w = pock.load_param @conv.weight : tensor<16x8x3x3xf32>`
  }];
  let arguments = (ins FlatSymbolRefAttr:$param);
  let results = (outs Pock_NumberTensor:$result);
  let assemblyFormat = "$param attr-dict `:` type($result)";
}

def Pock_StoreParamOp : Pock_Op<"store_param", NoKernelRole<"Boundary">, [MemoryEffects<[MemWrite]>,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "sets the value a parameter has when the function returns";
  let description = [{
    Constraints: `store_param_c1`: the symbol is a `pock.param` of the value's
    type, without a `value` of its own; `store_param_c2`: a function stores a parameter at most once.

    Example: `pock.store_param @bn.running_mean, %m : tensor<16xf32>`
  }];
  let arguments = (ins FlatSymbolRefAttr:$param, Pock_NumberTensor:$value);
  let assemblyFormat = "$param `,` $value attr-dict `:` type($value)";
}

def Pock_SparseUpdateOp : Pock_Op<"sparse_update", NoKernelRole<"Absent">, [MemoryEffects<[MemWrite]>,
    AttrSizedOperandSegments, SingleBlock, RegionKindInterface,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the update of one parameter, with the ops that only it needs";
  let description = [{
    The region computes the gradient of the trained part of `param` and yields
    it. The optimizer then updates that part in place. Ops that only this update
    needs are in the region, so that they are scheduled, fused and freed with it.

    Of a parameter with a `quantization`, the gradient and the states are floats,
    with respect to the real numbers. The change of these numbers is rounded to
    integers, at random with `random` (seed and number of the step, see
    `pock.quantized_update`). `inverse_scale` is the inverse of the scale.

    Constraints: `sparse_update_c1`: the symbol is a `trained` `pock.param`;
    `sparse_update_c2`: the yielded gradient has the type of the trained part, of
    floats if that is quantised; `sparse_update_c3`: so have the optimizer's
    states; `sparse_update_c4`: `inverse_scale` is given exactly if the parameter
    has a quantization; `sparse_update_c5`: `random` is a seed and a step, and
    only with `inverse_scale`.

    Example:
    ```mlir
    pock.sparse_update @w lr(%lr) optimizer(#pock.sgd) {
      %g = pock.matmul %x, %dy {transpose_lhs} : (tensor<8x2xf32>, tensor<8x4xf32>) -> tensor<2x4xf32>
      pock.yield %g : tensor<2x4xf32>
    } : tensor<f32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$param, Pock_ScalarTensor:$lr,
                       Variadic<Pock_ScalarTensor>:$shared,
                       Optional<Pock_FloatTensor>:$inverse_scale,
                       Variadic<0DTensorOf<[I64]>>:$random,
                       OptimizerAttrInterface:$optimizer);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $param `lr` `(` $lr `)` (`shared` `(` $shared^ `:` type($shared) `)`)?
    (`inverse_scale` `(` $inverse_scale^ `:` type($inverse_scale) `)`)?
    (`random` `(` $random^ `:` type($random) `)`)?
    `optimizer` `(` $optimizer `)` $body attr-dict `:` type($lr)
  }];
  let hasRegionVerifier = 1;
  let extraClassDeclaration = [{
    static ::mlir::RegionKind getRegionKind(unsigned) { return ::mlir::RegionKind::SSACFG; }
    /// The gradient that the region yields.
    ::mlir::Value getGradient();
  }];
}

def Pock_YieldOp : Pock_Op<"yield", NoKernelRole<"Absent">, [Pure, Terminator, HasParent<"SparseUpdateOp">]> {
  let summary = "the gradient that an update applies";
  let description = [{
    Ends the region of `pock.sparse_update`.
  }];
  let arguments = (ins Pock_FloatTensor:$gradient);
  let assemblyFormat = "$gradient attr-dict `:` type($gradient)";
}

def Pock_FailIfOp : Pock_Op<"fail_if", NoKernelRole<"Boundary">, [MemoryEffects<[MemWrite]>]> {
  let summary = "ends the call with an error if a flag is set";
  let description = [{
    If `flag` is true, the function returns the code of this failure instead of 0,
    and every parameter keeps the value that it had on entry: all stores come
    after the last op of this kind (`pock-form-kernels`; `pock-plan-memory`
    verifies it). Other results may or may not have been computed.

    The attributes are for messages, and for a host that names the wrong entry.
    `kind` is `index`, `division` or `loss`, `by` is the operator that fails, and
    `expected` describes the allowed values. If the entries belong to an input of
    the function, `input` is its name, `range` the first and the end of the
    allowed values, and `ignored` one more allowed value. `pock-plan-memory` sets
    `code`: equal failures in all functions have the same code.

    Constraints: `fail_if_c1`: `range` has two entries, the first less than the
    second.

    Example:
    ```mlir
    pock.fail_if %flag {kind = "index", by = "aten.embedding", expected = "indices in [0, 10)",
                        input = "ids", range = array<i64: 0, 10>} : tensor<i1>
    ```
  }];
  let arguments = (ins AnyTypeOf<[0DTensorOf<[I1]>, MemRefRankOf<[I1], [0]>]>:$flag,
                       StrAttr:$kind, StrAttr:$by, StrAttr:$expected,
                       OptionalAttr<StrAttr>:$input,
                       OptionalAttr<DenseI64ArrayAttr>:$range,
                       OptionalAttr<I64Attr>:$ignored,
                       OptionalAttr<I64Attr>:$code);
  let assemblyFormat = "$flag attr-dict `:` type($flag)";
  let hasVerifier = 1;
  let hasCanonicalizeMethod = 1;
}

def Pock_LaunchOp : Pock_Op<"launch", NoKernelRole<"Absent">, [AttrSizedOperandSegments,
    DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel: reads `ins`, writes `outs`";
  let description = [{
    Calls the kernel function `callee` with `ins` and then `outs`. On tensors,
    each result is the new value of the `outs` operand with the same index. On
    buffers, there are no results.

    Constraints: `launch_c1`: the callee is a function of the outermost module
    whose arguments are `ins`, then `outs`; `launch_c2`: on tensors one result of
    the type of each `outs` operand, on buffers none; `launch_c3`: elements and
    sizes are those of `param_c6`.

    Example: `%r = pock.launch @k ins(%x : tensor<4xf32>) outs(%o : tensor<4xf32>) -> tensor<4xf32>`
  }];
  let arguments = (ins FlatSymbolRefAttr:$callee, Variadic<AnyType>:$ins,
                       Variadic<AnyType>:$outs);
  let results = (outs Variadic<AnyType>:$results);
  let assemblyFormat = [{
    $callee `ins` `(` ($ins^ `:` type($ins))? `)` `outs` `(` ($outs^ `:` type($outs))? `)`
    attr-dict (`->` type($results)^)?
  }];
  let hasVerifier = 1;
}

#endif // POCK_STRUCTURE_OPS_TD
