//===- Accumulate.cpp - gradients accumulated between updates -------------===//

#include "UpdateUtils.h"

using namespace mlir;
using namespace mlir::pock;

SmallVector<StringRef> AccumulateAttr::getStateNames() const {
  return {"grad"};
}

bool AccumulateAttr::needsStep() const { return false; }

SmallVector<Value> AccumulateAttr::buildShared(OpBuilder &, Location, Type,
                                               Value) const {
  return {};
}

SmallVector<Value> AccumulateAttr::buildUpdate(OpBuilder &builder, Location loc,
                                               Value param, Value gradient,
                                               ValueRange states, Value,
                                               ValueRange) const {
  Value sum = AddOp::create(builder, loc, states.front(), gradient);
  return {param, sum};
}

SmallVector<Value> AccumulateAttr::buildChange(OpBuilder &builder, Location loc,
                                               Value, Value gradient,
                                               ValueRange states, Value,
                                               ValueRange) const {
  Value sum = AddOp::create(builder, loc, states.front(), gradient);
  return {Value(), sum};
}
