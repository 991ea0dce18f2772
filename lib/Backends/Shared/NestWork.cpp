//===- NestWork.cpp - The nest of a kernel with the most work -------------===//

#include "NestWork.h"
#include "mlir/Interfaces/LoopLikeInterface.h"

using namespace mlir;

namespace mlir::pock {

double countOperations(const Nest &nest) {
  double work = 0;
  for (const Statement &statement : nest.statements) {
    linalg::GenericOp op = statement.op;
    double operations = op.getBody()->getOperations().size();
    for (auto [l, loop] : llvm::enumerate(nest.loops))
      if (!loop.reduction || llvm::is_contained(statement.reductions, int(l)))
        operations *= loop.extent;
    for (Operation *parent = op->getParentOp(); parent;
         parent = parent->getParentOp())
      if (auto loop = dyn_cast<LoopLikeOpInterface>(parent))
        if (std::optional<APInt> count = loop.getStaticTripCount())
          operations *= count->getSExtValue();
    work += operations;
  }
  return work;
}

size_t findMainNest(ArrayRef<Nest> nests) {
  size_t best = nests.size();
  double most = 0;
  for (auto [i, nest] : llvm::enumerate(nests))
    if (double work = countOperations(nest); work > most) {
      best = i;
      most = work;
    }
  return best;
}

} // namespace mlir::pock
