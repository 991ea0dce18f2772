//===- ByteLanes.cpp - Products of rows of bytes by vectors ---------------===//

#include "ByteLanes.h"
#include "Pock/IR/ByteOps.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::pock;

static constexpr int64_t kLanes = LaneEmitter::kLanes;

static VectorType typeOf(OpBuilder &b, int64_t lanes) {
  return VectorType::get({lanes}, b.getI8Type());
}

/// Loads `count` bytes; those after them are zeros, and are not read.
static Value loadFirst(ByteBuilder &bytes, Value buffer, Value index,
                       int64_t count) {
  OpBuilder &b = bytes.b;
  VectorType type = typeOf(b, kLanes);
  if (count == kLanes)
    return vector::LoadOp::create(b, bytes.loc, type, buffer, index);
  SmallVector<bool> first(kLanes, false);
  std::fill_n(first.begin(), count, true);
  Value mask =
      arith::ConstantOp::create(b, bytes.loc, b.getBoolVectorAttr(first));
  Value zeros = arith::ConstantOp::create(b, bytes.loc, b.getZeroAttr(type));
  return vector::MaskedLoadOp::create(b, bytes.loc, type, buffer, index, mask,
                                      zeros);
}

/// Loads `count` entries of a row from `offset` on: as bytes, of which those
/// after `count` are zeros or may be any; half a vector is widened instead.
Value LaneEmitter::load(const ByteRows &rows, size_t number, Value offset,
                        int64_t count) {
  if (!rows.loaded.empty())
    return rows.loaded[number];
  OpBuilder &b = bytes.b;
  bool isHalf = count == kLanes / 2;
  VectorType type = typeOf(b, isHalf ? count : kLanes);
  if (!rows.buffer) {
    if (isHalf)
      type = type.clone(b.getI16Type());
    auto one = b.getIntegerAttr(type.getElementType(), 1);
    return arith::ConstantOp::create(b, bytes.loc,
                                     DenseElementsAttr::get(type, one));
  }
  Value index = bytes.add(bytes.add(rows.firsts[number], offset), 0);
  if (isHalf) {
    Value half = vector::LoadOp::create(b, bytes.loc, type, rows.buffer, index);
    return arith::ExtSIOp::create(b, bytes.loc, type.clone(b.getI16Type()),
                                  half);
  }
  return loadFirst(bytes, rows.buffer, index,
                   rows.readableAfter ? kLanes : count);
}

void LaneEmitter::loadRows(ByteRows &rows) {
  if (terms > kLanes)
    return;
  Values loaded;
  for (size_t i = 0; i < rows.firsts.size(); ++i)
    loaded.push_back(load(rows, i, {}, terms));
  rows.loaded = std::move(loaded);
}

/// Adds the products of `count` terms from `offset` on.
SmallVector<Value> LaneEmitter::emitPiece(const ByteRows &rows,
                                          const ByteRows &weight,
                                          ArrayRef<Value> sums, Value offset,
                                          int64_t count) {
  Value factors = load(weight, 0, offset, count);
  Values result;
  for (auto [i, sum] : llvm::enumerate(sums))
    result.push_back(DotLanesOp::create(bytes.b, bytes.loc, sum,
                                        load(rows, i, offset, count), factors));
  return result;
}

SmallVector<Value> LaneEmitter::emit(const ByteRows &rows,
                                     const ByteRows &weight,
                                     ArrayRef<Value> sums,
                                     SmallVectorImpl<OpOperand *> &starts) {
  OpBuilder &b = bytes.b;
  Values carried(sums);
  auto emitAt = [&](ArrayRef<Value> values, Value offset, int64_t count) {
    Values result = emitPiece(rows, weight, values, offset, count);
    if (starts.empty())
      for (Value value : result)
        starts.push_back(&value.getDefiningOp<DotLanesOp>().getSumMutable());
    return result;
  };
  int64_t vectors = terms / kLanes,
          unroll = chooseUnroll(vectors, /*mostWithoutLoop=*/4);
  int64_t done = 0;
  if (unroll < vectors) {
    int64_t size = unroll * kLanes, loops = vectors / unroll;
    auto loop =
        scf::ForOp::create(b, bytes.loc, bytes.constant(0),
                           bytes.constant(loops), bytes.constant(1), carried);
    for (OpOperand &start : loop.getInitArgsMutable())
      starts.push_back(&start);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToEnd(loop.getBody());
    Values inside(loop.getRegionIterArgs());
    Value first = bytes.multiply(loop.getInductionVar(), size);
    for (int64_t i = 0; i < unroll; ++i)
      inside = emitAt(inside, bytes.add(first, i * kLanes), kLanes);
    scf::YieldOp::create(b, bytes.loc, inside);
    carried = Values(loop.getResults());
    done = loops * size;
  }
  for (; done < terms; done += kLanes)
    carried =
        emitAt(carried, bytes.constant(done), std::min(kLanes, terms - done));
  return carried;
}

void pock::copyByLanes(ByteBuilder &bytes, Value source, Value from,
                       Value target, Value to, int64_t count) {
  constexpr int64_t fewest = 3;
  OpBuilder &b = bytes.b;
  for (int64_t done = 0; done < count;) {
    int64_t size = std::min(kLanes, count - done);
    Value in = bytes.add(from, done), out = bytes.add(to, done);
    if (size < fewest) {
      size = 1;
      Value entry = memref::LoadOp::create(b, bytes.loc, source, in);
      memref::StoreOp::create(b, bytes.loc, entry, target, out);
    } else {
      Value value = size == kLanes / 2
                        ? vector::LoadOp::create(b, bytes.loc, typeOf(b, size),
                                                 source, in)
                              .getResult()
                        : loadFirst(bytes, source, in, size);
      vector::StoreOp::create(b, bytes.loc, value, target, out);
    }
    done += size;
  }
}
