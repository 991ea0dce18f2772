//===- LowerBf16.cpp - bf16 for targets with and without it ---------------===//

#include "LowerBf16.h"
#include "FunctionPatterns.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"

using namespace mlir;

namespace mlir::pock {
namespace {

/// Converts bf16 to i16, and rounds and widens by integer operations. On
/// targets without bf16, LLVM would call its runtime library to round, and even
/// to extract an element from a vector.
LogicalResult expandBf16(ModuleOp module) {
  RewritePatternSet patterns(module.getContext());
  arith::populateExpandBFloat16Patterns(patterns);
  if (failed(applyToFunctions(module, std::move(patterns))))
    return failure();
  AttrTypeReplacer replacer;
  auto bitsOf = [](const APFloat &value) { return value.bitcastToAPInt(); };
  replacer.addReplacement([](BFloat16Type type) -> Type {
    return IntegerType::get(type.getContext(), 16);
  });
  replacer.addReplacement([&](FloatAttr value) -> Attribute {
    if (!value.getType().isBF16())
      return value;
    return IntegerAttr::get(IntegerType::get(value.getContext(), 16),
                            bitsOf(value.getValue()));
  });
  replacer.addReplacement([&](DenseFPElementsAttr values) -> Attribute {
    if (!values.getElementType().isBF16())
      return values;
    return values.mapValues(IntegerType::get(values.getContext(), 16), bitsOf);
  });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true,
                                        /*replaceLocs=*/false,
                                        /*replaceTypes=*/true);
  return success();
}

} // namespace

LogicalResult lowerBf16(ModuleOp module, const TargetDescription &target) {
  // (The instruction that rounds flushes denormals to zero.)
  bool hasBf16 =
      !target.portable && StringRef(target.features).contains("+avx512bf16");
  return hasBf16 ? success() : expandBf16(module);
}

} // namespace mlir::pock
