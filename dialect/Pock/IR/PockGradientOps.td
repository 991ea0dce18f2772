//===- PockGradientOps.td - gradients that are given -------*- tablegen -*-===//

#ifndef POCK_GRADIENT_OPS_TD
#define POCK_GRADIENT_OPS_TD

include "Pock/IR/PockOpBase.td"

def Pock_CustomGradientOp : Pock_Op<"custom_gradient", NoKernelRole<"Absent">, [
    // Never merged with an equal one, as each has gradients of its own.
    MemoryEffects<[MemAlloc]>, AttrSizedOperandSegments, SameVariadicResultSize,
    InferTypeOpAdaptor, Pock_Vjp]> {
  let summary = "values whose gradient with respect to inputs is given";
  let description = [{
    The `results` are the `values`. Differentiation ignores how these were
    computed: the gradients of the `inputs` are those of the `pock.set_gradients`
    that belongs to this op. They may be computed from `cotangents` and from any
    other value. `cotangents` are the gradients of the loss with respect to the
    results; they are zero for a result that does not influence the loss.

    This expresses `torch.autograd.Function` and, if the `inputs` are the
    `values`, a hook on the gradient. `pock-build-step` removes it, together with
    the op that sets the gradients, and moves the ops that depend on `cotangents`
    into the backward pass.

    Constraints: `custom_gradient_c1`: there are values, and results and
    cotangents have their types; `custom_gradient_c2`: at most one
    `pock.set_gradients` belongs to the op. Without one, the inputs receive no
    gradient.

    Example:
    ```mlir
    %y, %dy = pock.custom_gradient inputs(%x : tensor<4xf32>) values(%v : tensor<4xf32>)
    %dx = pock.mul %dy, %mask : (tensor<4xf32>, tensor<4xf32>) -> tensor<4xf32>
    pock.set_gradients %y gives %dx : tensor<4xf32>, tensor<4xf32>
    ```
  }];
  let arguments = (ins Variadic<Pock_FloatTensor>:$inputs,
                       Variadic<Pock_FloatTensor>:$values);
  let results = (outs Variadic<Pock_FloatTensor>:$results,
                      Variadic<Pock_FloatTensor>:$cotangents);
  let assemblyFormat = [{
    `inputs` `(` ($inputs^ `:` type($inputs))? `)` `values` `(` $values `:` type($values) `)` attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The op that sets the gradients of the inputs, null if there is none.
    ::mlir::pock::SetGradientsOp getSetter();
    /// The value that a result is; a cotangent has none yet.
    ::mlir::Value getValueOf(::mlir::OpResult result);
    /// Replaces `cotangents` by `known`, by zeros where it has null or is short.
    void bindCotangents(::mlir::OpBuilder &builder,
                        ::llvm::ArrayRef<::mlir::Value> known);
    /// Replaces the results by the values and erases this op and its setter.
    void remove();
  }];
}

def Pock_SetGradientsOp : Pock_Op<"set_gradients", NoKernelRole<"Absent">, [MemoryEffects<[MemWrite]>]> {
  let summary = "gives the gradients of the inputs of a pock.custom_gradient";
  let description = [{
    `of` is the first result of the `pock.custom_gradient`.

    Constraints: `set_gradients_c1`: `of` is the first result of a
    `pock.custom_gradient`; `set_gradients_c2`: there is one gradient for each
    input of it, of the input's type.

    Example: `pock.set_gradients %y gives %dx : tensor<4xf32>, tensor<4xf32>`
  }];
  let arguments = (ins Pock_FloatTensor:$of, Variadic<Pock_FloatTensor>:$gradients);
  let assemblyFormat = [{
    $of `gives` ($gradients^)? attr-dict `:` type($of) (`,` type($gradients)^)?
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The op whose inputs these are the gradients of.
    ::mlir::pock::CustomGradientOp getOwner();
  }];
}

#endif // POCK_GRADIENT_OPS_TD
