/* Compares the runtime's functions with this machine's own arithmetic, on as
 * many operands as the argument says. */
#include "SoftFloat.h"
#include "WideInteger.h"
#include "patterns.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static float float_of(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

static uint32_t bits_of(float value) {
  uint32_t bits;
  memcpy(&bits, &value, sizeof bits);
  return isNan(bits) ? kNan : bits;
}

static int wrong;

static void check(const char *what, uint32_t a, uint32_t b, uint32_t c,
                  uint64_t found, uint64_t expected) {
  if (found == expected)
    return;
  if (++wrong < 20)
    printf("%s %08x %08x %08x: %llx, expected %llx\n", what, a, b, c,
           (unsigned long long)found, (unsigned long long)expected);
}

static void check_floats(uint32_t a, uint32_t b, uint32_t c) {
  float x = float_of(a), y = float_of(b);
  check("add", a, b, 0, addBits(a, b), bits_of(x + y));
  check("multiply", a, b, 0, multiplyBits(a, b), bits_of(x * y));
  check("divide", a, b, 0, divideBits(a, b), bits_of(x / y));
  check("root", a, 0, 0, squareRootBits(a), bits_of(sqrtf(x)));
  check("fused", a, b, c, fusedBits(a, b, c), bits_of(fmaf(x, y, float_of(c))));
  check("less", a, b, 0, compareBits(a, b, 2) == -1, x < y);
  check("less or equal", a, b, 0, compareBits(a, b, 2) <= 0, x <= y);
  check("greater", a, b, 0, compareBits(a, b, -2) == 1, x > y);
  check("greater or equal", a, b, 0, compareBits(a, b, -2) >= 0, x >= y);
  check("equal", a, b, 0, compareBits(a, b, 2) == 0, x == y);
  if (fabsf(x) < 0x1p31f)
    check("to signed", a, 0, 0, (uint32_t)toSigned(a), (uint32_t)(int32_t)x);
  if (x >= 0 && x < 0x1p32f)
    check("to unsigned", a, 0, 0, toUnsigned(a), (uint32_t)x);
  if (!isNan(a) && !isNan(b)) {
    check("minimum", a, b, 0, float_of(minimumBits(a, b)) == fminf(x, y), 1);
    check("maximum", a, b, 0, float_of(maximumBits(a, b)) == fmaxf(x, y), 1);
  }
}

static void check_integers(uint32_t a, uint32_t b, uint32_t c) {
  check("from signed", a, 0, 0, fromSigned((int32_t)a),
        bits_of((float)(int32_t)a));
  check("from unsigned", a, 0, 0, fromUnsigned(a), bits_of((float)a));
  if (a)
    check("zeros", a, 0, 0, (uint32_t)leadingZeros32(a),
          (uint32_t)__builtin_clz(a));
  uint32_t count = c % 64;
  uint64_t x = joined(a, b) >> (c >> 8) % 64, y = joined(b, c) >> (a & 63);
  int64_t sx = (int64_t)joined(a, b), sy = (int64_t)joined(c, a) >> (b & 63);
  check("multiply 64", a, b, c, multiply64(x, y), x * y);
  check("left", a, b, c, shiftLeft64(x, count), x << count);
  check("right", a, b, c, shiftRight64(x, count), x >> count);
  check("right, signed", a, b, c, shiftRightSigned64((uint64_t)sx, count),
        (uint64_t)(sx >> count));
  if (y) {
    check("quotient", a, b, c, divide64(x, y).quotient, x / y);
    check("remainder", a, b, c, divide64(x, y).remainder, x % y);
  }
  if (sy && !(sx == INT64_MIN && sy == -1)) {
    check("quotient, signed", a, b, c, divideSigned64(sx, sy).quotient,
          (uint64_t)(sx / sy));
    check("remainder, signed", a, b, c, divideSigned64(sx, sy).remainder,
          (uint64_t)(sx % sy));
  }
  uint32_t divisor = b >> (c & 31);
  if (divisor) {
    check("quotient 32", a, b, c, divide32(a, divisor).quotient, a / divisor);
    check("remainder 32", a, b, c, divide32(a, divisor).remainder, a % divisor);
    if (!(a == kSign && divisor == UINT32_MAX))
      check("quotient 32, signed", a, b, c,
            divideSigned32((int32_t)a, (int32_t)divisor).quotient,
            (uint32_t)((int32_t)a / (int32_t)divisor));
  }
}

int main(int count, char **arguments) {
  for (long turns = count > 1 ? atol(arguments[1]) : 1; turns; --turns) {
    uint32_t a = pattern(), b = pattern(), c = pattern();
    if (turns % 3 == 0) /* a fused sum cancels nearly everything */
      c = bits_of(-float_of(a) * float_of(b)) + random_bits() % 5 - 2;
    if (turns % 5 == 0) /* so does a sum */
      b = (a ^ kSign) + random_bits() % 3 - 1;
    check_floats(a, b, c);
    check_integers(a, b, c);
  }
  return wrong != 0;
}
