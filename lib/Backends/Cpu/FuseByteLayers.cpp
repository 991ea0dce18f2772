//===- FuseByteLayers.cpp - Expansion and depthwise without a tensor ------===//
//
// A 1x1 convolution and the depthwise one that reads it run by groups of
// channels: the former writes planes of a few channels, which the latter needs
// anyway. So the tensor between them, the largest one of most networks, does
// not exist, and nothing is computed twice. Only the input is widened once for
// each group.
//
// Needs bufferized kernels. Guarantees the same integers.
//
//===----------------------------------------------------------------------===//

#include "BytePlanes.h"
#include "ByteTiles.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/Pock.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::pock {
#define GEN_PASS_DEF_FUSEBYTELAYERS
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

bool contains(const ByteLayer &layer, Operation *op) {
  return llvm::any_of(layer.nest.statements, [&](const Statement &statement) {
    return statement.op == op;
  });
}

/// The access by which `layer` writes `buffer`, if it writes nothing else that
/// needs memory; otherwise null.
const Access *findOnlyOut(const ByteLayer &layer, Value buffer,
                          const DenseSet<Operation *> &registers) {
  const Access *result = nullptr;
  for (const Statement &statement : layer.nest.statements)
    for (const Access &access : statement.outs) {
      if (access.root == buffer)
        result = &access;
      else if (!registers.contains(access.root.getDefiningOp()))
        return nullptr;
    }
  return result;
}

/// Whether nothing but `first`, `second` and what pads the input of `second`
/// has effects from the one to the other, or uses `buffer`.
bool areAlone(ByteLayer &first, ByteLayer &second, Value buffer) {
  auto belongs = [&](Operation *op) {
    return contains(first, op) || contains(second, op) || padsInput(second, op);
  };
  Operation *begin = first.nest.statements.front().op;
  Operation *end = second.nest.statements.back().op;
  for (Operation *op = begin; op != end; op = op->getNextNode())
    if (!belongs(op) && !isa<memref::AllocOp>(op) && !isMemoryEffectFree(op))
      return false;
  SmallVector<Value> views{buffer};
  while (!views.empty()) {
    Value view = views.pop_back_val();
    for (Operation *user : view.getUsers()) {
      if (isa<ViewLikeOpInterface>(user))
        views.push_back(user->getResult(0));
      else if (!belongs(user))
        return false;
    }
  }
  return true;
}

/// Two layers that run by groups of channels.
class Fusion {
public:
  Fusion(ByteBuilder &bytes, ByteLayer &first, ByteLayer &second,
         const Planes &planes, const DenseSet<Operation *> &registers)
      : bytes(bytes), first(first), second(second), planes(planes),
        registers(registers) {}

  /// Whether the second layer reads exactly what the first one writes, pixel by
  /// pixel.
  bool isPossible() {
    buffer = second.input;
    if (!buffer.getDefiningOp<memref::AllocOp>() || !first.groups.empty() ||
        first.outs.size() != 1 || second.groups.size() != 1 ||
        !first.hasRows() || !first.isFlatAround() ||
        !areAlone(first, second, buffer))
      return false;
    const Access *out = findOnlyOut(first, buffer, registers);
    channels = first.extents[first.outs.front()];
    if (!out || out->offset != 0 || channels < 2 ||
        channels != second.extents[second.groups.front()])
      return false;
    pixelStep = 0;
    for (unsigned loop : first.points)
      if (int inNest = first.nestLoop(loop); inNest >= 0)
        pixelStep = out->strides[inNest];
    if (pixelStep == 0 ||
        out->strides[first.nestLoop(first.outs.front())] !=
            second.inputSteps[second.groups.front()] ||
        planes.columns.step != pixelStep || planes.rows.step % pixelStep)
      return false;
    return llvm::all_of(planes.outer, [&](unsigned loop) {
      return second.inputSteps[loop] % pixelStep == 0;
    });
  }

