//===- PockShapeOps.td - constants and data movement -------*- tablegen -*-===//

#ifndef POCK_SHAPE_OPS_TD
#define POCK_SHAPE_OPS_TD

include "Pock/IR/PockOpBase.td"

def Pock_ConstantOp : Pock_Op<"constant", NoKernelRole<"Constant">, [Pure, ConstantLike, Inactive,
    AllTypesMatch<["value", "result"]>]> {
  let summary = "constant tensor";
  let description = [{
    Example: `%c = pock.constant dense<2.0> : tensor<f32>`
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Pock_NumberTensor:$result);
  let assemblyFormat = "$value attr-dict";
  let hasFolder = 1;
}
def Pock_IotaOp : Pock_PureOp<"iota", NoKernelRole<"Constant">, [Inactive]> {
  let summary = "index along a dimension";
  let description = [{
    Each entry is its index along `dim`.

    Constraints: `iota_c1`: `dim` is within the rank.

    Example: `%i = pock.iota {dim = 1 : i64} : () -> tensor<2x4xi64>`
  }];
  let arguments = (ins I64Attr:$dim);
  let results = (outs Pock_NumberTensor:$result);
  let hasVerifier = 1;
}
def Pock_ReshapeOp : Pock_PureOp<"reshape", NoKernelRole<"View">, [Pock_Vjp]> {
  let summary = "the same elements in row-major order, another shape";
  let description = [{
    Constraints: `reshape_c1`: as many elements, the same element type.

    Example: `%y = pock.reshape %x : (tensor<2x4xf32>) -> tensor<8xf32>`
  }];
  let arguments = (ins Pock_NumberTensor:$input);
  let results = (outs Pock_NumberTensor:$result);
  let hasVerifier = 1;
  let hasFolder = 1;
}
def Pock_TransposeOp : Pock_InferredOp<"transpose", DataMovementRole<1, epilogue = 1>, [Pock_Vjp]> {
  let summary = "permutation of dimensions";
  let description = [{
    Dimension `i` of the result is dimension `permutation[i]` of the input.

    Constraints: `transpose_c1`: `permutation` is one, of the input's rank.

    Example: `%y = pock.transpose %x {permutation = array<i64: 1, 0>} : (tensor<2x4xf32>) -> tensor<4x2xf32>`
  }];
  let arguments = (ins Pock_NumberTensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Pock_NumberTensor:$result);
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}
def Pock_ExpandOp : Pock_PureOp<"expand", SimpleRole, [Pock_Vjp]> {
  let summary = "broadcast to a shape";
  let description = [{
    Constraints: `expand_c1`: the input broadcasts to the result's shape in NumPy's way.

    Example: `%y = pock.expand %x : (tensor<4xf32>) -> tensor<2x4xf32>`
  }];
  let arguments = (ins Pock_NumberTensor:$input);
  let results = (outs Pock_NumberTensor:$result);
  let hasVerifier = 1;
  let hasFolder = 1;
}
def Pock_ConcatOp : Pock_InferredOp<"concat", DataMovementRole<1>, [Pock_Vjp]> {
  let summary = "concatenation along a dimension";
  let description = [{
    Constraints: `concat_c1`: at least one input; `concat_c2`: `dim` is within
    the rank; `concat_c3`: the inputs differ in that dimension only.

    Example: `%y = pock.concat %a, %b {dim = 0 : i64} : (tensor<2x4xf32>, tensor<1x4xf32>) -> tensor<3x4xf32>`
  }];
  let arguments = (ins Variadic<Pock_NumberTensor>:$inputs, I64Attr:$dim);
  let results = (outs Pock_NumberTensor:$result);
  let hasFolder = 1;
}
def Pock_SliceOp : Pock_InferredOp<"slice", DataMovementRole<1>, [Pock_Vjp]> {
  let summary = "strided part of a tensor";
  let description = [{
    Entries `start`, `start + stride`, … before `limit` of each dimension.

    Constraints: `slice_c1`: one start, limit and stride per dimension;
    `slice_c2`: `0 <= start <= limit <= size`, stride positive.

    Example: `%y = pock.slice %x {starts = array<i64: 0, 1>, limits = array<i64: 2, 4>, strides = array<i64: 1, 2>} : (tensor<2x4xf32>) -> tensor<2x2xf32>`
  }];
  let arguments = (ins Pock_NumberTensor:$input, DenseI64ArrayAttr:$starts,
                       DenseI64ArrayAttr:$limits, DenseI64ArrayAttr:$strides);
  let results = (outs Pock_NumberTensor:$result);
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}
def Pock_InsertSliceOp : Pock_PureOp<"insert_slice", DataMovementRole<0>, [AllTypesMatch<["dest", "result"]>]> {
  let summary = "a tensor with a part of it replaced";
  let description = [{
    `dest` with the part that `pock.slice` of these attributes reads replaced by
    `source`. Compiler passes add it after differentiation, for partial updates of
    parameters.

    Constraints: `slice_c1`, `slice_c2` as `pock.slice`; `insert_slice_c1`:
    `source` has the type of that slice.

    Example: `%y = pock.insert_slice %s, %x {starts = array<i64: 0, 1>, limits = array<i64: 2, 4>, strides = array<i64: 1, 1>} : (tensor<2x3xf32>, tensor<2x4xf32>) -> tensor<2x4xf32>`
  }];
  let arguments = (ins Pock_NumberTensor:$source, Pock_NumberTensor:$dest,
                       DenseI64ArrayAttr:$starts, DenseI64ArrayAttr:$limits,
                       DenseI64ArrayAttr:$strides);
  let results = (outs Pock_NumberTensor:$result);
  let hasVerifier = 1;
}
def Pock_PackBitsOp : Pock_InferredOp<"pack_bits", ReductionRole<>> {
  let summary = "eight bools in a byte";
  let description = [{
    Bit `k` of an entry of the result is entry `k` of the input's first
    dimension: `y[…] = sum_k x[k, …] << k`. Neighbours of the input are
    neighbours of the result, so that packing uses whole vectors. Compiler passes
    add it after differentiation, for masks that the backward pass reads.

    Constraints: `pack_bits_c1`: the first dimension is 8.

    Example: `%y = pock.pack_bits %m : (tensor<8x4xi1>) -> tensor<4xi8>`
  }];
  let arguments = (ins Pock_BoolTensor:$input);
  let results = (outs StaticShapeTensorOf<[I8]>:$result);
}
def Pock_UnpackBitsOp : Pock_InferredOp<"unpack_bits", DataMovementRole<0, epilogue = 1>> {
  let summary = "unpacks the bools of pock.pack_bits";
  let description = [{
    `y[k, …]` is bit `k` of `x[…]`.

    Example: `%m = pock.unpack_bits %y : (tensor<4xi8>) -> tensor<8x4xi1>`
  }];
  let arguments = (ins StaticShapeTensorOf<[I8]>:$input);
  let results = (outs Pock_BoolTensor:$result);
}
def Pock_PadOp : Pock_InferredOp<"pad", DataMovementRole<1>, [Pock_Vjp]> {
  let summary = "constant padding, optionally between the elements";
  let description = [{
    `low` and `high` entries of `value` are added before and after each
    dimension, and `interior` ones between two neighbours.

    Constraints: `pad_c1`: one entry of `low`, `high` and `interior` per
    dimension, none negative.

    Example: `%y = pock.pad %x {low = array<i64: 0, 1>, high = array<i64: 0, 1>, interior = array<i64: 0, 0>, value = 0.0 : f64} : (tensor<2x4xf32>) -> tensor<2x6xf32>`
  }];
  let arguments = (ins Pock_NumberTensor:$input, DenseI64ArrayAttr:$low,
                       DenseI64ArrayAttr:$high, DenseI64ArrayAttr:$interior,
                       DefaultValuedAttr<F64Attr, "0.0">:$value);
  let results = (outs Pock_NumberTensor:$result);
  let hasFolder = 1;
}

#endif // POCK_SHAPE_OPS_TD
