//===- DeviceRow.cpp - What the devices of a row have ---------------------===//

#include "DeviceRow.h"
#include "Pock/Target/TargetBackend.h"

using namespace mlir;

namespace mlir::pock {

/// The first row is for every device with Vulkan 1.1. Figures of the others are
/// what drivers of the last years commonly report, and estimates of speed; the
/// runtime checks what a step needs.
static constexpr DeviceRow kRows[] = {
    {"", 4, int64_t(1) << 27, false, false, false, 64, 1e10},
    {"adreno", 16, int64_t(1) << 27, false, true, true, 64, 2e10},
    {"apple", 16, int64_t(1) << 28, true, true, true, 256, 1e11},
    {"mali", 16, int64_t(1) << 27, true, true, false, 64, 2e10},
    {"nvidia", 16, (int64_t(1) << 32) - 4, true, true, true, 1024, 1e11},
};

const DeviceRow *findDeviceRow(StringRef name) {
  const auto *row = llvm::find_if(
      kRows, [&](const DeviceRow &row) { return row.name == name; });
  return row == std::end(kRows) ? nullptr : row;
}

const DeviceRow &deviceRowOf(ModuleOp module) {
  const DeviceRow *row = findDeviceRow(targetOf(module).getCpu());
  // `TargetBackend::accepts` refuses others.
  return row ? *row : kRows[0];
}

} // namespace mlir::pock
