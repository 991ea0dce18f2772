//===- PockKernelOps.td - Inside of kernels, on buffers ----*- tablegen -*-===//

#ifndef POCK_KERNEL_OPS_TD
#define POCK_KERNEL_OPS_TD

include "Pock/IR/PockOpBase.td"
include "mlir/Interfaces/ViewLikeInterface.td"

def Pock_PaddedViewOp : Pock_Op<"padded_view", NoKernelRole<"Absent">, [Pure,
    DeclareOpInterfaceMethods<ViewLikeOpInterface>]> {
  let summary = "view of a buffer with a border that has no memory";
  let description = [{
    Adds `low` entries before and `high` entries after each dimension of `source`,
    without memory for them. Only sums over windows may read it. Their emitter
    leaves out the taps on the border, which would add zero. `pock-fold-padding`
    makes such views.

    Constraints: `padded_view_c1`: `low` and `high` have an entry for each
    dimension, none negative; `padded_view_c2`: the result has the element type
    and the strides of `source`, its shape with the border, and a dynamic
    offset.

    Example: `%p = pock.padded_view %x {low = array<i64: 1, 0>, high = array<i64: 1, 0>}
    : memref<4x8xf32> to memref<6x8xf32, strided<[8, 1], offset: ?>>`
  }];
  let arguments = (ins AnyStaticShapeMemRef:$source, DenseI64ArrayAttr:$low,
                       DenseI64ArrayAttr:$high);
  let results = (outs AnyStaticShapeMemRef:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `to` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$source,
                                 "::llvm::ArrayRef<int64_t>":$low,
                                 "::llvm::ArrayRef<int64_t>":$high)>];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The type of `source` with a border.
    static ::mlir::MemRefType getPaddedType(::mlir::MemRefType source,
                                            ::llvm::ArrayRef<int64_t> low,
                                            ::llvm::ArrayRef<int64_t> high);
  }];
}

def Pock_PairViewOp : Pock_Op<"pair_view", NoKernelRole<"Absent">, [Pure,
    DeclareOpInterfaceMethods<ViewLikeOpInterface>]> {
  let summary = "view of a bf16 buffer as pairs of neighbours";
  let description = [{
    Element `i` of the last dimension is elements `2 * i` (low half) and
    `2 * i + 1` (high half) of `source`. `pock.dot_pairs` reads such elements.

    Constraints: `pair_view_c1`: `source` is contiguous and its last dimension
    even; `pair_view_c2`: the result is contiguous and of the same shape, but
    for the last dimension, which is half as long.

    Example: `%p = pock.pair_view %x : memref<4x8xbf16> to memref<4x4xi32>`
  }];
  let arguments = (ins StaticShapeMemRefOf<[BF16]>:$source);
  let results = (outs StaticShapeMemRefOf<[I32]>:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `to` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$source)>];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The type of `source` as pairs; null if it cannot be seen as such.
    static ::mlir::MemRefType getPairType(::mlir::MemRefType source);
  }];
}

def Pock_F32Like : TypeOrValueSemanticsContainer<F32, "f32">;
def Pock_PairLike : TypeOrValueSemanticsContainer<I32, "pair of bf16">;

def Pock_DotPairsOp : Pock_Op<"dot_pairs", NoKernelRole<"Absent">, [Pure,
    AllTypesMatch<["sum", "result"]>,
    AllTypesMatch<["lhs", "rhs"]>] # ElementwiseMappable.traits> {
  let summary = "adds the products of two pairs of bf16 to a sum";
  let description = [{
    `sum + low(lhs) * low(rhs) + high(lhs) * high(rhs)` in f32. It is one
    instruction if the target has one (AVX512-BF16, which flushes subnormal
    numbers to zero), else two fused multiply-adds, low halves first.

    Example: `%s = pock.dot_pairs %sum, %x, %w : vector<16xf32>, vector<16xi32>`
  }];
  let arguments = (ins Pock_F32Like:$sum, Pock_PairLike:$lhs, Pock_PairLike:$rhs);
  let results = (outs Pock_F32Like:$result);
  let assemblyFormat = [{
    $sum `,` $lhs `,` $rhs attr-dict `:` type($sum) `,` type($lhs)
  }];
}

#endif // POCK_KERNEL_OPS_TD
