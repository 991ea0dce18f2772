//===- OpDefinitions.cpp - code generated from ODS ------------------------===//

#include "Pock/IR/Pock.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::pock;

#define GET_OP_CLASSES
#include "Pock/IR/PockOps.cpp.inc"
