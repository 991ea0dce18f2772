/* Arithmetic of binary32 (IEEE 754) with integers, for processors without a
 * floating-point unit.
 *
 * Numbers are passed as their bits. Every result is rounded once, to nearest,
 * ties to even, denormal numbers included: it has the bits that a
 * floating-point unit computes. NaN is always kNan, and no flags are kept.
 *
 * Between unpacking and packing, a number is a sign, a biased exponent and a
 * significand of 31 bits: (-1)^sign x significand / 2^30 x 2^(exponent - 127).
 * Its last bit is "sticky": it is set if any lower bit was lost, so that
 * rounding sees that the number is not exactly in the middle. */
#ifndef POCK_RUNTIME_SOFTFLOAT_H
#define POCK_RUNTIME_SOFTFLOAT_H

#include <stdint.h>

/* Zeros before the first bit of a number other than 0. */
#ifndef LEADING_ZEROS
#define LEADING_ZEROS __builtin_clz
#endif

static const uint32_t kSign = 0x80000000u, kInfinity = 0x7F800000u,
                      kNan = 0x7FC00000u, kImplicit = 0x00800000u;

static inline uint32_t magnitudeOf(uint32_t a) { return a & ~kSign; }
static inline int isNan(uint32_t a) { return magnitudeOf(a) > kInfinity; }

/* Shift right; lost bits go to the last bit. `count` >= 0. */
static inline uint32_t shiftSticky(uint32_t value, int32_t count) {
  if (count > 31)
    return value != 0;
  return value >> count | ((value & ((1u << count) - 1)) != 0);
}

static inline uint64_t shiftSticky64(uint64_t value, int32_t count) {
  if (count > 63)
    return value != 0;
  return value >> count | ((value & (((uint64_t)1 << count) - 1)) != 0);
}

static inline int32_t leadingZeros64(uint64_t value) {
  uint32_t high = (uint32_t)(value >> 32);
  return high ? LEADING_ZEROS(high) : 32 + LEADING_ZEROS((uint32_t)value);
}

/* Split a finite number other than zero: return its exponent, and set the
 * significand of 24 bits, whose highest bit is 1. */
static inline int32_t unpack(uint32_t a, uint32_t *significand) {
  int32_t exponent = (int32_t)(magnitudeOf(a) >> 23);
  *significand = a & (kImplicit - 1);
  if (exponent) {
    *significand |= kImplicit;
    return exponent;
  }
  int32_t shift = LEADING_ZEROS(*significand) - 8;
  *significand <<= shift;
  return 1 - shift;
}

/* Round a significand of 31 bits, whose highest bit is 1. */
static inline uint32_t pack(uint32_t sign, int32_t exponent,
                            uint32_t significand) {
  if (exponent >= 255)
    return sign | kInfinity;
  if (exponent <= 0) {
    significand = shiftSticky(significand, 1 - exponent);
    exponent = 1;
  }
  uint32_t rest = significand & 127;
  significand = (significand + 64) >> 7;
  if (rest == 64)
    significand &= ~1u;
  /* The implicit bit, if there is one, adds 1 to the exponent; so does a
   * significand that was rounded up to the next power of two. */
  return sign | (((uint32_t)(exponent - 1) << 23) + significand);
}

/* Round a significand of 63 bits, whose highest bit is 1. */
static inline uint32_t pack64(uint32_t sign, int32_t exponent,
                              uint64_t significand) {
  return pack(sign, exponent,
              (uint32_t)(significand >> 32) | ((uint32_t)significand != 0));
}

