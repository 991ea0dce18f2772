//===- SplitSlices.cpp - keep frozen parts of parameters out of RAM -------===//
//
// Needs updates that are not lowered yet (`pock.sparse_update`). The trained
// slice and the frozen rest of a parameter become two parameters, so that the
// rest can lie in flash. Guarantees the same bits: readers of the parameter
// read the same entries, and only sums of integers are divided.
//
// Readers of the whole need a copy of it while they run, usually one at a time.
// So the pass divides the parameters whose rests together are larger than the
// largest of them: RAM never grows. It does not divide parameters that the
// model stores, or that a pass of a function reads more than once: their copies
// would have to be kept, or made many times.
//
//===----------------------------------------------------------------------===//

#include "StepPhases.h"

#include "Pock/IR/Expr.h"
#include "Pock/Target/TargetBackend.h"
#include "Pock/Transforms/Passes.h"

#include "llvm/ADT/StringMap.h"

namespace mlir::pock {
#define GEN_PASS_DEF_SPLITSLICES
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

/// A value that consists of the entries of two others along `axis`.
struct Parts {
  Value slice, rest;
  int64_t axis;
};

/// The dimension of the result of `view` that is dimension `axis` of its
/// operand, if the view only moves dimensions of size one.
static std::optional<int64_t> axisBehind(ReshapeOp view, int64_t axis) {
  auto sizes = [](Value value) {
    return llvm::filter_to_vector(shapeOf(value),
                                  [](int64_t size) { return size != 1; });
  };
  if (sizes(view.getInput()) != sizes(view.getResult()))
    return {};
  auto isLarge = [](int64_t size) { return size != 1; };
  int64_t large =
      llvm::count_if(shapeOf(view.getInput()).take_front(axis), isLarge);
  for (auto [dim, size] : llvm::enumerate(shapeOf(view.getResult())))
    if (size != 1 && large-- == 0)
      return dim;
  return {};
}

/// Calls `visit` with the uses of `value`, and of views of it in which a
/// dimension still is dimension `axis`; and with that dimension.
static void forEachUse(Value value, int64_t axis,
                       function_ref<void(OpOperand &, int64_t)> visit) {
  for (OpOperand &use : llvm::make_early_inc_range(value.getUses())) {
    auto view = dyn_cast<ReshapeOp>(use.getOwner());
    std::optional<int64_t> moved =
        view ? axisBehind(view, axis) : std::optional<int64_t>();
    if (moved)
      forEachUse(view, *moved, visit);
    else
      visit(use, axis);
  }
}

/// Whether `reader` widens integers for sums. Such sums are divided.
static bool isSummed(Operation *reader) {
  auto wide = dyn_cast<CastOp>(reader);
  return wide && getElementTypeOrSelf(wide.getType()).isInteger() &&
         llvm::all_of(wide->getUsers(), llvm::IsaPred<SumOp>);
}

/// Replaces the sums of `wide` by sums over both parts. Those over the rest are
/// constants.
static void divideSums(CastOp wide, const Parts &parts) {
  Type element = getElementTypeOrSelf(wide.getType());
  for (Operation *user : llvm::make_early_inc_range(wide->getUsers())) {
    auto sum = cast<SumOp>(user);
    OpBuilder b(sum);
    auto sumOf = [&](Value part) {
      Expr entries(b, sum.getLoc(), part);
      return entries.make<CastOp>(entries.type().clone(element), part)
          .sum(sum.getDims(), sum.getKeepdim());
    };
    Expr trained = sumOf(parts.slice), frozen = sumOf(parts.rest);
    if (llvm::is_contained(sum.getDims(), parts.axis)) {
      Value total = trained + frozen;
      sum.replaceAllUsesWith(total);
    } else {
      int64_t removed = sum.getKeepdim()
                            ? 0
                            : llvm::count_if(sum.getDims(), [&](int64_t dim) {
                                return dim < parts.axis;
                              });
      Value total = trained.make<ConcatOp>(ValueRange{trained, frozen},
                                           parts.axis - removed);
      sum.replaceAllUsesWith(total);
    }
    sum.erase();
  }
  wide.erase();
}

/// Erases `op` and the views of it, which nothing reads any more.
static void eraseUnused(Operation *op) {
  for (Operation *view : llvm::make_early_inc_range(op->getUsers()))
    eraseUnused(view);
  op->erase();
}

/// Makes the readers of `load` read both parts.
static void readParts(LoadParamOp load, ParamOp param, ParamOp rest) {
  OpBuilder b(load);
  auto loadOf = [&](ParamOp part) {
    return LoadParamOp::create(b, load.getLoc(), part.getType(),
                               FlatSymbolRefAttr::get(part.getSymNameAttr()));
  };
  Value slice = loadOf(param), frozen = loadOf(rest);
  int64_t axis = param.getSliceAttr().getAxis();
  forEachUse(load, axis, [&](OpOperand &use, int64_t moved) {
    Operation *reader = use.getOwner();
    // Directly before the reader, so that a copy does not live longer.
    b.setInsertionPoint(reader);
    ArrayRef<int64_t> whole = shapeOf(use.get());
    auto viewed = [&](Value part) {
      SmallVector<int64_t> shape(whole);
      shape[moved] = shapeOf(part)[axis];
      return reshapeTo(b, load.getLoc(), part, shape);
    };
    Parts parts;
    parts.slice = viewed(slice);
    parts.rest = viewed(frozen);
    parts.axis = moved;
    if (isSummed(reader))
      divideSums(cast<CastOp>(reader), parts);
    else
      use.set(ConcatOp::create(
          b, load.getLoc(), ValueRange{parts.slice, parts.rest}, parts.axis));
  });
  eraseUnused(load);
}

namespace {
struct SplitSlices : public ::mlir::pock::impl::SplitSlicesBase<SplitSlices> {
  using Base::Base;

