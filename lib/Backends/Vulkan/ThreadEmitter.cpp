//===- ThreadEmitter.cpp - A loop nest as the code of one thread ----------===//

#include "ThreadEmitter.h"
#include "../Shared/NestBody.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;

namespace mlir::pock {
namespace {

class ThreadEmitter {
public:
  ThreadEmitter(OpBuilder &b, Nest &nest,
                const DenseSet<Operation *> &registers, FindBuffer bufferOf)
      : b(b), loc(nest.statements.front().op.getLoc()), nest(nest),
        registers(registers), bufferOf(bufferOf), position(nest.loops.size()) {}

  void emit(Value point) {
    placeAt(point);
    for (Statement &statement : nest.statements) {
      SmallVector<Value> results =
          statement.isReduction() ? emitReduction(statement)
                                  : emitPoint(statement, oldOuts(statement));
      for (auto [out, result] : llvm::zip_equal(statement.outs, results))
        stored.push_back({&out, result});
    }
    // Only the last value of an element, which no other thread reads.
    for (auto [i, entry] : llvm::enumerate(stored)) {
      const Access &out = *entry.first;
      bool overwritten =
          llvm::any_of(ArrayRef(stored).drop_front(i + 1), [&](auto &later) {
            return later.first->sameElement(out);
          });
      if (!overwritten && !registers.contains(out.root.getDefiningOp()))
        memref::StoreOp::create(b, loc, entry.second, bufferOf(out.root).memory,
                                placeOf(out));
    }
  }

private:
  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }

  /// Sets the position in all parallel loops. The one with the smallest stride
  /// in the result comes last.
  void placeAt(Value point) {
    SmallVector<int> order = nest.parallelLoops();
    const Access &out = nest.statements.back().outs.front();
    llvm::stable_sort(order, [&](int l, int k) {
      return std::abs(out.strides[l]) > std::abs(out.strides[k]);
    });
    for (auto [i, loop] : llvm::enumerate(llvm::reverse(order))) {
      if (i + 1 == order.size()) {
        position[loop] = point;
        return;
      }
      Value extent = constant(nest.loops[loop].extent);
      position[loop] = arith::RemUIOp::create(b, loc, point, extent);
      point = arith::DivUIOp::create(b, loc, point, extent);
    }
  }

  Value addressOf(const Access &access) {
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
    for (auto [index, stride] : llvm::zip_equal(position, access.strides))
      add(index, stride);
    if (!sum)
      return constant(access.offset);
    return access.offset == 0
               ? sum
               : arith::AddIOp::create(b, loc, sum, constant(access.offset));
  }

  Value load(const Access &access) {
    if (!access.root)
      return access.scalar;
    for (auto &[written, value] : llvm::reverse(stored))
      if (written->sameElement(access))
        return value;
    return memref::LoadOp::create(b, loc, bufferOf(access.root).memory,
                                  placeOf(access));
  }

  Value placeOf(const Access &access) {
    return placeIn(b, loc, bufferOf(access.root), addressOf(access));
  }

  /// The values of the outs before the statement; null if it reads none.
  SmallVector<Value> oldOuts(Statement &statement) {
    SmallVector<Value> values;
    for (auto [i, out] : llvm::enumerate(statement.outs))
      values.push_back(statement.readsOut(i) ? load(out) : Value());
    return values;
  }

  /// The new values of the outs at this position of all loops.
  SmallVector<Value> emitPoint(Statement &statement, ArrayRef<Value> outs) {
    SmallVector<Value> operands;
    for (const Access &in : statement.ins)
      operands.push_back(load(in));
    llvm::append_range(operands, outs);
    return emitBody(b, statement, operands, /*lanes=*/1, [&](unsigned loop) {
      int own = statement.loopOf[loop];
      return own < 0 ? constant(0) : position[own];
    });
  }

  SmallVector<Value> emitReduction(Statement &statement) {
    OpBuilder::InsertionGuard guard(b);
    SmallVector<Value> sums = oldOuts(statement);
    SmallVector<scf::ForOp> loops;
    for (int loop : statement.reductions) {
      auto op = scf::ForOp::create(b, loc, constant(0),
                                   constant(nest.loops[loop].extent),
                                   constant(1), sums);
      loops.push_back(op);
      b.setInsertionPointToEnd(op.getBody());
      position[loop] = op.getInductionVar();
      sums.assign(op.getRegionIterArgs().begin(), op.getRegionIterArgs().end());
    }
    SmallVector<Value> results = emitPoint(statement, sums);
    for (scf::ForOp loop : llvm::reverse(loops)) {
      b.setInsertionPointToEnd(loop.getBody());
      scf::YieldOp::create(b, loc, results);
      results.assign(loop.getResults().begin(), loop.getResults().end());
    }
    return results;
  }

  OpBuilder &b;
  Location loc;
  Nest &nest;
  const DenseSet<Operation *> &registers;
  FindBuffer bufferOf;
  /// The position in each loop; null outside of a reduction.
  SmallVector<Value> position;
  /// What statements have computed, in order. Memory gets it at the end.
  SmallVector<std::pair<const Access *, Value>> stored;
};

} // namespace

Value placeIn(OpBuilder &b, Location loc, const ShaderBuffer &buffer,
              Value place) {
  return buffer.base ? arith::AddIOp::create(b, loc, buffer.base, place)
                     : place;
}

int64_t countPoints(const Nest &nest) {
  int64_t points = 1;
  for (int loop : nest.parallelLoops())
    points *= nest.loops[loop].extent;
  return points;
}

void emitThread(OpBuilder &b, Nest &nest, Value point,
                const DenseSet<Operation *> &registers, FindBuffer bufferOf) {
  ThreadEmitter(b, nest, registers, bufferOf).emit(point);
}

} // namespace mlir::pock
