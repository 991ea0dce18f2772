//===- Real.h - floating-point parameters of attributes ---------*- C++ -*-===//
//
// A double that can be hashed, parsed and printed, as attribute parameters
// require. It is compared by bits, so that attributes with NaN equal
// themselves.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_IR_REAL_H
#define POCK_IR_REAL_H

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/Hashing.h"
#include "llvm/ADT/bit.h"

namespace mlir::pock {

struct Real {
  double value;

  Real(double value) : value(value) {}
  operator double() const { return value; }
  bool operator==(const Real &other) const {
    return llvm::bit_cast<uint64_t>(value) ==
           llvm::bit_cast<uint64_t>(other.value);
  }
  bool operator!=(const Real &other) const { return !(*this == other); }
};

inline llvm::hash_code hash_value(const Real &real) {
  return llvm::hash_value(llvm::bit_cast<uint64_t>(real.value));
}

} // namespace mlir::pock

template <>
struct mlir::FieldParser<mlir::pock::Real> {
  static FailureOr<mlir::pock::Real> parse(AsmParser &parser) {
    double value;
    if (parser.parseFloat(value))
      return failure();
    return mlir::pock::Real(value);
  }
};

#endif // POCK_IR_REAL_H
