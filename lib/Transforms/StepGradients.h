//===- StepGradients.h - process gradients before the updates - -*- C++ -*-===//

#ifndef POCK_LIB_TRANSFORMS_STEPGRADIENTS_H
#define POCK_LIB_TRANSFORMS_STEPGRADIENTS_H

#include "Differentiator.h"

namespace mlir::pock {

/// Declares a tensor of optimizer state. `of` is its parameter, whose storage
/// it follows, or null. Returns its symbol.
FlatSymbolRefAttr declareState(OpBuilder &builder, Location loc, Twine name,
                               RankedTensorType type, ParamOp of);

/// Declares the state `<param>.<name>` after `param` unless it exists.
FlatSymbolRefAttr declareState(ParamOp param, StringRef name,
                               RankedTensorType type);

/// The inverse of the scale of `param`, which broadcasts to it; null if it is
/// not quantised.
Value buildInverseScale(OpBuilder &builder, ParamOp param, Type element);

/// Turns gradients with respect to integers into gradients with respect to the
/// real numbers that they stand for.
void scaleToReal(OpBuilder &builder, MutableArrayRef<ParamGradient> gradients);

/// Replaces each gradient by the mean of itself and the `count - 1` gradients
/// that `@accumulate` has added to `<param>.grad`, which becomes zero again.
void addAccumulated(OpBuilder &builder,
                    MutableArrayRef<ParamGradient> gradients, int64_t count);

/// Clamps every entry to [-limit, limit], as `torch.nn.utils.clip_grad_value_`.
void clipValues(OpBuilder &builder, MutableArrayRef<ParamGradient> gradients,
                double limit);

/// Scales all gradients by min(1, limit / (norm + 1e-6)), as
/// `torch.nn.utils.clip_grad_norm_`. Returns their norm, of type `scalar`.
Value clipNorm(OpBuilder &builder, MutableArrayRef<ParamGradient> gradients,
               RankedTensorType scalar, double limit);

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_STEPGRADIENTS_H
