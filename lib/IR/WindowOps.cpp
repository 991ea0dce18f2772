//===- WindowOps.cpp - types and verifiers of convolution and pooling -----===//

#include "ZeroPoint.h"

using namespace mlir;
using namespace mlir::pock;

namespace {
/// The attributes that every op with a sliding window has.
struct Window {
  ArrayRef<int64_t> kernel, strides, low, high, dilations;
  Layout layout;
};
} // namespace

/// The shape of the output of a window that slides over `input`, with
/// `channels` channels.
static FailureOr<SmallVector<int64_t>>
inferWindowShape(std::optional<Location> loc, StringRef name,
                 RankedTensorType input, int64_t channels,
                 const Window &window) {
  int64_t rank = input.getRank(), spatial = rank - 2;
  // window_c1: spatial dimensions.
  if (spatial < 1 || spatial > 2)
    return emitOptionalError(
        loc, "'", name, "' expected one or two spatial dimensions, but got ",
        input);
  // window_c1: entries of the attributes.
  for (ArrayRef<int64_t> values : {window.kernel, window.strides, window.low,
                                   window.high, window.dilations})
    if (static_cast<int64_t>(values.size()) != spatial)
      return emitOptionalError(
          loc, "'", name,
          "' expected kernel, strides, pad_low, pad_high and "
          "dilations to have ",
          spatial, " entries each");
  SmallVector<int64_t> shape(input.getShape());
  shape[channelDim(window.layout, rank)] = channels;
  for (int64_t i = 0; i < spatial; ++i) {
    // window_c2: strides and dilations.
    if (window.strides[i] < 1 || window.dilations[i] < 1 ||
        window.kernel[i] < 1)
      return emitOptionalError(
          loc, "'", name, "' expected positive kernel, strides and dilations");
    // window_c2: paddings.
    if (window.low[i] < 0 || window.high[i] < 0)
      return emitOptionalError(loc, "'", name,
                               "' expected paddings that are not negative");
    int64_t &size = shape[firstSpatialDim(window.layout) + i];
    int64_t outputs =
        windowOutputs(size, window.kernel[i], window.strides[i], window.low[i],
                      window.high[i], window.dilations[i]);
    // window_c3
    if (outputs < 1)
      return emitOptionalError(loc, "'", name,
                               "' expected a window that fits the "
                               "padded input, but got kernel ",
                               window.kernel[i], " with dilation ",
                               window.dilations[i], " for size ", size,
                               " with padding ", window.low[i], " and ",
                               window.high[i]);
    size = outputs;
  }
  return shape;
}

/// Type of the convolution of `input` and `weight`.
template <typename OpOrAdaptor>
static FailureOr<RankedTensorType>
inferConv(std::optional<Location> loc, StringRef name, RankedTensorType input,
          RankedTensorType weight, OpOrAdaptor op) {
  int64_t rank = input.getRank();
  if (weight.getRank() != rank)
    return emitOptionalError(
        loc, "'", name, "' expected input and weight of one rank, but got ",
        input, " and ", weight);
  // factors_c1
  if (!areFactors(input.getElementType(), weight.getElementType()))
    return emitOptionalError(
        loc, "'", name, "' expected operands of one element type, but got ",
        input, " and ", weight);
  Layout layout = op.getLayout();
  ArrayRef<int64_t> shape = weight.getShape();
  FilterDims dims = FilterDims::get(layout, rank);
  Window window{kernelOf(layout, shape), op.getStrides(),   op.getPadLow(),
                op.getPadHigh(),         op.getDilations(), layout};
  int64_t filters = shape[dims.out], perGroup = shape[dims.in];
  int64_t channels = input.getDimSize(channelDim(layout, rank));
  int64_t groups = op.getGroups();
  // conv_c1
  if (groups < 1 || channels % groups || filters % groups)
    return emitOptionalError(loc, "'", name, "' expected groups to divide ",
                             channels, " input and ", filters,
                             " output channels, but got ", groups);
  // conv_c2
  if (perGroup * groups != channels)
    return emitOptionalError(loc, "'", name, "' expected a weight with ",
                             channels / groups,
                             " input channels per group, but got ", perGroup);
  FailureOr<SmallVector<int64_t>> result =
      inferWindowShape(loc, name, input, filters, window);
  if (failed(result))
    return failure();
  return RankedTensorType::get(*result, input.getElementType());
}

