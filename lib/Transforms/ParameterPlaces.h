//===- ParameterPlaces.h - places of parameters --------------- -*- C++ -*-===//

#ifndef POCK_LIB_TRANSFORMS_PARAMETERPLACES_H
#define POCK_LIB_TRANSFORMS_PARAMETERPLACES_H

#include "FunctionPlan.h"
#include "Pock/Target/TargetBackend.h"

namespace mlir::pock {

/// Segment and offset of every parameter. Parameters that are never written are
/// in `constants`. `state` has prepared values, then parameters and buffers,
/// then optimizer state, which ends the segment. On targets whose values are
/// prepared ahead, these are in `constants`, too. A parameter with a known
/// value that no function reads, such as the scales of a frozen weight, has no
/// place.
struct ParameterPlaces {
  ParameterPlaces(ModuleOp module, const TargetLimits &limits);

  llvm::StringMap<Place> places;
  int64_t alignment;
  /// Bytes of both segments, and the offset at which optimizer state begins.
  int64_t constants = 0, state = 0, optimizer = 0;
};

} // namespace mlir::pock

#endif // POCK_LIB_TRANSFORMS_PARAMETERPLACES_H
