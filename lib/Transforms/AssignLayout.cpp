//===- AssignLayout.cpp - run convolution and pooling channels-last -------===//
//
// Four steps: (1) ops with a `layout` become channels-last between transposes;
// (2) transposes sink towards the results, where they meet and cancel; (3) a
// remaining transpose of a parameter becomes the permutation of the parameter;
// (4) a remaining transpose before a product becomes a flag of the product.
// Composite ops should be decomposed before. The result is correct wherever (2)
// stops: a transpose that cannot move stays an op.
//
//===----------------------------------------------------------------------===//

#include "Pock/IR/PockUtils.h"
#include "Pock/Target/TargetBackend.h"
#include "Pock/Transforms/Passes.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"
#include "mlir/Dialect/Utils/ReshapeOpsUtils.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::pock {
#define GEN_PASS_DEF_ASSIGNLAYOUT
#include "Pock/Transforms/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;
using namespace mlir::pock;

/// `[N, C, spatial…]` to `[N, spatial…, C]`.
static SmallVector<int64_t> toChannelsLast(int64_t rank) {
  SmallVector<int64_t> permutation{0};
  for (int64_t i = 2; i < rank; ++i)
    permutation.push_back(i);
  permutation.push_back(1);
  return permutation;
}

/// `[F, C, kernel…]` to `[kernel…, C, F]`, or for integers `[F, kernel…, C]`.
static SmallVector<int64_t> weightToChannelsLast(int64_t rank, Layout layout) {
  if (layout == Layout::ChannelsLastOhwi)
    return toChannelsLast(rank);
  SmallVector<int64_t> permutation;
  for (int64_t i = 2; i < rank; ++i)
    permutation.push_back(i);
  permutation.append({1, 0});
  return permutation;
}

static RankedTensorType permuted(RankedTensorType type,
                                 ArrayRef<int64_t> permutation) {
  return RankedTensorType::get(applyPermutation(type.getShape(), permutation),
                               type.getElementType());
}

namespace {
/// Step 1, for one op with a layout. Convolutions of integers get `ofIntegers`.
template <typename Op>
struct ToChannelsLast : OpRewritePattern<Op> {
  ToChannelsLast(MLIRContext *context, Layout ofIntegers)
      : OpRewritePattern<Op>(context), ofIntegers(ofIntegers) {}

  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    if (op.getLayout() != Layout::ChannelsFirst)
      return rewriter.notifyMatchFailure(op, "is channels-last");
    Layout layout = Layout::ChannelsLast;
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    int64_t rank = type.getRank();
    SmallVector<int64_t> last = toChannelsLast(rank);
    SmallVector<Value> operands;
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      SmallVector<int64_t> permutation(last);
      if (op.getInputChannels(i)) {
        if (isa<IntegerType>(getElementTypeOrSelf(operand)))
          layout = ofIntegers;
        permutation = weightToChannelsLast(rank, layout);
      }
      operands.push_back(
          transposeTo(rewriter, op.getLoc(), operand, permutation));
    }
    Operation *fresh =
        Operation::create(op.getLoc(), op->getName(), {permuted(type, last)},
                          operands, op->getAttrDictionary(), nullptr, {}, 0);
    rewriter.insert(fresh);
    cast<Op>(fresh).setLayout(layout);
    rewriter.replaceOp(op,
                       transposeTo(rewriter, op.getLoc(), fresh->getResult(0),
                                   invertPermutationVector(last)));
    return success();
  }

private:
  Layout ofIntegers;
};
} // namespace

/// Transposes `operand`, which broadcasts to the rank of `permutation`.
static Value permuteBroadcast(PatternRewriter &rewriter, Value operand,
                              ArrayRef<int64_t> permutation) {
  SmallVector<int64_t> shape(shapeOf(operand));
  if (shape.empty())
    return operand;
  shape.insert(shape.begin(), permutation.size() - shape.size(), 1);
  Value extended = reshapeTo(rewriter, operand.getLoc(), operand, shape);
  return transposeTo(rewriter, operand.getLoc(), extended, permutation);
}

