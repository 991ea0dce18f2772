//===- ToyDialect.cpp - code generated from ODS ---------------------------===//

#include "Toy.h"

using namespace mlir;
using namespace mlir::pock::toy;

#include "ToyDialect.cpp.inc"

#define GET_OP_CLASSES
#include "ToyOps.cpp.inc"

void ToyDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "ToyOps.cpp.inc"
      >();
}