static inline uint32_t addBits(uint32_t a, uint32_t b) {
  if (magnitudeOf(a) < magnitudeOf(b)) {
    uint32_t larger = b;
    b = a;
    a = larger;
  }
  uint32_t sign = a & kSign, differs = (a ^ b) & kSign;
  if (magnitudeOf(a) >= kInfinity) {
    if (isNan(a) || (magnitudeOf(b) == kInfinity && differs))
      return kNan;
    return a;
  }
  if (magnitudeOf(b) == 0)
    return magnitudeOf(a) ? a : a & b;
  uint32_t x, y;
  int32_t exponent = unpack(a, &x), other = unpack(b, &y);
  x <<= 7;
  y = shiftSticky(y << 7, exponent - other);
  uint32_t sum = differs ? x - y : x + y;
  if (sum == 0)
    return 0;
  if (sum >> 31)
    return pack(sign, exponent + 1, shiftSticky(sum, 1));
  int32_t shift = LEADING_ZEROS(sum) - 1;
  return pack(sign, exponent - shift, sum << shift);
}

static inline uint32_t multiplyBits(uint32_t a, uint32_t b) {
  uint32_t sign = (a ^ b) & kSign, x, y;
  if (magnitudeOf(a) >= kInfinity || magnitudeOf(b) >= kInfinity) {
    if (isNan(a) || isNan(b) || magnitudeOf(a) == 0 || magnitudeOf(b) == 0)
      return kNan;
    return sign | kInfinity;
  }
  if (magnitudeOf(a) == 0 || magnitudeOf(b) == 0)
    return sign;
  int32_t exponent = unpack(a, &x) + unpack(b, &y) - 126;
  uint64_t product = (uint64_t)(x << 7) * (y << 8);
  if (!(product >> 62)) {
    product <<= 1;
    --exponent;
  }
  return pack64(sign, exponent, product);
}

static inline uint32_t divideBits(uint32_t a, uint32_t b) {
  uint32_t sign = (a ^ b) & kSign, x, y;
  if (magnitudeOf(a) >= kInfinity) {
    if (isNan(a) || magnitudeOf(b) >= kInfinity)
      return kNan;
    return sign | kInfinity;
  }
  if (magnitudeOf(b) >= kInfinity)
    return isNan(b) ? kNan : sign;
  if (magnitudeOf(b) == 0)
    return magnitudeOf(a) ? sign | kInfinity : kNan;
  if (magnitudeOf(a) == 0)
    return sign;
  int32_t exponent = unpack(a, &x) - unpack(b, &y) + 127;
  if (x < y) {
    x <<= 1;
    --exponent;
  }
  uint32_t quotient = 0;
  for (uint32_t bit = 1u << 30; bit; bit >>= 1) {
    if (x >= y) {
      x -= y;
      quotient |= bit;
    }
    x <<= 1;
  }
  return pack(sign, exponent, quotient | (x != 0));
}

static inline uint32_t squareRootBits(uint32_t a) {
  if (magnitudeOf(a) == 0)
    return a;
  if (isNan(a) || a & kSign)
    return kNan;
  if (a == kInfinity)
    return a;
  uint32_t rest;
  /* An odd exponent gives one bit to the significand. */
  int32_t exponent = unpack(a, &rest) - 127;
  rest <<= 1 + (exponent & 1);
  /* Digit by digit: `twice` is twice the root so far. */
  uint32_t root = 0, twice = 0;
  for (uint32_t bit = 1u << 24; bit; bit >>= 1) {
    if (twice + bit <= rest) {
      rest -= twice + bit;
      twice += 2 * bit;
      root |= bit;
    }
    rest <<= 1;
  }
  return pack(0, (exponent >> 1) + 127, root << 6 | (rest != 0));
}

