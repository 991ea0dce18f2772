//===- DepthwiseBytes.cpp - Depthwise convolutions of bytes ---------------===//
//
// For microcontrollers that multiply pairs of numbers of 16 bits. One channel
// of an image is copied to a plane of such numbers, with its border. A row of a
// window is then a run of words, and two neighbouring outputs share them: with
// stride 1, the second one starts in the upper half of the first word. So each
// row of the weight exists twice, in pairs (w0, w1), (w2, w3), … and (w1, w2),
// (w3, w4), …, and the taps that are left over are halves of these.
//
// The copy also allows the result of a channel to overwrite that channel.
//
// Needs bufferized kernels. Guarantees the same integers.
//
//===----------------------------------------------------------------------===//

#include "BytePlanes.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/Pock.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::pock {
#define GEN_PASS_DEF_DEPTHWISEBYTES
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Marks `func` if its result may overwrite the input: it consists of `layer`,
/// and each channel of an image has the same place in both. (A channel is
/// copied before it is written.)
void markInPlace(func::FuncOp func, const ByteLayer &layer,
                 const Planes &planes) {
  auto input = dyn_cast<BlockArgument>(layer.input);
  for (Operation &op : func.getBody().front()) {
    auto linalgOp = dyn_cast<linalg::LinalgOp>(op);
    if (linalgOp && !padsInput(layer, &op) &&
        llvm::none_of(layer.nest.statements, [&](const Statement &statement) {
          return statement.op == &op;
        }))
      return;
  }
  const Access *written = nullptr;
  for (const Statement &statement : layer.nest.statements) {
    for (const Access &access : statement.outs)
      if (isa<BlockArgument>(access.root)) {
        if (written && written->root != access.root)
          return;
        written = &access;
      }
    if (statement.op != layer.op)
      for (const Access &access : statement.ins)
        if (access.root == layer.input)
          return;
  }
  if (!input || !written || written->root.getType() != input.getType() ||
      layer.countOf(layer.outs) != 1)
    return;
  SmallVector<unsigned> loops(planes.outer);
  llvm::append_range(loops, layer.groups);
  for (unsigned loop : loops)
    if (int inNest = layer.nestLoop(loop);
        inNest >= 0 && written->strides[inNest] != layer.inputSteps[loop])
      return;
  Builder b(func.getContext());
  func->setAttr(attribute::inPlace, b.getI64IntegerAttr(input.getArgNumber()));
}

struct DepthwiseBytes : impl::DepthwiseBytesBase<DepthwiseBytes> {
  using Base::Base;

  void runOnOperation() override {
    rewriteByteLayers(getOperation(), [](func::FuncOp func, auto layers,
                                         const auto &registers) {
      for (ByteLayer &layer : layers) {
        std::optional<Planes> planes = findPlanes(layer);
        if (!planes)
          continue;
        OpBuilder b(layer.nest.statements.back().op);
        ByteBuilder bytes(b, layer.op.getLoc());
        auto emitter = PlaneEmitter::create(bytes, layer, registers, *planes);
        if (!emitter)
          continue;
        markInPlace(func, layer, *planes);
        emitter->emit();
        eraseLayer(layer);
      }
    });
  }
};

} // namespace
} // namespace mlir::pock
