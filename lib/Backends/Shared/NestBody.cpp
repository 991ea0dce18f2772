//===- NestBody.cpp - The scalar body of a statement on vectors -----------===//

#include "NestBody.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace mlir::pock {

arith::MulFOp matchMulAdd(arith::AddFOp add, Value &addend) {
  for (unsigned i : {0u, 1u}) {
    auto product = add.getOperand(i).getDefiningOp<arith::MulFOp>();
    auto sum = dyn_cast<BlockArgument>(add.getOperand(1 - i));
    auto op = dyn_cast<linalg::GenericOp>(add->getParentOp());
    if (product && product->hasOneUse() && sum && op &&
        sum.getArgNumber() >= op.getNumDpsInputs()) {
      addend = sum;
      return product;
    }
  }
  return nullptr;
}

bool addsProducts(linalg::GenericOp op) {
  auto yield = op.getBody()->getTerminator();
  if (yield->getNumOperands() == 0 || op.getBody()->getNumArguments() != 3)
    return false;
  auto add = yield->getOperand(0).getDefiningOp<arith::AddFOp>();
  auto mul = add ? add.getRhs().getDefiningOp<arith::MulFOp>() : nullptr;
  return mul && op.getBody()->getOperations().size() == 3 &&
         add.getLhs() == op.getBody()->getArgument(2) &&
         mul.getLhs() != mul.getRhs() && isa<BlockArgument>(mul.getLhs()) &&
         isa<BlockArgument>(mul.getRhs());
}

Type vectorOf(Type type, int64_t lanes) {
  return lanes > 1 ? Type(VectorType::get({lanes}, type)) : type;
}

Value broadcast(OpBuilder &b, Location loc, Value value, int64_t lanes) {
  if (lanes == 1 || isa<VectorType>(value.getType()))
    return value;
  return vector::BroadcastOp::create(b, loc, vectorOf(value.getType(), lanes),
                                     value);
}

SmallVector<Value> emitBody(OpBuilder &b, Statement &statement,
                            ArrayRef<Value> operands, int64_t lanes,
                            llvm::function_ref<Value(unsigned)> indexOf) {
  Block &body = *statement.op.getBody();
  IRMapping map;
  for (auto [arg, value] : llvm::zip(body.getArguments(), operands))
    if (value)
      map.map(arg, value);
  // Keep scalars until they are combined with a vector.
  auto isVector = [&](Value value) {
    return isa<VectorType>(map.lookupOrDefault(value).getType());
  };

  for (Operation &op : body.without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(op)) {
      map.map(index, indexOf(index.getDim()));
      continue;
    }
    if (lanes == 1 || llvm::none_of(op.getOperands(), isVector)) {
      // The sum of a product may become a fused multiply-add.
      Value addend;
      auto add = dyn_cast<arith::AddFOp>(op);
      arith::MulFOp product =
          add && statement.isReduction() ? matchMulAdd(add, addend) : nullptr;
      if (product)
        map.map(op.getResult(0),
                math::FmaOp::create(b, op.getLoc(),
                                    map.lookupOrDefault(product.getLhs()),
                                    map.lookupOrDefault(product.getRhs()),
                                    map.lookupOrDefault(addend)));
      else
        b.clone(op, map);
      continue;
    }
    auto wide = [&](Value value) {
      return broadcast(b, op.getLoc(), map.lookupOrDefault(value), lanes);
    };
    Value addend;
    if (auto add = dyn_cast<arith::AddFOp>(op))
      if (statement.isReduction())
        if (arith::MulFOp product = matchMulAdd(add, addend)) {
          map.map(op.getResult(0),
                  math::FmaOp::create(b, op.getLoc(), wide(product.getLhs()),
                                      wide(product.getRhs()), wide(addend)));
          continue;
        }
    OperationState state(op.getLoc(), op.getName());
    for (Value operand : op.getOperands())
      state.addOperands(wide(operand));
    for (Type type : op.getResultTypes())
      state.addTypes(vectorOf(type, lanes));
    state.addAttributes(op.getAttrs());
    state.propertiesAttr = op.getPropertiesAsAttribute();
    Operation *created = b.create(state);
    map.map(op.getResults(), created->getResults());
  }

  SmallVector<Value> results;
  for (Value value : body.getTerminator()->getOperands())
    results.push_back(
        broadcast(b, statement.op.getLoc(), map.lookupOrDefault(value), lanes));
  return results;
}

