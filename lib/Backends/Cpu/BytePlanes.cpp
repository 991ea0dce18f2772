//===- BytePlanes.cpp - Depthwise convolutions of bytes by planes ---------===//

#include "BytePlanes.h"
#include "LanePlanes.h"
#include "Pock/IR/ByteOps.h"

using namespace mlir;
using namespace mlir::pock;

/// Windows up to this width, one entry apart, are computed for four outputs at
/// a time, which share more words; of wider ones, the words of two outputs fill
/// the registers.
static constexpr int64_t kNarrow = 3;
/// Words of the weight that fit into registers; more are in scratch.
static constexpr int64_t kMostInRegisters = 8;
/// The largest number of words of a window, whose rows are all unrolled.
static constexpr int64_t kMostWords = 96;

/// A dimension of one entry.
static ByteDim singleEntry() { return ByteDim{1, 0}; }

std::optional<Planes> pock::findPlanes(const ByteLayer &layer) {
  SmallVector<ByteDim> windows;
  for (const ByteDim &dim : layer.dims) {
    if (dim.tap < 0 || (dim.stride == 0 && layer.extents[dim.tap] == 1) ||
        (llvm::is_contained(layer.groups, static_cast<unsigned>(dim.point)) &&
         layer.extents[dim.tap] == 1))
      continue;
    if (!llvm::is_contained(layer.points, static_cast<unsigned>(dim.point)))
      return std::nullopt; // A sum over channels.
    windows.push_back(dim);
  }
  if (windows.empty() || windows.size() > 2)
    return std::nullopt;
  Planes planes{windows.size() == 2 ? windows.front() : singleEntry(),
                windows.back(),
                {}};
  for (unsigned loop : layer.points)
    if (static_cast<int>(loop) != planes.rows.point &&
        static_cast<int>(loop) != planes.columns.point)
      planes.outer.push_back(loop);
  // Other dimensions have no border.
  for (const ByteDim &dim : layer.dims)
    if (dim.tap < 0 && layer.mayLeave(dim))
      return std::nullopt;
  return planes;
}

PlaneEmitter::Inside PlaneEmitter::findInside() const {
  auto countOf = [](const ByteDim &dim, int64_t first, int64_t extent) {
    return std::max<int64_t>(0, std::min(extent, dim.low + dim.size) - first);
  };
  const ByteDim &r = planes.rows, &c = planes.columns;
  int64_t firstRow = std::max<int64_t>(0, r.low);
  int64_t firstColumn = std::max<int64_t>(0, c.low);
  return {firstRow, firstColumn, countOf(r, firstRow, height),
          countOf(c, firstColumn, countColumns()),
          (firstRow - r.low) * r.step + (firstColumn - c.low) * c.step};
}

/// Copies the channel whose first entry is `channel`.
void PlaneEmitter::copyPlane(Value channel) {
  constexpr int64_t unroll = 4;
  OpBuilder &b = bytes.b;
  Inside inside = findInside();
  if (inside.rows == 0 || inside.columns == 0)
    return;
  int64_t rowStep = planes.rows.step, columnStep = planes.columns.step;
  Value input = bytes.flat(layer.input);
  bytes.loop(inside.rows, [&](Value i) {
    Value from = bytes.add(bytes.add(channel, inside.source),
                           bytes.multiply(i, rowStep));
    Value to = findRow(i);
    bytes.blocks(inside.columns, unroll, [&](Value j, int64_t size) {
      Value in = bytes.add(from, bytes.multiply(j, columnStep));
      for (int64_t k = 0; k < size; ++k)
        store(memref::LoadOp::create(b, bytes.loc, input,
                                     bytes.add(in, k * columnStep)),
              to, j, k);
    });
  });
}

void PlaneEmitter::forEachOut(
    ArrayRef<Value> indices,
    function_ref<void(const BytePoint &, Value)> body) {
  BytePoint point(layer.nest);
  Value weight;
  for (auto [loop, index] : llvm::zip_equal(outsideLoops(), indices)) {
    point.set(layer.nestLoop(loop), index);
    weight = bytes.add(weight, bytes.multiply(index, layer.weightSteps[loop]));
  }
  bytes.loops(layer.extentsOf(layer.outs), [&](ArrayRef<Value> outs) {
    Value first = weight;
    for (auto [loop, index] : llvm::zip_equal(layer.outs, outs)) {
      point.set(layer.nestLoop(loop), index);
      first = bytes.add(first, bytes.multiply(index, layer.weightSteps[loop]));
    }
    body(point, first);
  });
}

void PlaneEmitter::emit() {
  allocate(1);
  SmallVector<unsigned> outside = outsideLoops();
  bytes.loops(layer.extentsOf(outside), [&](ArrayRef<Value> indices) {
    Value channel;
    for (auto [loop, index] : llvm::zip_equal(outside, indices))
      channel =
          bytes.add(channel, bytes.multiply(index, layer.inputSteps[loop]));
    copyPlane(channel);
    emitChannel(indices, /*plane=*/{});
  });
}

