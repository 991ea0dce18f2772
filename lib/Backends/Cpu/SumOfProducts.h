//===- SumOfProducts.h - Sums of products of narrow numbers ----*- C++ -*-===//
#ifndef POCK_BACKENDS_CPU_SUMOFPRODUCTS_H
#define POCK_BACKENDS_CPU_SUMOFPRODUCTS_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include <optional>

namespace mlir::pock {

/// The minimum number of uses of an entry of a factor for which a copy pays
/// that converts it.
constexpr int64_t kFewestUses = 16;

/// A factor of a term: an element of memory, which is widened, and from which
/// `zero` is subtracted.
struct Factor {
  mlir::Value element;
  /// A float, or an integer whose signedness is that of the widening.
  mlir::Type type;
  int64_t zero = 0;

  bool isSignedByte() const { return type.isSignedInteger(8); }
  bool isByte() const { return isSignedByte() || type.isUnsignedInteger(8); }
};

/// A sum of products of two inputs, in their order.
struct SumOfProducts {
  Factor lhs, rhs;
};

/// `op` as a sum of products of its two inputs, added to its out in f32 or i32;
/// nothing if it has another form.
std::optional<SumOfProducts> matchSum(mlir::linalg::GenericOp op);

/// An operation that computes each entry of `out` from the same one of `in`:
/// `body` gets that, and the old one of `out`.
void buildElementwise(mlir::OpBuilder &b, mlir::Location loc, mlir::Value in,
                      mlir::Value out,
                      llvm::function_ref<mlir::Value(
                          mlir::OpBuilder &, mlir::Location, mlir::ValueRange)>
                          body);

} // namespace mlir::pock

#endif // POCK_BACKENDS_CPU_SUMOFPRODUCTS_H
