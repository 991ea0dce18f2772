//===- Nest.cpp - Linalg operations as statements of one loop nest --------===//

#include "Nest.h"
#include "Pock/IR/Pock.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Adds `factor * expr` to the linear function (offset, coefficients); false if
/// `expr` is not linear in the dimensions.
bool addLinear(AffineExpr expr, int64_t factor, int64_t &offset,
               SmallVectorImpl<int64_t> &coefficients) {
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    offset += factor * constant.getValue();
    return true;
  }
  if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
    coefficients[dim.getPosition()] += factor;
    return true;
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  if (!binary)
    return false;
  if (binary.getKind() == AffineExprKind::Add)
    return addLinear(binary.getLHS(), factor, offset, coefficients) &&
           addLinear(binary.getRHS(), factor, offset, coefficients);
  if (binary.getKind() == AffineExprKind::Mul)
    if (auto constant = dyn_cast<AffineConstantExpr>(binary.getRHS()))
      return addLinear(binary.getLHS(), factor * constant.getValue(), offset,
                       coefficients);
  return false;
}

/// The offset of `view` as constant plus dynamic terms; false if it is not
/// known.
bool analyzeOffset(Value view, Access &access) {
  access.offset = 0;
  for (Operation *def = view.getDefiningOp(); def;
       def = def->getOperand(0).getDefiningOp()) {
    if (isa<memref::ExpandShapeOp, memref::CollapseShapeOp, memref::CastOp>(
            def))
      continue;
    if (isa<GroupViewOp>(def))
      return true; // A view of a contiguous buffer from its start.
    if (auto padded = dyn_cast<PaddedViewOp>(def)) {
      SmallVector<int64_t> strides;
      int64_t offset;
      if (failed(padded.getSource().getType().getStridesAndOffset(strides,
                                                                  offset)))
        return false;
      for (auto [low, stride] : llvm::zip_equal(padded.getLow(), strides))
        access.offset -= low * stride;
      continue;
    }
    auto subview = dyn_cast<memref::SubViewOp>(def);
    if (!subview)
      return !isa<memref::ReinterpretCastOp>(def);
    SmallVector<int64_t> strides;
    int64_t offset;
    if (failed(subview.getSourceType().getStridesAndOffset(strides, offset)))
      return false;
    for (auto [position, stride] :
         llvm::zip(subview.getMixedOffsets(), strides)) {
      std::optional<int64_t> constant = getConstantIntValue(position);
      if (constant) {
        access.offset += *constant * stride;
        continue;
      }
      Value index = cast<Value>(position);
      auto *known = llvm::find_if(
          access.outer, [&](auto &term) { return term.first == index; });
      if (known != access.outer.end())
        known->second += stride;
      else
        access.outer.push_back({index, stride});
    }
  }
  return true;
}

/// The operand as a function of the loops of its operation.
std::optional<Access> analyzeOperand(linalg::GenericOp op, OpOperand &operand) {
  Access access;
  auto type = dyn_cast<MemRefType>(operand.get().getType());
  if (!type) {
    access.scalar = operand.get();
    access.elementType = operand.get().getType();
    access.strides.assign(op.getNumLoops(), 0);
    return access;
  }
  SmallVector<int64_t> strides;
  int64_t offset;
  if (!type.hasStaticShape() ||
      failed(type.getStridesAndOffset(strides, offset)) ||
      llvm::any_of(strides, ShapedType::isDynamic))
    return std::nullopt;
  access.root = findRoot(operand.get());
  access.elementType = type.getElementType();
  access.offset = offset;
  if (ShapedType::isDynamic(offset) && !analyzeOffset(operand.get(), access))
    return std::nullopt;
  access.strides.assign(op.getNumLoops(), 0);
  AffineMap map = op.getMatchingIndexingMap(&operand);
  for (auto [expr, stride] : llvm::zip(map.getResults(), strides))
    if (!addLinear(expr, stride, access.offset, access.strides))
      return std::nullopt;
  return access;
}

