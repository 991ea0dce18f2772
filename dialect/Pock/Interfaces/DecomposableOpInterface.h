//===- DecomposableOpInterface.h - composite ops ----------------- -*- C++
//-*-===//

#ifndef POCK_INTERFACES_DECOMPOSABLEOPINTERFACE_H
#define POCK_INTERFACES_DECOMPOSABLEOPINTERFACE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

#include "Pock/Interfaces/DecomposableOpInterface.h.inc"

#endif // POCK_INTERFACES_DECOMPOSABLEOPINTERFACE_H
