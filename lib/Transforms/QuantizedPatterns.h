//===- QuantizedPatterns.h - integers in place of real numbers --*- C++ -*-===//

#ifndef POCK_LIB_TRANSFORMS_QUANTIZEDPATTERNS_H
#define POCK_LIB_TRANSFORMS_QUANTIZEDPATTERNS_H

#include "Pock/IR/Expr.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::pock {

/// The real numbers that a pock.dequantize makes of integers: `(integers -
/// zeroPoint) * scale`, times an entry of the vector `scales` for each index of
/// dimension `axis`, if there is one.
struct QuantizedValue {
  DequantizeOp op;
  Value integers;
  double scale;
  int64_t zeroPoint;
  /// The parameter's value, a vector, and its name; null if there is one scale
  /// for all.
  Value scales;
  FlatSymbolRefAttr scalesSymbol;
  int64_t axis = -1;

  /// `value` as such; nothing if it has another form.
  static std::optional<QuantizedValue> match(Value value);
  /// The same for bytes of one scale.
  static std::optional<QuantizedValue> matchBytes(Value value);

  bool isWide() const;
  bool isPerTensor() const { return !scales; }
  bool hasSameScale(const QuantizedValue &other) const {
    return scale == other.scale && zeroPoint == other.zeroPoint &&
           axis == other.axis && scalesSymbol == other.scalesSymbol;
  }
};

/// A scale as a multiplier and a shift of pock.requantize.
struct FixedScale {
  int32_t multiplier;
  int32_t shift;
  /// Nothing if `scale` is not between 2^-32 and 2^15.
  static std::optional<FixedScale> get(double scale);
};

/// `integers` as the real numbers `like` stands for, with another axis.
Value dequantizeLike(OpBuilder &b, Location loc, Value integers,
                     const QuantizedValue &like, int64_t axis);

/// Adds the patterns that move integers in place of floats.
void populateQuantizedMoves(RewritePatternSet &patterns);

/// Adds the patterns that replace ops on floats of `module`, those that move
/// integers included.
void populateQuantizedPatterns(RewritePatternSet &patterns, ModuleOp module);

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_QUANTIZEDPATTERNS_H