/// The combiner of out `i` if the body has the form
/// `yield combine(accumulator, f(inputs))` with an operation whose order may
/// be changed.
Operation *findCombiner(linalg::GenericOp op, unsigned i) {
  Block &body = *op.getBody();
  BlockArgument accumulator = body.getArgument(op.getNumDpsInputs() + i);
  Operation *combiner = body.getTerminator()->getOperand(i).getDefiningOp();
  if (!combiner || !accumulator.hasOneUse() ||
      *accumulator.user_begin() != combiner || !combiner->hasOneUse())
    return nullptr;
  if (!isa<arith::AddFOp, arith::AddIOp, arith::MulFOp, arith::MulIOp,
           arith::MaximumFOp, arith::MinimumFOp, arith::MaxNumFOp,
           arith::MinNumFOp, arith::MaxSIOp, arith::MinSIOp, arith::MaxUIOp,
           arith::MinUIOp, arith::AndIOp, arith::OrIOp, arith::XOrIOp>(
          combiner))
    return nullptr;
  return combiner;
}

void analyzeBody(Statement &statement) {
  linalg::GenericOp op = statement.op;
  for (Operation &inner : op.getBody()->without_terminator()) {
    if (isa<linalg::IndexOp>(inner)) {
      statement.usesIndex = true;
      continue;
    }
    if (isa<arith::ConstantOp>(inner))
      continue;
    if (!OpTrait::hasElementwiseMappableTraits(&inner))
      statement.vectorizable = false;
    if (!isMemoryEffectFree(&inner))
      statement.readsMemory = true;
  }
  for (unsigned i = 0, e = op.getNumDpsInits(); i < e; ++i)
    statement.combiners.push_back(statement.isReduction() ? findCombiner(op, i)
                                                          : nullptr);
}

/// Renumbers the loops of an access: `loopOf[d]` is the new number of loop d.
void renumber(Access &access, ArrayRef<int> loopOf, size_t numLoops) {
  SmallVector<int64_t> strides(numLoops, 0);
  for (auto [d, stride] : llvm::enumerate(access.strides))
    if (loopOf[d] >= 0)
      strides[loopOf[d]] += stride;
  access.strides = std::move(strides);
}

} // namespace

bool Statement::readsOut(unsigned i) const {
  linalg::GenericOp op = this->op;
  return !op.getBody()->getArgument(op.getNumDpsInputs() + i).use_empty();
}

SmallVector<int> Nest::parallelLoops() const {
  SmallVector<int> result;
  for (auto [i, loop] : llvm::enumerate(loops))
    if (!loop.reduction)
      result.push_back(i);
  return result;
}

void eraseDeadOps(func::FuncOp func) {
  for (bool changed = true; changed;) {
    changed = false;
    func.walk<WalkOrder::PostOrder>([&](Operation *op) {
      if (op != func && isOpTriviallyDead(op) &&
          !isa<linalg::LinalgOp>(op->getParentOp())) {
        op->erase();
        changed = true;
      }
    });
  }
}

Value findRoot(Value memref) {
  while (Operation *def = memref.getDefiningOp()) {
    // These views keep the aligned pointer: layout and offset are in the type.
    // (memref.view does not, because its offset in bytes is not in the type.)
    if (!isa<memref::SubViewOp, memref::ExpandShapeOp, memref::CollapseShapeOp,
             memref::CastOp, memref::ReinterpretCastOp, PaddedViewOp,
             GroupViewOp>(def))
      break;
    memref = def->getOperand(0);
  }
  return memref;
}

