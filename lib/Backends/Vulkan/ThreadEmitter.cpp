//===- ThreadEmitter.cpp - A loop nest as the code of one thread ----------===//

#include "ThreadEmitter.h"
#include "../Shared/NestBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVAttributes.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Where a thread computes the statements of a nest, and what it has computed.
struct Point {
  /// The position in each loop; null outside of a reduction.
  SmallVector<Value> position;
  /// The values of outs in order. Memory gets them at the end.
  SmallVector<std::pair<const Access *, Value>> stored;
  /// Whether it is a point of the nest, and not one beyond its border; null if
  /// all are.
  Value isInside;
};

/// One side of the tile of a workgroup.
struct TileSide {
  const WorkgroupTile::Side &side;
  /// The number of the tile's first point in the loops of the side, and that of
  /// this thread among those of the side.
  Value first, thread;

  /// Points that are one vector in workgroup memory.
  int64_t width() const { return std::min<int64_t>(side.points, 4); }
  int64_t countVectors() const { return side.pointsOfTile() / width(); }
  bool hasBorder() const { return side.extent % side.pointsOfTile() != 0; }
};

class ThreadEmitter {
public:
  ThreadEmitter(OpBuilder &b, Nest &nest, const ThreadMap &map, Value lane,
                const DenseSet<Operation *> &registers, FindBuffer bufferOf)
      : b(b), loc(nest.statements.front().op.getLoc()), nest(nest), map(map),
        lane(lane), registers(registers), bufferOf(bufferOf) {}

  void emit(Value item) {
    if (map.sharing == Sharing::Tile)
      placeInTile(item);
    else
      placeAt(item);
    for (Statement &statement : nest.statements) {
      SmallVector<SmallVector<Value>> results = emitStatement(statement);
      for (auto [point, values] : llvm::zip_equal(points, results))
        for (auto [out, value] : llvm::zip_equal(statement.outs, values))
          point.stored.push_back({&out, value});
    }
    if (map.sharing == Sharing::Together) {
      Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                            lane, constant(0));
      auto guard = scf::IfOp::create(b, loc, isFirst);
      b.setInsertionPointToStart(guard.thenBlock());
    }
    for (Point &point : points)
      store(point);
  }

