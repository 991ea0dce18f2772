//===- ParameterPlaces.h - places of parameters --------------- -*- C++ -*-===//

#ifndef POCK_LIB_TRANSFORMS_PARAMETERPLACES_H
#define POCK_LIB_TRANSFORMS_PARAMETERPLACES_H

#include "FunctionPlan.h"

namespace mlir::pock {

/// Segment and offset of every parameter. Parameters that are never written are
/// in `constants`. `state` has prepared values, then parameters and buffers,
/// then optimizer state, which ends the segment.
struct ParameterPlaces {
  ParameterPlaces(ModuleOp module, int64_t alignment);

  llvm::StringMap<Place> places;
  int64_t alignment;
  /// Bytes of both segments, and the offset at which optimizer state begins.
  int64_t constants = 0, state = 0, optimizer = 0;
};

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_PARAMETERPLACES_H
