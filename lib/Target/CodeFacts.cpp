//===- CodeFacts.cpp - what generated code computes with ------------------===//

#include "Pock/Target/CodeFacts.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

#include <set>

using namespace mlir;

/// The function of a C library that `op` becomes a call of; empty if none.
static StringRef libraryFunction(Operation *op) {
  static constexpr StringLiteral names[] = {"exp", "log", "tanh", "pow", "erf"};
  StringRef name = op->getName().getStringRef();
  if (auto call = dyn_cast<LLVM::CallOp>(op)) {
    name = call.getCallee().value_or("");
    if (!llvm::is_contained(names, name))
      name.consume_back("f");
  } else if (!name.consume_front("llvm.intr.")) {
    return "";
  }
  return llvm::is_contained(names, name) ? name : "";
}

std::string pock::describeArithmetic(ModuleOp module) {
  bool fused = false, bf16 = false, reassociated = false;
  std::set<std::string> library;
  module.walk([&](Operation *op) {
    fused |= isa<LLVM::FMAOp, LLVM::FMulAddOp>(op);
    if (auto call = dyn_cast<LLVM::CallIntrinsicOp>(op))
      bf16 |= call.getIntrin().contains("dpbf16ps");
    if (auto fast = dyn_cast<LLVM::FastmathFlagsInterface>(op))
      reassociated |= bitEnumContainsAny(fast.getFastmathAttr().getValue(),
                                         LLVM::FastmathFlags::reassoc);
    if (StringRef name = libraryFunction(op); !name.empty())
      library.insert(name.str());
  });
  return llvm::formatv("{0}", llvm::json::Value(llvm::json::Object{
                                  {"fused", fused},
                                  {"bf16_products", bf16},
                                  {"reassociated", reassociated},
                                  {"libm", llvm::json::Array(library)}}))
      .str();
}
