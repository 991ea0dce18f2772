//===- Arm.cpp - Arm instructions for groups of narrow numbers ------------===//
//
// VMLADAVA of Helium is not in this table: its group is a vector of 128 bits,
// and its sum is a scalar (ByteInstructions.h).
//
//===----------------------------------------------------------------------===//

#include "ByteInstructions.h"
#include "GroupProduct.h"

using namespace mlir;
using namespace mlir::pock;

static constexpr int64_t scalar[] = {1};
static constexpr int64_t neon[] = {2, 4};

static constexpr StringLiteral dsp[] = {"+dsp"};
static constexpr StringLiteral dotProduct[] = {"+dotprod"};

static const GroupProduct arm[] = {
    // SMLAD, on processors without vectors.
    {GroupElement::SI16, GroupElement::SI16, scalar, dsp,
     [](int64_t) -> std::string { return "llvm.arm.smlad"; },
     /*takesWords=*/true, GroupProduct::Sum::Last},
};

/// `llvm.aarch64.neon.sdot.v4i32.v16i8`.
static std::string nameDot(StringRef name, int64_t lanes) {
  return ("llvm.aarch64.neon." + name + ".v" + Twine(lanes) + "i32.v" +
          Twine(4 * lanes) + "i8")
      .str();
}

static const GroupProduct aarch64[] = {
    {GroupElement::SI8, GroupElement::SI8, neon, dotProduct,
     [](int64_t lanes) { return nameDot("sdot", lanes); }},
    {GroupElement::UI8, GroupElement::UI8, neon, dotProduct,
     [](int64_t lanes) { return nameDot("udot", lanes); }},
};

ArrayRef<GroupProduct> pock::getArmGroupProducts() { return arm; }
ArrayRef<GroupProduct> pock::getAArch64GroupProducts() { return aarch64; }

// The registers are fixed, because a list of registers must be ascending. (r7
// may be the frame pointer.)
static constexpr ByteInstructions bytes{
    "llvm.arm.sxtb16",
    "llvm.arm.sxtab16",
    {{"llvm.arm.smlabb", "llvm.arm.smlabt"},
     {"llvm.arm.smlatb", "llvm.arm.smlatt"}},
    "ldmia $4!, {$0,$1,$2,$3}",
    "={r4},={r5},={r6},={r8},=&r,4,~{memory}"};

static constexpr ByteInstructions addHelium(ByteInstructions row) {
  row.dotBytes = "llvm.arm.mve.vmldava.v16i8";
  row.dotHalves = "llvm.arm.mve.vmldava.v8i16";
  return row;
}
static constexpr ByteInstructions heliumBytes = addHelium(bytes);

const ByteInstructions &pock::getArmByteInstructions() { return bytes; }
const ByteInstructions &pock::getHeliumByteInstructions() {
  return heliumBytes;
}
