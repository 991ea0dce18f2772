//===- Window.cpp - geometry of convolution and pooling -------------------===//
//
// The transpose of a sliding window is a scatter: outputs add to the inputs
// that they read. Here it is turned into a gather, which needs no
// synchronisation and keeps its sum in a register. With stride s, dilation d
// and low padding p, tap k of output o reads input r = o * s + k * d - p. For
// the inputs of one residue, r = s * q + residue, every (s / gcd(s, d))-th tap
// satisfies this for some o. With each further such tap, o decreases by d /
// gcd(s, d). So each residue is a window of stride 1 over the outputs, with the
// taps in reversed order.
//===----------------------------------------------------------------------===//

#include "Window.h"

#include <numeric>

using namespace mlir;
using namespace mlir::pock;

ArrayRef<int64_t> pock::getSpatialSizes(Layout layout,
                                        ArrayRef<int64_t> shape) {
  return shape.slice(firstSpatialDim(layout), shape.size() - 2);
}

Value pock::buildPaddedSpatial(OpBuilder &b, Location loc, Layout layout,
                               Value value, ArrayRef<int64_t> low,
                               ArrayRef<int64_t> high, double padding) {
  SmallVector<int64_t> none(getShape(value).size(), 0);
  SmallVector<int64_t> zero{0};
  return buildPadded(
      b, loc, value, orderActivation<int64_t>(layout, 0, low, zero),
      orderActivation<int64_t>(layout, 0, high, zero), none, padding);
}

