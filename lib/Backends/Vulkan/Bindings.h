//===- Bindings.h - How the buffers of a dispatch are bound -----*- C++ -*-===//
#ifndef POCK_BACKENDS_VULKAN_BINDINGS_H
#define POCK_BACKENDS_VULKAN_BINDINGS_H

#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Value.h"

namespace mlir::pock {

/// The number of words that every device can push to a shader.
constexpr unsigned kMostPushed = 32;

/// The buffers of one dispatch, as bindings.
struct Bindings {
  /// The flat buffers to bind. Each has other memory than the others, or
  /// elements of another type.
  mlir::SmallVector<mlir::Value> operands;
  /// For each buffer its binding, and the number of elements before it there.
  mlir::SmallVector<std::pair<unsigned, int64_t>> places;
  /// For each buffer, which of `offsets` is pushed for it; -1 if it begins
  /// where its binding does.
  mlir::SmallVector<int> pushed;
  /// What is pushed.
  mlir::SmallVector<int32_t> offsets;
};

/// Binds `buffers`, flat views of the arguments of a function. Buffers at the
/// same place are one binding. If there are more than `mostBindings`, those of
/// one argument and one type become one binding, from the first to the last;
/// their offsets in it are pushed.
Bindings bindBuffers(mlir::OpBuilder &b, mlir::Location loc,
                     mlir::ArrayRef<mlir::Value> buffers,
                     unsigned mostBindings);

} // namespace mlir::pock

#endif // POCK_BACKENDS_VULKAN_BINDINGS_H