/// A clone of `op` with other operands and result type.
static Value cloneWith(PatternRewriter &rewriter, Operation *op,
                       ValueRange operands, RankedTensorType type) {
  Operation *fresh = rewriter.clone(*op);
  fresh->setOperands(operands);
  fresh->getResult(0).setType(type);
  return fresh->getResult(0);
}

/// Whether transposes of `value` must not sink: those of parameters are free
/// (step 3), those of inputs are needed at most once.
static bool isPinned(Value value) {
  return isa<BlockArgument>(value) || value.getDefiningOp<LoadParamOp>();
}

/// The transpose that makes `value`, if it may sink; else null.
static TransposeOp sinkable(Value value) {
  auto transpose = value.getDefiningOp<TransposeOp>();
  return transpose && !isPinned(transpose.getInput()) ? transpose
                                                      : TransposeOp();
}

/// The permutation of that transpose; empty if there is none.
static ArrayRef<int64_t> permutationOf(Value value) {
  TransposeOp transpose = sinkable(value);
  return transpose ? transpose.getPermutation() : ArrayRef<int64_t>();
}

namespace {
/// op(transpose(x), y) -> transpose(op(x, transpose⁻¹(y))) for elementwise ops
/// and concatenation, if that leaves fewer transposes that can sink. Because
/// the count falls, the rewriting terminates.
struct SinkThroughElementwise : RewritePattern {
  SinkThroughElementwise(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), 1, context) {}
  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    auto concat = dyn_cast<ConcatOp>(op);
    if ((!isa<ElementwiseOpInterface>(op) && !concat) ||
        op->getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "expected an elementwise op");
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    // Count only operands of full size: moving the transpose of a broadcast
    // vector from one operand to the other would not terminate.
    auto isFull = [&](Value operand) {
      return concat || shapeOf(operand) == type.getShape();
    };
    ArrayRef<int64_t> permutation;
    for (Value operand : op->getOperands())
      if (permutation.empty() && isFull(operand))
        permutation = permutationOf(operand);
    if (permutation.empty())
      return rewriter.notifyMatchFailure(op, "expected a transposed operand");
    int64_t removed = 0, added = 0;
    for (Value operand : op->getOperands()) {
      if (!isFull(operand) || operand.getDefiningOp<ConstantOp>() ||
          isPinned(operand))
        continue;
      ++(permutationOf(operand) == permutation ? removed : added);
    }
    if (added >= removed)
      return rewriter.notifyMatchFailure(op, "would add transposes");
    SmallVector<int64_t> inverse = invertPermutationVector(permutation);
    SmallVector<Value> operands;
    for (Value operand : op->getOperands())
      operands.push_back(permutationOf(operand) == permutation
                             ? operand.getDefiningOp<TransposeOp>().getInput()
                             : permuteBroadcast(rewriter, operand, inverse));
    Value fresh = cloneWith(rewriter, op, operands, permuted(type, inverse));
    if (concat)
      fresh.getDefiningOp<ConcatOp>().setDim(permutation[concat.getDim()]);
    // The counters of the entries remain those of the logical shape.
    if (auto dropout = fresh.getDefiningOp<DropoutOp>())
      dropout.setStrides(applyPermutation(dropout.getStrides(), inverse));
    rewriter.replaceOp(op,
                       transposeTo(rewriter, op->getLoc(), fresh, permutation));
    return success();
  }
};

/// A pattern op(transpose(x)) -> transpose(op(x)) of an op with one input.
template <typename Op>
struct SinkTranspose : OpRewritePattern<Op> {
  using OpRewritePattern<Op>::OpRewritePattern;

  LogicalResult matchAndRewrite(Op op,
                                PatternRewriter &rewriter) const override {
    TransposeOp transpose = sinkable(op.getInput());
    if (!transpose)
      return rewriter.notifyMatchFailure(op, "expected a transposed operand");
    return sink(op, transpose.getInput(), transpose.getPermutation(), rewriter);
  }