Value Window::buildPaddedInput(OpBuilder &b, Location loc, Value input,
                               ArrayRef<int64_t> outputs,
                               double padding) const {
  ArrayRef<int64_t> sizes = getSpatialSizes(layout, getShape(input));
  SmallVector<int64_t> needed;
  for (size_t i = 0; i < kernel.size(); ++i) {
    int64_t end =
        (outputs[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i];
    needed.push_back(std::max<int64_t>(0, end + 1 - low[i] - sizes[i]));
  }
  return buildPaddedSpatial(b, loc, layout, input, low, needed, padding);
}

SmallVector<int64_t> Window::getPaddedShape(ArrayRef<int64_t> shape,
                                            ArrayRef<int64_t> outputs) const {
  SmallVector<int64_t> result(shape);
  int64_t spatial = firstSpatialDim(layout);
  for (size_t i = 0; i < kernel.size(); ++i)
    result[spatial + i] =
        (outputs[i] - 1) * strides[i] + (kernel[i] - 1) * dilations[i] + 1;
  return result;
}

TileLoops::TileLoops(MLIRContext *context, const Window &window)
    : loops(context), layout(window.layout), kernel(window.kernel) {
  n = loops.parallel();
  if (layout == Layout::ChannelsFirst)
    c = loops.parallel();
  for (size_t i = 0; i < kernel.size(); ++i) {
    o.push_back(loops.parallel());
    k.push_back(loops.parallel());
  }
  if (layout != Layout::ChannelsFirst)
    c = loops.parallel();
}

SmallVector<int64_t> TileLoops::getShape(RankedTensorType type) const {
  SmallVector<int64_t> outputs;
  for (auto [size, taps] :
       llvm::zip_equal(getSpatialSizes(layout, type.getShape()), kernel))
    outputs.push_back(size / taps);
  return orderActivation<int64_t>(
      layout, type.getDimSize(0), interleave<int64_t>(outputs, kernel),
      type.getDimSize(channelDim(layout, type.getRank())));
}

bool Window::tiles(ArrayRef<int64_t> inputs, ArrayRef<int64_t> outputs) const {
  for (size_t i = 0; i < kernel.size(); ++i)
    if (strides[i] != kernel[i] || (kernel[i] > 1 && dilations[i] != 1) ||
        low[i] != 0 || high[i] != 0 || inputs[i] != outputs[i] * strides[i])
      return false;
  return true;
}

SmallVector<AffineExpr>
Window::getInputCoordinates(ArrayRef<AffineExpr> outputs,
                            ArrayRef<AffineExpr> taps) const {
  SmallVector<AffineExpr> result;
  for (size_t i = 0; i < outputs.size(); ++i)
    result.push_back(outputs[i] * strides[i] + taps[i] * dilations[i]);
  return result;
}

/// The classes of one dimension of size `size`.
static SmallVector<ResidueClass>
getResidueClasses(int64_t size, int64_t outputs, int64_t kernel, int64_t stride,
                  int64_t low, int64_t dilation) {
  SmallVector<ResidueClass> classes;
  int64_t gcd = std::gcd(stride, dilation);
  int64_t tapStep = stride / gcd, step = dilation / gcd;
  for (int64_t residue = 0; residue < std::min(stride, size); ++residue) {
    ResidueClass c{};
    c.residue = residue;
    c.count = llvm::divideCeil(size - residue, stride);
    c.tapStep = tapStep;
    c.step = step;
    int64_t first = 0;
    while (first < tapStep && (residue + low - first * dilation) % stride != 0)
      ++first;
    if (first < tapStep && first < kernel) {
      c.taps = (kernel - 1 - first) / tapStep + 1;
      c.lastTap = first + (c.taps - 1) * tapStep;
      // The output that reads `q = 0` with the last tap, the lowest one.
      int64_t output = (residue + low - c.lastTap * dilation) / stride;
      c.low = -output;
      c.high = output + c.count + (c.taps - 1) * step - outputs;
    }
    classes.push_back(c);
  }
  return classes;
}

/// All combinations of the classes of each dimension, in row-major order.
static SmallVector<SmallVector<ResidueClass>>
getCombinations(const Window &window, ArrayRef<int64_t> sizes,
                ArrayRef<int64_t> outputs) {
  SmallVector<SmallVector<ResidueClass>> combinations(1);
  for (size_t i = 0; i < sizes.size(); ++i) {
    SmallVector<SmallVector<ResidueClass>> extended;
    for (ArrayRef<ResidueClass> head : combinations)
      for (const ResidueClass &c : getResidueClasses(
               sizes[i], outputs[i], window.kernel[i], window.strides[i],
               window.low[i], window.dilations[i])) {
        extended.emplace_back(head);
        extended.back().push_back(c);
      }
    combinations = std::move(extended);
  }
  return combinations;
}

/// Whether the classes have a tap in each dimension and reach an output.
static bool readsOutputs(ArrayRef<ResidueClass> classes,
                         ArrayRef<int64_t> outputs) {
  for (auto [c, size] : llvm::zip_equal(classes, outputs))
    if (c.taps == 0 || c.low <= -size || c.high <= -size)
      return false;
  return true;
}

namespace {
/// Values of a window's output side, padded once for all classes.
class PaddedOutputs {
public:
  PaddedOutputs(OpBuilder &b, Location loc, Layout layout, ValueRange values,
                ArrayRef<double> padding,
                ArrayRef<SmallVector<ResidueClass>> combinations)
      : b(b), loc(loc), layout(layout), values(values) {
    int64_t rank = combinations.front().size();
    low.assign(rank, 0);
    SmallVector<int64_t> high(rank, 0);
    for (ArrayRef<ResidueClass> classes : combinations) {
      if (!readsPadding(classes))
        continue;
      for (auto [i, c] : llvm::enumerate(classes)) {
        low[i] = std::max(low[i], c.low);
        high[i] = std::max(high[i], c.high);
      }
    }
    for (auto [value, number] : llvm::zip_equal(values, padding))
      padded.push_back(
          buildPaddedSpatial(b, loc, layout, value, low, high, number));
  }

  /// The values that `classes` read: a view, or the values themselves.
  SmallVector<Value> get(ArrayRef<ResidueClass> classes) const {
    SmallVector<int64_t> none(low.size(), 0);
    bool inPadding = readsPadding(classes);
    SmallVector<Value> result;
    for (Value value : inPadding ? ValueRange(padded) : values) {
      SmallVector<int64_t> cropLow, cropHigh;
      for (auto [i, c] : llvm::enumerate(classes)) {
        int64_t size = getSpatialSizes(layout, getShape(value))[i];
        int64_t start = (inPadding ? low[i] : 0) - c.low;
        int64_t length = c.count + (c.taps - 1) * c.step;
        cropLow.push_back(-start);
        cropHigh.push_back(start + length - size);
      }
      result.push_back(
          buildPaddedSpatial(b, loc, layout, value, cropLow, cropHigh, 0.0));
    }
    return result;
  }

private:
  static bool readsPadding(ArrayRef<ResidueClass> classes) {
    return llvm::any_of(
        classes, [](const ResidueClass &c) { return c.low > 0 || c.high > 0; });
  }

  OpBuilder &b;
  Location loc;
  Layout layout;
  ValueRange values;
  SmallVector<int64_t> low;
  SmallVector<Value> padded;
};
} // namespace

Value pock::buildByResidueClass(OpBuilder &b, Location loc,
                                RankedTensorType type, const Window &window,
                                ValueRange values, ArrayRef<double> padding,
                                ResidueClassBuilder build) {
  Layout layout = window.layout;
  ArrayRef<int64_t> outputs = getSpatialSizes(layout, getShape(values[0]));
  SmallVector<SmallVector<ResidueClass>> combinations = getCombinations(
      window, getSpatialSizes(layout, type.getShape()), outputs);
  size_t total = combinations.size();
  llvm::erase_if(combinations, [&](ArrayRef<ResidueClass> classes) {
    return !readsOutputs(classes, outputs);
  });
  // A sum of no channels is zero, too.
  if (combinations.empty() || llvm::is_contained(getShape(values[0]), 0))
    return buildFilled(b, loc, type.getShape(), type.getElementType(), 0.0);

  PaddedOutputs padded(b, loc, layout, values, padding, combinations);
  SmallVector<Value> parts;
  for (ArrayRef<ResidueClass> classes : combinations)
    parts.push_back(build(classes, padded.get(classes)));
  if (parts[0].getType() == type) // the only class
    return parts[0];

  Value dest =
      combinations.size() < total
          ? buildFilled(b, loc, type.getShape(), type.getElementType(), 0.0)
          : buildEmpty(b, loc, type.getShape(), type.getElementType());
  for (auto [classes, part] : llvm::zip_equal(combinations, parts)) {
    SmallVector<int64_t> residues, zero{0}, one{1};
    for (const ResidueClass &c : classes)
      residues.push_back(c.residue);
    dest = buildInsert(
        b, loc, part, dest, orderActivation<int64_t>(layout, 0, residues, zero),
        orderActivation<int64_t>(layout, 1, window.strides, one));
  }
  return dest;
}
