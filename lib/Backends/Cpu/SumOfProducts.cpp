//===- SumOfProducts.cpp - Sums of products of narrow numbers -------------===//

#include "SumOfProducts.h"
#include "../Shared/NestBody.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::pock;

namespace {

/// The factor that the body of an operation computes as `value`.
Factor findFactor(Value value) {
  auto integer = [](Value in, IntegerType::SignednessSemantics sign) {
    return IntegerType::get(in.getContext(),
                            in.getType().getIntOrFloatBitWidth(), sign);
  };
  if (auto extend = value.getDefiningOp<arith::ExtFOp>())
    return {extend.getIn(), extend.getIn().getType()};
  Factor factor{value, value.getType()};
  APInt zero;
  if (auto sub = value.getDefiningOp<arith::SubIOp>();
      sub && matchPattern(sub.getRhs(), m_ConstantInt(&zero))) {
    factor.zero = zero.getSExtValue();
    value = sub.getLhs();
  }
  if (auto extend = value.getDefiningOp<arith::ExtSIOp>())
    return {extend.getIn(), integer(extend.getIn(), IntegerType::Signed),
            factor.zero};
  if (auto extend = value.getDefiningOp<arith::ExtUIOp>())
    return {extend.getIn(), integer(extend.getIn(), IntegerType::Unsigned),
            factor.zero};
  return {factor.element, factor.type};
}

/// The product that `add` adds to a sum of integers, if it has no other use.
arith::MulIOp matchIntegerMulAdd(arith::AddIOp add, Value &addend) {
  for (unsigned i : {0u, 1u}) {
    auto product = add.getOperand(i).getDefiningOp<arith::MulIOp>();
    addend = add.getOperand(1 - i);
    if (product && product->hasOneUse())
      return product;
  }
  return nullptr;
}

} // namespace

std::optional<SumOfProducts> pock::matchSum(linalg::GenericOp op) {
  if (op.getNumDpsInputs() != 2 || op.getNumDpsInits() != 1 ||
      op.getNumReductionLoops() == 0 || !op.hasPureBufferSemantics())
    return std::nullopt;
  Block &body = *op.getBody();
  Value sum = body.getTerminator()->getOperand(0);
  Value addend;
  Operation *product = nullptr;
  if (auto add = sum.getDefiningOp<arith::AddFOp>();
      add && sum.getType().isF32())
    product = matchMulAdd(add, addend);
  else if (auto add = sum.getDefiningOp<arith::AddIOp>();
           add && sum.getType().isInteger(32))
    product = matchIntegerMulAdd(add, addend);
  if (!product || addend != body.getArgument(2))
    return std::nullopt;
  Factor lhs = findFactor(product->getOperand(0));
  Factor rhs = findFactor(product->getOperand(1));
  if (lhs.element == body.getArgument(1))
    std::swap(lhs, rhs);
  if (lhs.element != body.getArgument(0) || rhs.element != body.getArgument(1))
    return std::nullopt;
  return SumOfProducts{lhs, rhs};
}

void pock::buildElementwise(
    OpBuilder &b, Location loc, Value in, Value out,
    llvm::function_ref<Value(OpBuilder &, Location, ValueRange)> body) {
  unsigned rank = cast<MemRefType>(out.getType()).getRank();
  SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
  linalg::GenericOp::create(b, loc, in, out, maps, loops,
                            [&](OpBuilder &b, Location loc, ValueRange args) {
                              linalg::YieldOp::create(b, loc,
                                                      body(b, loc, args));
                            });
}
