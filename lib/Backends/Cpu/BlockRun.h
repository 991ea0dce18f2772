//===- BlockRun.h - Operations that run block by block ----------*- C++ -*-===//
//
// Finds operations of a kernel that can all run on a few images, columns,
// channels or rows at a time, and moves them into a loop. This dimension is
// called the batch here, and its entries are called images.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_BACKENDS_CPU_BLOCKRUN_H
#define POCK_BACKENDS_CPU_BLOCKRUN_H

#include "mlir/IR/Block.h"
#include "mlir/IR/Operation.h"
#include "llvm/ADT/MapVector.h"

#include <optional>

namespace mlir::pock {

struct BlockRun {
  /// The number of images, and the number of images per iteration.
  int64_t extent = 0, chunk = 1;
  /// Each buffer with its dimension that is the batch.
  llvm::MapVector<Value, unsigned> batchOf;
  /// Each operation, in program order, with its loop over the batch.
  llvm::MapVector<Operation *, unsigned> loopOf;
  /// Whether operations may depend on the number of an image, or access parts
  /// of arguments.
  bool numbers = false;
};

/// Finds the operations of `block` around `buffer` that can run in chunks of
/// its dimension `dim`. The run contains all operations between the first and
/// the last one that access an image, and also their neighbours, so that these
/// can be fused. With `skips`, an operation that accesses no image does not end
/// the run. With `numbers`, operations may depend on the number of an image, or
/// access a part of an argument that no other operation accesses. Nothing if
/// they cannot run image by image, or if there is only one image.
std::optional<BlockRun> findRun(Value buffer, unsigned dim, int64_t chunk,
                                Block &block, bool skips = false,
                                bool numbers = false);

/// Moves the operations of `run` into a loop over chunks. Buffers that no other
/// operation uses shrink to one chunk.
void rewrite(BlockRun &run);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_BLOCKRUN_H