  /// `op` reads `source` permuted.
  virtual LogicalResult sink(Op op, Value source, ArrayRef<int64_t> permutation,
                             PatternRewriter &rewriter) const = 0;
};

/// reduce(transpose(x)) -> transpose(reduce(x)).
template <typename Op>
struct SinkThroughReduction : SinkTranspose<Op> {
  using SinkTranspose<Op>::SinkTranspose;
  LogicalResult sink(Op op, Value source, ArrayRef<int64_t> permutation,
                     PatternRewriter &rewriter) const override {
    SmallVector<int64_t> dims;
    for (int64_t dim : op.getDims())
      dims.push_back(permutation[dim]);
    llvm::sort(dims);
    Value reduced =
        Op::create(rewriter, op.getLoc(), source, dims, op.getKeepdim());
    // Result dimensions are the kept ones, in the order of the operand.
    SmallVector<int64_t> order;
    for (int64_t dim : permutation) {
      if (!op.getKeepdim() && llvm::is_contained(dims, dim))
        continue;
      order.push_back(
          op.getKeepdim() ? dim : dim - llvm::count_if(dims, [&](int64_t d) {
                                    return d < dim;
                                  }));
    }
    rewriter.replaceOp(op, transposeTo(rewriter, op.getLoc(), reduced, order));
    return success();
  }
};

/// softmax(transpose(x)) -> transpose(softmax(x)).
template <typename Op>
struct SinkThroughSoftmax : SinkTranspose<Op> {
  using SinkTranspose<Op>::SinkTranspose;
  LogicalResult sink(Op op, Value source, ArrayRef<int64_t> permutation,
                     PatternRewriter &rewriter) const override {
    auto fresh = cast<Op>(rewriter.clone(*op));
    rewriter.modifyOpInPlace(fresh, [&] {
      fresh.getInputMutable().assign(source);
      fresh.getResult().setType(cast<RankedTensorType>(source.getType()));
      fresh.setDim(permutation[op.getDim()]);
    });
    rewriter.replaceOp(op,
                       transposeTo(rewriter, op.getLoc(), fresh, permutation));
    return success();
  }
};

/// normalize(transpose(x)) -> transpose(normalize(x)).
struct SinkThroughNormalize : SinkTranspose<NormalizeOp> {
  using SinkTranspose<NormalizeOp>::SinkTranspose;
  LogicalResult sink(NormalizeOp op, Value source,
                     ArrayRef<int64_t> permutation,
                     PatternRewriter &rewriter) const override {
    SmallVector<int64_t> dims;
    for (int64_t dim : op.getDims())
      dims.push_back(permutation[dim]);
    llvm::sort(dims);
    auto fresh = NormalizeOp::create(rewriter, op.getLoc(), source,
                                     rewriter.getDenseI64ArrayAttr(dims),
                                     op.getEpsAttr(), op.getCenteredAttr());
    rewriter.replaceOp(
        op,
        {transposeTo(rewriter, op.getLoc(), fresh.getNormalized(), permutation),
         transposeTo(rewriter, op.getLoc(), fresh.getRstd(), permutation)});
    return success();
  }
};

/// slice(transpose(x)) -> transpose(slice(x)), the same for pad.
template <typename Op>
struct SinkThroughPerDim : SinkTranspose<Op> {
  using SinkTranspose<Op>::SinkTranspose;
  LogicalResult sink(Op op, Value source, ArrayRef<int64_t> permutation,
                     PatternRewriter &rewriter) const override {
    SmallVector<int64_t> inverse = invertPermutationVector(permutation);
    auto permute = [&](ArrayRef<int64_t> values) {
      return applyPermutation(values, inverse);
    };
    Value fresh;
    if constexpr (std::is_same_v<Op, SliceOp>)
      fresh = SliceOp::create(rewriter, op.getLoc(), source,
                              permute(op.getStarts()), permute(op.getLimits()),
                              permute(op.getStrides()));
    else
      fresh = PadOp::create(rewriter, op.getLoc(), source, permute(op.getLow()),
                            permute(op.getHigh()), permute(op.getInterior()),
                            op.getValue());
    rewriter.replaceOp(op,
                       transposeTo(rewriter, op.getLoc(), fresh, permutation));
    return success();
  }
};

