/* Bits of floats for tests: random ones, of all kinds, near each other. */
#ifndef PATTERNS_H
#define PATTERNS_H

#include <stdint.h>

static uint64_t patterns_state = 88172645463325252u;

static uint32_t random_bits(void) { /* xorshift */
  patterns_state ^= patterns_state << 13;
  patterns_state ^= patterns_state >> 7;
  patterns_state ^= patterns_state << 17;
  return (uint32_t)(patterns_state >> 16);
}

static uint32_t with_exponent(uint32_t bits, uint32_t least, uint32_t count) {
  return (bits & 0x807FFFFF) | (least + random_bits() % count) << 23;
}

static uint32_t pattern(void) {
  uint32_t bits = random_bits();
  switch (random_bits() % 8) {
  case 0: /* zero, infinity, NaN */
    return (bits & 0x80000000) | (bits % 3 == 0   ? 0
                                  : bits % 3 == 1 ? 0x7F800000
                                                  : 0x7FC00001);
  case 1: /* denormal */
    return bits & 0x807FFFFF;
  case 2: /* products and quotients are denormal, or overflow */
    return with_exponent(bits, 1, 40);
  case 3:
    return with_exponent(bits, 215, 40);
  case 4: /* sums cancel */
    return with_exponent(bits, 124, 6);
  case 5: /* few bits: ties in rounding */
    return with_exponent(bits & 0x807C0003, 120, 12);
  case 6:
    return with_exponent(bits, 97, 60);
  default:
    return bits;
  }
}

#endif
