//===- ByteOps.h - ops on bytes, inside of kernels --------------*- C++ -*-===//
#ifndef POCK_IR_BYTEOPS_H
#define POCK_IR_BYTEOPS_H

#include "Pock/IR/Pock.h"

#define GET_OP_CLASSES
#include "Pock/IR/PockByteOps.h.inc"

#endif // POCK_IR_BYTEOPS_H