//===----------------------------------------------------------------------===//
// Pairs
//===----------------------------------------------------------------------===//

bool PairPlanes::isSmall() const { return numWords() <= kMostWords; }

void PairPlanes::allocate(int64_t count) {
  OpBuilder &b = bytes.b;
  planesBuffer = bytes.scratch(count * sizeOfPlane(), b.getI16Type());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointAfterValue(planesBuffer);
    words = GroupViewOp::create(b, bytes.loc, planesBuffer);
  }
  if (numWords() > kMostInRegisters)
    weightScratch = bytes.scratch(numWords(), b.getI32Type());
  if (!layer.mayLeave())
    return;
  int64_t low = layer.padding & 0xffff;
  Value pair = bytes.word(static_cast<int32_t>(low << 16 | low));
  bytes.loop(count * sizeOfPlane() / 2, [&](Value i) {
    memref::StoreOp::create(b, bytes.loc, pair, words, i);
  });
}

Value PairPlanes::findRow(Value row) {
  Inside inside = findInside();
  return bytes.add(bytes.multiply(row, pitch),
                   inside.firstRow * pitch + inside.firstColumn);
}

void PairPlanes::store(Value byte, Value position, Value column, int64_t k,
                       Value plane) {
  OpBuilder &b = bytes.b;
  Value half = bytes.add(bytes.add(position, column),
                         bytes.multiply(plane, sizeOfPlane()));
  Value wide = arith::ExtSIOp::create(b, bytes.loc, b.getI16Type(), byte);
  memref::StoreOp::create(b, bytes.loc, wide, planesBuffer, bytes.add(half, k));
}

/// Loads the weight of a channel, whose first tap is `first`, in pairs. The
/// zero point of the input is subtracted once per channel, not in each entry of
/// the plane.
void PairPlanes::loadWeight(Value first) {
  OpBuilder &b = bytes.b;
  int64_t rowStep = weightStep(planes.rows),
          tapStep = weightStep(planes.columns);
  weightWords.clear();
  Value total;
  for (int64_t row = 0; row < tapRows; ++row) {
    Values taps(width);
    for (int64_t t = 0; t < tapColumns; ++t) {
      Value entry =
          memref::LoadOp::create(b, bytes.loc, bytes.flat(layer.weight),
                                 bytes.add(first, row * rowStep + t * tapStep));
      Value tap = arith::ExtSIOp::create(b, bytes.loc, b.getI32Type(), entry);
      taps[t * planes.columns.dilation] = tap;
      total = bytes.add(total, tap);
    }
    auto pair = [&](int64_t tap) -> Value {
      Value low = taps[tap], high = tap + 1 < width ? taps[tap + 1] : Value();
      if (low)
        low = arith::AndIOp::create(b, bytes.loc, low, bytes.word(0xffff));
      if (high)
        high = arith::ShLIOp::create(b, bytes.loc, high, bytes.word(16));
      if (low && high)
        return arith::OrIOp::create(b, bytes.loc, low, high);
      return low ? low : high ? high : bytes.word(0);
    };
    for (int64_t i = 0; i < evens; ++i)
      weightWords.push_back(pair(2 * i));
    for (int64_t i = 0; i < odds; ++i)
      weightWords.push_back(pair(2 * i + 1));
  }
  if (layer.zero != 0)
    correction = arith::MulIOp::create(
        b, bytes.loc, total, bytes.word(static_cast<int32_t>(-layer.zero)));
  if (!weightScratch)
    return;
  for (auto [i, word] : llvm::enumerate(weightWords))
    memref::StoreOp::create(b, bytes.loc, word, weightScratch,
                            bytes.constant(i));
}

Value PairPlanes::weightWord(int64_t row, int64_t word) {
  int64_t index = row * (evens + odds) + word;
  if (!weightScratch)
    return weightWords[index];
  Value &loaded = weightWords[index];
  if (!loaded)
    loaded = memref::LoadOp::create(bytes.b, bytes.loc, weightScratch,
                                    bytes.constant(index));
  return loaded;
}

Value PairPlanes::dot(Value sum, Value lhs, Value rhs) {
  Type pair = bytes.b.getIntegerType(16, /*isSigned=*/true);
  return DotOp::create(bytes.b, bytes.loc, sum.getType(), sum, lhs, rhs, pair,
                       pair);
}

Value PairPlanes::multiplyAdd(Value sum, Value lhs, bool lhsUpper, Value rhs,
                              bool rhsUpper) {
  return MultiplyHalvesOp::create(bytes.b, bytes.loc, sum.getType(), sum, lhs,
                                  rhs, lhsUpper, rhsUpper);
}