  void runOnOperation() override {
    if (!limitsAt(getOperation()).preparedAhead)
      return;
    loads.clear();
    findLoads();
    SymbolTable symbols(getOperation());
    for (ParamOp param : choose()) {
      ParamOp rest = split(param, symbols);
      for (LoadParamOp load : loads.lookup(param.getSymName()))
        readParts(load, param, rest);
    }
  }

  /// Collects the loads of the parameters that may be divided.
  void findLoads() {
    for (ParamOp param : getOperation().getOps<ParamOp>())
      if (SliceAttr slice = param.getSliceAttr();
          slice && slice.getSize() < typeOf(param).getDimSize(slice.getAxis()))
        loads[param.getSymName()];
    getOperation().walk([&](Operation *op) {
      if (auto store = dyn_cast<StoreParamOp>(op))
        loads.erase(store.getParam());
    });
    for (auto function : getOperation().getOps<func::FuncOp>())
      if (!function.isExternal())
        findLoads(function);
  }

  void findLoads(func::FuncOp function) {
    StepPhases phases(function);
    llvm::StringMap<SmallVector<LoadParamOp>> found;
    function.walk([&](LoadParamOp load) {
      if (loads.contains(load.getParam()))
        found[load.getParam()].push_back(load);
    });
    for (auto &[name, same] : found) {
      auto param = getOperation().lookupSymbol<ParamOp>(name);
      int64_t axis = param.getSliceAttr().getAxis();
      int forward = 0, backward = 0;
      for (LoadParamOp load : same)
        forEachUse(load, axis, [&](OpOperand &use, int64_t) {
          if (isSummed(use.getOwner()))
            return;
          Operation *op =
              function.getBody().front().findAncestorOpInBlock(*use.getOwner());
          ++(phases.isBackward(op) ? backward : forward);
        });
      if (forward > 1 || backward > 1)
        loads.erase(name);
      else
        llvm::append_range(loads[name], same);
    }
  }

  /// The parameters that are worth it: all up to a size, so that the bytes of
  /// their rests exceed the largest copy by the most.
  SmallVector<ParamOp> choose() {
    auto bytes = [](ParamOp param) { return bytesOf(param.getType()); };
    SmallVector<ParamOp> params = llvm::filter_to_vector(
        getOperation().getOps<ParamOp>(),
        [&](ParamOp param) { return loads.contains(param.getSymName()); });
    llvm::stable_sort(
        params, [&](ParamOp a, ParamOp b) { return bytes(a) < bytes(b); });
    int64_t rests = 0, best = 0;
    size_t count = 0;
    for (auto [i, param] : llvm::enumerate(params)) {
      SliceAttr slice = param.getSliceAttr();
      int64_t size = typeOf(param).getDimSize(slice.getAxis());
      rests += bytes(param) / size * (size - slice.getSize());
      if (int64_t saved = rests - bytes(param); saved > best) {
        best = saved;
        count = i + 1;
      }
    }
    params.truncate(count);
    return params;
  }

  static RankedTensorType typeOf(ParamOp param) {
    return cast<RankedTensorType>(param.getType());
  }

  /// Makes `param` its slice; returns the rest.
  static ParamOp split(ParamOp param, SymbolTable &symbols) {
    SliceAttr slice = param.getSliceAttr();
    RankedTensorType whole = typeOf(param);
    auto resized = [&](int64_t size) {
      SmallVector<int64_t> shape(whole.getShape());
      shape[slice.getAxis()] = size;
      return whole.clone(shape);
    };
    auto rest = cast<ParamOp>(param->clone());
    rest.setSymName((param.getSymName() + ".rest").str());
    rest.setKind(ParamKind::Rest);
    rest.setOf(param.getSymName());
    rest.setTrained(false);
    rest.removeSliceAttr();
    rest.setType(resized(whole.getDimSize(slice.getAxis()) - slice.getSize()));
    param.setType(resized(slice.getSize()));
    symbols.insert(rest, std::next(Block::iterator(param)));
    return rest;
  }

  /// By parameter.
  llvm::StringMap<SmallVector<LoadParamOp>> loads;
};
} // namespace
