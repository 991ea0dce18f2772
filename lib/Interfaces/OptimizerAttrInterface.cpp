//===- OptimizerAttrInterface.cpp - parameter updates ---------------------===//

#include "Pock/Interfaces/OptimizerAttrInterface.h"

using namespace mlir;

#include "Pock/Interfaces/OptimizerAttrInterface.cpp.inc"
