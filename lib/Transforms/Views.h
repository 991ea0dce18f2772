//===- Views.h - values and their readers through views ---------*- C++ -*-===//
//
// A `pock.reshape` is the same memory under another type.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_LIB_TRANSFORMS_VIEWS_H
#define POCK_LIB_TRANSFORMS_VIEWS_H

#include "Pock/IR/Pock.h"

namespace mlir::pock {

/// The value whose memory `value` views.
inline Value storageOf(Value value) {
  while (auto view = value.getDefiningOp<ReshapeOp>())
    value = view.getInput();
  return value;
}

/// Calls `visit` with every op that reads `value` or a view of it.
inline void forEachReader(Value value, function_ref<void(Operation *)> visit) {
  for (Operation *user : value.getUsers()) {
    if (isa<ReshapeOp>(user))
      forEachReader(user->getResult(0), visit);
    else
      visit(user);
  }
}

/// Whether `value` is its storage, or a view of it that only adds and removes
/// dimensions of one entry, and whose parts nothing else reads.
inline bool viewsEntries(Value value) {
  auto large = [](Value v) {
    return llvm::to_vector(
        llvm::make_filter_range(cast<RankedTensorType>(v.getType()).getShape(),
                                [](int64_t size) { return size != 1; }));
  };
  while (auto view = value.getDefiningOp<ReshapeOp>()) {
    if (!view->hasOneUse() || large(value) != large(view.getInput()))
      return false;
    value = view.getInput();
  }
  return true;
}

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_VIEWS_H
