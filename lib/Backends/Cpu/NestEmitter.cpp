//===- NestEmitter.cpp - Loops, vectors and stores for a nest -------------===//
//
// Three levels: loops over tiles (main part and remainder, both of static
// size), the statements on one tile, and the reduction loops of a statement
// with all accumulators in iter_args.
//
// Buffers are flat arrays. An address is a dynamic part (loop variables times
// strides, computed once per loop body) plus a constant for the point in the
// tile. Later statements get the values of earlier ones in registers.
//
//===----------------------------------------------------------------------===//

#include "NestEmitterImpl.h"
#include "Pock/IR/Pock.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/OpenMP/OpenMPDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace mlir::pock {
namespace detail {

//===----------------------------------------------------------------------===//
// Addresses and loads
//===----------------------------------------------------------------------===//

static BufferKey keyOf(const Access &access) {
  return {access.root.getAsOpaquePointer(),
          access.elementType.getAsOpaquePointer()};
}

/// The buffer of `access` as a one-dimensional memref.
Value NestEmitter::flat(Access &access) {
  Value &result = flats[keyOf(access)];
  if (result)
    return result;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointAfterValue(access.root);
  Value buffer = access.root;
  auto type = cast<MemRefType>(buffer.getType());
  if (type.getElementType() != access.elementType) {
    type = GroupViewOp::getGroupType(
        type, access.elementType.getIntOrFloatBitWidth());
    buffer = GroupViewOp::create(b, loc, type, buffer);
  }
  if (type.getRank() == 1 && type.getLayout().isIdentity())
    return result = buffer;
  int64_t elements = 1;
  SmallVector<int64_t> strides;
  int64_t offset = 0;
  if (succeeded(type.getStridesAndOffset(strides, offset)))
    for (auto [extent, stride] : llvm::zip(type.getShape(), strides))
      elements += (extent - 1) * stride;
  result = memref::ReinterpretCastOp::create(
      b, loc, MemRefType::get({elements}, type.getElementType()), buffer,
      /*offset=*/0, ArrayRef<int64_t>{elements}, ArrayRef<int64_t>{1});
  return result;
}

Value NestEmitter::dynamicIndex(Access &access) {
  SmallVector<int64_t> key;
  for (auto [iv, stride] : llvm::zip(dynamic, access.strides))
    key.push_back(iv ? stride : 0);
  for (auto [index, stride] : access.outer)
    key.append(
        {stride, reinterpret_cast<intptr_t>(index.getAsOpaquePointer())});
  auto [it, inserted] = known.indices.try_emplace(key, Value());
  if (!inserted)
    return it->second;
  Value sum;
  auto add = [&](Value iv, int64_t stride) {
    if (!iv || stride == 0)
      return;
    Value term = iv;
    if (stride != 1)
      term = arith::MulIOp::create(b, loc, iv, constant(stride),
                                   arith::IntegerOverflowFlags::nsw);
    sum = sum ? arith::AddIOp::create(b, loc, sum, term,
                                      arith::IntegerOverflowFlags::nsw)
              : term;
  };
  for (auto [index, stride] : access.outer)
    add(index, stride);
  for (auto [iv, stride] : llvm::zip(dynamic, access.strides))
    add(iv, stride);
  return it->second = sum;
}

/// The flat index of the element at distance `extra` from the tile's first
/// point.
Value NestEmitter::address(Access &access, int64_t extra) {
  int64_t offset = access.offset + extra;
  for (auto [position, stride] : llvm::zip(fixed, access.strides))
    offset += position * stride;
  Value sum = dynamicIndex(access);
  if (!sum)
    return constant(offset);
  if (offset == 0)
    return sum;
  return arith::AddIOp::create(b, loc, sum, constant(offset),
                               arith::IntegerOverflowFlags::nsw);
}

/// Whether `access` is the same element in all iterations.
static bool isInvariant(const Access &access) {
  return access.root && access.outer.empty() &&
         llvm::all_of(access.strides, [](int64_t s) { return s == 0; });
}

void NestEmitter::loadInvariants() {
  llvm::SmallPtrSet<Value, 4> written;
  for (Statement &statement : nest.statements)
    for (Access &out : statement.outs)
      written.insert(out.root);
  for (Statement &statement : nest.statements)
    for (Access &access : statement.ins) {
      if (!isInvariant(access) || written.contains(access.root))
        continue;
      Value &value = invariants[{keyOf(access), access.offset}];
      if (!value)
        value = memref::LoadOp::create(b, loc, flat(access),
                                       constant(access.offset));
    }
}

/// The value of `lanes` elements, `stride` apart, if this block has loaded it;
/// otherwise null, to be set.
Value &NestEmitter::loaded(Access &access, int64_t extra, int64_t stride,
                           int64_t lanes) {
  int64_t offset = access.offset + extra;
  for (auto [position, s] : llvm::zip(fixed, access.strides))
    offset += position * s;
  Value sum = dynamicIndex(access);
  return known.loads[{keyOf(access), sum ? sum.getAsOpaquePointer() : nullptr,
                      offset, lanes, lanes == 1 ? 0 : stride}];
}

/// Loads `lanes` elements, `stride` apart (one scalar if the stride is 0).
Value NestEmitter::load(Access &access, int64_t extra, int64_t stride,
                        int64_t lanes) {
  if (!access.root)
    return access.scalar;
  if (stride == 0)
    lanes = 1;
  if (isInvariant(access))
    if (auto it = invariants.find({keyOf(access), access.offset});
        it != invariants.end())
      return it->second;
  if (Value found = loaded(access, extra, stride, lanes))
    return found;
  Value result;
  if (lanes == 1) {
    result =
        memref::LoadOp::create(b, loc, flat(access), address(access, extra));
  } else if (stride == 1) {
    result = vector::LoadOp::create(b, loc, vectorOf(access.elementType, lanes),
                                    flat(access), address(access, extra));
  } else {
    Values elements;
    for (int64_t i = 0; i < lanes; ++i)
      elements.push_back(load(access, extra + i * stride, 0, 1));
    result = vector::FromElementsOp::create(
        b, loc, cast<VectorType>(vectorOf(access.elementType, lanes)),
        elements);
  }
  return loaded(access, extra, stride, lanes) = result;
}

const NestEmitter::Values *NestEmitter::findForwarded(Access &access) {
  for (auto &[written, values] : llvm::reverse(forwarded))
    if (written->sameElement(access))
      return &values;
  return nullptr;
}

NestEmitter::Values
NestEmitter::emitFor(int loop, Value begin, Value end, int64_t step,
                     ArrayRef<Value> inits,
                     llvm::function_ref<Values(Values)> body) {
  auto op = scf::ForOp::create(b, loc, begin, end, constant(step), inits);
  InnerBlock scope(*this);
  if (inits.empty())
    b.setInsertionPoint(op.getBody()->getTerminator());
  else
    b.setInsertionPointToEnd(op.getBody());
  dynamic[loop] = op.getInductionVar();
  Values results = body(Values(op.getRegionIterArgs()));
  if (!inits.empty())
    scf::YieldOp::create(b, loc, results);
  dynamic[loop] = nullptr;
  return Values(op.getResults());
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

void NestEmitter::emit() {
  loadInvariants();
  if (schedule.threadLoop < 0)
    return emitLoops(0);
  for (Statement &statement : nest.statements)
    for (Access &access : llvm::concat<Access>(statement.ins, statement.outs))
      if (access.root)
        (void)flat(access); // Defined outside, for all regions.
  auto region = omp::ParallelOp::create(b, loc);
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&region.getRegion());
  auto ask = [&](StringRef function) -> Value {
    auto call =
        func::CallOp::create(b, loc, function, TypeRange{b.getI32Type()});
    return arith::IndexCastOp::create(b, loc, b.getIndexType(),
                                      call.getResult(0));
  };
  Value thread = ask(kThreadNumber), count = ask(kThreadCount);
  Value next = arith::AddIOp::create(b, loc, thread, constant(1));
  Span span = findShared(spansOf(schedule.threadLoop));
  Value tiles = constant((span.end - span.begin) / span.tile);
  auto share = [&](Value number) -> Value {
    Value first = arith::DivUIOp::create(
        b, loc, arith::MulIOp::create(b, loc, number, tiles), count);
    Value offset = arith::MulIOp::create(b, loc, first, constant(span.tile));
    return arith::AddIOp::create(b, loc, offset, constant(span.begin));
  };
  shareBegin = share(thread);
  shareEnd = share(next);
  auto isThread = [&](Value value, Value other) {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, value,
                                 other);
  };
  isFirstThread = isThread(thread, constant(0));
  isLastThread = isThread(next, count);
  emitLoops(0);
  omp::TerminatorOp::create(b, loc);
}

