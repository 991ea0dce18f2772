//===- LanePlanes.cpp - Depthwise convolutions of bytes by vectors --------===//

#include "LanePlanes.h"
#include "ByteLanes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::pock;

/// The largest number of taps of a window, all of which are unrolled.
static constexpr int64_t kMostTaps = 64;
/// With fewer outputs in a row, most lanes would be wasted.
static constexpr int64_t kFewestColumns = 3;

bool LanePlanes::pays() const {
  return outColumns >= kFewestColumns && tapRows * tapColumns <= kMostTaps &&
         kLanes % phases == 0;
}

void LanePlanes::allocate(int64_t count) {
  constexpr int64_t wide = LaneEmitter::kLanes;
  OpBuilder &b = bytes.b;
  int64_t size = llvm::alignTo(count * height * pitch, wide);
  planesBuffer = bytes.scratch(size, b.getI8Type());
  if (!layer.mayLeave())
    return;
  auto type = VectorType::get({wide}, b.getI8Type());
  Value padding = arith::ConstantOp::create(
      b, bytes.loc,
      DenseElementsAttr::get(type, static_cast<int8_t>(layer.padding)));
  bytes.loop(size / wide, [&](Value i) {
    vector::StoreOp::create(b, bytes.loc, padding, planesBuffer,
                            bytes.add(bytes.multiply(i, wide), 0));
  });
}

Value LanePlanes::findRow(Value row) {
  return bytes.add(bytes.multiply(row, pitch), findInside().firstRow * pitch);
}

void LanePlanes::store(Value byte, Value position, Value column, int64_t k,
                       Value plane) {
  OpBuilder &b = bytes.b;
  if (phases > 1)
    column =
        arith::DivUIOp::create(b, bytes.loc, column, bytes.constant(phases));
  int64_t place = findInside().firstColumn + k;
  int64_t fixed = place % phases * segment + place / phases;
  Value index = bytes.add(bytes.add(position, column),
                          bytes.multiply(plane, height * pitch));
  memref::StoreOp::create(b, bytes.loc, byte, planesBuffer,
                          bytes.add(index, fixed));
}

/// The sum of the weights of a channel, whose first one is `first`.
Value LanePlanes::sumWeight(Value first) {
  OpBuilder &b = bytes.b;
  Value weight = bytes.flat(layer.weight);
  if (layer.hasRows()) {
    SmallVector<OpOperand *> operands;
    return LaneEmitter(bytes, layer.numTerms())
        .emit({{}, {Value()}}, {weight, {first}}, bytes.word(0), operands)
        .front();
  }
  Value total = bytes.word(0);
  for (int64_t row = 0; row < tapRows; ++row)
    for (int64_t tap = 0; tap < tapColumns; ++tap) {
      Value entry = memref::LoadOp::create(
          b, bytes.loc, weight,
          bytes.add(first, row * weightStep(planes.rows) +
                               tap * weightStep(planes.columns)));
      total = bytes.add(
          total, arith::ExtSIOp::create(b, bytes.loc, b.getI32Type(), entry));
    }
  return total;
}

/// Adds the products of all taps to the vectors `sums`.
SmallVector<Value> LanePlanes::emitSums(Values sums, Value plane, Value weight,
                                        const Tile &tile) {
  OpBuilder &b = bytes.b;
  Location loc = bytes.loc;
  const ByteDim &r = planes.rows, &c = planes.columns;
  auto narrow = VectorType::get({kLanes}, b.getI8Type());
  VectorType wide = narrow.clone(b.getI32Type());
  Value base = bytes.add(
      bytes.multiply(plane, height * pitch),
      bytes.multiply(tile.row, std::max<int64_t>(r.stride, 1) * pitch));
  base = bytes.add(base, tile.column);
  for (int64_t tap = 0; tap < tapColumns; ++tap) {
    int64_t place = tap * c.dilation;
    int64_t column = place % phases * segment + place / phases;
    Values factors(tapRows);
    for (int64_t row = 0; row < tapRows; ++row) {
      Value entry = memref::LoadOp::create(
          b, loc, bytes.flat(layer.weight),
          bytes.add(weight, row * weightStep(r) + tap * weightStep(c)));
      entry = arith::ExtSIOp::create(b, loc, b.getI32Type(), entry);
      factors[row] = vector::BroadcastOp::create(b, loc, wide, entry);
    }
    // Rows of the plane, and the outputs that read them.
    int64_t last = (tile.rows - 1) * r.stride + (tapRows - 1) * r.dilation;
    for (int64_t y = 0; y <= last; ++y) {
      Value entries;
      for (int64_t i = 0; i < tile.rows; ++i) {
        int64_t distance = y - i * r.stride;
        int64_t dilation = std::max<int64_t>(r.dilation, 1);
        if (distance < 0 || distance % dilation ||
            distance / dilation >= tapRows)
          continue;
        if (!entries) {
          entries = vector::LoadOp::create(b, loc, narrow, planesBuffer,
                                           bytes.add(base, y * pitch + column));
          entries = arith::ExtSIOp::create(b, loc, wide, entries);
        }
        Value product = arith::MulIOp::create(b, loc, entries,
                                              factors[distance / dilation]);
        sums[i] = arith::AddIOp::create(b, loc, sums[i], product);
      }
    }
  }
  return sums;
}