LogicalResult ConvOp::inferReturnTypes(MLIRContext *,
                                       std::optional<Location> loc,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &results) {
  FailureOr<RankedTensorType> type =
      inferConv(loc, getOperationName(),
                cast<RankedTensorType>(adaptor.getInput().getType()),
                cast<RankedTensorType>(adaptor.getWeight().getType()), adaptor);
  if (failed(type))
    return failure();
  Type element = type->getElementType();
  results.push_back(type->clone(sumElement(element)));
  int64_t zero = adaptor.getInputZero(), pad = adaptor.getPadValue();
  if (failed(verifyZeroPoint(loc, getOperationName(), element, zero)))
    return failure();
  // conv_c3
  if (!llvm::isInt<8>(zero + pad) || (pad != 0 && isa<FloatType>(element)))
    return emitOptionalError(loc,
                             "'pock.conv' expected input_zero + pad_value "
                             "between -128 and 127, and a pad_value of 0 for "
                             "floats, but got ",
                             zero, " and ", pad);
  return success();
}

/// Checks that the forward op of a gradient op gives a tensor of type `actual`.
static LogicalResult verifyForward(Operation *op,
                                   FailureOr<RankedTensorType> forward,
                                   RankedTensorType actual, StringRef what) {
  if (failed(forward))
    return failure();
  if (*forward != actual)
    return op->emitOpError("expected ")
           << what << " of type " << *forward << ", but got " << actual;
  return success();
}

LogicalResult ConvTransposeOp::verify() {
  Type element = getInput().getType().getElementType();
  if (getType().getElementType() != sumElement(element))
    return emitOpError("expected a result of elements ")
           << sumElement(element) << ", but got " << getType();
  // conv_transpose_c1
  if (failed(verifyForward(*this,
                           inferConv(getLoc(), getOperationName(),
                                     getType().clone(element),
                                     getWeight().getType(), *this),
                           getInput().getType(), "an input")))
    return failure();
  return verifyZeroPoint(getLoc(), getOperationName(), element, getInputZero());
}

LogicalResult ConvWeightGradOp::verify() {
  Type input = getInput().getType().getElementType();
  Type gradient = getGradient().getType().getElementType();
  // factors_c1
  if (!areFactors(input, gradient))
    return emitOpError("expected operands of one element type, but got ")
           << getInput().getType() << " and " << getGradient().getType();
  if (getType().getElementType() != sumElement(input))
    return emitOpError("expected a result of elements ")
           << sumElement(input) << ", but got " << getType();
  // conv_weight_grad_c1
  if (failed(verifyForward(*this,
                           inferConv(getLoc(), getOperationName(),
                                     getInput().getType().clone(gradient),
                                     getType().clone(gradient), *this),
                           getGradient().getType(), "a gradient")))
    return failure();
  return verifyZeroPoints(
      getLoc(), getOperationName(), input,
      {static_cast<int64_t>(getInputZero().value_or(0)),
       static_cast<int64_t>(getGradientZero().value_or(0))});
}

/// The type of pooling `input`. If `inside`, every window must contain an entry
/// of the input.
template <typename OpOrAdaptor>
static FailureOr<RankedTensorType>
inferPool(std::optional<Location> loc, StringRef name, RankedTensorType input,
          OpOrAdaptor op, ArrayRef<int64_t> dilations, bool inside) {
  Layout layout = op.getLayout();
  Window window{op.getKernel(),  op.getStrides(), op.getPadLow(),
                op.getPadHigh(), dilations,       layout};
  if (input.getRank() < 3)
    return emitOptionalError(
        loc, "'", name, "' expected one or two spatial dimensions, but got ",
        input);
  FailureOr<SmallVector<int64_t>> shape = inferWindowShape(
      loc, name, input, input.getDimSize(channelDim(layout, input.getRank())),
      window);
  if (failed(shape))
    return failure();
  for (size_t i = 0; inside && i < window.kernel.size(); ++i) {
    int64_t extent = dilations[i] * (window.kernel[i] - 1) + 1;
    int64_t dim = firstSpatialDim(layout) + i;
    int64_t lastStart = ((*shape)[dim] - 1) * window.strides[i] - window.low[i];
    // pool_c1, avg_pool_c2
    if (window.low[i] >= extent || lastStart >= input.getDimSize(dim))
      return emitOptionalError(loc, "'", name,
                               "' expected every window to "
                               "contain an entry of the input");
  }
  return RankedTensorType::get(*shape, input.getElementType());
}

