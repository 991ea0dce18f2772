//===- StorableTypes.cpp - what memory can be planned for -----------------===//

#include "Pock/IR/StorableTypes.h"
#include "Pock/IR/PockUtils.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::pock;

int64_t pock::bytesOf(Type type) {
  auto shaped = dyn_cast<ShapedType>(type);
  if (!shaped) {
    if (type.isIndex())
      return 8;
    if (auto complex = dyn_cast<ComplexType>(type))
      return 2 * bytesOf(complex.getElementType());
    return type.isIntOrFloat()
               ? llvm::divideCeil(type.getIntOrFloatBitWidth(), 8)
               : kMostBytes;
  }
  if (!shaped.hasRank() || !shaped.hasStaticShape())
    return kMostBytes;
  int64_t bytes = bytesOf(shaped.getElementType());
  for (int64_t size : shaped.getShape()) {
    if (size == 0)
      return 0;
    if (llvm::MulOverflow(bytes, size, bytes) || bytes > kMostBytes)
      bytes = kMostBytes; // a later dimension may be zero
  }
  return bytes;
}

static bool isStorableElement(Type type) {
  if (auto integer = dyn_cast<IntegerType>(type))
    return integer.getWidth() >= 1 && integer.getWidth() <= 64;
  return type.isIndex() || type.isF16() || type.isBF16() || type.isF32() ||
         type.isF64();
}

LogicalResult pock::verifyStorable(Operation *op, TypeRange types) {
  for (Type type : types) {
    auto shaped = dyn_cast<ShapedType>(type);
    if (!shaped)
      continue;
    // param_c6, launch_c3: element types.
    if (!isStorableElement(shaped.getElementType()))
      return op->emitOpError("expected elements to be integers of up to 64 "
                             "bits, f16, bf16, f32, f64 or index, but got ")
             << type;
    // param_c6, launch_c3: sizes.
    if (shaped.hasRank() && shaped.hasStaticShape() &&
        bytesOf(type) >= kMostBytes)
      return op->emitOpError("expected less than 2^46 bytes, but got ") << type;
  }
  return success();
}

bool pock::isOutermost(Operation *op) {
  auto module = dyn_cast_or_null<ModuleOp>(op->getParentOp());
  if (!module || !module->getParentOp())
    return static_cast<bool>(module);
  // The parser verifies what it has read in a module of its own, which it takes
  // away if nothing else is in there.
  auto outer = dyn_cast<ModuleOp>(module->getParentOp());
  return outer && !outer->getParentOp() && outer->getAttrs().empty() &&
         llvm::hasSingleElement(outer.getBody()->getOperations());
}

LogicalResult pock::verifyKernel(Operation *kernel) {
  if (!isOutermost(kernel))
    return kernel->emitOpError("expected a kernel in the outermost module");
  if (auto function = dyn_cast<FunctionOpInterface>(kernel)) {
    ArrayRef<Type> arguments = function.getArgumentTypes();
    ArrayRef<Type> results = function.getResultTypes();
    if (failed(verifyStorable(kernel, arguments)) ||
        failed(verifyStorable(kernel, results)))
      return failure();
    // (Passes check that there is an argument for each.)
    if (!llvm::all_of(results, llvm::IsaPred<RankedTensorType>))
      return kernel->emitOpError("expected the results of a kernel to be "
                                 "tensors");
  }
  WalkResult result = kernel->walk([](Operation *op) {
    return failed(verifyStorable(op, op->getResultTypes()))
               ? WalkResult::interrupt()
               : WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}
