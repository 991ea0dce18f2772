//===- NestEmitterImpl.h - The state of the nest emitter ------------------===//
//
// Private to NestEmitter.cpp (loops, tiles, addresses), NestReduction.cpp
// (reduction loops), NestSpans.cpp (tiles at borders) and NestPrefetch.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_BACKENDS_CPU_NESTEMITTERIMPL_H
#define POCK_BACKENDS_CPU_NESTEMITTERIMPL_H

#include "../Shared/NestBody.h"
#include "NestEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include <map>

namespace mlir::pock {
namespace detail {

using namespace mlir;

/// A run of `lanes` neighbouring points at `offset` in a tile or in a step.
struct Piece {
  int64_t offset, lanes;
};

/// Splits [0, size) into pieces of `lanes`, and the rest into powers of two.
inline SmallVector<Piece> splitIntoPieces(int64_t size, int64_t lanes,
                                          int64_t least) {
  SmallVector<Piece> pieces;
  int64_t offset = 0;
  while (offset < size) {
    while (lanes > size - offset)
      lanes = nextLanes(lanes, least);
    pieces.push_back({offset, lanes});
    offset += lanes;
  }
  return pieces;
}

/// One point of the register tile.
struct Point {
  int64_t row;
  Piece col;
};

/// Tiles of `tile` points each, in [begin, end).
struct Span {
  int64_t begin, end, tile;

  bool isOneTile() const { return end - begin == tile; }
};

/// A reduction step within the innermost reduction loop: `lanes` iterations
/// from `offset` on, of loop `loop`.
struct Step {
  int loop = -1;
  Piece piece{0, 1};
  /// Whether the next iteration follows in the same block.
  bool paired = false;
};

/// A buffer, and the element type by which it is accessed.
using BufferKey = std::pair<const void *, const void *>;

class NestEmitter {
public:
  NestEmitter(OpBuilder &b, Nest &nest, const Schedule &schedule,
              const DenseSet<Operation *> &registers)
      : b(b), loc(nest.statements.front().op.getLoc()), nest(nest),
        schedule(schedule), registers(registers), dynamic(nest.loops.size()),
        fixed(nest.loops.size(), 0), size(nest.loops.size(), 1),
        taps(nest.loops.size()), tapBounds(nest.loops.size()) {}

  void emit();

private:
  using Values = SmallVector<Value>;

  // Tiles.
  void emitLoops(size_t depth);
  void emitSpan(size_t depth, int loop, const Span &span);
  void emitThreadShare(size_t depth, int loop, ArrayRef<Span> spans);
  void emitIf(Value condition, llvm::function_ref<void()> body);
  void emitTile();
  void emitStatement(size_t index, ArrayRef<Point> points);
  Values emitElementwise(Statement &statement, ArrayRef<Point> points);
  void transposeTile(Access &access);
  void store(Access &access, ArrayRef<Point> points, ArrayRef<Value> values);
  bool isDeadStore(size_t index, Access &access);

  // Tiles and taps (NestSpans.cpp).
  SmallVector<Span> spansOf(int loop);
  SmallVector<Span> spansOfRows();
  static const Span &findShared(ArrayRef<Span> spans);
  void restrictTaps(int loop, int64_t point);
  void boundTaps(int loop);
  bool hasWindow(int loop);
  bool isInner(int loop, int64_t point);
  bool isInnerTile();
  bool isLeftOut(int64_t row);
  std::pair<int64_t, int64_t> tapsOf(int loop);

  // Reductions.
  Values emitReduction(size_t index, ArrayRef<Point> points);
  Values initialValues(Statement &statement, ArrayRef<Point> points);
  Values reduce(Statement &statement, ArrayRef<int> loops, size_t depth,
                ArrayRef<bool> unroll, ArrayRef<Piece> slots,
                ArrayRef<Point> points, Values accumulators);
  Values reduceInnermost(Statement &statement, int loop, ArrayRef<Piece> slots,
                         ArrayRef<Point> points, Values accumulators);
  void step(Statement &statement, ArrayRef<Point> points, Step step,
            size_t slot, size_t numSlots, Values &accumulators);
  void loadGroups(Statement &statement, Step step);
  Values emitBodyAt(Statement &statement, const Point &point, Step step,
                    ArrayRef<Value> outs, size_t pointIndex);

