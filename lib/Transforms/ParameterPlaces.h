//===- ParameterPlaces.h - where parameters live ----------------*- C++ -*-===//

#ifndef POCK_LIB_TRANSFORMS_PARAMETERPLACES_H
#define POCK_LIB_TRANSFORMS_PARAMETERPLACES_H

#include "FunctionPlan.h"

namespace mlir::pock {

/// Segment and offset of every parameter: what is never written in `constants`;
/// in `state` prepared values, then parameters and buffers, then optimizer
/// state, which ends the segment.
struct ParameterPlaces {
  ParameterPlaces(ModuleOp module, int64_t alignment);

  llvm::StringMap<Place> places;
  int64_t alignment;
  /// Bytes of both segments, and where optimizer state begins.
  int64_t constants = 0, state = 0, optimizer = 0;
};

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_PARAMETERPLACES_H
