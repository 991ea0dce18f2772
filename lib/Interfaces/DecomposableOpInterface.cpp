//===- DecomposableOpInterface.cpp - composite ops ------------------------===//

#include "Pock/Interfaces/DecomposableOpInterface.h"

using namespace mlir;

#include "Pock/Interfaces/DecomposableOpInterface.cpp.inc"
