//===- Pock.h - the pock dialect --------------------------------*- C++ -*-===//
//
// Includes everything that code on pock ops needs.
//
//===----------------------------------------------------------------------===//

#ifndef POCK_IR_POCK_H
#define POCK_IR_POCK_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/RegionKindInterface.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

#include "Pock/IR/Real.h"
#include "Pock/Interfaces/DecomposableOpInterface.h"
#include "Pock/Interfaces/ElementwiseOpInterface.h"
#include "Pock/Interfaces/KernelRoleOpInterface.h"
#include "Pock/Interfaces/OptimizerAttrInterface.h"
#include "Pock/Interfaces/VjpOpInterface.h"

#include "Pock/IR/PockDialect.h.inc"
#include "Pock/IR/PockEnums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "Pock/IR/PockAttrs.h.inc"

#define GET_OP_CLASSES
#include "Pock/IR/PockOps.h.inc"

#endif // POCK_IR_POCK_H
