//===- ByteLayer.cpp - Sums of products of bytes, as layers ---------------===//

#include "ByteLayer.h"
#include "../Shared/NestFusion.h"
#include "../Shared/PaddedCopy.h"
#include "Isa/ByteInstructions.h"
#include "Pock/IR/Kernels.h"
#include "SumOfProducts.h"

using namespace mlir;
using namespace mlir::pock;

bool ByteLayer::mayLeave(const ByteDim &dim) const {
  auto last = [&](int loop, int64_t step) {
    return loop < 0 ? 0 : (extents[loop] - 1) * step;
  };
  return dim.low > 0 ||
         last(dim.point, dim.stride) + last(dim.tap, dim.dilation) - dim.low >=
             dim.size;
}

bool ByteLayer::hasRows() const {
  int64_t expected = 1;
  for (unsigned loop : llvm::reverse(terms)) {
    if (extents[loop] != 1 && weightSteps[loop] != expected)
      return false;
    expected *= extents[loop];
  }
  return true;
}

bool ByteLayer::isFlat(ArrayRef<int64_t> steps) const {
  int64_t expected = -1;
  for (unsigned loop : llvm::reverse(points)) {
    if (extents[loop] == 1)
      continue;
    if (expected >= 0 && steps[loop] != expected)
      return false;
    expected = steps[loop] * extents[loop];
  }
  return true;
}

bool ByteLayer::isFlatAround() const {
  auto isFlatAccess = [&](const Access &access) {
    SmallVector<int64_t> steps(extents.size(), 0);
    for (unsigned loop : points)
      if (int inNest = nestLoop(loop); inNest >= 0)
        steps[loop] = access.strides[inNest];
    return isFlat(steps);
  };
  for (auto [i, statement] : llvm::enumerate(nest.statements)) {
    if (i != sum && !llvm::all_of(statement.ins, isFlatAccess))
      return false;
    if (!llvm::all_of(statement.outs, isFlatAccess))
      return false;
  }
  return true;
}

namespace {

/// What a padded temporary contains.
struct Border {
  Value source;
  SmallVector<int64_t> low;
  int64_t value;
};

/// What is subtracted from the two inputs of a sum.
using ZeroPoints = std::array<int64_t, 2>;

/// The zero points if the body of `op` adds the product of its two inputs,
/// signed bytes, to its only out in i32.
std::optional<ZeroPoints> matchByteSum(linalg::GenericOp op) {
  std::optional<SumOfProducts> sum = matchSum(op);
  if (!sum || !sum->lhs.isSignedByte() || !sum->rhs.isSignedByte())
    return std::nullopt;
  return ZeroPoints{sum->lhs.zero, sum->rhs.zero};
}

/// Adds the terms of `expr` to `dim`; false if it has another form than a
/// multiple of a parallel loop plus a multiple of a reduction loop.
bool addTerms(AffineExpr expr, int64_t factor,
              ArrayRef<utils::IteratorType> kinds, ByteDim &dim) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    dim.low -= factor * constant.getValue();
    return true;
  }
  if (auto loop = dyn_cast<AffineDimExpr>(expr)) {
    int position = loop.getPosition();
    bool reduction = kinds[position] == utils::IteratorType::reduction;
    int &number = reduction ? dim.tap : dim.point;
    if (number >= 0 || factor <= 0)
      return false;
    number = position;
    (reduction ? dim.dilation : dim.stride) = factor;
    return true;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (binary.getKind() == AffineExprKind::Add)
    return addTerms(binary.getLHS(), factor, kinds, dim) &&
           addTerms(binary.getRHS(), factor, kinds, dim);
  auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS());
  return binary.getKind() == AffineExprKind::Mul && constant &&
         addTerms(binary.getLHS(), factor * constant.getValue(), kinds, dim);
}

/// A contiguous buffer under views that keep its start; null for others.
Value flatRoot(Value value) {
  Value root = findRoot(value);
  auto isPlain = [](Value v) {
    auto type = dyn_cast<MemRefType>(v.getType());
    return type && type.hasStaticShape() && type.getLayout().isIdentity();
  };
  return isPlain(value) && isPlain(root) ? root : Value();
}

