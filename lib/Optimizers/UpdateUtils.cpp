//===- UpdateUtils.cpp - what optimizers share ----------------------------===//

#include "UpdateUtils.h"

#include "mlir/IR/TypeUtilities.h"

#include <cmath>

using namespace mlir;
using namespace mlir::pock;

LogicalResult pock::verifyUpdate(Operation *op, Value param, ValueRange tensors,
                                 ArrayRef<Value> scalars) {
  Type type = param.getType();
  // update_c1: tensors.
  for (Value tensor : tensors)
    if (tensor.getType() != type)
      return op->emitOpError("expected gradient, states and results of the "
                             "parameter's type ")
             << type << ", but got " << tensor.getType();
  Type element = getElementTypeOrSelf(type);
  // update_c1: scalars.
  for (Value scalar : scalars)
    if (scalar && getElementTypeOrSelf(scalar) != element)
      return op->emitOpError("expected scalars of the parameter's element "
                             "type ")
             << element << ", but got " << scalar.getType();
  return success();
}

LogicalResult
pock::verifyNotNegative(function_ref<InFlightDiagnostic()> emitError,
                        StringRef name, double value) {
  if (std::isfinite(value) && value >= 0.0)
    return success();
  return emitError() << "expected " << name
                     << " to be finite and not negative, but got " << value;
}
