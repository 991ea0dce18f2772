//===- ByteInstructions.cpp - The instructions that a target supports -----===//

#include "ByteInstructions.h"

#include "../TargetMachine.h"

using namespace mlir;
using namespace mlir::pock;

const ByteInstructions *
pock::findByteInstructions(const TargetDescription &target) {
  static constexpr llvm::StringLiteral dsp[] = {"+dsp"}, helium[] = {"+mve"};
  llvm::Triple triple = tripleOf(target);
  if (!(triple.isARM() || triple.isThumb()) || !triple.isLittleEndian() ||
      !hasFeatures(target, dsp))
    return nullptr;
  if (target.vectorBytes == 0)
    return &getArmByteInstructions();
  return hasFeatures(target, helium) ? &getHeliumByteInstructions() : nullptr;
}
