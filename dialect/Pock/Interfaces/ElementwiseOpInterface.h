//===- ElementwiseOpInterface.h - one scalar at a time ------------ -*- C++
//-*-===//

#ifndef POCK_INTERFACES_ELEMENTWISEOPINTERFACE_H
#define POCK_INTERFACES_ELEMENTWISEOPINTERFACE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

#include "Pock/Interfaces/ElementwiseOpInterface.h.inc"

#endif // POCK_INTERFACES_ELEMENTWISEOPINTERFACE_H