#define INFER_POOL(Op, DILATIONS, ELEMENT)                                     \
  LogicalResult Op::inferReturnTypes(                                          \
      MLIRContext *context, std::optional<Location> loc, Adaptor adaptor,      \
      SmallVectorImpl<Type> &results) {                                        \
    FailureOr<RankedTensorType> type =                                         \
        inferPool(loc, getOperationName(),                                     \
                  cast<RankedTensorType>(adaptor.getInput().getType()),        \
                  adaptor, DILATIONS, /*inside=*/true);                        \
    if (failed(type))                                                          \
      return failure();                                                        \
    results.push_back(type->clone(ELEMENT));                                   \
    return success();                                                          \
  }
INFER_POOL(MaxPoolOp, adaptor.getDilations(), type->getElementType())
INFER_POOL(SumPoolOp, adaptor.getDilations(), type->getElementType())
INFER_POOL(MaxPoolIndexOp, adaptor.getDilations(),
           IntegerType::get(context, llvm::product_of(adaptor.getKernel()) < 128
                                         ? 8
                                         : 32))
#undef INFER_POOL

LogicalResult AvgPoolOp::inferReturnTypes(MLIRContext *,
                                          std::optional<Location> loc,
                                          Adaptor adaptor,
                                          SmallVectorImpl<Type> &results) {
  // avg_pool_c1
  if (adaptor.getDivisor() == 0)
    return emitOptionalError(
        loc, "'pock.avg_pool' expected a divisor other than zero");
  FailureOr<RankedTensorType> type =
      inferPool(loc, getOperationName(),
                cast<RankedTensorType>(adaptor.getInput().getType()), adaptor,
                SmallVector<int64_t>(adaptor.getKernel().size(), 1),
                /*inside=*/true);
  if (failed(type))
    return failure();
  results.push_back(*type);
  return success();
}

LogicalResult MaxPoolGradOp::verify() {
  // max_pool_grad_c2
  if (getIndex().getType().getShape() != getGradient().getType().getShape())
    return emitOpError(
               "expected index and gradient of the same shape, but got ")
           << getIndex().getType() << " and " << getGradient().getType();
  // max_pool_grad_c1
  return verifyForward(*this,
                       inferPool(getLoc(), getOperationName(), getType(), *this,
                                 getDilations(), true),
                       getGradient().getType(), "a gradient");
}

LogicalResult SumPoolGradOp::verify() {
  // sum_pool_grad_c1
  return verifyForward(*this,
                       inferPool(getLoc(), getOperationName(), getType(), *this,
                                 getDilations(), true),
                       getGradient().getType(), "a gradient");
}

LogicalResult AdaptiveAvgPoolOp::verify() {
  RankedTensorType input = getInput().getType(), result = getType();
  int64_t rank = input.getRank();
  // adaptive_avg_pool_c1: one or two spatial dimensions.
  if (rank < 3 || rank > 4 || result.getRank() != rank)
    return emitOpError("expected one or two spatial dimensions, but got ")
           << input << " and " << result;
  int64_t channel = channelDim(getLayout(), rank);
  // adaptive_avg_pool_c1: only spatial dimensions differ.
  if (input.getDimSize(0) != result.getDimSize(0) ||
      input.getDimSize(channel) != result.getDimSize(channel) ||
      input.getElementType() != result.getElementType())
    return emitOpError("expected input and result to differ in spatial "
                       "dimensions only, but got ")
           << input << " and " << result;
  return success();
}