Value emitCombine(OpBuilder &b, Operation *combiner, Value lhs, Value rhs) {
  OperationState state(combiner->getLoc(), combiner->getName());
  state.addOperands({lhs, rhs});
  state.addTypes(lhs.getType());
  state.addAttributes(combiner->getAttrs());
  state.propertiesAttr = combiner->getPropertiesAsAttribute();
  return b.create(state)->getResult(0);
}

Value emitHorizontal(OpBuilder &b, Operation *combiner, Value vector) {
  Location loc = combiner->getLoc();
  auto type = dyn_cast<VectorType>(vector.getType());
  if (!type)
    return vector;
  // Halve until one lane is left; an odd lane is combined on its own.
  Value rest;
  int64_t lanes = type.getNumElements();
  while (lanes > 1) {
    if (lanes % 2) {
      Value odd = vector::ExtractOp::create(b, loc, vector, lanes - 1);
      rest = rest ? emitCombine(b, combiner, rest, odd) : odd;
      --lanes;
    }
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < lanes / 2; ++i) {
      low.push_back(i);
      high.push_back(i + lanes / 2);
    }
    Value a = vector::ShuffleOp::create(b, loc, vector, vector, low);
    Value c = vector::ShuffleOp::create(b, loc, vector, vector, high);
    vector = emitCombine(b, combiner, a, c);
    lanes /= 2;
  }
  Value result = vector::ExtractOp::create(b, loc, vector, 0);
  return rest ? emitCombine(b, combiner, result, rest) : result;
}

void transposeSquare(OpBuilder &b, Location loc, SmallVectorImpl<Value> &rows) {
  int64_t side = rows.size();
  // Masks that interleave the low (high) halves of two vectors. log2(side)
  // rounds of these perfect shuffles transpose the square.
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < side / 2; ++i) {
    low.append({i, side + i});
    high.append({side / 2 + i, side + side / 2 + i});
  }
  for (int64_t round = 1; round < side; round *= 2) {
    SmallVector<Value> merged;
    for (int64_t i = 0; i < side / 2; ++i) {
      Value first = rows[i], second = rows[i + side / 2];
      merged.push_back(vector::ShuffleOp::create(b, loc, first, second, low));
      merged.push_back(vector::ShuffleOp::create(b, loc, first, second, high));
    }
    rows.assign(merged);
  }
}

Value concatenate(OpBuilder &b, Location loc, SmallVector<Value> parts) {
  while (parts.size() > 1) {
    int64_t lanes = cast<VectorType>(parts[0].getType()).getNumElements();
    auto all = llvm::to_vector(llvm::seq<int64_t>(0, 2 * lanes));
    SmallVector<Value> pairs;
    for (size_t i = 0; i < parts.size(); i += 2)
      pairs.push_back(
          vector::ShuffleOp::create(b, loc, parts[i], parts[i + 1], all));
    parts = std::move(pairs);
  }
  return parts[0];
}

double bodyCost(Statement &statement) {
  // What is the same for all points is computed once, in front of the loops.
  llvm::SmallPtrSet<Value, 16> invariant;
  for (auto [operand, access] :
       llvm::zip_equal(statement.op.getDpsInputOperands(), statement.ins))
    if (!access.root ||
        llvm::all_of(access.strides, [](int64_t s) { return s == 0; }))
      invariant.insert(statement.op.getMatchingBlockArgument(operand));
  Block *body = statement.op.getBody();
  double cost = 0;
  for (Operation &op : body->without_terminator()) {
    Value addend;
    auto add = dyn_cast<arith::AddFOp>(op);
    if (!isa<linalg::IndexOp>(op) &&
        llvm::all_of(op.getOperands(), [&](Value v) {
          return v.getParentBlock() != body || invariant.contains(v);
        })) {
      invariant.insert_range(op.getResults());
      continue;
    }
    if (isa<linalg::IndexOp>(op) ||
        (add && statement.isReduction() && matchMulAdd(add, addend)))
      continue; // The cost of the product includes the sum.
    bool cheapMath = isa<math::FmaOp, math::AbsFOp, math::CopySignOp>(op);
    if (isa<math::MathDialect>(op.getDialect()) && !cheapMath)
      cost += 16;
    else if (isa<arith::DivFOp>(op))
      cost += 8;
    else
      cost += 1;
  }
  return cost;
}

} // namespace mlir::pock
