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

def Pock_GroupViewOp : Pock_Op<"group_view", NoKernelRole<"Absent">, [Pure,
    DeclareOpInterfaceMethods<ViewLikeOpInterface>]> {
  let summary = "view of a buffer of narrow elements as groups of neighbours";
  let description = [{
    Element `i` of the last dimension is a word of `n` neighbours, elements
    `n * i` (in its lowest bits) to `n * i + n - 1` of `source`: as many as fit.
    `pock.dot` takes such words. A bool is a byte.

    Constraints: `group_view_c1`: `source` is contiguous and its last dimension
    a multiple of `n`; `group_view_c2`: the result is contiguous and of the same
    shape, but for the last dimension, which is `n` times shorter.

    Example: `%p = pock.group_view %x : memref<4x8xbf16> to memref<4x4xi32>`
  }];
  let arguments = (ins StaticShapeMemRefOf<[BF16, I1, I8, I16]>:$source);
  let results = (outs StaticShapeMemRefOf<[I32, I64, I<128>]>:$result);
  let assemblyFormat = "$source attr-dict `:` type($source) `to` type($result)";
  let builders = [OpBuilder<(ins "::mlir::Value":$source)>];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// The type of `source` as groups in words of `wordBits`; null if it cannot
    /// be seen as such.
    static ::mlir::MemRefType getGroupType(::mlir::MemRefType source,
                                           int64_t wordBits = 32);
  }];
}

def Pock_SumLike : TypeOrValueSemanticsContainer<AnyTypeOf<[F32, I32]>, "f32 or i32">;
def Pock_WordLike : TypeOrValueSemanticsContainer<AnyTypeOf<[I32, I64, I<128>]>,
    "word of 32, 64 or 128 bits">;

def Pock_DotOp : Pock_Op<"dot", NoKernelRole<"Absent">, [Pure,
    AllTypesMatch<["sum", "result"]>,
    AllTypesMatch<["lhs", "rhs"]>] # ElementwiseMappable.traits> {
  let summary = "adds the products of two groups of narrow numbers to a sum";
  let description = [{
    `sum + lhs[0] * rhs[0] + … + lhs[n - 1] * rhs[n - 1]`, where a word of `lhs`
    and `rhs` is a group of `n` elements, the first in its lowest bits: `n` is
    the word's width divided by that of `lhsElement`. Products of bf16 are added
    in f32, products of integers modulo 2^32.

    One instruction where the target has one (a row of
    `lib/Backends/Cpu/Isa`; that of AVX512-BF16 flushes subnormal numbers to
    zero); elsewhere multiply-adds in the order of the group, of bf16 fused ones.

    Constraints: `dot_c1`: both elements are bf16, or both are integers with a
    sign (`si8`, `ui8`, …) of one width, 8 or 16 bits; `dot_c2`: the sum is f32
    for bf16 and i32 for integers.

    Example: `%s = pock.dot %sum, %x, %w of bf16, bf16 : vector<16xf32>, vector<16xi32>`
  }];
  let arguments = (ins Pock_SumLike:$sum, Pock_WordLike:$lhs, Pock_WordLike:$rhs,
                       TypeAttr:$lhsElement, TypeAttr:$rhsElement);
  let results = (outs Pock_SumLike:$result);
  let assemblyFormat = [{
    $sum `,` $lhs `,` $rhs `of` $lhsElement `,` $rhsElement attr-dict
    `:` type($sum) `,` type($lhs)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// How many products are added to the sum.
    int64_t getGroup();
  }];
}

#endif // POCK_KERNEL_OPS_TD
