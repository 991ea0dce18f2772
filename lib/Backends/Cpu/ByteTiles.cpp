//===- ByteTiles.cpp - Products of bytes by tiles -------------------------===//

#include "ByteTiles.h"
#include "Pock/IR/ByteOps.h"

using namespace mlir;
using namespace mlir::pock;

/// The index along each point loop.
SmallVector<Value> TileEmitter::coordinates(Value point) {
  SmallVector<Value> result(layer.points.size());
  for (size_t i = layer.points.size(); i-- > 0;) {
    int64_t extent = layer.extents[layer.points[i]];
    if (i == 0 || extent == 1) {
      result[i] = extent == 1 ? bytes.constant(0) : point;
      continue;
    }
    Value size = bytes.constant(extent);
    Value quotient = arith::DivUIOp::create(bytes.b, bytes.loc, point, size);
    result[i] = arith::SubIOp::create(bytes.b, bytes.loc, point,
                                      bytes.multiply(quotient, extent));
    point = quotient;
  }
  return result;
}

/// The first entry that a point reads, if all are contiguous.
Value TileEmitter::sourceOffset(Value point, ArrayRef<Value> groups) {
  int64_t step = 0;
  for (unsigned loop : layer.points)
    if (layer.extents[loop] > 1)
      step = layer.inputSteps[loop];
  Value offset = bytes.multiply(point, step);
  for (auto [loop, group] : llvm::zip_equal(layer.groups, groups))
    offset = bytes.add(offset, bytes.multiply(group, layer.inputSteps[loop]));
  int64_t constant = 0;
  for (const ByteDim &dim : layer.dims)
    constant -= dim.low * dim.step;
  return bytes.add(offset, constant);
}

void TileEmitter::copyRun(Value from, Value to, int64_t count) {
  constexpr int64_t unroll = 16;
  Value source = bytes.flat(layer.input);
  if (layer.hasLanes)
    return copyByLanes(bytes, source, from, patch, to, count);
  bytes.blocks(count, unroll, [&](Value first, int64_t size) {
    Value in = bytes.add(from, first), out = bytes.add(to, first);
    for (int64_t i = 0; i < size; ++i) {
      Value entry =
          memref::LoadOp::create(bytes.b, bytes.loc, source, bytes.add(in, i));
      memref::StoreOp::create(bytes.b, bytes.loc, entry, patch,
                              bytes.add(out, i));
    }
  });
}

void TileEmitter::fillRun(Value to, int64_t count) {
  Value value = arith::ConstantIntOp::create(
      bytes.b, bytes.loc, bytes.b.getI8Type(), layer.padding);
  bytes.loop(count, [&](Value i) {
    memref::StoreOp::create(bytes.b, bytes.loc, value, patch, bytes.add(to, i));
  });
}

/// Gathers the entries of the terms from loop `depth` on. `origin` is the
/// position of the first term in each dimension. With `whole`, runs that are
/// contiguous in the source are copied at once if no border meets them.
void TileEmitter::gatherTerms(size_t depth, ArrayRef<Value> origin, Value from,
                              Value to, bool whole) {
  bool contiguous = true;
  SmallVector<const ByteDim *> borders;
  for (size_t i = depth; i < layer.terms.size(); ++i) {
    unsigned loop = layer.terms[i];
    contiguous &= layer.extents[loop] == 1 ||
                  layer.inputSteps[loop] == layer.weightSteps[loop];
    if (const ByteDim *dim = borderOf(i))
      borders.push_back(dim);
  }
  int64_t count = countFrom(depth);
  if (contiguous && borders.empty())
    return copyRun(from, to, count);
  if (contiguous && whole) {
    Value inside;
    for (const ByteDim *dim : borders) {
      // The first and the last entry are inside, so all are.
      Value first = origin[dim - layer.dims.begin()];
      int64_t length = (layer.extents[dim->tap] - 1) * dim->dilation;
      Value condition = length < dim->size
                            ? bytes.isWithin(first, dim->size - length)
                            : Value(arith::ConstantIntOp::create(
                                  bytes.b, bytes.loc, bytes.b.getI1Type(), 0));
      inside = inside ? Value(arith::AndIOp::create(bytes.b, bytes.loc, inside,
                                                    condition))
                      : condition;
    }
    return bytes.branch(
        inside, [&] { copyRun(from, to, count); },
        [&] { gatherTerms(depth, origin, from, to, /*whole=*/false); });
  }
  unsigned loop = layer.terms[depth];
  int64_t rest = countFrom(depth + 1);
  const ByteDim *border = borderOf(depth);
  bytes.loop(layer.extents[loop], [&](Value i) {
    Value source = bytes.add(from, bytes.multiply(i, layer.inputSteps[loop]));
    Value target = bytes.add(to, bytes.multiply(i, rest));
    auto inner = [&] { gatherTerms(depth + 1, origin, source, target, whole); };
    if (!border)
      return inner();
    Value position = bytes.add(origin[border - layer.dims.begin()],
                               bytes.multiply(i, border->dilation));
    bytes.branch(bytes.isWithin(position, border->size), inner,
                 [&] { fillRun(target, rest); });
  });
}

