//===- PockDialect.cpp - the pock dialect ---------------------------------===//

#include "Pock/IR/Pock.h"
#include "Pock/IR/StorableTypes.h"

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
  StringRef name = attr.getName().strref();
  if (name == "pock.optimizer") {
    auto isOptimizer = llvm::IsaPred<OptimizerAttrInterface>;
    auto groups = dyn_cast<ArrayAttr>(attr.getValue());
    bool valid = groups ? !groups.empty() && llvm::all_of(groups, isOptimizer)
                        : isOptimizer(attr.getValue());
    if (!isa<ModuleOp>(op) || !valid)
      return op->emitError("expected 'pock.optimizer' to be an optimizer "
                           "attribute of a module, or an array of them");
  } else if (name == "pock.kernel") {
    return verifyKernel(op);
  } else if (name == "pock.target") {
    if (!isa<ModuleOp>(op) || !isa<TargetAttr>(attr.getValue()))
      return op->emitError("expected 'pock.target' to be a #pock.target "
                           "attribute of a module, but got ")
             << attr.getValue();
  } else if (name == "pock.arithmetic") {
    auto arithmetic = dyn_cast<StringAttr>(attr.getValue());
    if (!arithmetic || (arithmetic != "fast" && arithmetic != "portable"))
      return op->emitError("expected 'pock.arithmetic' to be \"fast\" or "
                           "\"portable\", but got ")
             << attr.getValue();
  } else if (name == "pock.scheme") {
    auto scheme = dyn_cast<DictionaryAttr>(attr.getValue());
    if (!isa<ModuleOp>(op) || !scheme)
      return op->emitError(
          "expected 'pock.scheme' to be a dictionary attribute of a module");
    for (NamedAttribute entry : scheme) {
      auto fraction = dyn_cast<FloatAttr>(entry.getValue());
      if (!fraction || !(fraction.getValueAsDouble() >= 0.0) ||
          !(fraction.getValueAsDouble() <= 1.0))
        return op->emitError("expected the fraction of '")
               << entry.getName().strref() << "' in 'pock.scheme' to be a "
               << "floating-point number from 0 to 1, but got "
               << entry.getValue();
    }
  }
  return success();
}
