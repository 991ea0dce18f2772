//===- KnownParameters.h - parameters that the compiler knows -----*- C++
//-*-===//

#ifndef POCK_LIB_TRANSFORMS_KNOWNPARAMETERS_H
#define POCK_LIB_TRANSFORMS_KNOWNPARAMETERS_H

#include "Pock/IR/Pock.h"

#include "mlir/IR/BuiltinOps.h"

namespace mlir::pock {

/// The values of the floating-point parameter `symbol`; empty if the module
/// does not know them.
SmallVector<double> knownValues(ModuleOp module, FlatSymbolRefAttr symbol);

/// Loads a parameter with this value. It is called `name`, or with a number
/// behind it if that is the name of another one; equal ones are shared.
Value loadKnown(OpBuilder &b, Location loc, ModuleOp module, Twine name,
                DenseElementsAttr value);

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_KNOWNPARAMETERS_H