/// Copies what `columns` points read to the patch.
void TileEmitter::gather(Value first, int64_t columns, ArrayRef<Value> groups) {
  bytes.loop(columns, [&](Value column) {
    SmallVector<Value> at = coordinates(bytes.add(first, column));
    SmallVector<Value> origin;
    Value from;
    for (const ByteDim &dim : layer.dims) {
      Value position;
      for (auto [loop, index] : llvm::zip_equal(layer.points, at))
        if (static_cast<int>(loop) == dim.point)
          position = bytes.multiply(index, dim.stride);
      for (auto [loop, index] : llvm::zip_equal(layer.groups, groups))
        if (static_cast<int>(loop) == dim.point)
          position = bytes.multiply(index, dim.stride);
      position = bytes.add(position, -dim.low);
      origin.push_back(position);
      from = bytes.add(from, bytes.multiply(position, dim.step));
    }
    gatherTerms(0, origin, from, bytes.multiply(column, pitch()),
                /*whole=*/true);
  });
}

/// Widens rows of `source` to the panel.
void TileEmitter::widen(Value source, ArrayRef<Value> rows) {
  constexpr int64_t mostWithoutLoop = 4;
  OpBuilder &b = bytes.b;
  int64_t columns = rows.size();
  auto emitGroup = [&](Value term, Value word, int64_t count) {
    for (auto [c, row] : llvm::enumerate(rows)) {
      Value loaded = LoadWordOp::create(b, bytes.loc, b.getI32Type(), source,
                                        bytes.add(row, term), count);
      for (bool odd : {false, true}) {
        Value pair =
            WidenBytesOp::create(b, bytes.loc, b.getI32Type(), loaded, odd,
                                 static_cast<uint64_t>(layer.zero));
        memref::StoreOp::create(
            b, bytes.loc, pair, panel,
            bytes.add(word, odd * columns + static_cast<int64_t>(c)));
      }
    }
  };
  int64_t whole = terms / 4;
  if (whole <= mostWithoutLoop)
    for (int64_t g = 0; g < whole; ++g)
      emitGroup(bytes.constant(4 * g), bytes.constant(2 * columns * g), 4);
  else
    bytes.loop(whole, [&](Value g) {
      emitGroup(bytes.multiply(g, 4), bytes.multiply(g, 2 * columns), 4);
    });
  if (terms % 4)
    emitGroup(bytes.constant(4 * whole), bytes.constant(2 * columns * whole),
              terms % 4);
}

SmallVector<Value>
TileEmitter::multiplyQuads(ArrayRef<Value> starts, Value row,
                           SmallVectorImpl<OpOperand *> &operands) {
  OpBuilder &b = bytes.b;
  SmallVector<Type> types(starts.size(), b.getI32Type());
  auto dot =
      DotQuadsOp::create(b, bytes.loc, types, starts, panel, bytes.constant(0),
                         bytes.flat(layer.weight), bytes.add(row, 0), terms);
  for (OpOperand &sum : dot.getSumsMutable())
    operands.push_back(&sum);
  return Values(dot.getResults());
}