/// Folds the addition of one value that is defined before `first` to all `sums`
/// into `start`.
static Value foldCommonStart(ArrayRef<Value> sums, Value start,
                             Operation *first) {
  DominanceInfo dominance;
  Value common;
  SmallVector<arith::AddIOp> adds;
  for (Value sum : sums) {
    auto add =
        sum.hasOneUse() ? dyn_cast<arith::AddIOp>(*sum.user_begin()) : nullptr;
    if (!add)
      return start;
    Value other = add.getLhs() == sum ? add.getRhs() : add.getLhs();
    if (other == sum || (common && other != common) ||
        !dominance.properlyDominates(other, first))
      return start;
    common = other;
    adds.push_back(add);
  }
  for (auto [add, sum] : llvm::zip_equal(adds, sums)) {
    add.replaceAllUsesWith(sum);
    add.erase();
  }
  if (matchPattern(start, m_Zero()))
    return common;
  OpBuilder b(first);
  return arith::AddIOp::create(b, first->getLoc(), start, common);
}

/// Emits the outputs of a tile.
void LanePlanes::emitTile(const BytePoint &base, const ByteValues &known,
                          Value plane, Value weight, const Tile &tile) {
  OpBuilder &b = bytes.b;
  Location loc = bytes.loc;
  int rowLoop = nestLoop(planes.rows), columnLoop = nestLoop(planes.columns);
  auto type = VectorType::get({kLanes}, b.getI32Type());
  SmallVector<SmallVector<BytePoint>> points(tile.rows);
  SmallVector<PointEmitter> emitters;
  SmallVector<Values> starts;
  Values sums;
  for (int64_t i = 0; i < tile.rows; ++i) {
    for (int64_t j = 0; j < tile.columns; ++j) {
      points[i].push_back(base);
      points[i].back().set(rowLoop, tile.row, i);
      points[i].back().set(columnLoop, tile.column, j);
    }
    emitters.emplace_back(bytes, layer, registers, points[i], known);
    starts.push_back(emitters.back().begin());
    Value start =
        llvm::all_equal(starts.back()) ? starts.back().front() : bytes.word(0);
    sums.push_back(vector::BroadcastOp::create(b, loc, type, start));
  }
  Values firsts(sums);
  sums = emitSums(std::move(sums), plane, weight, tile);
  for (int64_t i = 0; i < tile.rows; ++i) {
    Values lanes, results;
    for (int64_t j = 0; j < tile.columns; ++j) {
      lanes.push_back(vector::ExtractOp::create(b, loc, sums[i], j));
      results.push_back(llvm::all_equal(starts[i])
                            ? lanes.back()
                            : Value(arith::AddIOp::create(b, loc, lanes.back(),
                                                          starts[i][j])));
    }
    emitters[i].finish(results);
    OpOperand &start = firsts[i].getDefiningOp()->getOpOperand(0);
    start.set(foldCommonStart(lanes, start.get(), start.getOwner()));
    if (!correction)
      continue;
    OpBuilder before(start.getOwner());
    start.set(arith::AddIOp::create(before, loc, start.get(), correction));
  }
}

void LanePlanes::emitChannel(ArrayRef<Value> indices, Value plane) {
  OpBuilder &b = bytes.b;
  SmallVector<int> inside;
  for (int loop : {nestLoop(planes.rows), nestLoop(planes.columns)})
    if (loop >= 0)
      inside.push_back(loop);
  forEachOut(indices, [&](const BytePoint &point, Value weight) {
    if (layer.zero != 0)
      correction = arith::MulIOp::create(b, bytes.loc, sumWeight(weight),
                                         bytes.word(-layer.zero));
    ByteValues known =
        PointEmitter(bytes, layer, registers, point).load(inside);
    bytes.blocks(
        outRows, std::min(outRows, kRows), [&](Value row, int64_t rows) {
          bytes.blocks(outColumns, kLanes, [&](Value column, int64_t columns) {
            emitTile(point, known, plane, weight, {row, column, rows, columns});
          });
        });
  });
}