/// Adds a row of a window that starts `position` entries after the block to
/// `sum`. `data(i)` is word `i` of the row of the plane. `start` receives the
/// operand with the first sum, if it is not set.
Value PairPlanes::sumRow(Value sum, int64_t row, int64_t position,
                         llvm::function_ref<Value(int64_t)> data,
                         OpOperand *&start) {
  int64_t word = position / 2;
  auto keep = [&](Value value) {
    if (!start)
      start = &value.getDefiningOp()->getOpOperand(0);
    sum = value;
  };
  if (position % 2 == 0) {
    int64_t pairs = width / 2;
    for (int64_t i = 0; i < pairs; ++i)
      keep(dot(sum, data(word + i), weightWord(row, i)));
    if (width % 2) {
      // The last tap is alone in a word, or the upper half of the last odd
      // pair.
      bool inOdd = evens == pairs;
      Value weight = weightWord(row, inOdd ? evens + odds - 1 : pairs);
      keep(multiplyAdd(sum, data(word + pairs), false, weight, inOdd));
    }
    return sum;
  }
  keep(multiplyAdd(sum, data(word), true, weightWord(row, 0), false));
  for (int64_t i = 0; i < odds; ++i)
    keep(dot(sum, data(word + 1 + i), weightWord(row, evens + i)));
  if (width % 2 == 0)
    keep(multiplyAdd(sum, data(word + width / 2), false,
                     weightWord(row, evens - 1), true));
  return sum;
}

/// Emits `count` neighbouring outputs from `column` on, whose windows start at
/// `word` of the plane.
void PairPlanes::emitBlock(const BytePoint &base, const ByteValues &known,
                           Value word, Value column, int64_t count) {
  SmallVector<BytePoint> points;
  int loop = nestLoop(planes.columns);
  for (int64_t i = 0; i < count; ++i) {
    points.push_back(base);
    points.back().set(loop, column, i);
  }
  PointEmitter emitter(bytes, layer, registers, points, known);
  Values sums = emitter.begin();
  SmallVector<OpOperand *> starts(count, nullptr);
  for (int64_t row = 0; row < tapRows; ++row) {
    std::map<int64_t, Value> loaded;
    if (weightScratch)
      weightWords.assign(numWords(), Value());
    int64_t first = row * planes.rows.dilation * pitch / 2;
    auto data = [&](int64_t i) {
      Value &value = loaded[i];
      if (!value)
        value = memref::LoadOp::create(bytes.b, bytes.loc, words,
                                       bytes.add(word, first + i));
      return value;
    };
    for (int64_t i = 0; i < count; ++i)
      sums[i] =
          sumRow(sums[i], row, i * planes.columns.stride, data, starts[i]);
  }
  emitter.finish(sums);
  foldStarts(sums, [&](size_t i) -> OpOperand & { return *starts[i]; });
  if (!correction)
    return;
  for (OpOperand *start : starts) {
    OpBuilder b(start->getOwner());
    start->set(arith::AddIOp::create(b, bytes.loc, start->get(), correction));
  }
}

void PairPlanes::emitChannel(ArrayRef<Value> indices, Value plane) {
  Value firstWord = bytes.multiply(plane, sizeOfPlane() / 2);
  int rowLoop = nestLoop(planes.rows), columnLoop = nestLoop(planes.columns);
  SmallVector<int> inside;
  for (int loop : {rowLoop, columnLoop})
    if (loop >= 0)
      inside.push_back(loop);
  forEachOut(indices, [&](const BytePoint &point, Value first) {
    loadWeight(first);
    ByteValues known =
        PointEmitter(bytes, layer, registers, point).load(inside);
    bytes.loop(outRows, [&](Value row) {
      BytePoint at = point;
      at.set(rowLoop, row);
      Value word = bytes.add(
          firstWord, bytes.multiply(row, planes.rows.stride * pitch / 2));
      bool many = width <= kNarrow && planes.columns.stride == 1;
      int64_t block = many && outColumns >= 4 ? 4 : 2;
      int64_t advance = block * planes.columns.stride / 2;
      if (int64_t whole = outColumns / block)
        bytes.loop(whole, [&](Value i) {
          emitBlock(at, known, bytes.add(word, bytes.multiply(i, advance)),
                    bytes.multiply(i, block), block);
        });
      if (int64_t rest = outColumns % block) {
        int64_t done = outColumns - rest;
        emitBlock(at, known, bytes.add(word, done / block * advance),
                  bytes.constant(done), rest);
      }
    });
  });
}

std::unique_ptr<PlaneEmitter>
PlaneEmitter::create(ByteBuilder &bytes, ByteLayer &layer,
                     const DenseSet<Operation *> &registers,
                     const Planes &planes) {
  if (layer.hasLanes) {
    auto lanes = std::make_unique<LanePlanes>(bytes, layer, registers, planes);
    if (lanes->pays())
      return lanes;
  }
  auto pairs = std::make_unique<PairPlanes>(bytes, layer, registers, planes);
  return pairs->isSmall() ? std::move(pairs) : nullptr;
}
