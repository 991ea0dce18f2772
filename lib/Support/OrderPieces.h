//===- OrderPieces.h - Parts of an order as problems of their own ---------===//
//
// Between two fixed sets of finished tasks, the order of the tasks is a
// separate problem: the live bytes at both ends are given.
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
/// order, with the same live bytes as in the whole.
Piece cutOut(llvm::ArrayRef<Task> tasks, llvm::ArrayRef<Buffer> buffers,
             llvm::ArrayRef<int> order, int begin, int end);

/// Positions, from 0 to the number of tasks, such that every order has the same
/// tasks between two neighbouring positions: a series composition.
llvm::SmallVector<int> findForced(const OrderGraph &graph,
                                  llvm::ArrayRef<int> order);

} // namespace mlir::pock

#endif // POCK_SUPPORT_ORDERPIECES_H
