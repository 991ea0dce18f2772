/* The functions that LLVM calls on RISC-V processors, with the names of GCC's
 * library. */
#include <stdint.h>

/* There is no instruction in RV32I, and what LLVM has instead is long. */
int32_t __clzsi2(uint32_t a);
#define LEADING_ZEROS __clzsi2
#include "Shared.h"

RUNTIME uint32_t __addsf3(uint32_t a, uint32_t b) { return addBits(a, b); }
RUNTIME uint32_t __subsf3(uint32_t a, uint32_t b) {
  return addBits(a, b ^ kSign);
}
RUNTIME uint32_t __mulsf3(uint32_t a, uint32_t b) { return multiplyBits(a, b); }
RUNTIME uint32_t __divsf3(uint32_t a, uint32_t b) { return divideBits(a, b); }

/* The sign of a - b; for NaN one that makes the comparison false. */
RUNTIME int32_t __eqsf2(uint32_t a, uint32_t b) { return compareBits(a, b, 1); }
RUNTIME int32_t __nesf2(uint32_t a, uint32_t b) { return compareBits(a, b, 1); }
RUNTIME int32_t __ltsf2(uint32_t a, uint32_t b) { return compareBits(a, b, 1); }
RUNTIME int32_t __lesf2(uint32_t a, uint32_t b) { return compareBits(a, b, 1); }
RUNTIME int32_t __gtsf2(uint32_t a, uint32_t b) {
  return compareBits(a, b, -1);
}
RUNTIME int32_t __gesf2(uint32_t a, uint32_t b) {
  return compareBits(a, b, -1);
}
RUNTIME int32_t __unordsf2(uint32_t a, uint32_t b) {
  return isNan(a) || isNan(b);
}

RUNTIME int32_t __fixsfsi(uint32_t a) { return toSigned(a); }
RUNTIME uint32_t __fixunssfsi(uint32_t a) { return toUnsigned(a); }
RUNTIME uint32_t __floatsisf(int32_t a) { return fromSigned(a); }
RUNTIME uint32_t __floatunsisf(uint32_t a) { return fromUnsigned(a); }

RUNTIME uint64_t __ashldi3(uint64_t a, uint32_t count) {
  return shiftLeft64(a, count);
}
RUNTIME uint64_t __lshrdi3(uint64_t a, uint32_t count) {
  return shiftRight64(a, count);
}
RUNTIME uint64_t __ashrdi3(uint64_t a, uint32_t count) {
  return shiftRightSigned64(a, count);
}
RUNTIME uint64_t __muldi3(uint64_t a, uint64_t b) { return multiply64(a, b); }
RUNTIME uint64_t __udivdi3(uint64_t a, uint64_t b) {
  return divide64(a, b).quotient;
}
RUNTIME uint64_t __umoddi3(uint64_t a, uint64_t b) {
  return divide64(a, b).remainder;
}
RUNTIME int64_t __divdi3(int64_t a, int64_t b) {
  return (int64_t)divideSigned64(a, b).quotient;
}
RUNTIME int64_t __moddi3(int64_t a, int64_t b) {
  return (int64_t)divideSigned64(a, b).remainder;
}
