//===- VjpOpInterface.cpp - reverse-mode rules ----------------------------===//

#include "Pock/Interfaces/VjpOpInterface.h"

using namespace mlir;

#include "Pock/Interfaces/VjpOpInterface.cpp.inc"
