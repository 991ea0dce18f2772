//===- SplitChannels.cpp - Depthwise sums, one channel at a time ----------===//
//
// For processors without vectors. In a buffer whose innermost dimension is the
// channels, neighbouring entries of an image are far apart, and all temporaries
// of a depthwise sum have the size of all channels. This pass runs the kernel
// channel by channel: a channel of the input is copied to a plane without a
// border, and temporaries shrink to one channel. Sums read the plane through a
// padded view. If the operand has several images, these follow one by one.
//
// The copy also allows the result of a channel to overwrite that channel.
//
// Sums are those of floats, or of gradients of 16 bits and bytes.
//
// Needs bufferized kernels whose buffers are not placed yet, before padded
// copies are folded. Guarantees the same results, except if weights are
// infinite, whose products with a border are NaN. Does not handle sums that
// read different inputs.
//
//===----------------------------------------------------------------------===//

#include "../Shared/Nest.h"
#include "../Shared/NestBody.h"
#include "../Shared/NestFusion.h"
#include "../Shared/PaddedCopy.h"
#include "BlockRun.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "Schedule.h"
#include "SumOfProducts.h"
#include "TargetDescription.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"
#include "llvm/ADT/MapVector.h"

namespace mlir::pock {
#define GEN_PASS_DEF_SPLITCHANNELS
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Marks sums in their loop; the value is the number of the input.
constexpr StringLiteral kMark = "pock.channel_sum";

/// A sum over the taps of windows, for each channel.
struct Sum {
  linalg::GenericOp op;
  OpOperand *input, *weight;
};

/// Whether `op` sums over taps of windows of `input` alone, and the innermost
/// dimension of `input` is a loop of points: the channels.
bool sumsByChannel(linalg::GenericOp op, OpOperand &input, OpOperand &weight) {
  AffineMap map = op.getMatchingIndexingMap(&input),
            taps = op.getMatchingIndexingMap(&weight);
  if (map.getNumResults() < 2)
    return false;
  auto channel = dyn_cast<AffineDimExpr>(map.getResults().back());
  if (!channel || !taps.isProjectedPermutation() ||
      !taps.isFunctionOfDim(channel.getPosition()) ||
      op.getStaticLoopRanges()[channel.getPosition()] < 2)
    return false;
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  if (kinds[channel.getPosition()] != utils::IteratorType::parallel)
    return false;
  return llvm::all_of(llvm::enumerate(kinds), [&](auto entry) {
    unsigned loop = entry.index();
    if (entry.value() == utils::IteratorType::parallel)
      return true;
    return taps.isFunctionOfDim(loop) &&
           llvm::any_of(map.getResults(), [&](AffineExpr expr) {
             return !isa<AffineDimExpr>(expr) && expr.isFunctionOfDim(loop);
           });
  });
}

/// Whether planes have such elements: floats, or gradients of 16 bits. (Planes
/// of bytes are those of `pock-depthwise-bytes`.)
bool isWide(const Factor &factor) {
  return factor.type.isF32() || factor.type.isSignedInteger(16);
}

/// Whether `factor` is that of a sum on planes: one of them, or a weight.
bool isOfPlane(const Factor &factor) {
  return factor.zero == 0 && (isWide(factor) || factor.isSignedByte());
}

std::optional<Sum> findSum(linalg::GenericOp op) {
  std::optional<SumOfProducts> products = pock::matchSum(op);
  if (!products || !isOfPlane(products->lhs) || !isOfPlane(products->rhs) ||
      !llvm::all_of(op->getOperandTypes(), [](Type type) {
        return isa<MemRefType>(type) && cast<MemRefType>(type).hasStaticShape();
      }))
    return std::nullopt;
  OpOperand *first = op.getDpsInputOperand(0),
            *second = op.getDpsInputOperand(1);
  if (isWide(products->lhs) && sumsByChannel(op, *first, *second))
    return Sum{op, first, second};
  if (isWide(products->rhs) && sumsByChannel(op, *second, *first))
    return Sum{op, second, first};
  return std::nullopt;
}

/// The only operation that writes the temporary `value`, if it computes each
/// entry once, in the order of the temporary, from one operand.
linalg::GenericOp findMaker(Value value) {
  linalg::GenericOp maker;
  if (!value.getDefiningOp<memref::AllocOp>())
    return maker;
  for (OpOperand &use : value.getUses()) {
    auto op = dyn_cast<linalg::GenericOp>(use.getOwner());
    if (!op)
      return nullptr;
    if (!op.isDpsInit(&use))
      continue;
    if (maker || op.getNumReductionLoops() || op.hasIndexSemantics() ||
        op.getNumDpsInputs() != 1 || op.getNumDpsInits() != 1 ||
        op.payloadUsesValueFromOperand(&use) ||
        !isa<MemRefType>(op->getOperand(0).getType()) ||
        !op.getMatchingIndexingMap(&use).isIdentity())
      return nullptr;
    maker = op;
  }
  return maker;
}

/// If `op` copies entries of a temporary that another operation makes one by
/// one (a weight that becomes f32), makes them itself.
void makeInCopy(linalg::GenericOp op) {
  if (op.getBody()->getTerminator()->getOperand(0) !=
      op.getBody()->getArgument(0))
    return;
  linalg::GenericOp maker = findMaker(op->getOperand(0));
  if (!maker || maker == op)
    return;
  OpBuilder b(op);
  AffineMap source = maker.getIndexingMapsArray().front().compose(
      op.getIndexingMapsArray().front());
  auto fresh = linalg::GenericOp::create(
      b, op.getLoc(), TypeRange(), maker->getOperand(0), op->getOperand(1),
      {source, op.getIndexingMapsArray().back()}, op.getIteratorTypesArray());
  IRMapping mapping;
  maker.getRegion().cloneInto(&fresh.getRegion(), mapping);
  op.erase();
  if (llvm::hasSingleElement(maker->getOperand(1).getUses()))
    maker.erase();
}

bool isZero(TypedAttr number) {
  return matchPattern(number, m_AnyZeroFloat()) ||
         matchPattern(number, m_Zero());
}

/// A part of a buffer, which begins at `begin` and may reach into a border of
/// zeros.
struct Part {
  Value source;
  SmallVector<int64_t> begin, sizes;
};

/// The kernel `func`, which may be changed even if it cannot be split.
class Splitter {
public:
  explicit Splitter(func::FuncOp func)
      : func(func), block(func.getBody().front()) {}

