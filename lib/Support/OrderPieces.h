//===- OrderPieces.h - Parts of an order as problems of their own ---------===//
//
// Between two sets of done tasks that stay as they are, the order of the tasks
// in between is a problem of its own: what is alive at both ends is given.
//
//===----------------------------------------------------------------------===//
#ifndef POCK_SUPPORT_ORDERPIECES_H
#define POCK_SUPPORT_ORDERPIECES_H

#include "OrderGraph.h"

namespace mlir::pock {

struct Piece {
  llvm::SmallVector<Task, 0> tasks;
  llvm::SmallVector<Buffer, 0> buffers;
};

/// The tasks at positions [begin, end) of `order`, numbered from 0 in that
/// order, with the same bytes alive as there.
Piece cutOut(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
             llvm::ArrayRef<int> order, int begin, int end);

/// Positions, the first 0 and the last the number of tasks, such that every
/// order has the same tasks between one and the next: series composition.
llvm::SmallVector<int> findForced(const OrderGraph &graph,
                                  llvm::ArrayRef<int> order);

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDERPIECES_H
