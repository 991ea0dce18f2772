/* The functions that LLVM calls on Arm processors, with the names and calling
 * conventions of Arm's "Run-time ABI". */
#include "Shared.h"

/* They take floats in integer registers, whatever the rest of the code does. */
#define AEABI RUNTIME __attribute__((pcs("aapcs")))

AEABI uint32_t __aeabi_fadd(uint32_t a, uint32_t b) { return addBits(a, b); }
AEABI uint32_t __aeabi_fsub(uint32_t a, uint32_t b) {
  return addBits(a, b ^ kSign);
}
AEABI uint32_t __aeabi_fmul(uint32_t a, uint32_t b) {
  return multiplyBits(a, b);
}
AEABI uint32_t __aeabi_fdiv(uint32_t a, uint32_t b) { return divideBits(a, b); }

AEABI int32_t __aeabi_fcmpeq(uint32_t a, uint32_t b) {
  return compareBits(a, b, 2) == 0;
}
AEABI int32_t __aeabi_fcmplt(uint32_t a, uint32_t b) {
  return compareBits(a, b, 2) == -1;
}
AEABI int32_t __aeabi_fcmple(uint32_t a, uint32_t b) {
  return compareBits(a, b, 2) <= 0;
}
AEABI int32_t __aeabi_fcmpge(uint32_t a, uint32_t b) {
  return compareBits(a, b, -2) >= 0;
}
AEABI int32_t __aeabi_fcmpgt(uint32_t a, uint32_t b) {
  return compareBits(a, b, -2) == 1;
}
AEABI int32_t __aeabi_fcmpun(uint32_t a, uint32_t b) {
  return isNan(a) || isNan(b);
}

AEABI int32_t __aeabi_f2iz(uint32_t a) { return toSigned(a); }
AEABI uint32_t __aeabi_f2uiz(uint32_t a) { return toUnsigned(a); }
AEABI uint32_t __aeabi_i2f(int32_t a) { return fromSigned(a); }
AEABI uint32_t __aeabi_ui2f(uint32_t a) { return fromUnsigned(a); }

AEABI uint64_t __aeabi_lmul(uint64_t a, uint64_t b) { return multiply64(a, b); }
AEABI uint64_t __aeabi_llsl(uint64_t a, uint32_t count) {
  return shiftLeft64(a, count);
}
AEABI uint64_t __aeabi_llsr(uint64_t a, uint32_t count) {
  return shiftRight64(a, count);
}
AEABI uint64_t __aeabi_lasr(uint64_t a, uint32_t count) {
  return shiftRightSigned64(a, count);
}

/* Quotient in r0 (and r1), remainder behind it: as a vector, which has the
 * registers that the Run-time ABI wants. */
typedef uint64_t Pair64 __attribute__((vector_size(16)));

AEABI Pair64 __aeabi_uldivmod(uint64_t a, uint64_t b) {
  Division64 result = divide64(a, b);
  return (Pair64){result.quotient, result.remainder};
}
AEABI Pair64 __aeabi_ldivmod(int64_t a, int64_t b) {
  Division64 result = divideSigned64(a, b);
  return (Pair64){result.quotient, result.remainder};
}
AEABI uint64_t __aeabi_uidivmod(uint32_t a, uint32_t b) {
  Division32 result = divide32(a, b);
  return joined(result.remainder, result.quotient);
}
AEABI uint64_t __aeabi_idivmod(int32_t a, int32_t b) {
  Division32 result = divideSigned32(a, b);
  return joined(result.remainder, result.quotient);
}
AEABI uint32_t __aeabi_uidiv(uint32_t a, uint32_t b) {
  return divide32(a, b).quotient;
}
AEABI uint32_t __aeabi_idiv(int32_t a, int32_t b) {
  return divideSigned32(a, b).quotient;
}
