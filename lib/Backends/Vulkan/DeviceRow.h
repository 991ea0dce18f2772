//===- DeviceRow.h - What the devices of a row have -------------*- C++ -*-===//
#ifndef POCK_LIB_BACKENDS_VULKAN_DEVICEROW_H
#define POCK_LIB_BACKENDS_VULKAN_DEVICEROW_H

#include "Pock/IR/Pock.h"

namespace mlir::pock {

/// A row of devices, called by `cpu` of `pock.target`: what all of them have.
struct DeviceRow {
  llvm::StringRef name;
  /// The storage buffers of a shader, and the bytes of one.
  unsigned mostBindings;
  int64_t mostBytes;
  /// Whether shaders load and store bytes. Others change the word around one
  /// with two atomic operations.
  bool storesBytes;
  /// Whether shaders load and store floats of 16 bits.
  bool storesHalves;
  /// Whether workgroup memory is faster than a cache.
  bool sharesTiles;
  /// Workgroups that keep a device busy.
  int64_t workgroups;
  /// Operations that a slow device of the row computes in a second, with the
  /// kernels of this back end.
  double operationsPerSecond;
};

/// The row of this name; null if there is none.
const DeviceRow *findDeviceRow(llvm::StringRef name);

/// The row of a module's target.
const DeviceRow &deviceRowOf(mlir::ModuleOp module);

} // namespace mlir::pock

#endif // POCK_LIB_BACKENDS_VULKAN_DEVICEROW_H
