//===- VjpOpInterface.h - reverse-mode rules -------------- -*- C++ -*-===//

#ifndef POCK_INTERFACES_VJPOPINTERFACE_H
#define POCK_INTERFACES_VJPOPINTERFACE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/OpDefinition.h"

namespace mlir::pock {
/// The gradient of the results with respect to every operand is zero.
template <typename ConcreteOp>
class Inactive : public OpTrait::TraitBase<ConcreteOp, Inactive> {};

/// Integers among operands and results are differentiated as real numbers.
template <typename ConcreteOp>
class Relaxed : public OpTrait::TraitBase<ConcreteOp, Relaxed> {};
} // namespace mlir::pock

#include "Pock/Interfaces/VjpOpInterface.h.inc"

#endif // POCK_INTERFACES_VJPOPINTERFACE_H
