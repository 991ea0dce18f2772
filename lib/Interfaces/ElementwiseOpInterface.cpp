//===- ElementwiseOpInterface.cpp - one scalar at a time ------------------===//

#include "Pock/Interfaces/ElementwiseOpInterface.h"

using namespace mlir;

#include "Pock/Interfaces/ElementwiseOpInterface.cpp.inc"