void NestEmitter::emitIf(Value condition, llvm::function_ref<void()> body) {
  auto branch = scf::IfOp::create(b, loc, condition);
  InnerBlock scope(*this);
  b.setInsertionPoint(branch.thenBlock()->getTerminator());
  body();
}

/// Emits the loop that threads divide: each thread runs a range of whole tiles.
/// The first thread also runs the spans before these tiles, and the last thread
/// the spans after them.
void NestEmitter::emitThreadShare(size_t depth, int loop,
                                  ArrayRef<Span> spans) {
  const Span *shared = &findShared(spans);
  auto emitAll = [&](Value condition, ArrayRef<Span> others) {
    if (!others.empty())
      emitIf(condition, [&] {
        for (const Span &span : others)
          emitSpan(depth, loop, span);
      });
  };
  size_t position = shared - spans.begin();
  emitAll(isFirstThread, spans.take_front(position));
  size[loop] = shared->tile;
  restrictTaps(loop, shared->begin);
  emitFor(loop, shareBegin, shareEnd, shared->tile, {}, [&](Values) {
    emitLoops(depth + 1);
    return Values();
  });
  emitAll(isLastThread, spans.drop_front(position + 1));
}

void NestEmitter::emitSpan(size_t depth, int loop, const Span &span) {
  size[loop] = span.tile;
  restrictTaps(loop, span.begin);
  if (span.isOneTile()) {
    Position at(*this, loop, span.begin);
    return emitLoops(depth + 1);
  }
  emitFor(loop, constant(span.begin), constant(span.end), span.tile, {},
          [&](Values) {
            boundTaps(loop);
            emitLoops(depth + 1);
            return Values();
          });
}

