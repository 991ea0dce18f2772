//===- NestEmitterImpl.h - The state of the nest emitter ------------------===//
//
// Private to NestEmitter.cpp (loops, tiles, addresses), NestReduction.cpp
// (reduction loops) and NestPrefetch.cpp.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_CODEGEN_NESTEMITTERIMPL_H
#define POCK_CODEGEN_NESTEMITTERIMPL_H

#include "NestBody.h"
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

/// [0, size) as pieces of `lanes`; the rest in powers of two.
inline SmallVector<Piece> splitIntoPieces(int64_t size, int64_t lanes) {
  SmallVector<Piece> pieces;
  int64_t offset = 0;
  while (offset < size) {
    while (lanes > size - offset)
      lanes = lanes > 1 ? llvm::bit_floor<uint64_t>(lanes - 1) : 1;
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

/// A reduction step within the innermost reduction loop: `lanes` iterations
/// from `offset` on, of loop `loop`.
struct Step {
  int loop = -1;
  Piece piece{0, 1};
};

class NestEmitter {
public:
  NestEmitter(OpBuilder &b, Nest &nest, const Schedule &schedule,
              const DenseSet<Operation *> &registers)
      : b(b), loc(nest.statements.front().op.getLoc()), nest(nest),
        schedule(schedule), registers(registers), dynamic(nest.loops.size()),
        fixed(nest.loops.size(), 0), size(nest.loops.size(), 1) {}

  void emit();

private:
  using Values = SmallVector<Value>;

  // Tiles.
  void emitLoops(size_t depth);
  void emitThreadShare(size_t depth, int loop, int64_t main, int64_t tile);
  void emitTile();
  void emitStatement(size_t index, ArrayRef<Point> points);
  Values emitElementwise(Statement &statement, ArrayRef<Point> points);
  void transposeTile(Access &access);
  void store(Access &access, ArrayRef<Point> points, ArrayRef<Value> values);
  bool isDeadStore(size_t index, Access &access);

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
  Values emitBodyAt(Statement &statement, const Point &point, Step step,
                    ArrayRef<Value> outs, size_t pointIndex);

  // Prefetching.
  void prefetchTile();
  void prefetchNextRows(Statement &statement);
  void prefetch(Access &access, int64_t extra, int64_t elements, bool isWrite,
                int locality);
  bool isFar(const Access &access);
  static int64_t elementBytes(const Access &access);

  // Addresses and loads.
  /// Loads what no loop changes (a learning rate, a seed) in front of all.
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
  /// The same over [0, end).
  Values emitFor(int loop, int64_t end, int64_t step, ArrayRef<Value> inits,
                 llvm::function_ref<Values(Values)> body) {
    return emitFor(loop, constant(0), constant(end), step, inits, body);
  }

  OpBuilder &b;
  Location loc;
  Nest &nest;
  const Schedule &schedule;
  const DenseSet<Operation *> &registers;
  /// Where each loop stands: loop variable (or null) plus a constant.
  SmallVector<Value> dynamic;
  SmallVector<int64_t> fixed;
  /// The size of the tile in each loop.
  SmallVector<int64_t> size;

  /// Dynamic parts of addresses by strides, and loaded values by address;
  /// both valid in the current block.
  std::map<SmallVector<int64_t>, Value> dynamicIndices;
  std::map<std::tuple<void *, void *, int64_t, int64_t, int64_t>, Value> loads;
  Value &loaded(Access &access, int64_t extra, int64_t stride, int64_t lanes);
  /// What the statements of this tile wrote, one value per point.
  SmallVector<std::pair<Access *, Values>, 0> forwarded;
  DenseMap<Value, Value> flats;
  /// In a parallel region: what this thread does of the loop that is divided,
  /// and whether the remainder is its own, too.
  Value shareBegin, shareEnd, isLastThread;
  /// Loaded in front of the loops, by buffer and offset.
  std::map<std::pair<void *, int64_t>, Value> invariants;
};

} // namespace detail
} // namespace mlir::pock

#endif // POCK_CODEGEN_NESTEMITTERIMPL_H
