//===- Passes.td - conversions of the pock dialect ---------*- tablegen -*-===//

#ifndef POCK_CONVERSION_PASSES
#define POCK_CONVERSION_PASSES

include "mlir/Pass/PassBase.td"

def ConvertPockToLinalg : Pass<"convert-pock-to-linalg", "::mlir::func::FuncOp"> {
  let summary = "Lower the pock ops of kernels to linalg on tensors";
  let description = [{
    Lowers every op of the `pock` dialect in a function with the unit attribute
    `pock.kernel` to `linalg`, `tensor`, `arith` and `math`. Other functions do
    not change. Composite ops are decomposed first.

    Each result of the kernel is computed into the out argument of the same
    index. A kernel that returns an argument, a view or a constant copies it.

    Convolutions and pooling become loops over a padded input. Their gradients
    with respect to the input are gathered, one loop nest per residue of the
    result's coordinates modulo the stride, so that no two iterations write to
    the same element. The dimension that is contiguous in memory is the innermost
    parallel loop: operands with another order are transposed first. With
    `algorithm = winograd`, a convolution or gradient becomes transforms of tiles
    and products of matrices, in blocks that fit into the target's second cache.
    If that is not possible, the attribute is ignored.

    ```mlir
    func.func private @relu(%x: tensor<8xf32>, %out: tensor<8xf32>)
        -> tensor<8xf32> attributes {pock.kernel} {
      %y = pock.relu %x : (tensor<8xf32>) -> tensor<8xf32>
      return %y : tensor<8xf32>
    }
    // becomes
    func.func private @relu(%x: tensor<8xf32>, %out: tensor<8xf32>)
        -> tensor<8xf32> attributes {pock.kernel} {
      %y = linalg.generic {...} ins(%x : tensor<8xf32>) outs(%out : tensor<8xf32>) {
      ^bb0(%in: f32, %init: f32):
        %zero = arith.constant 0.0 : f32
        %max = arith.maximumf %in, %zero : f32
        linalg.yield %max : f32
      } -> tensor<8xf32>
      return %y : tensor<8xf32>
    }
    ```

    Indexed reads, indexed additions and running sums become `scf.for` loops over
    slices. Attention becomes an `scf.for` over its matrices, so that it needs
    scratch for the scores of one head only.

    An op without a lowering is an error.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect",
    "::mlir::bufferization::BufferizationDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"
  ];
}

#endif // POCK_CONVERSION_PASSES