/// expand(transpose(x)) of equal rank -> transpose(expand(x)).
struct SinkThroughExpand : SinkTranspose<ExpandOp> {
  using SinkTranspose<ExpandOp>::SinkTranspose;
  LogicalResult sink(ExpandOp op, Value source, ArrayRef<int64_t> permutation,
                     PatternRewriter &rewriter) const override {
    if (static_cast<int64_t>(permutation.size()) != op.getType().getRank())
      return rewriter.notifyMatchFailure(op, "expected equal ranks");
    Value fresh = ExpandOp::create(
        rewriter, op.getLoc(),
        permuted(op.getType(), invertPermutationVector(permutation)), source);
    rewriter.replaceOp(op,
                       transposeTo(rewriter, op.getLoc(), fresh, permutation));
    return success();
  }
};

/// reshape(transpose(x)) -> transpose(reshape(x)) if the reshape only splits
/// dimensions, or only merges dimensions that are also adjacent in x.
struct SinkThroughReshape : SinkTranspose<ReshapeOp> {
  using SinkTranspose<ReshapeOp>::SinkTranspose;
  LogicalResult sink(ReshapeOp op, Value source, ArrayRef<int64_t> permutation,
                     PatternRewriter &rewriter) const override {
    RankedTensorType from = op.getInput().getType(), to = op.getType();
    std::optional<SmallVector<ReassociationIndices>> groups =
        getReassociationIndicesForReshape(from, to);
    if (!groups || from.getRank() == to.getRank())
      return rewriter.notifyMatchFailure(op, "neither splits nor merges");
    bool merges = from.getRank() > to.getRank();
    size_t few = groups->size();
    // The position of each group in the order of x. A group is one dimension of
    // the side with fewer dimensions.
    SmallVector<int64_t> inX;
    if (merges) {
      for (ReassociationIndices &group : *groups) {
        for (size_t i = 1; i < group.size(); ++i)
          if (permutation[group[i]] != permutation[group[i - 1]] + 1)
            return rewriter.notifyMatchFailure(op, "merges what is apart");
        inX.push_back(permutation[group.front()]);
      }
    } else {
      llvm::append_range(inX, permutation);
    }
    SmallVector<size_t> order(llvm::to_vector(llvm::seq<size_t>(few)));
    llvm::sort(order, [&](size_t a, size_t b) { return inX[a] < inX[b]; });
    // The shape of the reshape of x, and the position of each result dimension
    // in it.
    SmallVector<int64_t> shape, place(to.getRank());
    for (size_t group : order) {
      if (merges) {
        place[group] = shape.size();
        shape.push_back(to.getDimSize(group));
        continue;
      }
      for (int64_t dim : (*groups)[group]) {
        place[dim] = shape.size();
        shape.push_back(to.getDimSize(dim));
      }
    }
    Value fresh = reshapeTo(rewriter, op.getLoc(), source, shape);
    rewriter.replaceOp(op, transposeTo(rewriter, op.getLoc(), fresh, place));
    return success();
  }
};

