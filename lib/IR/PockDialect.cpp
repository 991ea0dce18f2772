//===- PockDialect.cpp - the pock dialect ---------------------------------===//

#include "Pock/IR/AttributeNames.h"
#include "Pock/IR/ByteOps.h"
#include "Pock/IR/Pock.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::pock;

#include "Pock/IR/PockDialect.cpp.inc"
#include "Pock/IR/PockEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "Pock/IR/PockAttrs.cpp.inc"

void PockDialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "Pock/IR/PockAttrs.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "Pock/IR/PockOps.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "Pock/IR/PockByteOps.cpp.inc"
      >();
}

Operation *PockDialect::materializeConstant(OpBuilder &b, Attribute value,
                                            Type type, Location loc) {
  auto elements = dyn_cast<ElementsAttr>(value);
  if (!elements || !isa<RankedTensorType>(type))
    return nullptr;
  return ConstantOp::create(b, loc, type, elements);
}

LogicalResult PockDialect::verifyOperationAttribute(Operation *op,
                                                    NamedAttribute attr) {
  return verifyDiscardable(op, attr);
}

LogicalResult PockDialect::verifyRegionArgAttribute(Operation *op, unsigned,
                                                    unsigned,
                                                    NamedAttribute attr) {
  return verifyDiscardableOfValue(op, attr);
}

LogicalResult PockDialect::verifyRegionResultAttribute(Operation *op, unsigned,
                                                       unsigned,
                                                       NamedAttribute attr) {
  return verifyDiscardableOfValue(op, attr);
}
