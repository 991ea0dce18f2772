//===- DropoutOp.cpp - verifier and scalar code of dropout ----------------===//

#include "CounterRandom.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

LogicalResult DropoutOp::verify() {
  double p = getP().convertToDouble();
  // dropout_c1
  if (!(p >= 0.0 && static_cast<float>(p) < 1.0f))
    return emitOpError("expected 0 <= p < 1, but got ") << p;
  // dropout_c3
  if (!llvm::isUInt<32>(getStream()) || !llvm::isUInt<32>(getOffset()))
    return emitOpError("expected stream and offset of 32 bits, but got ")
           << getStream() << " and " << getOffset();
  // dropout_c2
  if (static_cast<int64_t>(getStrides().size()) != getType().getRank())
    return emitOpError("expected ")
           << getType().getRank() << " strides, but got "
           << getStrides().size();
  return success();
}

SmallVector<Value> DropoutOp::buildScalar(OpBuilder &b, Location loc,
                                          ValueRange args) {
  Value fraction = buildRandomFraction(b, loc, args[1], args[2], getStream(),
                                       getOffset(), getStrides(), Words::First);
  double p = getP().convertToDouble();
  Value limit = arith::ConstantOp::create(
      b, loc,
      b.getI32IntegerAttr(static_cast<int32_t>(
          std::ceil(std::ldexp(static_cast<float>(p), 24)))));
  Value keep =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::uge, fraction, limit);
  Type type = args[0].getType();
  auto real = [&](double value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  };
  Value scaled = arith::MulFOp::create(b, loc, args[0], real(1.0 / (1.0 - p)));
  return {arith::SelectOp::create(b, loc, keep, scaled, real(0.0))};
}