/// The distances of `operand` by loop; nothing if it is not linear.
std::optional<SmallVector<int64_t>> stepsOf(linalg::GenericOp op,
                                            OpOperand &operand) {
  auto type = cast<MemRefType>(operand.get().getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)))
    return std::nullopt;
  SmallVector<int64_t> steps(op.getNumLoops(), 0);
  AffineMap map = op.getMatchingIndexingMap(&operand);
  for (auto [expr, stride] : llvm::zip_equal(map.getResults(), strides)) {
    if (isa<AffineConstantExpr>(expr) &&
        cast<AffineConstantExpr>(expr).getValue() == 0)
      continue;
    auto loop = dyn_cast<AffineDimExpr>(expr);
    if (!loop)
      return std::nullopt;
    steps[loop.getPosition()] += stride;
  }
  return steps;
}

/// Sets the dimensions and distances of the input; false if it is not linear.
bool readInput(ByteLayer &layer, OpOperand &operand,
               const DenseMap<Operation *, Border> &borders) {
  linalg::GenericOp op = layer.op;
  Value source = operand.get();
  SmallVector<int64_t> low(cast<MemRefType>(source.getType()).getRank(), 0);
  if (auto alloc = source.getDefiningOp<memref::AllocOp>())
    if (auto it = borders.find(alloc); it != borders.end()) {
      layer.padded = alloc;
      layer.padding = it->second.value;
      source = it->second.source;
      low = it->second.low;
    }
  layer.input = flatRoot(source);
  if (!layer.input)
    return false;
  auto type = cast<MemRefType>(source.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(type.getStridesAndOffset(strides, offset)))
    return false;
  AffineMap map = op.getMatchingIndexingMap(&operand);
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  layer.inputSteps.assign(op.getNumLoops(), 0);
  for (auto [expr, size, step, border] :
       llvm::zip_equal(map.getResults(), type.getShape(), strides, low)) {
    ByteDim dim{size, step};
    dim.low = border;
    if (!addTerms(expr, 1, kinds, dim))
      return false;
    if (dim.point >= 0)
      layer.inputSteps[dim.point] += dim.stride * step;
    if (dim.tap >= 0)
      layer.inputSteps[dim.tap] += dim.dilation * step;
    layer.dims.push_back(dim);
  }
  return true;
}

/// Sorts the loops by what they do; false if the layer has another form.
bool classify(ByteLayer &layer) {
  SmallVector<utils::IteratorType> kinds = layer.op.getIteratorTypesArray();
  for (auto [loop, kind] : llvm::enumerate(kinds)) {
    bool inInput = layer.inputSteps[loop], inWeight = layer.weightSteps[loop];
    if (kind == utils::IteratorType::reduction) {
      if (!inInput || !inWeight)
        return false;
      layer.terms.push_back(loop);
    } else if (inInput && inWeight) {
      layer.groups.push_back(loop);
    } else if (inInput) {
      layer.points.push_back(loop);
    } else if (inWeight) {
      layer.outs.push_back(loop);
    } else {
      return false;
    }
  }
  llvm::stable_sort(layer.terms, [&](unsigned a, unsigned b) {
    return layer.weightSteps[a] > layer.weightSteps[b];
  });
  return true;
}

/// The layer whose sum is statement `sum` of `nest`, with the input as its
/// operand number `input`.
std::optional<ByteLayer>
buildLayer(const Nest &nest, size_t sum, unsigned input,
           const DenseMap<Operation *, Border> &borders) {
  ByteLayer layer;
  ZeroPoints zeros = *matchByteSum(nest.statements[sum].op);
  layer.zero = zeros[input];
  if (zeros[1 - input] != 0)
    return std::nullopt;
  layer.nest = nest;
  layer.sum = sum;
  layer.op = nest.statements[sum].op;
  layer.extents = layer.op.getStaticLoopRanges();
  OpOperand &weight = *layer.op.getDpsInputOperand(1 - input);
  layer.weight = flatRoot(weight.get());
  std::optional<SmallVector<int64_t>> steps =
      layer.weight ? stepsOf(layer.op, weight) : std::nullopt;
  if (!steps)
    return std::nullopt;
  layer.weightSteps = *steps;
  if (!readInput(layer, *layer.op.getDpsInputOperand(input), borders) ||
      !classify(layer))
    return std::nullopt;
  return layer;
}

