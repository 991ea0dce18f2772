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
  Fusion(ByteLayer &first, ByteLayer &second, const Planes &planes,
         const DenseSet<Operation *> &registers)
      : first(first), second(second), planes(planes), registers(registers) {}

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

  void emit(OpBuilder &b);

private:
  void emitRow(ByteBuilder &bytes, TileEmitter &tiles, PlaneEmitter &outputs,
               Value firstPixel, Value firstHalf, int64_t columns,
               int64_t group, Value firstChannel);

  ByteLayer &first, &second;
  const Planes &planes;
  const DenseSet<Operation *> &registers;
  /// Between the layers.
  Value buffer;
  int64_t channels = 0, pixelStep = 0;
};

/// Writes one row of the planes of `group` channels.
void Fusion::emitRow(ByteBuilder &bytes, TileEmitter &tiles,
                     PlaneEmitter &outputs, Value firstPixel, Value firstHalf,
                     int64_t columns, int64_t group, Value firstChannel) {
  OpBuilder &b = bytes.b;
  bytes.blocks(
      columns, std::min(columns, TileEmitter::kColumns),
      [&](Value x, int64_t size) {
        Value pixel = bytes.add(firstPixel, x);
        tiles.preparePoints(pixel, size, {});
        bytes.blocks(
            group, tiles.channelsOfTile(), [&](Value i, int64_t number) {
              SmallVector<Value> values = tiles.emitChannels(
                  pixel, size, {}, bytes.add(firstChannel, i), number, buffer);
              Value half = bytes.add(bytes.add(firstHalf, x),
                                     bytes.multiply(i, outputs.getPlaneSize()));
              for (auto [k, value] : llvm::enumerate(values)) {
                int64_t place =
                    static_cast<int64_t>(k) / size * outputs.getPlaneSize() +
                    static_cast<int64_t>(k) % size;
                Value wide =
                    arith::ExtSIOp::create(b, bytes.loc, b.getI16Type(), value);
                memref::StoreOp::create(b, bytes.loc, wide, outputs.getPlane(),
                                        bytes.add(half, place));
              }
            });
      });
}

void Fusion::emit(OpBuilder &b) {
  // More channels at once need more memory, and widen the input less often.
  constexpr int64_t mostChannels = 4;
  int64_t group = mostChannels;
  while (channels % group)
    --group;
  ByteBuilder bytes(b, second.op.getLoc());
  TileEmitter tiles(bytes, first, registers);
  PlaneEmitter outputs(bytes, second, registers, planes);
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
      Value half =
          bytes.add(bytes.multiply(row, outputs.getPitch()),
                    inside.firstRow * outputs.getPitch() + inside.firstColumn);
      emitRow(bytes, tiles, outputs, pixel, half, inside.columns, group,
              firstChannel);
    });
    bytes.loop(group, [&](Value i) {
      SmallVector<Value> channel(indices.drop_back());
      channel.push_back(bytes.add(firstChannel, i));
      outputs.emitChannel(channel,
                          bytes.multiply(i, outputs.getPlaneSize() / 2));
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
    PlaneEmitter outputs(bytes, second, registers, *planes);
    PlaneEmitter::Inside inside = outputs.findInside();
    Fusion fusion(first, second, *planes, registers);
    if (!outputs.isSmall() || inside.rows == 0 || inside.columns == 0 ||
        !fusion.isPossible())
      return false;
    fusion.emit(b);
    eraseLayer(second);
    eraseLayer(first);
    return true;
  }
};

} // namespace
} // namespace mlir::pock