struct AssignLayout
    : public ::mlir::pock::impl::AssignLayoutBase<AssignLayout> {
  using Base::Base;

  void runOnOperation() override {
    MLIRContext *context = &getContext();
    FailureOr<const TargetBackend *> backend =
        findTargetBackend(getOperation());
    if (failed(backend))
      return signalPassFailure();
    RewritePatternSet patterns(context);
    patterns.add<ToChannelsLast<ConvOp>, ToChannelsLast<ConvTransposeOp>,
                 ToChannelsLast<MaxPoolOp>, ToChannelsLast<SumPoolOp>>(
        context, (*backend)->getLayoutOfBytes(targetOf(getOperation())));
    patterns
        .add<SinkThroughElementwise, SinkThroughReduction<SumOp>,
             SinkThroughReduction<MeanOp>, SinkThroughReduction<AmaxOp>,
             SinkThroughSoftmax<SoftmaxOp>, SinkThroughSoftmax<LogSoftmaxOp>,
             SinkThroughNormalize, SinkThroughPerDim<SliceOp>,
             SinkThroughPerDim<PadOp>, SinkThroughExpand, SinkThroughReshape>(
            context);
    TransposeOp::getCanonicalizationPatterns(patterns, context);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) {
      getOperation()->emitError("transposes did not settle");
      return signalPassFailure();
    }
    for (ParamOp param : getOperation().getOps<ParamOp>())
      storePermuted(param);
    getOperation().walk([](MatmulOp product) { absorbTransposes(product); });
  }

  /// Step 4: a remaining transpose before a product (of a weight with other
  /// readers, or of an activation) becomes a flag of the product.
  static void absorbTransposes(MatmulOp product) {
    auto absorb = [](OpOperand &operand) {
      auto transpose = operand.get().getDefiningOp<TransposeOp>();
      if (!transpose)
        return false;
      int64_t rank = transpose.getType().getRank();
      auto swapped = llvm::to_vector(llvm::seq<int64_t>(0, rank));
      std::swap(swapped[rank - 1], swapped[rank - 2]);
      if (transpose.getPermutation() != ArrayRef<int64_t>(swapped))
        return false;
      operand.set(transpose.getInput());
      return true;
    };
    if (absorb(product.getLhsMutable()))
      product.setTransposeLhs(!product.getTransposeLhs());
    if (absorb(product.getRhsMutable()))
      product.setTransposeRhs(!product.getTransposeRhs());
  }

  /// Step 3: if all readers of `param` apply the same transpose, stores it
  /// transposed.
  void storePermuted(ParamOp param) {
    SmallVector<LoadParamOp> loads;
    bool agreed = true;
    ArrayRef<int64_t> permutation;
    getOperation().walk([&](Operation *op) {
      auto store = dyn_cast<StoreParamOp>(op);
      if (store && store.getParam() == param.getSymName())
        agreed = false;
      auto load = dyn_cast<LoadParamOp>(op);
      if (!load || load.getParam() != param.getSymName())
        return;
      loads.push_back(load);
      for (Operation *user : load->getUsers()) {
        auto transpose = dyn_cast<TransposeOp>(user);
        if (!transpose || (!permutation.empty() &&
                           transpose.getPermutation() != permutation)) {
          agreed = false;
          return;
        }
        permutation = transpose.getPermutation();
      }
    });
    if (!agreed || permutation.empty())
      return;
    SmallVector<int64_t> order(permutation);
    auto type = permuted(cast<RankedTensorType>(param.getType()), order);
    for (LoadParamOp load : loads) {
      for (Operation *user : llvm::make_early_inc_range(load->getUsers())) {
        user->getResult(0).replaceAllUsesWith(load.getResult());
        user->erase();
      }
      load.getResult().setType(type);
    }
    if (SliceAttr slice = param.getSliceAttr()) {
      int64_t axis =
          std::distance(order.begin(), llvm::find(order, slice.getAxis()));
      param.setSliceAttr(SliceAttr::get(&getContext(), axis, slice.getSize()));
    }
    param.setType(type);
    // A dimension of the storage.
    if (QuantizationAttr quantization = param.getQuantizationAttr();
        quantization && quantization.getScales()) {
      auto axis = static_cast<int64_t>(std::distance(
          order.begin(), llvm::find(order, quantization.getAxis())));
      param.setQuantizationAttr(QuantizationAttr::get(
          &getContext(), quantization.getScale(), quantization.getZeroPoint(),
          quantization.getMin(), quantization.getMax(),
          quantization.getScales(), axis));
    }
    SmallVector<int64_t> stored(order);
    if (std::optional<ArrayRef<int64_t>> before = param.getPermutation())
      stored = applyPermutation(*before, order);
    param.setPermutation(stored);
  }
};
} // namespace