  /// Returns whether the kernel was split.
  bool run() {
    if (!findSums())
      return false;
    readPlane();
    for (Sum &sum : sums)
      if (linalg::GenericOp maker = findMaker(sum.weight->get()))
        makeInCopy(maker);
    unsigned channels = cast<MemRefType>(plane.getType()).getRank() - 1;
    std::optional<BlockRun> run = findRun(plane, channels, 1, block);
    if (!run || !llvm::all_of(sums, [&](const Sum &sum) {
          return run->loopOf.contains(sum.op);
        }))
      return false;
    markInPlace(*run, channels);
    for (Sum &sum : sums)
      sum.op->setAttr(kMark,
                      Builder(func.getContext())
                          .getI64IntegerAttr(sum.input->getOperandNumber()));
    rewrite(*run);
    splitImages();
    func.walk([](linalg::GenericOp op) { op->removeAttr(kMark); });
    return true;
  }

private:
  /// What `value` shows, if that is known.
  std::optional<Part> findPart(Value value) {
    auto type = cast<MemRefType>(value.getType());
    Part part{value, SmallVector<int64_t>(type.getRank(), 0),
              SmallVector<int64_t>(type.getShape())};
    auto isOne = [](int64_t stride) { return stride == 1; };
    if (auto view = value.getDefiningOp<memref::SubViewOp>()) {
      if (view.getDroppedDims().any() ||
          llvm::any_of(view.getStaticOffsets(), ShapedType::isDynamic) ||
          !llvm::all_of(view.getStaticStrides(), isOne))
        return std::nullopt;
      part.source = view.getSource();
      part.begin.assign(view.getStaticOffsets().begin(),
                        view.getStaticOffsets().end());
    }
    auto alloc = part.source.getDefiningOp<memref::AllocOp>();
    if (!alloc)
      return part;
    std::optional<PaddedCopy> padding =
        findPaddedCopy(alloc, /*throughViews=*/true);
    if (!padding)
      return part;
    if (!isZero(padding->value) || !padding->staysUnchanged())
      return std::nullopt;
    part.source = padding->getSource();
    for (auto [begin, low] : llvm::zip_equal(part.begin, padding->low))
      begin -= low;
    paddings.insert({alloc, *padding});
    return part;
  }

  /// Finds the sums, which must read the same input.
  bool findSums() {
    for (auto op : block.getOps<linalg::GenericOp>()) {
      std::optional<Sum> sum = findSum(op);
      if (!sum)
        continue;
      std::optional<Part> part = findPart(sum->input->get());
      if (!part || (source && part->source != source))
        return false;
      source = part->source;
      sums.push_back(*sum);
      parts.push_back(*part);
    }
    if (sums.empty())
      return false;
    if (!cast<MemRefType>(source.getType()).getLayout().isIdentity())
      return false;
    // The copy moves to the first sum that may read it.
    return llvm::none_of(block.getOps<linalg::GenericOp>(), [&](auto op) {
      return isa<BlockArgument>(findRoot(source)) &&
             llvm::any_of(op.getDpsInits(), [&](Value out) {
               return findRoot(out) == findRoot(source);
             });
    });
  }

