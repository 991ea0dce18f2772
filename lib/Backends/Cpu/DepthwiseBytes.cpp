//===- DepthwiseBytes.cpp - Depthwise convolutions of bytes ---------------===//
//
// For processors that multiply pairs of numbers of 16 bits, but have no
// vectors. One channel of an image is copied to a plane of such numbers, with
// its border. A row of a window is then a run of words, and two neighbouring
// outputs share them: with stride 1, the second one starts in the upper half of
// the first word. So each row of the weight exists twice, in pairs (w0, w1),
// (w2, w3), … and (w1, w2), (w3, w4), …, and the taps that are left over are
// halves of these.
//
// The copy also allows the result of a channel to overwrite that channel.
//
// Needs bufferized kernels. Guarantees the same integers.
//
//===----------------------------------------------------------------------===//

#include "ByteEmitter.h"
#include "Isa/ByteInstructions.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/Kernels.h"
#include "Pock/IR/Pock.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::pock {
#define GEN_PASS_DEF_DEPTHWISEBYTES
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Outputs of a row that are computed together.
constexpr int64_t kBlock = 2;
/// Words of the weight that fit into registers; more are in scratch.
constexpr int64_t kMostInRegisters = 8;
/// The largest number of words of a window, whose rows are all unrolled.
constexpr int64_t kMostWords = 96;

/// Which dimensions of a layer are rows and columns of images.
struct Planes {
  ByteDim rows, columns;
  /// Points outside of the planes: images.
  SmallVector<unsigned> outer;
};

/// A dimension of one entry.
ByteDim singleEntry() { return ByteDim{1, 0}; }

