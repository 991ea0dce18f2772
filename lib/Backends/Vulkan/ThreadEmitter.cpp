//===- ThreadEmitter.cpp - A loop nest as the code of one thread ----------===//

#include "ThreadEmitter.h"
#include "../Shared/NestBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVAttributes.h"
#include "mlir/Dialect/SPIRV/IR/SPIRVDialect.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Where a thread computes the statements of a nest, and what it has computed.
struct Point {
  /// The position in each loop; null outside of a reduction.
  SmallVector<Value> position;
  /// The values of outs in order. Memory gets them at the end.
  SmallVector<std::pair<const Access *, Value>> stored;
};

class ThreadEmitter {
public:
  ThreadEmitter(OpBuilder &b, Nest &nest, const ThreadMap &map, Value lane,
                const DenseSet<Operation *> &registers, FindBuffer bufferOf)
      : b(b), loc(nest.statements.front().op.getLoc()), nest(nest), map(map),
        lane(lane), registers(registers), bufferOf(bufferOf) {}

  void emit(Value item) {
    placeAt(item);
    for (Statement &statement : nest.statements) {
      SmallVector<SmallVector<Value>> results = emitStatement(statement);
      for (auto [point, values] : llvm::zip_equal(points, results))
        for (auto [out, value] : llvm::zip_equal(statement.outs, values))
          point.stored.push_back({&out, value});
    }
    if (map.together) {
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

  /// How many of a loop's points threads share; all of a reduction's.
  int64_t threadsIn(int loop) {
    return nest.loops[loop].extent / map.tile[loop];
  }

  /// Sets the positions in all parallel loops. The one with the smallest stride
  /// in the result comes last. A thread's points in a loop are as far apart as
  /// possible: then threads that run together access neighbours.
  void placeAt(Value item) {
    SmallVector<int> order = nest.parallelLoops();
    const Access &out = nest.statements.back().outs.front();
    llvm::stable_sort(order, [&](int l, int k) {
      return std::abs(out.strides[l]) > std::abs(out.strides[k]);
    });
    points.assign(1, {SmallVector<Value>(nest.loops.size()), {}});
    for (auto [loop, first] :
         llvm::zip_equal(order, divideNumber(item, order))) {
      SmallVector<Point> placed;
      for (int64_t k = 0; k < map.tile[loop]; ++k) {
        Value position = first;
        if (k != 0)
          position = arith::AddIOp::create(b, loc, first,
                                           constant(k * threadsIn(loop)));
        for (Point point : points) {
          point.position[loop] = position;
          placed.push_back(std::move(point));
        }
      }
      points = std::move(placed);
    }
  }

  /// The position in each of `loops` that `number` stands for; the last loop
  /// counts fastest.
  SmallVector<Value> divideNumber(Value number, ArrayRef<int> loops) {
    SmallVector<Value> positions(loops.size());
    for (size_t i = loops.size(); i-- > 1;) {
      Value extent = constant(threadsIn(loops[i]));
      positions[i] = arith::RemUIOp::create(b, loc, number, extent);
      number = arith::DivUIOp::create(b, loc, number, extent);
    }
    if (!loops.empty())
      positions[0] = number;
    return positions;
  }

  Value addressOf(const Point &point, const Access &access) {
    Value sum;
    auto add = [&](Value index, int64_t stride) {
      if (!index || stride == 0)
        return;
      Value term = index;
      if (stride != 1)
        term = arith::MulIOp::create(b, loc, index, constant(stride));
      sum = sum ? arith::AddIOp::create(b, loc, sum, term) : term;
    };
    for (auto [index, stride] : access.outer)
      add(index, stride);
    for (auto [index, stride] : llvm::zip_equal(point.position, access.strides))
      add(index, stride);
    if (!sum)
      return constant(access.offset);
    return access.offset == 0
               ? sum
               : arith::AddIOp::create(b, loc, sum, constant(access.offset));
  }

  Value placeOf(const Point &point, const Access &access) {
    return placeIn(b, loc, bufferOf(access.root), addressOf(point, access));
  }

  Value load(const Point &point, const Access &access) {
    if (!access.root)
      return access.scalar;
    for (auto &[written, value] : llvm::reverse(point.stored))
      if (written->sameElement(access))
        return value;
    return memref::LoadOp::create(b, loc, bufferOf(access.root).memory,
                                  placeOf(point, access));
  }

  /// Stores only the last value of an element, which no other thread reads.
  void store(const Point &point) {
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

  /// The new values of the outs at this position of all loops.
  SmallVector<Value> emitPoint(Statement &statement, const Point &point,
                               ArrayRef<Value> outs) {
    SmallVector<Value> operands;
    for (const Access &in : statement.ins)
      operands.push_back(load(point, in));
    llvm::append_range(operands, outs);
    return emitBody(b, statement, operands, /*lanes=*/1, [&](unsigned loop) {
      int own = statement.loopOf[loop];
      return own < 0 ? constant(0) : point.position[own];
    });
  }

  /// For each point the new values of the outs.
  SmallVector<SmallVector<Value>> emitStatement(Statement &statement) {
    SmallVector<SmallVector<Value>> values;
    for (const Point &point : points)
      values.push_back(oldOuts(point, statement));
    if (map.together && canDivideTerms(statement))
      return {addTogether(statement, values.front())};
    if (statement.isReduction())
      return addTerms(statement, std::move(values));
    for (auto [point, outs] : llvm::zip_equal(points, values))
      outs = emitPoint(statement, point, outs);
    return values;
  }

  /// Adds all terms to `sums`, one after the other.
  SmallVector<SmallVector<Value>>
  addTerms(Statement &statement, SmallVector<SmallVector<Value>> sums) {
    OpBuilder::InsertionGuard guard(b);
    SmallVector<scf::ForOp> loops;
    SmallVector<Value> flat;
    for (SmallVector<Value> &values : sums)
      llvm::append_range(flat, values);
    for (int loop : statement.reductions) {
      auto op = scf::ForOp::create(b, loc, constant(0),
                                   constant(nest.loops[loop].extent),
                                   constant(1), flat);
      loops.push_back(op);
      b.setInsertionPointToEnd(op.getBody());
      setPosition(loop, op.getInductionVar());
      flat.assign(op.getRegionIterArgs().begin(), op.getRegionIterArgs().end());
    }
    size_t count = statement.outs.size();
    SmallVector<Value> results;
    for (auto [i, point] : llvm::enumerate(points))
      llvm::append_range(
          results,
          emitPoint(statement, point, ArrayRef(flat).slice(i * count, count)));
    for (scf::ForOp loop : llvm::reverse(loops)) {
      b.setInsertionPointToEnd(loop.getBody());
      scf::YieldOp::create(b, loc, results);
      results.assign(loop.getResults().begin(), loop.getResults().end());
    }
    for (int loop : statement.reductions)
      setPosition(loop, Value());
    for (auto [i, values] : llvm::enumerate(sums))
      values.assign(results.begin() + i * count,
                    results.begin() + (i + 1) * count);
    return sums;
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
    auto workgroup = spirv::StorageClassAttr::get(
        b.getContext(), spirv::StorageClass::Workgroup);
    Value shared = memref::AllocOp::create(
        b, loc,
        MemRefType::get({kThreads}, own.getType(), MemRefLayoutAttrInterface(),
                        workgroup));
    memref::StoreOp::create(b, loc, own, shared, lane);
    for (int64_t half = kThreads / 2; half != 0; half /= 2) {
      gpu::BarrierOp::create(b, loc);
      Value adds = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                         lane, constant(half));
      auto guard = scf::IfOp::create(b, loc, adds);
      OpBuilder::InsertionGuard inside(b);
      b.setInsertionPointToStart(guard.thenBlock());
      Value other = arith::AddIOp::create(b, loc, lane, constant(half));
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
