/* Prints a hash of results of float and wide integer arithmetic, as the
 * compiler does it for this processor: with instructions, or with calls of the
 * runtime's functions. It has to be the same everywhere. */
#include "patterns.h"

#ifdef HOST
#include <stdio.h>
#include <string.h>
#else
#include "board.h"
#endif

static uint64_t hash = 14695981039346656037u;

static void note(uint64_t value) { /* FNV, of words */
  hash = (hash ^ value) * 1099511628211u;
}

static float float_of(uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, sizeof value);
  return value;
}

static void note_float(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, sizeof bits);
  note((bits & 0x7FFFFFFF) > 0x7F800000 ? 0 : bits); /* NaN has many bits */
}

static void floats(float a, float b, float c) {
  note_float(a + b);
  note_float(a - b);
  note_float(a * b);
  note_float(a / b);
  note_float(__builtin_fmaf(a, b, c));
  note_float(__builtin_sqrtf(a));
  note((uint32_t)((a < b) | (a <= b) << 1 | (a > b) << 2 | (a >= b) << 3 |
                  (a == b) << 4 | (a != b) << 5));
  if (a > -2e9f && a < 2e9f)
    note((uint32_t)(int32_t)a);
  if (b >= 0 && b < 4e9f)
    note((uint32_t)b);
}

static void integers(uint32_t a, uint32_t b, uint32_t c) {
  uint64_t x = (uint64_t)a << 32 | b, y = (uint64_t)b << 32 | c;
  note_float((float)(int32_t)a);
  note_float((float)b);
  note(x * y);
  note(x << (c & 63));
  note(x >> (c & 63));
  note((uint64_t)((int64_t)x >> (c & 63)));
  y >>= a & 63;
  if (y) {
    note(x / y);
    note(x % y);
    note((uint64_t)((int64_t)(x >> 1) / -(int64_t)(y >> 1 | 1)));
    note((uint64_t)(-(int64_t)(x >> 1) % (int64_t)(y >> 1 | 1)));
  }
  c >>= b & 31;
  if (c) {
    note(a / c);
    note(a % c);
    note((uint32_t)((int32_t)(a >> 1) / -(int32_t)(c >> 1 | 1)));
    note((uint32_t)(-(int32_t)(a >> 1) % (int32_t)(c >> 1 | 1)));
  }
}

int main(void) {
  for (int turn = 0; turn < 3000; ++turn) {
    uint32_t a = pattern(), b = pattern(), c = pattern();
    floats(float_of(a), float_of(b), float_of(c));
    integers(a, b, c);
  }
#ifdef HOST
  printf("0x%08x0x%08x\n", (unsigned)(hash >> 32), (unsigned)hash);
#else
  print_hex((uint32_t)(hash >> 32));
  print_hex((uint32_t)hash);
  board_print("\n");
#endif
  return 0;
}
