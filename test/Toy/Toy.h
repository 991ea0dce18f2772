//===- Toy.h - ops as a contributor adds them -------------------*- C++ -*-===//

#ifndef TEST_TOY_TOY_H
#define TEST_TOY_TOY_H

#include "Pock/IR/Pock.h"

#include "ToyDialect.h.inc"

#define GET_OP_CLASSES
#include "ToyOps.h.inc"

#endif // TEST_TOY_TOY_H