SmallVector<Value> TileEmitter::emitChannel(Value first, int64_t columns,
                                            ArrayRef<Value> groups,
                                            ArrayRef<Value> outs, Value kept) {
  OpBuilder &b = bytes.b;
  BytePoint point(layer.nest);
  int inner = -1;
  for (unsigned loop : layer.points)
    if (layer.nestLoop(loop) >= 0)
      inner = layer.nestLoop(loop);
  Value row;
  auto addLoops = [&](ArrayRef<unsigned> loops, ArrayRef<Value> indices) {
    for (auto [loop, index] : llvm::zip_equal(loops, indices)) {
      point.set(layer.nestLoop(loop), index);
      row = bytes.add(row, bytes.multiply(index, layer.weightSteps[loop]));
    }
  };
  addLoops(layer.groups, groups);
  addLoops(layer.outs, outs);
  SmallVector<BytePoint> points;
  for (int64_t c = 0; c < columns; ++c) {
    point.set(inner, first, c);
    points.push_back(point);
  }
  PointEmitter emitter(bytes, layer, registers, points);
  Values starts = emitter.begin();
  SmallVector<OpOperand *> operands;
  Values sums = layer.hasLanes
                    ? lanes.emit(rows, {bytes.flat(layer.weight), {row}},
                                 starts, operands)
                    : multiplyQuads(starts, row, operands);
  Values result = emitter.finish(sums, kept);
  foldStarts(sums, [&](size_t i) -> OpOperand & { return *operands[i]; });
  if (!corrections)
    return result;
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPoint(operands.front()->getOwner());
  Value correction = memref::LoadOp::create(
      b, bytes.loc, corrections, bytes.add(channelOf(groups, outs), 0));
  for (OpOperand *start : operands)
    start->set(arith::AddIOp::create(b, bytes.loc, start->get(), correction));
  return result;
}

void TileEmitter::preparePoints(Value first, int64_t columns,
                                ArrayRef<Value> groups) {
  Values starts;
  Value source = bytes.flat(layer.input);
  if (!direct) {
    gather(first, columns, groups);
    source = patch;
  }
  for (int64_t c = 0; c < columns; ++c)
    starts.push_back(direct ? sourceOffset(bytes.add(first, c), groups)
                            : bytes.constant(c * pitch()));
  if (!layer.hasLanes)
    return widen(source, starts);
  rows = {source, std::move(starts), /*readableAfter=*/!direct, {}};
  lanes.loadRows(rows);
}

/// The number of the channel `outs` in `groups`.
Value TileEmitter::channelOf(ArrayRef<Value> groups, ArrayRef<Value> outs) {
  Value number;
  auto append = [&](ArrayRef<unsigned> loops, ArrayRef<Value> indices) {
    for (auto [loop, index] : llvm::zip_equal(loops, indices))
      number = bytes.add(bytes.multiply(number, layer.extents[loop]), index);
  };
  append(layer.groups, groups);
  append(layer.outs, outs);
  return number;
}

/// Computes `-zero * (w[0] + … + w[terms - 1])` for each channel.
void TileEmitter::makeCorrections() {
  OpBuilder &b = bytes.b;
  SmallVector<unsigned> loops(layer.groups);
  llvm::append_range(loops, layer.outs);
  corrections = bytes.scratch(layer.countOf(loops), b.getI32Type());
  bytes.loops(layer.extentsOf(loops), [&](ArrayRef<Value> indices) {
    Value first;
    for (auto [loop, index] : llvm::zip_equal(loops, indices))
      first = bytes.add(first, bytes.multiply(index, layer.weightSteps[loop]));
    ByteRows ones{{}, {Value()}}, weight{bytes.flat(layer.weight), {first}};
    SmallVector<OpOperand *> operands;
    Value sum = lanes.emit(ones, weight, bytes.word(0), operands).front();
    sum = arith::MulIOp::create(b, bytes.loc, sum, bytes.word(-layer.zero));
    size_t groups = layer.groups.size();
    Value number = bytes.add(
        channelOf(indices.take_front(groups), indices.drop_front(groups)), 0);
    memref::StoreOp::create(b, bytes.loc, sum, corrections, number);
  });
}

void TileEmitter::allocate(int64_t columns) {
  Type byte = bytes.b.getI8Type();
  if (layer.hasLanes) {
    // Copies write whole vectors.
    if (!direct)
      patch = bytes.scratch(columns * pitch() + LaneEmitter::kLanes, byte);
    if (layer.zero != 0)
      makeCorrections();
    return;
  }
  panel = bytes.scratch(llvm::divideCeil(terms, 4) * 2 * columns,
                        bytes.b.getI32Type());
  if (!direct)
    patch = bytes.scratch(columns * pitch(), byte);
}

void TileEmitter::emit() {
  int64_t count = layer.numPoints();
  int64_t columns = std::min(count, kColumns);
  allocate(columns);
  bytes.blocks(count, columns, [&](Value first, int64_t size) {
    bytes.loops(layer.extentsOf(layer.groups), [&](ArrayRef<Value> groups) {
      preparePoints(first, size, groups);
      bytes.loops(layer.extentsOf(layer.outs), [&](ArrayRef<Value> outs) {
        emitChannel(first, size, groups, outs);
      });
    });
  });
}
