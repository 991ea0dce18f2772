//===- NestBody.h - The scalar body of a statement on vectors -------------===//
#ifndef POCK_BACKENDS_SHARED_NESTBODY_H
#define POCK_BACKENDS_SHARED_NESTBODY_H

#include "Nest.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace mlir::pock {

/// The product that `add` adds to the accumulator `addend` of the loop nest, if
/// the product has no other use. Null for any other sum: the number of
/// roundings of a value must not depend on the kernel that computes it.
mlir::arith::MulFOp matchMulAdd(mlir::arith::AddFOp add, mlir::Value &addend);

/// Whether the body of `op` adds the product of its two inputs to its out, and
/// does nothing else.
bool addsProducts(mlir::linalg::GenericOp op);

/// `type`, or a vector of `lanes` of it if there is more than one lane.
mlir::Type vectorOf(mlir::Type type, int64_t lanes);

/// `value` as a vector of `lanes` elements (itself if it is one already).
mlir::Value broadcast(mlir::OpBuilder &b, mlir::Location loc, mlir::Value value,
                      int64_t lanes);

/// Emits the body of `statement` for `lanes` points at once. `operands` are the
/// values of the ins and the old values of the outs (null if not read), each a
/// scalar or a vector; `indexOf(d)` returns the value of loop d of the
/// operation. Returns the new values of the outs. In reductions, the sum of a
/// product becomes `math.fma`.
mlir::SmallVector<mlir::Value>
emitBody(mlir::OpBuilder &b, Statement &statement,
         mlir::ArrayRef<mlir::Value> operands, int64_t lanes,
         llvm::function_ref<mlir::Value(unsigned)> indexOf);

/// `combiner` applied to two values (scalars or vectors).
mlir::Value emitCombine(mlir::OpBuilder &b, mlir::Operation *combiner,
                        mlir::Value lhs, mlir::Value rhs);

/// Combines all lanes of `vector` in a tree of fixed shape.
mlir::Value emitHorizontal(mlir::OpBuilder &b, mlir::Operation *combiner,
                           mlir::Value vector);

/// Transposes `rows`: as many vectors as each has lanes, a power of two.
void transposeSquare(mlir::OpBuilder &b, mlir::Location loc,
                     mlir::SmallVectorImpl<mlir::Value> &rows);

/// Concatenates the vectors `parts`, which have the same type; their number is
/// a power of two.
mlir::Value concatenate(mlir::OpBuilder &b, mlir::Location loc,
                        mlir::SmallVector<mlir::Value> parts);

/// A rough number of operations of the body per point; a transcendental
/// function counts as many operations.
double bodyCost(Statement &statement);

} // namespace mlir::pock

#endif // POCK_BACKENDS_SHARED_NESTBODY_H
