//===- KernelFingerprint.cpp - what makes two kernels equal ---------------===//

#include "Pock/Transforms/KernelFingerprint.h"
#include "Pock/IR/AttributeNames.h"

#include "mlir/IR/AsmState.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/SHA256.h"

using namespace mlir;
using namespace mlir::pock;

std::string mlir::pock::kernelText(func::FuncOp kernel) {
  std::string text;
  llvm::raw_string_ostream os(text);
  OpPrintingFlags flags;
  flags.enableDebugInfo(false).useLocalScope().printGenericOpForm();
  os << kernel.getFunctionType() << kernel->getAttr(attribute::kernel)
     << kernel.getArgAttrsAttr();
  // Values are numbered within the function, hence equally in equal bodies;
  // the name is not part of the body.
  AsmState state(kernel, flags);
  for (Operation &op : kernel.getBody().front()) {
    op.print(os, state);
    os << '\n';
  }
  return text;
}

std::string mlir::pock::kernelFingerprint(func::FuncOp kernel) {
  llvm::SHA256 hash;
  hash.update(kernelText(kernel));
  return llvm::toHex(hash.final(), /*LowerCase=*/true).substr(0, 16);
}
