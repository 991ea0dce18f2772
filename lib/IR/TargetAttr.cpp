//===- TargetAttr.cpp - verification of #pock.target ----------------------===//

#include "Pock/IR/Pock.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::pock;

LogicalResult TargetAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 StringRef, StringRef, StringRef,
                                 int64_t indexBits, int64_t vectorBytes,
                                 int64_t vectorRegisters, int64_t l1Bytes,
                                 int64_t l2Bytes, int64_t alignment,
                                 int64_t stackBytes, int64_t threads) {
  // target_c1
  if (indexBits != 32 && indexBits != 64)
    return emitError() << "expected 'index_bits' to be 32 or 64, but got "
                       << indexBits;
  // target_c2
  if (vectorBytes < 0 || vectorBytes > 256 ||
      (vectorBytes && !llvm::isPowerOf2_64(vectorBytes)))
    return emitError() << "expected 'vector_bytes' to be 0 or a power of two "
                          "up to 256, but got "
                       << vectorBytes;
  // target_c3
  if (vectorRegisters < 1)
    return emitError() << "expected 'vector_registers' to be positive, but got "
                       << vectorRegisters;
  // target_c4
  if (threads < 0 || threads > 1)
    return emitError() << "expected 'threads' to be 0 (as many as the OpenMP "
                          "runtime has) or 1, but got "
                       << threads;
  // target_c5
  if (alignment < 1 || !llvm::isPowerOf2_64(alignment))
    return emitError() << "expected 'alignment' to be a power of two, but got "
                       << alignment;
  // target_c6
  if (l1Bytes < 0 || l2Bytes < 0 || stackBytes < 0)
    return emitError() << "expected 'l1_bytes', 'l2_bytes' and 'stack_bytes' "
                          "not to be negative, but got "
                       << l1Bytes << ", " << l2Bytes << " and " << stackBytes;
  return success();
}
