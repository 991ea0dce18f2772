//===- ByteInstructions.cpp - The instructions that a target supports -----===//

#include "ByteInstructions.h"

#include "../TargetMachine.h"

using namespace mlir;
using namespace mlir::pock;

const ByteInstructions *
pock::findByteInstructions(const TargetDescription &target) {
  static constexpr llvm::StringLiteral dsp[] = {"+dsp"};
  llvm::Triple triple = tripleOf(target);
  if ((triple.isARM() || triple.isThumb()) && target.vectorBytes == 0 &&
      triple.isLittleEndian() && hasFeatures(target, dsp))
    return &getArmByteInstructions();
  return nullptr;
}