std::optional<Nest> buildNest(linalg::GenericOp op) {
  if (!op.hasPureBufferSemantics() || !op.getBody()->getParentOp())
    return std::nullopt;
  Nest nest;
  Statement statement;
  statement.op = op;
  SmallVector<int64_t> extents = op.getStaticLoopRanges();
  if (llvm::any_of(extents, [](int64_t e) {
        return ShapedType::isDynamic(e) || e == 0;
      }))
    return std::nullopt;
  // A nest must have at least one loop: keep the last of a scalar operation.
  for (auto [d, kind] : llvm::enumerate(op.getIteratorTypesArray())) {
    bool reduction = kind == utils::IteratorType::reduction;
    if (extents[d] == 1) {
      statement.loopOf.push_back(-1);
      continue;
    }
    statement.loopOf.push_back(nest.loops.size());
    if (reduction)
      statement.reductions.push_back(nest.loops.size());
    nest.loops.push_back({extents[d], reduction});
  }

  for (OpOperand &operand : op->getOpOperands()) {
    std::optional<Access> access = analyzeOperand(op, operand);
    if (!access)
      return std::nullopt;
    renumber(*access, statement.loopOf, nest.loops.size());
    bool out = op.isDpsInit(&operand);
    std::optional<SmallVector<TapWindow>> windows = findWindows(op, operand);
    if (!windows)
      return std::nullopt;
    for (TapWindow &window : *windows) {
      window.points = statement.loopOf[window.points];
      window.taps = statement.loopOf[window.taps];
      if (window.points < 0 || window.taps < 0)
        return std::nullopt;
      nest.windows.push_back(window);
    }
    // Each parallel point writes its own element.
    if (out && !access->root)
      return std::nullopt;
    if (out)
      for (auto [loop, stride] : llvm::zip(nest.loops, access->strides))
        if ((stride == 0) != loop.reduction)
          return std::nullopt;
    (out ? statement.outs : statement.ins).push_back(*access);
  }
  analyzeBody(statement);
  nest.statements.push_back(std::move(statement));
  return nest;
}

void mergeLoops(Nest &nest) {
  // linalg.index needs the original loops.
  for (Statement &statement : nest.statements)
    if (statement.usesIndex)
      return;
  auto mergeable = [&](int outer, int inner) {
    if (outer == inner ||
        nest.loops[outer].reduction != nest.loops[inner].reduction)
      return false;
    // The loops of a window determine which taps count, so keep them.
    for (const TapWindow &window : nest.windows)
      if (llvm::is_contained({window.points, window.taps}, outer) ||
          llvm::is_contained({window.points, window.taps}, inner))
        return false;
    if (nest.loops[outer].reduction) {
      // Only merge neighbours: the order of a reduction must not change.
      bool neighbours = false;
      for (Statement &statement : nest.statements)
        for (size_t i = 0; i + 1 < statement.reductions.size(); ++i)
          neighbours |= statement.reductions[i] == outer &&
                        statement.reductions[i + 1] == inner;
      if (!neighbours)
        return false;
    }
    bool result = true;
    nest.forEachAccess([&](Access &access) {
      result &= access.strides[outer] ==
                access.strides[inner] * nest.loops[inner].extent;
    });
    return result;
  };
  auto merge = [&](int outer, int inner) {
    nest.loops[inner].extent *= nest.loops[outer].extent;
    nest.loops.erase(nest.loops.begin() + outer);
    nest.forEachAccess([&](Access &access) {
      access.strides.erase(access.strides.begin() + outer);
    });
    auto renumber = [&](int &loop) {
      if (loop > outer)
        --loop;
    };
    for (Statement &statement : nest.statements) {
      llvm::erase(statement.reductions, outer);
      llvm::for_each(statement.reductions, renumber);
      statement.loopOf.clear(); // Only linalg.index would need it.
    }
    for (TapWindow &window : nest.windows) {
      renumber(window.points);
      renumber(window.taps);
    }
  };
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t outer = 0; outer < nest.loops.size() && !changed; ++outer)
      for (size_t inner = 0; inner < nest.loops.size() && !changed; ++inner)
        if (mergeable(outer, inner)) {
          merge(outer, inner);
          changed = true;
        }
  }
}

} // namespace mlir::pock