  // Prefetching.
  void prefetchTile();
  void prefetchNextRows(Statement &statement);
  void prefetchNextWindows(Statement &statement);
  void prefetch(Access &access, int64_t extra, int64_t elements, bool isWrite,
                int locality);
  bool isFar(const Access &access);

  // Addresses and loads.
  /// Loads elements that no loop changes (a learning rate, a seed) before all
  /// loops.
  void loadInvariants();
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value flat(Access &access);
  Value dynamicIndex(Access &access);
  Value address(Access &access, int64_t extra);
  Value load(Access &access, int64_t extra, int64_t stride, int64_t lanes);
  const Values *findForwarded(Access &access);

  /// Emits scf.for over [begin, end) with step `step` for `loop` and calls
  /// `body` with the carried values; returns the loop's results.
  Values emitFor(int loop, Value begin, Value end, int64_t step,
                 ArrayRef<Value> inits,
                 llvm::function_ref<Values(Values)> body);

  OpBuilder &b;
  Location loc;
  Nest &nest;
  const Schedule &schedule;
  const DenseSet<Operation *> &registers;
  /// The position of each loop: its loop variable (or null), which `emitFor`
  /// sets, plus a constant, which `Position` sets.
  SmallVector<Value> dynamic;
  SmallVector<int64_t> fixed;
  /// The size of the tile in each loop.
  SmallVector<int64_t> size;
  /// The taps of each reduction loop that count, [begin, end); if empty, all.
  SmallVector<std::optional<std::pair<int64_t, int64_t>>> taps;
  /// The same if they depend on the variable of a loop.
  SmallVector<std::optional<std::pair<Value, Value>>> tapBounds;

  /// Values that the rest of the current block, and blocks in it, may reuse.
  struct BlockValues {
    /// Dynamic parts of addresses by strides.
    std::map<SmallVector<int64_t>, Value> indices;
    /// Elements in memory by buffer, dynamic part, offset, lanes and stride. A
    /// store forgets them, because it may have written any of them.
    std::map<std::tuple<BufferKey, void *, int64_t, int64_t, int64_t>, Value>
        loads;
  };
  BlockValues known;
  Value &loaded(Access &access, int64_t extra, int64_t stride, int64_t lanes);

  /// Scope of a block in the current one: code after it does not see values
  /// that are defined in it, and is inserted where it was.
  class InnerBlock {
  public:
    explicit InnerBlock(NestEmitter &emitter)
        : guard(emitter.b), known(emitter.known), outside(known) {}
    ~InnerBlock() { known = std::move(outside); }

  private:
    OpBuilder::InsertionGuard guard;
    BlockValues &known, outside;
  };

  /// Scope in which the constant part of a loop's position is not zero.
  class Position {
  public:
    Position(NestEmitter &emitter, int loop, int64_t position)
        : fixed(emitter.fixed[loop]) {
      fixed = position;
    }
    ~Position() { fixed = 0; }

  private:
    int64_t &fixed;
  };

  /// The values that the statements of this tile have written, one per point.
  SmallVector<std::pair<Access *, Values>, 0> forwarded;
  /// Buffers as flat arrays. They are defined before all loops.
  std::map<BufferKey, Value> flats;
  /// In a parallel region: this thread's range [shareBegin, shareEnd) of the
  /// divided loop, and whether it also runs the spans before and after.
  Value shareBegin, shareEnd, isFirstThread, isLastThread;
  /// Elements that no loop changes, by buffer and offset. They are loaded
  /// before all loops.
  std::map<std::pair<BufferKey, int64_t>, Value> invariants;
};

} // namespace detail
} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_NESTEMITTERIMPL_H