void NestEmitter::emitLoops(size_t depth) {
  if (depth == schedule.order.size())
    return emitTile();
  int loop = schedule.order[depth];
  SmallVector<Span> spans = spansOf(loop);
  if (loop == schedule.threadLoop)
    return emitThreadShare(depth, loop, spans);
  for (const Span &span : spans)
    emitSpan(depth, loop, span);
}

void NestEmitter::emitTile() {
  SmallVector<Point> points;
  int64_t rows = schedule.row >= 0 ? size[schedule.row] : 1;
  int64_t cols = schedule.col >= 0 ? size[schedule.col] : 1;
  for (int64_t row = 0; row < rows; ++row)
    for (Piece col :
         splitIntoPieces(cols, schedule.vectorCol ? schedule.lanes : 1,
                         schedule.leastLanes))
      points.push_back({row, col});
  // Forwarded values are only valid in their tile.
  forwarded.clear();
  known.loads.clear();
  prefetchTile();
  for (size_t i = 0; i < nest.statements.size(); ++i)
    emitStatement(i, points);
  known.loads.clear();
}

/// Whether the store of statement `index` is unneeded: a later statement
/// overwrites it, or nothing reads it from memory.
bool NestEmitter::isDeadStore(size_t index, Access &access) {
  if (Operation *def = access.root.getDefiningOp())
    if (registers.contains(def))
      return true;
  for (size_t i = index + 1; i < nest.statements.size(); ++i)
    for (Access &out : nest.statements[i].outs)
      if (out.sameElement(access))
        return true;
  return false;
}

void NestEmitter::emitStatement(size_t index, ArrayRef<Point> points) {
  Statement &statement = nest.statements[index];
  // The result for out j at point p is values[j * points + p].
  Values values = statement.isReduction() ? emitReduction(index, points)
                                          : emitElementwise(statement, points);
  for (auto [j, access] : llvm::enumerate(statement.outs)) {
    Values mine(
        ArrayRef<Value>(values).slice(j * points.size(), points.size()));
    forwarded.push_back({&access, mine});
    if (!isDeadStore(index, access))
      store(access, points, mine);
  }
}

/// Loads the tile of an operand that is contiguous along the rows, while
/// vectors run along the columns: loads whole vectors, and transposes them in
/// registers.
void NestEmitter::transposeTile(Access &access) {
  if (!isTransposed(access, schedule))
    return;
  int64_t stride = access.strides[schedule.col];
  for (Piece rows :
       splitIntoPieces(size[schedule.row], schedule.lanes, schedule.leastLanes))
    for (Piece cols : splitIntoPieces(size[schedule.col], schedule.lanes,
                                      schedule.leastLanes)) {
      // Transpose squares of size `side`; wide vectors consist of several.
      int64_t side = std::min(rows.lanes, cols.lanes);
      if (side < 4)
        continue;
      SmallVector<Values> parts(rows.lanes);
      for (int64_t c = 0; c < cols.lanes; c += side)
        for (int64_t r = 0; r < rows.lanes; r += side) {
          Values square;
          for (int64_t i = 0; i < side; ++i)
            square.push_back(
                load(access, rows.offset + r + (cols.offset + c + i) * stride,
                     1, side));
          transposeSquare(b, loc, square);
          for (int64_t i = 0; i < side; ++i)
            parts[r + i].push_back(square[i]);
        }
      for (int64_t r = 0; r < rows.lanes; ++r)
        loaded(access, rows.offset + r + cols.offset * stride, stride,
               cols.lanes) = concatenate(b, loc, parts[r]);
    }
}