  void emit(PlaneEmitter &outputs);

private:
  void emitRow(TileEmitter &tiles, PlaneEmitter &outputs, Value firstPixel,
               Value position, int64_t columns, int64_t group,
               Value firstChannel);

  ByteBuilder &bytes;
  ByteLayer &first, &second;
  const Planes &planes;
  const DenseSet<Operation *> &registers;
  /// Between the layers.
  Value buffer;
  int64_t channels = 0, pixelStep = 0;
};

/// Writes the row at `position` of the planes of `group` channels.
void Fusion::emitRow(TileEmitter &tiles, PlaneEmitter &outputs,
                     Value firstPixel, Value position, int64_t columns,
                     int64_t group, Value firstChannel) {
  bytes.blocks(columns, std::min(columns, TileEmitter::kColumns),
               [&](Value x, int64_t size) {
                 Value pixel = bytes.add(firstPixel, x);
                 tiles.preparePoints(pixel, size, {});
                 bytes.loop(group, [&](Value i) {
                   SmallVector<Value> values = tiles.emitChannel(
                       pixel, size, {}, bytes.add(firstChannel, i), buffer);
                   for (auto [k, value] : llvm::enumerate(values))
                     outputs.store(value, position, x, static_cast<int64_t>(k),
                                   i);
                 });
               });
}

void Fusion::emit(PlaneEmitter &outputs) {
  // More channels at once need more memory, and widen the input less often.
  constexpr int64_t mostChannels = 4;
  int64_t group = mostChannels;
  while (channels % group)
    --group;
  TileEmitter tiles(bytes, first, registers);
  PlaneEmitter::Inside inside = outputs.findInside();
  tiles.allocate(std::min(inside.columns, TileEmitter::kColumns));
  outputs.allocate(group);
  SmallVector<int64_t> counts = second.extentsOf(planes.outer);
  counts.push_back(channels / group);
  bytes.loops(counts, [&](ArrayRef<Value> indices) {
    Value firstChannel = bytes.multiply(indices.back(), group);
    Value image;
    for (auto [loop, index] :
         llvm::zip_equal(planes.outer, indices.drop_back()))
      image = bytes.add(
          image, bytes.multiply(index, second.inputSteps[loop] / pixelStep));
    bytes.loop(inside.rows, [&](Value row) {
      Value pixel = bytes.add(
          bytes.add(image, bytes.multiply(row, planes.rows.step / pixelStep)),
          inside.source / pixelStep);
      emitRow(tiles, outputs, pixel, outputs.findRow(row), inside.columns,
              group, firstChannel);
    });
    bytes.loop(group, [&](Value i) {
      SmallVector<Value> channel(indices.drop_back());
      channel.push_back(bytes.add(firstChannel, i));
      outputs.emitChannel(channel, i);
    });
  });
}

struct FuseByteLayers : impl::FuseByteLayersBase<FuseByteLayers> {
  using Base::Base;

  void runOnOperation() override {
    rewriteByteLayers(getOperation(),
                      [](func::FuncOp, auto layers, const auto &registers) {
                        for (size_t i = 0; i + 1 < layers.size(); ++i)
                          if (fuse(layers[i], layers[i + 1], registers))
                            ++i;
                      });
  }

private:
  static bool fuse(ByteLayer &first, ByteLayer &second,
                   const DenseSet<Operation *> &registers) {
    std::optional<Planes> planes = findPlanes(second);
    if (!planes)
      return false;
    OpBuilder b(second.nest.statements.back().op);
    ByteBuilder bytes(b, second.op.getLoc());
    auto outputs = PlaneEmitter::create(bytes, second, registers, *planes);
    if (!outputs)
      return false;
    PlaneEmitter::Inside inside = outputs->findInside();
    Fusion fusion(bytes, first, second, *planes, registers);
    if (inside.rows == 0 || inside.columns == 0 || !fusion.isPossible())
      return false;
    fusion.emit(*outputs);
    eraseLayer(second);
    eraseLayer(first);
    return true;
  }
};

} // namespace
} // namespace mlir::pock
