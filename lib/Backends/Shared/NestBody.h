//===- NestBody.h - The scalar body of a statement on vectors -------------===//
#ifndef POCK_BACKENDS_SHARED_NESTBODY_H
#define POCK_BACKENDS_SHARED_NESTBODY_H

#include "Nest.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::pock {

/// The product that `add` adds to what the loop nest sums up, `addend`, if it
/// has no other use. Not that of any other sum: how often a value is rounded
/// must not depend on the kernel that computes it.
mlir::arith::MulFOp matchMulAdd(mlir::arith::AddFOp add, mlir::Value &addend);

/// `type`, or a vector of `lanes` of it if there is more than one lane.
mlir::Type vectorOf(mlir::Type type, int64_t lanes);

/// `value` as a vector of `lanes` elements (itself if it is one already).
mlir::Value broadcast(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                      int64_t lanes);

/// Emits the body of `statement` for `lanes` points at once. `operands` are the
/// values of the ins and the old values of the outs (null if not read), each a
/// scalar or a vector; `indexOf(d)` gives the value of loop d of the operation.
/// Returns the new values of the outs. In reductions a sum of a product becomes
/// `math.fma`.
mlir::SmallVector<mlir::Value>
emitBody(mlir::OpBuilder &b, Statement &statement,
         mlir::ArrayRef<mlir::Value> operands, int64_t lanes,
         llvm::function_ref<mlir::Value(unsigned)> indexOf);

/// `combiner` applied to two values (scalars or vectors).
mlir::Value emitCombine(mlir::OpBuilder &b, mlir::Operation *combiner,
                        mlir::Value lhs, mlir::Value rhs);

/// All lanes of `vector` combined in a tree of fixed shape.
mlir::Value emitHorizontal(mlir::OpBuilder &b, mlir::Operation *combiner,
                           mlir::Value vector);

/// Transposes `rows`, as many vectors as each has lanes, a power of two.
void transposeSquare(mlir::OpBuilder &b, mlir::Location loc,
                     mlir::SmallVectorImpl<mlir::Value> &rows);

/// The vectors `parts`, of equal type, one behind the other; their number is a
/// power of two.
mlir::Value concatenate(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::SmallVector<mlir::Value> parts);

/// How many operations the body costs per point, very roughly; a
/// transcendental function counts as many.
double bodyCost(Statement &statement);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_NESTBODY_H
