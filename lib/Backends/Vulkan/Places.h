//===- Places.h - Where an argument of a dispatch lies ----------*- C++ -*-===//
#ifndef POCK_BACKENDS_VULKAN_PLACES_H
#define POCK_BACKENDS_VULKAN_PLACES_H

#include "mlir/IR/Value.h"

namespace mlir::pock {

/// Inputs and outputs begin at multiples of as many bytes, the most that a
/// device may need of the begin of a binding.
constexpr int64_t kPackedAlignment = 256;

/// Bytes of an argument of a function: of a segment, or of its inputs and
/// outputs.
struct Place {
  unsigned argument;
  int64_t offset, bytes;

  bool operator==(const Place &other) const {
    return argument == other.argument && offset == other.offset &&
           bytes == other.bytes;
  }
};

/// The place of a buffer that is a view of an argument at a constant offset.
Place placeOf(Value buffer);

} // namespace mlir::pock

#endif // POCK_BACKENDS_VULKAN_PLACES_H