  /// The part of the plane that is `part` of the source; nothing if it is
  /// outside.
  Value viewPart(OpBuilder &b, const Part &part) {
    Location loc = plane.getLoc();
    auto type = cast<MemRefType>(plane.getType());
    SmallVector<int64_t> low, high;
    SmallVector<OpFoldResult> offsets, sizes,
        strides(type.getRank(), b.getIndexAttr(1));
    bool cuts = false, pads = false;
    for (auto [begin, size, extent] :
         llvm::zip_equal(part.begin, part.sizes, type.getShape())) {
      int64_t first = std::max<int64_t>(begin, 0),
              end = std::min(begin + size, extent);
      if (end <= first)
        return {};
      low.push_back(first - begin);
      high.push_back(begin + size - end);
      offsets.push_back(b.getIndexAttr(first));
      sizes.push_back(b.getIndexAttr(end - first));
      cuts |= end - first != extent;
      pads |= low.back() != 0 || high.back() != 0;
    }
    Value view = plane;
    if (cuts)
      view = memref::SubViewOp::create(b, loc, view, offsets, sizes, strides);
    if (pads)
      view = PaddedViewOp::create(b, loc, view, low, high);
    return view;
  }

  /// Copies the input to a plane, unless it is a temporary of its own, and lets
  /// the sums read that.
  void readPlane() {
    OpBuilder b(sums.front().op);
    plane = source;
    if (!source.getDefiningOp<memref::AllocOp>()) {
      auto type = cast<MemRefType>(source.getType());
      if (!paddings.empty())
        b.setInsertionPoint(paddings.front().second.copy);
      plane = memref::AllocOp::create(b, source.getLoc(), type);
      AffineMap identity = b.getMultiDimIdentityMap(type.getRank());
      SmallVector<utils::IteratorType> loops(type.getRank(),
                                             utils::IteratorType::parallel);
      copy = linalg::GenericOp::create(
          b, source.getLoc(), TypeRange(), source, plane, {identity, identity},
          loops, [](OpBuilder &b, Location loc, ValueRange args) {
            linalg::YieldOp::create(b, loc, args[0]);
          });
    }
    for (auto [sum, part] : llvm::zip_equal(sums, parts)) {
      b.setInsertionPoint(sum.op);
      if (Value view = viewPart(b, part))
        sum.input->set(view);
    }
    for (auto &[alloc, padding] : paddings) {
      if (isRead(alloc, padding))
        continue;
      padding.copy->erase();
      for (linalg::LinalgOp fill : padding.fills)
        fill->erase();
    }
  }

  /// Whether an operation that is no sum still reads the padded copy `alloc`.
  static bool isRead(Operation *alloc, const PaddedCopy &padding) {
    return llvm::any_of(padding.readers, [&](linalg::GenericOp reader) {
      return llvm::any_of(reader->getOperands(), [&](Value operand) {
        return findRoot(operand).getDefiningOp() == alloc;
      });
    });
  }

  /// Marks the kernel if its result may overwrite the input: each channel is
  /// copied before it is written, and has the same place in both.
  void markInPlace(const BlockRun &run, unsigned channels) {
    auto input = dyn_cast<BlockArgument>(source);
    if (!copy || !input || !input.hasOneUse())
      return;
    bool copied = false;
    Value result;
    for (auto op : block.getOps<linalg::GenericOp>()) {
      if (!run.loopOf.contains(op))
        return;
      copied |= op == copy;
      for (Value out : op.getDpsInits()) {
        Value root = findRoot(out);
        if (!isa<BlockArgument>(root))
          continue;
        if (!copied || (result && result != root))
          return;
        result = root;
      }
    }
    if (!result || result.getType() != input.getType() ||
        run.batchOf.lookup(result) != channels)
      return;
    Builder b(func.getContext());
    func->setAttr(attribute::inPlace,
                  b.getI64IntegerAttr(input.getArgNumber()));
  }

  /// Runs what reads the plane image by image.
  void splitImages() {
    for (auto loop : block.getOps<scf::ForOp>())
      for (auto op : loop.getBody()->getOps<linalg::GenericOp>()) {
        auto number = op->getAttrOfType<IntegerAttr>(kMark);
        if (!number)
          continue;
        Value buffer = findRoot(op->getOperand(number.getInt()));
        auto type = cast<MemRefType>(buffer.getType());
        if (!buffer.getDefiningOp<memref::AllocOp>() || type.getDimSize(0) < 2)
          return;
        if (auto run = findRun(buffer, 0, 1, *loop.getBody()))
          rewrite(*run);
        return;
      }
  }

  func::FuncOp func;
  Block &block;
  SmallVector<Sum> sums;
  SmallVector<Part> parts;
  llvm::MapVector<Operation *, PaddedCopy> paddings;
  Value source, plane;
  linalg::GenericOp copy;
};

struct SplitChannels : impl::SplitChannelsBase<SplitChannels> {
  using Base::Base;

  void runOnOperation() override {
    if (!usesGroups(TargetDescription::of(getOperation())))
      return;
    for (func::FuncOp func : kernelsOf(getOperation())) {
      bool any = false;
      func.walk([&](linalg::GenericOp op) { any |= bool(matchSum(op)); });
      if (!any)
        continue;
      // On a copy, because only the rewritten operations show whether they can
      // run channel by channel.
      OwningOpRef<func::FuncOp> split(func.clone());
      generalizeAll(*split);
      if (!Splitter(*split).run())
        continue;
      eraseDeadOps(*split);
      func.getBody().takeBody(split->getBody());
      func->setAttrs(split->getOperation()->getAttrDictionary());
    }
  }
};

} // namespace
} // namespace mlir::pock