/// The layer of `nest`, if it is one.
std::optional<ByteLayer>
matchLayer(const Nest &nest, const DenseMap<Operation *, Border> &borders) {
  size_t sum = nest.statements.size();
  for (auto [i, statement] : llvm::enumerate(nest.statements)) {
    bool isSum = matchByteSum(statement.op).has_value();
    if (statement.isReduction() || isSum) {
      if (sum != nest.statements.size() || !isSum)
        return std::nullopt;
      sum = i;
    } else if (!statement.vectorizable || statement.usesIndex ||
               statement.readsMemory) {
      return std::nullopt;
    }
  }
  if (sum == nest.statements.size() ||
      !isa<func::FuncOp>(nest.statements[sum].op->getParentOp()))
    return std::nullopt;
  // Of a product of two activations, either may be the weight.
  std::optional<ByteLayer> withoutRows;
  for (unsigned input : {0u, 1u}) {
    auto layer = buildLayer(nest, sum, input, borders);
    if (layer && layer->hasRows())
      return layer;
    if (!withoutRows)
      withoutRows = std::move(layer);
  }
  return withoutRows;
}

/// What the padded temporaries of bytes contain.
DenseMap<Operation *, Border> findBorders(func::FuncOp func) {
  DenseMap<Operation *, Border> borders;
  func.walk([&](memref::AllocOp alloc) {
    if (!alloc.getType().getElementType().isInteger(8))
      return;
    std::optional<PaddedCopy> padded = findPaddedCopy(alloc);
    if (!padded || padded->readers.size() != 1 || !padded->staysUnchanged() ||
        !flatRoot(padded->getSource()))
      return;
    borders[alloc] = {padded->getSource(), padded->low,
                      cast<IntegerAttr>(padded->value).getInt()};
  });
  return borders;
}

} // namespace

static SmallVector<ByteLayer, 0>
findByteLayers(func::FuncOp func, DenseSet<Operation *> &registers) {
  bool any = false;
  func.walk([&](linalg::GenericOp op) { any |= matchByteSum(op).has_value(); });
  SmallVector<ByteLayer, 0> layers;
  if (!any)
    return layers;
  DenseMap<Operation *, Border> borders = findBorders(func);
  generalizeAll(func);
  SmallVector<Nest, 0> nests = formNests(func);
  registers = findRegisterTemporaries(nests);
  for (const Nest &nest : nests)
    if (auto layer = matchLayer(nest, borders))
      layers.push_back(std::move(*layer));
  return layers;
}

void pock::rewriteByteLayers(
    ModuleOp module, function_ref<void(func::FuncOp, MutableArrayRef<ByteLayer>,
                                       const DenseSet<Operation *> &)>
                         rewrite) {
  const ByteInstructions *isa =
      findByteInstructions(TargetDescription::of(module));
  if (!isa)
    return;
  for (func::FuncOp func : kernelsOf(module)) {
    DenseSet<Operation *> registers;
    SmallVector<ByteLayer, 0> layers = findByteLayers(func, registers);
    for (ByteLayer &layer : layers)
      layer.hasLanes = isa->hasLanes();
    rewrite(func, layers, registers);
    eraseDeadOps(func);
  }
}

bool pock::padsInput(const ByteLayer &layer, Operation *op) {
  auto writer = dyn_cast<linalg::LinalgOp>(op);
  memref::AllocOp padded = layer.padded;
  return padded && writer && writer.getNumDpsInits() == 1 &&
         findRoot(writer.getDpsInits()[0]).getDefiningOp() ==
             padded.getOperation() &&
         op != layer.op;
}

void pock::eraseLayer(ByteLayer &layer) {
  for (Statement &statement : layer.nest.statements)
    statement.op.erase();
  if (!layer.padded)
    return;
  // Only the operations that write the padded copy are left.
  for (Operation *view : llvm::make_early_inc_range(layer.padded->getUsers())) {
    for (Operation *writer : llvm::make_early_inc_range(view->getUsers()))
      writer->erase();
    view->erase();
  }
  layer.padded->erase();
}