/* a x b + c, rounded once. */
static inline uint32_t fusedBits(uint32_t a, uint32_t b, uint32_t c) {
  uint32_t sign = (a ^ b) & kSign;
  if (magnitudeOf(a) >= kInfinity || magnitudeOf(b) >= kInfinity) {
    if (isNan(a) || isNan(b) || isNan(c) || magnitudeOf(a) == 0 ||
        magnitudeOf(b) == 0 || c == ((sign ^ kSign) | kInfinity))
      return kNan;
    return sign | kInfinity;
  }
  if (magnitudeOf(c) >= kInfinity)
    return isNan(c) ? kNan : c;
  if (magnitudeOf(a) == 0 || magnitudeOf(b) == 0)
    return magnitudeOf(c) ? c : sign & c;
  uint32_t x, y, z;
  int32_t exponent = unpack(a, &x) + unpack(b, &y) - 126;
  /* Significands of 62 bits. The product is exact: 48 bits and zeros. Hence
   * bits are lost only of a term that is much smaller than the other. */
  uint64_t product = (uint64_t)(x << 7) * (y << 7);
  if (!(product >> 61)) {
    product <<= 1;
    --exponent;
  }
  if (magnitudeOf(c) == 0)
    return pack64(sign, exponent, product << 1);
  int32_t other = unpack(c, &z);
  uint64_t term = (uint64_t)z << 38;
  if (exponent >= other) {
    term = shiftSticky64(term, exponent - other);
  } else {
    product = shiftSticky64(product, other - exponent);
    exponent = other;
  }
  uint64_t sum;
  if (sign == (c & kSign)) {
    sum = product + term;
  } else if (product >= term) {
    sum = product - term;
  } else {
    sum = term - product;
    sign ^= kSign;
  }
  if (sum == 0)
    return 0;
  int32_t shift = leadingZeros64(sum) - 1;
  return pack64(sign, exponent + 1 - shift, sum << shift);
}

/* -1, 0 or 1 as a is smaller than, equal to or larger than b; `otherwise` if
 * one of them is NaN. */
static inline int32_t compareBits(uint32_t a, uint32_t b, int32_t otherwise) {
  if (isNan(a) || isNan(b))
    return otherwise;
  if (magnitudeOf(a | b) == 0)
    return 0;
  /* Negative numbers are in the opposite order of their magnitudes. */
  int32_t x = a & kSign ? -(int32_t)magnitudeOf(a) : (int32_t)a;
  int32_t y = b & kSign ? -(int32_t)magnitudeOf(b) : (int32_t)b;
  return (x > y) - (x < y);
}

/* Towards zero; NaN is 0, and numbers out of range are the nearest integer. */
static inline int32_t toSigned(uint32_t a) {
  int32_t exponent = (int32_t)(magnitudeOf(a) >> 23) - 127;
  if (exponent < 0 || isNan(a))
    return 0;
  if (exponent > 30)
    return a & kSign ? INT32_MIN : INT32_MAX;
  uint32_t integer = ((a << 8) | kSign) >> (31 - exponent);
  return a & kSign ? -(int32_t)integer : (int32_t)integer;
}

static inline uint32_t toUnsigned(uint32_t a) {
  int32_t exponent = (int32_t)(magnitudeOf(a) >> 23) - 127;
  if (exponent < 0 || isNan(a) || a & kSign)
    return 0;
  return exponent > 31 ? UINT32_MAX : ((a << 8) | kSign) >> (31 - exponent);
}

static inline uint32_t fromMagnitude(uint32_t sign, uint32_t magnitude) {
  if (magnitude == 0)
    return 0;
  int32_t zeros = LEADING_ZEROS(magnitude);
  return pack(sign, 127 + 31 - zeros, shiftSticky(magnitude << zeros, 1));
}

static inline uint32_t fromUnsigned(uint32_t a) { return fromMagnitude(0, a); }

static inline uint32_t fromSigned(int32_t a) {
  return a < 0 ? fromMagnitude(kSign, 0u - (uint32_t)a)
               : fromMagnitude(0, (uint32_t)a);
}

/* -0 is smaller than +0. If an operand is NaN, so is the result. */
static inline uint32_t minimumBits(uint32_t a, uint32_t b) {
  if (isNan(a) || isNan(b))
    return kNan;
  if (magnitudeOf(a | b) == 0)
    return a | b;
  return compareBits(a, b, 0) < 0 ? a : b;
}

static inline uint32_t maximumBits(uint32_t a, uint32_t b) {
  if (isNan(a) || isNan(b))
    return kNan;
  if (magnitudeOf(a | b) == 0)
    return a & b;
  return compareBits(a, b, 0) > 0 ? a : b;
}

#endif
