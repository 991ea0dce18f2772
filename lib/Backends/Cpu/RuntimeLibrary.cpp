//===- RuntimeLibrary.cpp - Functions that processors lack ----------------===//

#include "RuntimeLibrary.h"
#include "TargetMachine.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Object/ObjectFile.h"

using namespace mlir;

namespace {
constexpr unsigned char kArm[] = {
#embed "RuntimeArm.bc"
};
constexpr unsigned char kRiscV[] = {
#embed "RuntimeRiscV.bc"
};

/// The bitcode for a processor; empty if there is none.
StringRef bitcodeFor(const llvm::Triple &triple) {
  auto text = [](llvm::ArrayRef<unsigned char> bytes) {
    return StringRef(reinterpret_cast<const char *>(bytes.data()),
                     bytes.size());
  };
  if (triple.isARM() || triple.isThumb())
    return text(kArm);
  return triple.isRISCV32() ? text(kRiscV) : StringRef();
}

/// Removes what clang knew of the processor and of itself.
void generalize(llvm::Module &module) {
  module.setSourceFileName("pock");
  for (StringRef name : {"llvm.module.flags", "llvm.ident"})
    if (llvm::NamedMDNode *metadata = module.getNamedMetadata(name))
      metadata->eraseFromParent();
  for (llvm::Function &function : module)
    for (StringRef attribute : {"target-cpu", "target-features"})
      function.removeFnAttr(attribute);
}
} // namespace

std::set<std::string>
pock::undefinedSymbols(llvm::ArrayRef<std::string> objects) {
  std::set<std::string> used, defined;
  for (const std::string &object : objects) {
    auto file = llvm::cantFail(llvm::object::ObjectFile::createObjectFile(
        llvm::MemoryBufferRef(object, "pock")));
    for (const llvm::object::SymbolRef &symbol : file->symbols()) {
      uint32_t flags = llvm::cantFail(symbol.getFlags());
      bool isUsed = flags & llvm::object::BasicSymbolRef::SF_Undefined;
      (isUsed ? used : defined).insert(llvm::cantFail(symbol.getName()).str());
    }
  }
  for (const std::string &name : defined)
    used.erase(name);
  used.erase("");
  return used;
}

std::unique_ptr<llvm::Module>
pock::loadRuntimeFunctions(const TargetDescription &target,
                           const std::set<std::string> &names,
                           llvm::LLVMContext &context) {
  StringRef bitcode = bitcodeFor(tripleOf(target));
  if (!target.bareMetal || bitcode.empty())
    return nullptr;
  std::unique_ptr<llvm::Module> module = llvm::cantFail(
      llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, "pock"), context));
  generalize(*module);
  bool isEmpty = true;
  for (llvm::Function &function : *module) {
    if (function.isDeclaration() || function.hasLocalLinkage())
      continue;
    if (names.count(function.getName().str()))
      isEmpty = false;
    else if (function.use_empty())
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
    else // another of them calls it
      function.deleteBody();
  }
  return isEmpty ? nullptr : std::move(module);
}