private:
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  Value add(Value value, Value other) {
    return arith::AddIOp::create(b, loc, value, other);
  }

  /// `value` * `factor`.
  Value times(Value value, int64_t factor) {
    return arith::MulIOp::create(b, loc, value, constant(factor));
  }

  /// Quotient and remainder.
  std::pair<Value, Value> divide(Value value, int64_t divisor) {
    Value by = constant(divisor);
    return {arith::DivUIOp::create(b, loc, value, by),
            arith::RemUIOp::create(b, loc, value, by)};
  }

  Value smaller(Value value, Value other) {
    return arith::MinUIOp::create(b, loc, value, other);
  }

  /// How many of a loop's points threads share; all of a reduction's.
  int64_t threadsIn(int loop) {
    return nest.loops[loop].extent / map.tile[loop];
  }

  /// Sets the positions in all parallel loops. A thread's points in a loop are
  /// as far apart as possible: then threads that run together access
  /// neighbours.
  void placeAt(Value item) {
    SmallVector<int> order = loopsByResult(nest);
    points.assign(1, newPoint());
    for (auto [loop, first] :
         llvm::zip_equal(order, divideNumber(item, order))) {
      SmallVector<Point> placed;
      for (int64_t k = 0; k < map.tile[loop]; ++k) {
        Value position = first;
        if (k != 0)
          position = add(first, constant(k * threadsIn(loop)));
        for (Point point : points) {
          point.position[loop] = position;
          placed.push_back(std::move(point));
        }
      }
      points = std::move(placed);
    }
  }

  Point newPoint() const {
    return {SmallVector<Value>(nest.loops.size()), {}, {}};
  }

  /// Sets the positions of `point` in `loops` to those that `number` stands
  /// for.
  void place(Point &point, ArrayRef<int> loops, Value number) {
    for (auto [loop, position] :
         llvm::zip_equal(loops, divideNumber(number, loops)))
      point.position[loop] = position;
  }

  /// Sets the positions in all parallel loops to those of this thread's points
  /// in tile `number`. Points beyond the border are computed like the last one
  /// inside, and not stored.
  void placeInTile(Value number) {
    const WorkgroupTile &tile = *map.workgroupTile;
    auto [rest, column] = divide(number, tile.columns.countTiles());
    auto [batch, row] = divide(rest, tile.rows.countTiles());
    auto [threadRow, threadColumn] = divide(lane, WorkgroupTile::kSide);
    sides.push_back(
        {tile.rows, times(row, tile.rows.pointsOfTile()), threadRow});
    sides.push_back({tile.columns, times(column, tile.columns.pointsOfTile()),
                     threadColumn});
    Point base = newPoint();
    place(base, tile.batch, batch);
    batchPosition = base.position;
    points.assign(1, std::move(base));
    for (const TileSide &side : sides) {
      SmallVector<std::pair<Value, Value>> own;
      for (int64_t i = 0; i < side.side.points; ++i)
        own.push_back(pointOf(side, vectorOfPoint(side, i), i % side.width()));
      SmallVector<Point> placed;
      for (const Point &before : points)
        for (auto [position, isInside] : own) {
          Point point = before;
          place(point, side.side.loops, position);
          point.isInside = both(point.isInside, isInside);
          placed.push_back(std::move(point));
        }
      points = std::move(placed);
    }
  }

  /// The number of the vector with point `i` of this thread.
  Value vectorOfPoint(const TileSide &side, int64_t i) {
    return add(side.thread, constant(i / side.width() * WorkgroupTile::kSide));
  }

  /// The number of a point in the loops of a side, at most the last, and
  /// whether it is inside; null if all are.
  std::pair<Value, Value> pointOf(const TileSide &side, Value vector,
                                  int64_t lane) {
    Value position =
        add(add(side.first, times(vector, side.width())), constant(lane));
    if (!side.hasBorder())
      return {position, Value()};
    Value isInside =
        arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, position,
                              constant(side.side.extent));
    return {smaller(position, constant(side.side.extent - 1)), isInside};
  }

  /// The position in each of `loops` that `number` stands for; the last loop
  /// counts fastest.
  SmallVector<Value> divideNumber(Value number, ArrayRef<int> loops) {
    SmallVector<Value> positions(loops.size());
    for (size_t i = loops.size(); i-- > 1;)
      std::tie(number, positions[i]) = divide(number, threadsIn(loops[i]));
    if (!loops.empty())
      positions[0] = number;
    return positions;
  }

  Value addressOf(const Point &point, const Access &access) {
    Value sum;
    auto addTerm = [&](Value index, int64_t stride) {
      if (!index || stride == 0)
        return;
      Value term = stride == 1 ? index : times(index, stride);
      sum = sum ? add(sum, term) : term;
    };
    for (auto [index, stride] : access.outer)
      addTerm(index, stride);
    for (auto [index, stride] : llvm::zip_equal(point.position, access.strides))
      addTerm(index, stride);
    if (!sum)
      return constant(access.offset);
    return access.offset == 0 ? sum : add(sum, constant(access.offset));
  }

  /// The place of an access in the memory of its buffer; any place of the
  /// buffer if it is on the border of a window.
  Value placeOf(const Point &point, const Access &access,
                Value isInWindow = {}) {
    Value address = addressOf(point, access);
    if (isInWindow)
      address =
          arith::SelectOp::create(b, loc, isInWindow, address, constant(0));
    return placeIn(b, loc, bufferOf(access.root), address);
  }

  Value load(const Point &point, const Access &access, Value isInWindow = {}) {
    if (!access.root)
      return access.scalar;
    for (auto &[written, value] : llvm::reverse(point.stored))
      if (written->sameElement(access))
        return value;
    return memref::LoadOp::create(b, loc, bufferOf(access.root).memory,
                                  placeOf(point, access, isInWindow));
  }

  /// Whether in `number` of a statement is not on the border of a window; null
  /// if it has none.
  Value isInWindow(Statement &statement, unsigned number, const Point &point) {
    Value all;
    for (const TapWindow &window : nest.windows) {
      if (window.operand != &statement.op->getOpOperand(number))
        continue;
      // Without a sign, what is before the operand is also behind it.
      Value position = arith::SubIOp::create(
          b, loc,
          add(times(point.position[window.points], window.stride),
              times(point.position[window.taps], window.dilation)),
          constant(window.low));
      Value isInside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                             position, constant(window.size));
      all = both(all, isInside);
    }
    return all;
  }

  /// Whether both hold; null always holds.
  Value both(Value condition, Value other) {
    if (!condition || !other)
      return condition ? condition : other;
    return arith::AndIOp::create(b, loc, condition, other);
  }

  /// Stores only the last value of an element, which no other thread reads.
  void store(const Point &point) {
    OpBuilder::InsertionGuard guard(b);
    if (point.isInside) {
      auto inside = scf::IfOp::create(b, loc, point.isInside);
      b.setInsertionPointToStart(inside.thenBlock());
    }
    for (auto [i, entry] : llvm::enumerate(point.stored)) {
      const Access &out = *entry.first;
      bool overwritten = llvm::any_of(
          ArrayRef(point.stored).drop_front(i + 1),
          [&](auto &later) { return later.first->sameElement(out); });
      if (!overwritten && !registers.contains(out.root.getDefiningOp()))
        memref::StoreOp::create(b, loc, entry.second, bufferOf(out.root).memory,
                                placeOf(point, out));
    }
  }

  /// The values of the outs before the statement; null if it reads none.
  SmallVector<Value> oldOuts(const Point &point, Statement &statement) {
    SmallVector<Value> values;
    for (auto [i, out] : llvm::enumerate(statement.outs))
      values.push_back(statement.readsOut(i) ? load(point, out) : Value());
    return values;
  }

  /// The new values of the outs at this position of all loops: the old ones on
  /// the border of a window.
  SmallVector<Value> emitPoint(Statement &statement, const Point &point,
                               ArrayRef<Value> outs) {
    SmallVector<Value> operands;
    Value counts;
    for (auto [i, in] : llvm::enumerate(statement.ins)) {
      Value isInside = isInWindow(statement, i, point);
      operands.push_back(load(point, in, isInside));
      counts = both(counts, isInside);
    }
    llvm::append_range(operands, outs);
    SmallVector<Value> results =
        emitBody(b, statement, operands, /*lanes=*/1, [&](unsigned loop) {
          int own = statement.loopOf[loop];
          return own < 0 ? constant(0) : point.position[own];
        });
    if (counts)
      for (auto [result, old] : llvm::zip_equal(results, outs))
        result = arith::SelectOp::create(b, loc, counts, result, old);
    return results;
  }

  /// For each point the new values of the outs.
  SmallVector<SmallVector<Value>> emitStatement(Statement &statement) {
    SmallVector<SmallVector<Value>> values;
    for (const Point &point : points)
      values.push_back(oldOuts(point, statement));
    if (map.sharing == Sharing::Together && canDivideTerms(statement))
      return {addTogether(statement, values.front())};
    if (map.sharing == Sharing::Tile && statement.isReduction())
      return addBlocks(statement, std::move(values));
    if (statement.isReduction())
      return addTerms(statement, std::move(values));
    for (auto [point, outs] : llvm::zip_equal(points, values))
      outs = emitPoint(statement, point, outs);
    return values;
  }

  static SmallVector<Value>
  flatten(const SmallVector<SmallVector<Value>> &values) {
    SmallVector<Value> flat;
    for (const SmallVector<Value> &part : values)
      llvm::append_range(flat, part);
    return flat;
  }

  /// The values of each point.
  SmallVector<SmallVector<Value>> perPoint(ValueRange flat) const {
    SmallVector<SmallVector<Value>> values;
    size_t count = flat.size() / points.size();
    for (size_t i = 0; i < points.size(); ++i)
      values.push_back(llvm::to_vector(flat.slice(i * count, count)));
    return values;
  }

  /// Adds all terms to `sums`, one after the other.
  SmallVector<SmallVector<Value>>
  addTerms(Statement &statement, const SmallVector<SmallVector<Value>> &sums) {
    OpBuilder::InsertionGuard guard(b);
    SmallVector<scf::ForOp> loops;
    SmallVector<Value> flat = flatten(sums);
    for (int loop : statement.reductions) {
      auto op = scf::ForOp::create(b, loc, constant(0),
                                   constant(nest.loops[loop].extent),
                                   constant(1), flat);
      loops.push_back(op);
      b.setInsertionPointToEnd(op.getBody());
      setPosition(loop, op.getInductionVar());
      flat.assign(op.getRegionIterArgs().begin(), op.getRegionIterArgs().end());
    }
    SmallVector<Value> results;
    for (auto [point, outs] : llvm::zip_equal(points, perPoint(flat)))
      llvm::append_range(results, emitPoint(statement, point, outs));
    for (scf::ForOp loop : llvm::reverse(loops)) {
      b.setInsertionPointToEnd(loop.getBody());
      scf::YieldOp::create(b, loc, results);
      results.assign(loop.getResults().begin(), loop.getResults().end());
    }
    for (int loop : statement.reductions)
      setPosition(loop, Value());
    return perPoint(results);
  }

  /// Adds all terms to `sums`, block by block, one after the other.
  SmallVector<SmallVector<Value>>
  addBlocks(Statement &statement, const SmallVector<SmallVector<Value>> &sums) {
    OpBuilder::InsertionGuard guard(b);
    int64_t terms = countTerms(nest, statement);
    SmallVector<Value> copies;
    for (auto [in, side] : llvm::zip_equal(statement.ins, sides))
      copies.push_back(
          allocateShared(side.countVectors() * WorkgroupTile::kDepth,
                         vectorOf(isHalf(in) ? b.getF32Type() : in.elementType,
                                  side.width())));
    auto blocks =
        scf::ForOp::create(b, loc, constant(0), constant(terms),
                           constant(WorkgroupTile::kDepth), flatten(sums));
    b.setInsertionPointToEnd(blocks.getBody());
    // Others may still read the block before.
    gpu::BarrierOp::create(b, loc);
    for (unsigned i : {0, 1})
      copyBlock(statement, i, blocks.getInductionVar(), copies[i]);
    gpu::BarrierOp::create(b, loc);
    Value end = constant(WorkgroupTile::kDepth);
    if (terms % WorkgroupTile::kDepth != 0)
      end = smaller(end, arith::SubIOp::create(b, loc, constant(terms),
                                               blocks.getInductionVar()));
    auto block = scf::ForOp::create(b, loc, constant(0), end, constant(1),
                                    blocks.getRegionIterArgs());
    scf::YieldOp::create(b, loc, block.getResults());
    b.setInsertionPointToEnd(block.getBody());
    Value term = block.getInductionVar();
    SmallVector<Value> rows = loadCopies(sides[0], copies[0], term),
                       columns = loadCopies(sides[1], copies[1], term);
    SmallVector<Value> results;
    for (auto [i, outs] : llvm::enumerate(perPoint(block.getRegionIterArgs())))
      llvm::append_range(results, emitTerm(statement, rows[i / columns.size()],
                                           columns[i % columns.size()], outs));
    scf::YieldOp::create(b, loc, results);
    return perPoint(blocks.getResults());
  }

  static bool isHalf(const Access &access) {
    return access.elementType.isF16();
  }

  /// Memory of the workgroup.
  Value allocateShared(int64_t count, Type type) {
    auto workgroup = spirv::StorageClassAttr::get(
        b.getContext(), spirv::StorageClass::Workgroup);
    return memref::AllocOp::create(
        b, loc,
        MemRefType::get({count}, type, MemRefLayoutAttrInterface(), workgroup));
  }

  /// Copies the terms from `first` on of factor `factor` at all points of its
  /// side to `copy`: for each term the vectors of points. Terms and points
  /// beyond the last are copies of it, which nothing uses. The border of a
  /// window is zero.
  void copyBlock(Statement &statement, unsigned factor, Value first,
                 Value copy) {
    const Access &in = statement.ins[factor];
    const TileSide &side = sides[factor];
    int64_t terms = countTerms(nest, statement);
    // Neighbouring threads read neighbours.
    bool alongTerms = smallestStride(in, statement.reductions) <
                      smallestStride(in, side.side.loops);
    int64_t vectors = side.countVectors(), depth = WorkgroupTile::kDepth;
    for (int64_t entry = 0; entry < vectors * depth; entry += kThreads) {
      auto [slow, fast] =
          divide(add(lane, constant(entry)), alongTerms ? depth : vectors);
      Value vector = alongTerms ? slow : fast, term = alongTerms ? fast : slow;
      Value number = add(first, term);
      if (terms % depth != 0)
        number = smaller(number, constant(terms - 1));
      Point point = newPoint();
      point.position = batchPosition;
      place(point, statement.reductions, number);
      SmallVector<Value> values;
      for (int64_t i = 0; i < side.width(); ++i) {
        place(point, side.side.loops, pointOf(side, vector, i).first);
        Value isInside = isInWindow(statement, factor, point);
        Value value = load(point, in, isInside);
        if (isHalf(in))
          value = arith::ExtFOp::create(b, loc, b.getF32Type(), value);
        if (isInside)
          value = arith::SelectOp::create(
              b, loc, isInside, value,
              arith::ConstantOp::create(b, loc,
                                        b.getZeroAttr(value.getType())));
        values.push_back(value);
      }
      Value packed = values.front();
      if (values.size() > 1)
        packed = vector::FromElementsOp::create(
            b, loc, vectorOf(packed.getType(), side.width()), values);
      memref::StoreOp::create(b, loc, packed, copy,
                              add(times(term, vectors), vector));
    }
  }

  int64_t smallestStride(const Access &access, ArrayRef<int> loops) const {
    int64_t smallest = std::numeric_limits<int64_t>::max();
    for (int loop : loops)
      if (int64_t stride = std::abs(access.strides[loop]))
        smallest = std::min(smallest, stride);
    return smallest;
  }

  /// The values of a side at the points of this thread.
  SmallVector<Value> loadCopies(const TileSide &side, Value copy, Value term) {
    Value row = times(term, side.countVectors());
    SmallVector<Value> values;
    for (int64_t i = 0; i < side.side.points; i += side.width()) {
      Value loaded = memref::LoadOp::create(b, loc, copy,
                                            add(row, vectorOfPoint(side, i)));
      for (int64_t k = 0; k < side.width(); ++k)
        values.push_back(side.width() == 1
                             ? loaded
                             : vector::ExtractOp::create(b, loc, loaded, k));
    }
    return values;
  }

  /// The new values of the outs after a term.
  SmallVector<Value> emitTerm(Statement &statement, Value row, Value column,
                              ArrayRef<Value> outs) {
    SmallVector<Value> operands = {row, column};
    for (auto [in, value] : llvm::zip_equal(statement.ins, operands))
      if (isHalf(in))
        value = arith::TruncFOp::create(b, loc, b.getF16Type(), value);
    SmallVector<Value> narrowed = operands;
    llvm::append_range(operands, outs);
    SmallVector<Value> results =
        emitBody(b, statement, operands, /*lanes=*/1,
                 [](unsigned) -> Value { llvm_unreachable("has no index"); });
    for (Value value : narrowed)
      if (auto narrow = value.getDefiningOp<arith::TruncFOp>())
        skipNarrowing(narrow);
    return results;
  }

  /// Gives those that widen the result of `narrow` its operand, which was
  /// widened from the same value.
  static void skipNarrowing(arith::TruncFOp narrow) {
    for (Operation *user : llvm::make_early_inc_range(narrow->getUsers()))
      if (auto widen = dyn_cast<arith::ExtFOp>(user)) {
        widen.replaceAllUsesWith(narrow.getIn());
        widen.erase();
      }
    if (narrow->use_empty())
      narrow.erase();
  }

  void setPosition(int loop, Value value) {
    for (Point &point : points)
      point.position[loop] = value;
  }

  /// Each thread of the workgroup adds every 64th term; then a tree adds their
  /// sums, and at last the old values.
  SmallVector<Value> addTogether(Statement &statement, ArrayRef<Value> old) {
    SmallVector<Value> sums;
    for (Operation *combiner : statement.combiners)
      sums.push_back(arith::ConstantOp::create(
          b, loc, *arith::getNeutralElement(combiner)));
    auto loop =
        scf::ForOp::create(b, loc, lane, constant(countTerms(nest, statement)),
                           constant(kThreads), sums);
    {
      OpBuilder::InsertionGuard guard(b);
      b.setInsertionPointToEnd(loop.getBody());
      ArrayRef<int> own = statement.reductions;
      for (auto [reduction, position] :
           llvm::zip_equal(own, divideNumber(loop.getInductionVar(), own)))
        setPosition(reduction, position);
      scf::YieldOp::create(
          b, loc,
          emitPoint(statement, points.front(),
                    SmallVector<Value>(loop.getRegionIterArgs())));
      for (int reduction : own)
        setPosition(reduction, Value());
    }
    SmallVector<Value> results;
    for (auto [i, combiner] : llvm::enumerate(statement.combiners)) {
      Value sum = addLanes(combiner, loop.getResult(i));
      results.push_back(emitCombine(b, combiner, old[i], sum));
    }
    return results;
  }

  /// The sum of a value of all threads of the workgroup, for each of them.
  Value addLanes(Operation *combiner, Value own) {
    Value shared = allocateShared(kThreads, own.getType());
    memref::StoreOp::create(b, loc, own, shared, lane);
    for (int64_t half = kThreads / 2; half != 0; half /= 2) {
      gpu::BarrierOp::create(b, loc);
      Value adds = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                         lane, constant(half));
      auto guard = scf::IfOp::create(b, loc, adds);
      OpBuilder::InsertionGuard inside(b);
      b.setInsertionPointToStart(guard.thenBlock());
      Value other = add(lane, constant(half));
      Value sum =
          emitCombine(b, combiner, memref::LoadOp::create(b, loc, shared, lane),
                      memref::LoadOp::create(b, loc, shared, other));
      memref::StoreOp::create(b, loc, sum, shared, lane);
    }
    gpu::BarrierOp::create(b, loc);
    return memref::LoadOp::create(b, loc, shared, constant(0));
  }

  OpBuilder &b;
  Location loc;
  Nest &nest;
  const ThreadMap &map;
  Value lane;
  const DenseSet<Operation *> &registers;
  FindBuffer bufferOf;
  SmallVector<Point> points;
  /// Of the tile of the workgroup: rows and columns, and the positions in the
  /// loops of its batch.
  SmallVector<TileSide, 2> sides;
  SmallVector<Value> batchPosition;
};

} // namespace

Value placeIn(OpBuilder &b, Location loc, const ShaderBuffer &buffer,
              Value place) {
  return buffer.base ? arith::AddIOp::create(b, loc, buffer.base, place)
                     : place;
}

void emitThread(OpBuilder &b, Nest &nest, const ThreadMap &map, Value item,
                Value lane, const DenseSet<Operation *> &registers,
                FindBuffer bufferOf) {
  ThreadEmitter(b, nest, map, lane, registers, bufferOf).emit(item);
}

} // namespace mlir::pock
