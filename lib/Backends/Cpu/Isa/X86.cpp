//===- X86.cpp - x86 instructions that sum groups of products -------------===//

#include "GroupProduct.h"

using namespace mlir;
using namespace mlir::pock;

/// Vectors of 128, 256 and 512 bits.
static constexpr int64_t lanes[] = {4, 8, 16};

// VL provides the instruction for vectors of 128 and 256 bits.
static constexpr StringLiteral bf16[] = {"+avx512bf16", "+avx512vl"};
static constexpr StringLiteral vnni[] = {"+avx512vnni", "+avx512vl"};

static const GroupProduct rows[] = {
    // VDPBF16PS flushes subnormal numbers to zero.
    {GroupElement::BF16, GroupElement::BF16, lanes, bf16,
     [](int64_t lanes) {
       return "llvm.x86.avx512bf16.dpbf16ps." + std::to_string(32 * lanes);
     },
     /*takesWords=*/false, /*sumLast=*/false, /*rounds=*/true},
    // VPDPBUSD has an unsigned and a signed operand.
    {GroupElement::UI8, GroupElement::SI8, lanes, vnni,
     [](int64_t lanes) {
       return "llvm.x86.avx512.vpdpbusd." + std::to_string(32 * lanes);
     }},
};

ArrayRef<GroupProduct> pock::getX86GroupProducts() { return rows; }