NestEmitter::Values NestEmitter::emitElementwise(Statement &statement,
                                                 ArrayRef<Point> points) {
  for (Access &access : statement.ins)
    transposeTile(access);
  size_t numOuts = statement.outs.size();
  Values values(numOuts * points.size());
  for (auto [p, point] : llvm::enumerate(points)) {
    Values outs;
    for (auto [j, access] : llvm::enumerate(statement.outs)) {
      Value old;
      if (statement.readsOut(j)) {
        if (const Values *found = findForwarded(access))
          old = (*found)[p];
        else
          old =
              load(access,
                   (schedule.row >= 0 ? access.strides[schedule.row] : 0) *
                           point.row +
                       (schedule.col >= 0 ? access.strides[schedule.col] : 0) *
                           point.col.offset,
                   schedule.col >= 0 ? access.strides[schedule.col] : 0,
                   point.col.lanes);
      }
      outs.push_back(old);
    }
    Values results = emitBodyAt(statement, point, Step(), outs, p);
    for (size_t j = 0; j < numOuts; ++j)
      values[j * points.size() + p] = results[j];
  }
  return values;
}

void NestEmitter::store(Access &access, ArrayRef<Point> points,
                        ArrayRef<Value> values) {
  int64_t rowStride = schedule.row >= 0 ? access.strides[schedule.row] : 0;
  int64_t colStride = schedule.col >= 0 ? access.strides[schedule.col] : 0;
  for (auto [point, value] : llvm::zip(points, values)) {
    int64_t extra = rowStride * point.row + colStride * point.col.offset;
    if (point.col.lanes == 1) {
      memref::StoreOp::create(b, loc, value, flat(access),
                              address(access, extra));
    } else if (colStride == 1) {
      vector::StoreOp::create(b, loc, value, flat(access),
                              address(access, extra));
    } else {
      for (int64_t i = 0; i < point.col.lanes; ++i) {
        Value element = vector::ExtractOp::create(b, loc, value, i);
        memref::StoreOp::create(b, loc, element, flat(access),
                                address(access, extra + i * colStride));
      }
    }
  }
  known.loads.clear();
}

/// Emits the body of `statement` at one point (and reduction step).
NestEmitter::Values NestEmitter::emitBodyAt(Statement &statement,
                                            const Point &point, Step step,
                                            ArrayRef<Value> outs,
                                            size_t pointIndex) {
  int row = schedule.row, col = schedule.col;
  int64_t lanes = std::max(point.col.lanes, step.piece.lanes);
  bool vectorStep = step.piece.lanes > 1;
  Values operands;
  for (auto [i, access] : llvm::enumerate(statement.ins)) {
    if (statement.op.getBody()->getArgument(i).use_empty()) {
      operands.push_back(nullptr);
      continue;
    }
    const Values *found = access.root ? findForwarded(access) : nullptr;
    if (found) {
      operands.push_back((*found)[pointIndex]);
      continue;
    }
    int64_t extra = 0, stride = 0;
    if (row >= 0)
      extra += access.strides[row] * point.row;
    if (col >= 0) {
      extra += access.strides[col] * point.col.offset;
      stride = access.strides[col];
    }
    if (step.loop >= 0) {
      extra += access.strides[step.loop] * step.piece.offset;
      if (vectorStep)
        stride = access.strides[step.loop];
    }
    operands.push_back(load(access, extra, stride, lanes));
  }
  llvm::append_range(operands, outs);

  return emitBody(b, statement, operands, lanes, [&](unsigned d) -> Value {
    int loop = statement.loopOf[d];
    if (loop < 0)
      return constant(0);
    int64_t offset = fixed[loop];
    if (loop == row)
      offset += point.row;
    if (loop == col)
      offset += point.col.offset;
    if (loop == step.loop)
      offset += step.piece.offset;
    Value index = constant(offset);
    if (dynamic[loop])
      index = arith::AddIOp::create(b, loc, dynamic[loop], index);
    bool runs = lanes > 1 && (vectorStep ? loop == step.loop : loop == col);
    if (!runs)
      return index;
    auto type = VectorType::get({lanes}, b.getIndexType());
    Value lane = vector::StepOp::create(b, loc, type);
    return arith::AddIOp::create(b, loc, broadcast(b, loc, index, lanes), lane);
  });
}

} // namespace detail

void emitNest(OpBuilder &b, Nest &nest, const Schedule &schedule,
              const DenseSet<Operation *> &registers) {
  detail::NestEmitter(b, nest, schedule, registers).emit();
}

} // namespace mlir::pock
