//===- OptimizerAttrInterface.h - parameter updates -------------- -*- C++
//-*-===//

#ifndef POCK_INTERFACES_OPTIMIZERATTRINTERFACE_H
#define POCK_INTERFACES_OPTIMIZERATTRINTERFACE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

#include "Pock/Interfaces/OptimizerAttrInterface.h.inc"

#endif // POCK_INTERFACES_OPTIMIZERATTRINTERFACE_H
