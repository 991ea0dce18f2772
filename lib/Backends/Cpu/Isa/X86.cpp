//===- X86.cpp - x86 instructions that sum groups of products -------------===//

#include "GroupProduct.h"

using namespace mlir;
using namespace mlir::pock;

/// Vectors of up to 128, 256 and 512 bits.
static constexpr int64_t lanes4[] = {4}, lanes8[] = {4, 8},
                         lanes16[] = {4, 8, 16};

// VL provides the instruction for vectors of 128 and 256 bits.
static constexpr StringLiteral bf16[] = {"+avx512bf16", "+avx512vl"};
static constexpr StringLiteral vnni[] = {"+avx512vnni", "+avx512vl"};
static constexpr StringLiteral sse2[] = {"+sse2"}, avx2[] = {"+avx2"},
                               avx512[] = {"+avx512bw"};

/// PMADDWD.
static std::string namePairs(int64_t lanes) {
  switch (lanes) {
  case 4:
    return "llvm.x86.sse2.pmadd.wd";
  case 8:
    return "llvm.x86.avx2.pmadd.wd";
  default:
    return "llvm.x86.avx512.pmaddw.d.512";
  }
}

static GroupProduct makePairs(ArrayRef<int64_t> lanes,
                              ArrayRef<StringLiteral> features) {
  GroupProduct row{GroupElement::SI16, GroupElement::SI16, lanes, features,
                   namePairs};
  row.sum = GroupProduct::Sum::Apart;
  return row;
}

static const GroupProduct rows[] = {
    // VDPBF16PS flushes subnormal numbers to zero.
    {GroupElement::BF16, GroupElement::BF16, lanes16, bf16,
     [](int64_t lanes) {
       return "llvm.x86.avx512bf16.dpbf16ps." + std::to_string(32 * lanes);
     },
     /*takesWords=*/false, GroupProduct::Sum::First, /*rounds=*/true},
    // VPDPBUSD has an unsigned and a signed operand.
    {GroupElement::UI8, GroupElement::SI8, lanes16, vnni,
     [](int64_t lanes) {
       return "llvm.x86.avx512.vpdpbusd." + std::to_string(32 * lanes);
     }},
    // Bytes are widened for it: VPMADDUBSW, which takes bytes, saturates sums
    // of two products in 16 bits.
    makePairs(lanes16, avx512),
    makePairs(lanes8, avx2),
    makePairs(lanes4, sse2),
};

ArrayRef<GroupProduct> pock::getX86GroupProducts() { return rows; }