std::optional<Planes> findPlanes(const ByteLayer &layer) {
  SmallVector<ByteDim> windows;
  for (const ByteDim &dim : layer.dims) {
    if (dim.tap < 0)
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

class PlaneEmitter {
public:
  PlaneEmitter(OpBuilder &b, ByteLayer &layer,
               const DenseSet<Operation *> &registers, const Planes &planes)
      : bytes(b, layer.op.getLoc()), layer(layer), registers(registers),
        planes(planes) {
    auto extent = [&](int loop) { return loop < 0 ? 1 : layer.extents[loop]; };
    const ByteDim &r = planes.rows, &c = planes.columns;
    outRows = extent(r.point);
    outColumns = extent(c.point);
    tapRows = extent(r.tap);
    tapColumns = extent(c.tap);
    width = (tapColumns - 1) * c.dilation + 1;
    height = (outRows - 1) * r.stride + (tapRows - 1) * r.dilation + 1;
    pitch = llvm::alignTo((outColumns - 1) * c.stride + width, 2);
    odds = c.stride % 2 ? (width - 1) / 2 : 0;
    evens = odds && width % 2 ? width / 2 : llvm::divideCeil(width, 2);
  }

  int64_t numWords() const { return tapRows * (evens + odds); }
  void emit();

private:
  using Values = SmallVector<Value>;

  void fillPlane();
  void copyPlane(Value channel);
  void loadWeight(Value first);
  Value weightWord(int64_t row, int64_t word);
  void emitBlock(const BytePoint &base, const ByteValues &known, Value word,
                 Value column, int64_t count);
  Value sumRow(Value sum, int64_t row, int64_t position,
               llvm::function_ref<Value(int64_t)> data, OpOperand *&start);

  Value dot(Value sum, Value lhs, Value rhs);
  Value half(Value word, bool upper);
  Value multiplyAdd(Value sum, Value lhs, Value rhs);

  ByteBuilder bytes;
  ByteLayer &layer;
  const DenseSet<Operation *> &registers;
  const Planes &planes;
  int64_t outRows, outColumns, tapRows, tapColumns;
  /// Of a window, with the entries that dilation leaves out.
  int64_t width;
  /// Of the plane.
  int64_t height, pitch;
  /// Words of a row of the weight: pairs that start at an even tap, and at an
  /// odd one.
  int64_t evens, odds;
  Value plane, words, weightScratch;
  Values weightWords;
};

void PlaneEmitter::fillPlane() {
  int64_t low = layer.padding & 0xffff;
  Value pair = bytes.word(static_cast<int32_t>(low << 16 | low));
  bytes.loop(height * pitch / 2, [&](Value i) {
    memref::StoreOp::create(bytes.b, bytes.loc, pair, words, i);
  });
}

/// Copies the channel whose first entry is `channel`.
void PlaneEmitter::copyPlane(Value channel) {
  constexpr int64_t unroll = 4;
  OpBuilder &b = bytes.b;
  auto countOf = [](const ByteDim &dim, int64_t first, int64_t extent) {
    return std::min(extent, dim.low + dim.size) - first;
  };
  int64_t firstRow = std::max<int64_t>(0, planes.rows.low);
  int64_t firstColumn = std::max<int64_t>(0, planes.columns.low);
  int64_t rows = countOf(planes.rows, firstRow, height);
  int64_t columns = countOf(planes.columns, firstColumn, pitch);
  if (rows <= 0 || columns <= 0)
    return;
  int64_t rowStep = planes.rows.step, columnStep = planes.columns.step;
  int64_t source = (firstRow - planes.rows.low) * rowStep +
                   (firstColumn - planes.columns.low) * columnStep;
  int64_t target = firstRow * pitch + firstColumn;
  Value input = bytes.flat(layer.input);
  bytes.loop(rows, [&](Value i) {
    Value from =
        bytes.add(bytes.add(channel, source), bytes.multiply(i, rowStep));
    Value to = bytes.add(bytes.multiply(i, pitch), target);
    bytes.blocks(columns, unroll, [&](Value j, int64_t size) {
      Value in = bytes.add(from, bytes.multiply(j, columnStep));
      Value out = bytes.add(to, j);
      for (int64_t k = 0; k < size; ++k) {
        Value entry = memref::LoadOp::create(b, bytes.loc, input,
                                             bytes.add(in, k * columnStep));
        entry = arith::ExtSIOp::create(b, bytes.loc, b.getI16Type(), entry);
        memref::StoreOp::create(b, bytes.loc, entry, plane, bytes.add(out, k));
      }
    });
  });
}

/// Loads the weight of a channel, whose first tap is `first`, in pairs.
void PlaneEmitter::loadWeight(Value first) {
  OpBuilder &b = bytes.b;
  auto step = [&](int loop) { return loop < 0 ? 0 : layer.weightSteps[loop]; };
  int64_t rowStep = step(planes.rows.tap), tapStep = step(planes.columns.tap);
  weightWords.clear();
  for (int64_t row = 0; row < tapRows; ++row) {
    Values taps(width);
    for (int64_t t = 0; t < tapColumns; ++t) {
      Value entry =
          memref::LoadOp::create(b, bytes.loc, bytes.flat(layer.weight),
                                 bytes.add(first, row * rowStep + t * tapStep));
      taps[t * planes.columns.dilation] =
          arith::ExtSIOp::create(b, bytes.loc, b.getI32Type(), entry);
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
  if (!weightScratch)
    return;
  for (auto [i, word] : llvm::enumerate(weightWords))
    memref::StoreOp::create(b, bytes.loc, word, weightScratch,
                            bytes.constant(i));
}

Value PlaneEmitter::weightWord(int64_t row, int64_t word) {
  int64_t index = row * (evens + odds) + word;
  if (!weightScratch)
    return weightWords[index];
  Value &loaded = weightWords[index];
  if (!loaded)
    loaded = memref::LoadOp::create(bytes.b, bytes.loc, weightScratch,
                                    bytes.constant(index));
  return loaded;
}

Value PlaneEmitter::dot(Value sum, Value lhs, Value rhs) {
  Type pair = bytes.b.getIntegerType(16, /*isSigned=*/true);
  return DotOp::create(bytes.b, bytes.loc, sum.getType(), sum, lhs, rhs, pair,
                       pair);
}

Value PlaneEmitter::half(Value word, bool upper) {
  if (!upper)
    word = arith::ShLIOp::create(bytes.b, bytes.loc, word, bytes.word(16));
  return arith::ShRSIOp::create(bytes.b, bytes.loc, word, bytes.word(16));
}

Value PlaneEmitter::multiplyAdd(Value sum, Value lhs, Value rhs) {
  Value product = arith::MulIOp::create(bytes.b, bytes.loc, lhs, rhs);
  return arith::AddIOp::create(bytes.b, bytes.loc, sum, product);
}

/// Adds a row of a window that starts `position` entries after the block to
/// `sum`. `data(i)` is word `i` of the row of the plane. `start` receives the
/// operand with the first sum, if it is not set.
Value PlaneEmitter::sumRow(Value sum, int64_t row, int64_t position,
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
      keep(multiplyAdd(sum, half(data(word + pairs), /*upper=*/false),
                       half(weight, inOdd)));
    }
    return sum;
  }
  keep(multiplyAdd(sum, half(data(word), /*upper=*/true),
                   half(weightWord(row, 0), /*upper=*/false)));
  for (int64_t i = 0; i < odds; ++i)
    keep(dot(sum, data(word + 1 + i), weightWord(row, evens + i)));
  if (width % 2 == 0)
    keep(multiplyAdd(sum, half(data(word + width / 2), /*upper=*/false),
                     half(weightWord(row, evens - 1), /*upper=*/true)));
  return sum;
}

/// Emits `count` neighbouring outputs from `column` on, whose windows start at
/// `word` of the plane.
void PlaneEmitter::emitBlock(const BytePoint &base, const ByteValues &known,
                             Value word, Value column, int64_t count) {
  SmallVector<BytePoint> points;
  int loop =
      planes.columns.point < 0 ? -1 : layer.nestLoop(planes.columns.point);
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
}

void PlaneEmitter::emit() {
  OpBuilder &b = bytes.b;
  plane = bytes.scratch(height * pitch, b.getI16Type());
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointAfterValue(plane);
    words = GroupViewOp::create(b, bytes.loc, plane);
  }
  if (numWords() > kMostInRegisters)
    weightScratch = bytes.scratch(numWords(), b.getI32Type());
  if (layer.mayLeave())
    fillPlane();

  SmallVector<unsigned> outside(planes.outer);
  llvm::append_range(outside, layer.groups);
  auto extentsOf = [&](ArrayRef<unsigned> loops) {
    return llvm::map_to_vector(loops,
                               [&](unsigned l) { return layer.extents[l]; });
  };
  int rowLoop = planes.rows.point < 0 ? -1 : layer.nestLoop(planes.rows.point);
  int columnLoop =
      planes.columns.point < 0 ? -1 : layer.nestLoop(planes.columns.point);
  SmallVector<int> inside;
  for (int loop : {rowLoop, columnLoop})
    if (loop >= 0)
      inside.push_back(loop);
  bytes.loops(extentsOf(outside), [&](ArrayRef<Value> indices) {
    BytePoint point(layer.nest);
    Value channel, weight;
    for (auto [loop, index] : llvm::zip_equal(outside, indices)) {
      point.set(layer.nestLoop(loop), index);
      channel =
          bytes.add(channel, bytes.multiply(index, layer.inputSteps[loop]));
      weight =
          bytes.add(weight, bytes.multiply(index, layer.weightSteps[loop]));
    }
    copyPlane(channel);
    bytes.loops(extentsOf(layer.outs), [&](ArrayRef<Value> outs) {
      Value first = weight;
      for (auto [loop, index] : llvm::zip_equal(layer.outs, outs)) {
        point.set(layer.nestLoop(loop), index);
        first =
            bytes.add(first, bytes.multiply(index, layer.weightSteps[loop]));
      }
      loadWeight(first);
      ByteValues known =
          PointEmitter(bytes, layer, registers, point).load(inside);
      bytes.loop(outRows, [&](Value row) {
        BytePoint at = point;
        at.set(rowLoop, row);
        Value firstWord = bytes.multiply(row, planes.rows.stride * pitch / 2);
        int64_t advance = kBlock * planes.columns.stride / 2;
        if (int64_t whole = outColumns / kBlock)
          bytes.loop(whole, [&](Value i) {
            emitBlock(at, known,
                      bytes.add(firstWord, bytes.multiply(i, advance)),
                      bytes.multiply(i, kBlock), kBlock);
          });
        if (int64_t rest = outColumns % kBlock) {
          int64_t done = outColumns - rest;
          emitBlock(at, known, bytes.add(firstWord, done / kBlock * advance),
                    bytes.constant(done), rest);
        }
      });
    });
  });
}

struct DepthwiseBytes : impl::DepthwiseBytesBase<DepthwiseBytes> {
  using Base::Base;

  void runOnOperation() override {
    if (!findByteInstructions(TargetDescription::of(getOperation())))
      return;
    for (func::FuncOp func : kernelsOf(getOperation())) {
      DenseSet<Operation *> registers;
      for (ByteLayer &layer : findByteLayers(func, registers)) {
        std::optional<Planes> planes = findPlanes(layer);
        if (!planes)
          continue;
        OpBuilder b(layer.nest.statements.back().op);
        PlaneEmitter emitter(b, layer, registers, *planes);
        if (emitter.numWords() > kMostWords)
          continue;
        emitter.emit();
        eraseLayer(layer);
      }
      eraseDeadOps(func);
    }
  }
};

} // namespace
} // namespace mlir::pock
