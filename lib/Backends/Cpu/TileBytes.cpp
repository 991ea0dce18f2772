//===- TileBytes.cpp - Layers of bytes, four points by one channel --------===//
//
// For microcontrollers that multiply pairs of numbers of 16 bits, or vectors of
// bytes. A tile is four points of the input by one channel of the weight. For
// pairs, the four rows of the input are widened once, to a panel in scratch,
// and used for all channels; the weight is widened on the way
// (`pock.dot_quads`). Vectors of bytes are multiplied where they are
// (`pock.dot_lanes`). The requantisation of a tile follows in registers.
//
// Windows and borders: the entries that a point reads are gathered in scratch
// first, if they are not contiguous in the input. So a padded copy of the input
// need not exist.
//
// Needs bufferized kernels. Guarantees the same integers.
//
//===----------------------------------------------------------------------===//

#include "ByteTiles.h"
#include "Pock/Backends/Cpu/Passes.h"
#include "Pock/IR/ByteOps.h"
#include "Pock/IR/Pock.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace mlir::pock {
#define GEN_PASS_DEF_TILEBYTES
#include "Pock/Backends/Cpu/Passes.h.inc"
} // namespace mlir::pock

using namespace mlir;

namespace mlir::pock {
namespace {

/// Fewer channels than this are not worth gathering the input of a tile.
constexpr int64_t kFewestUses = 4;

/// Whether tiles of `layer` are better than general loops.
bool pays(const ByteLayer &layer) {
  return layer.numTerms() >= 4 && layer.hasRows() && layer.isFlatAround() &&
         (TileEmitter::isDirect(layer) ||
          layer.countOf(layer.outs) >= kFewestUses);
}

struct TileBytes : impl::TileBytesBase<TileBytes> {
  using Base::Base;

  void runOnOperation() override {
    rewriteByteLayers(getOperation(),
                      [](func::FuncOp, auto layers, const auto &registers) {
                        for (ByteLayer &layer : layers) {
                          if (!pays(layer))
                            continue;
                          OpBuilder b(layer.nest.statements.back().op);
                          ByteBuilder bytes(b, layer.op.getLoc());
                          TileEmitter(bytes, layer, registers).emit();
                          eraseLayer(layer);
                        }
                      });
  }
};

} // namespace
} // namespace mlir::pock
