/* Functions with the same name on all processors. */
#ifndef POCK_RUNTIME_SHARED_H
#define POCK_RUNTIME_SHARED_H

#include "SoftFloat.h"
#include "WideInteger.h"

/* A program may bring its own. Floats are passed as integers: so does every
 * calling convention without a floating-point unit. */
#define RUNTIME __attribute__((weak))

RUNTIME uint32_t fmaf(uint32_t a, uint32_t b, uint32_t c) {
  return fusedBits(a, b, c);
}
RUNTIME uint32_t sqrtf(uint32_t a) { return squareRootBits(a); }
/* If one operand is NaN, the result of the first two is the other one. */
RUNTIME uint32_t fminf(uint32_t a, uint32_t b) {
  return isNan(a) ? b : isNan(b) ? a : minimumBits(a, b);
}
RUNTIME uint32_t fmaxf(uint32_t a, uint32_t b) {
  return isNan(a) ? b : isNan(b) ? a : maximumBits(a, b);
}
RUNTIME uint32_t fminimumf(uint32_t a, uint32_t b) { return minimumBits(a, b); }
RUNTIME uint32_t fmaximumf(uint32_t a, uint32_t b) { return maximumBits(a, b); }

RUNTIME int32_t __clzsi2(uint32_t a) { return leadingZeros32(a); }

#endif
