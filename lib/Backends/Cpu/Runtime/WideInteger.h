/* Integers of 64 bits on processors of 32, and what a Cortex-M0+ has no
 * instruction for. None of it may use an operation that becomes a call of
 * itself: no division of 64 bits, and in the functions named so neither a
 * multiplication nor a shift of 64 bits. */
#ifndef POCK_RUNTIME_WIDEINTEGER_H
#define POCK_RUNTIME_WIDEINTEGER_H

#include <stdint.h>

typedef struct {
  uint64_t quotient, remainder;
} Division64;

typedef struct {
  uint32_t quotient, remainder;
} Division32;

static inline uint32_t highOf(uint64_t a) { return (uint32_t)(a >> 32); }
static inline uint32_t lowOf(uint64_t a) { return (uint32_t)a; }
static inline uint64_t joined(uint32_t high, uint32_t low) {
  return (uint64_t)high << 32 | low;
}

/* Bit by bit: one instruction more than shifting and subtracting needs. A
 * division by zero has no result that anybody may rely on. */
static inline Division64 divide64(uint64_t a, uint64_t b) {
  Division64 result = {0, a};
  if (b == 0 || b > a)
    return result;
  uint64_t bit = 1;
  while (!(highOf(b) >> 31) && (b + b) <= a) {
    b += b;
    bit += bit;
  }
  while (bit) {
    if (result.remainder >= b) {
      result.remainder -= b;
      result.quotient |= bit;
    }
    b = joined(highOf(b) >> 1, highOf(b) << 31 | lowOf(b) >> 1);
    bit = joined(highOf(bit) >> 1, highOf(bit) << 31 | lowOf(bit) >> 1);
  }
  return result;
}

/* The same for 32 bits. */
static inline Division32 divide32(uint32_t a, uint32_t b) {
  Division32 result = {0, a};
  if (b == 0 || b > a)
    return result;
  uint32_t bit = 1;
  while (!(b >> 31) && b + b <= a) {
    b += b;
    bit += bit;
  }
  while (bit) {
    if (result.remainder >= b) {
      result.remainder -= b;
      result.quotient |= bit;
    }
    b >>= 1;
    bit >>= 1;
  }
  return result;
}

static inline uint64_t negateIf(int negative, uint64_t a) {
  return negative ? 0 - a : a;
}

/* Quotient rounded towards zero, and a remainder of the dividend's sign. */
static inline Division64 divideSigned64(int64_t a, int64_t b) {
  Division64 result =
      divide64(negateIf(a < 0, (uint64_t)a), negateIf(b < 0, (uint64_t)b));
  result.quotient = negateIf((a < 0) != (b < 0), result.quotient);
  result.remainder = negateIf(a < 0, result.remainder);
  return result;
}

static inline Division32 divideSigned32(int32_t a, int32_t b) {
  Division32 result = divide32(a < 0 ? 0 - (uint32_t)a : (uint32_t)a,
                               b < 0 ? 0 - (uint32_t)b : (uint32_t)b);
  if ((a < 0) != (b < 0))
    result.quotient = 0 - result.quotient;
  if (a < 0)
    result.remainder = 0 - result.remainder;
  return result;
}

/* From products of 16 bits. */
static inline uint64_t multiply64(uint64_t a, uint64_t b) {
  uint32_t x = lowOf(a), y = lowOf(b);
  uint32_t x0 = x & 0xFFFF, x1 = x >> 16, y0 = y & 0xFFFF, y1 = y >> 16;
  uint32_t low = x0 * y0, middle = x1 * y0 + (low >> 16);
  uint32_t other = x0 * y1 + (middle & 0xFFFF);
  uint32_t high = x1 * y1 + (middle >> 16) + (other >> 16);
  high += x * highOf(b) + highOf(a) * y;
  return joined(high, other << 16 | (low & 0xFFFF));
}

static inline uint64_t shiftLeft64(uint64_t a, uint32_t count) {
  if (count == 0)
    return a;
  if (count >= 32)
    return joined(lowOf(a) << (count - 32), 0);
  return joined(highOf(a) << count | lowOf(a) >> (32 - count), lowOf(a)
                                                                   << count);
}

static inline uint64_t shiftRight64(uint64_t a, uint32_t count) {
  if (count == 0)
    return a;
  if (count >= 32)
    return joined(0, highOf(a) >> (count - 32));
  return joined(highOf(a) >> count,
                highOf(a) << (32 - count) | lowOf(a) >> count);
}

static inline uint64_t shiftRightSigned64(uint64_t a, uint32_t count) {
  int32_t high = (int32_t)highOf(a);
  if (count == 0)
    return a;
  if (count >= 32)
    return joined((uint32_t)(high >> 31), (uint32_t)(high >> (count - 32)));
  return joined((uint32_t)(high >> count),
                (uint32_t)high << (32 - count) | lowOf(a) >> count);
}

static inline int32_t leadingZeros32(uint32_t a) {
  int32_t zeros = 0;
  if (!(a >> 16))
    zeros += 16, a <<= 16;
  if (!(a >> 24))
    zeros += 8, a <<= 8;
  if (!(a >> 28))
    zeros += 4, a <<= 4;
  if (!(a >> 30))
    zeros += 2, a <<= 2;
  return zeros + (a >> 31 ? 0 : 1 + (a == 0));
}

#endif
