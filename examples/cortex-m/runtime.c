/* The functions of a C library that compiled code calls implicitly, so that no
 * library needs to be linked. The empty assembly prevents compilers from
 * replacing a loop by a call of the function that contains it. */
#include <stddef.h>
#include <stdint.h>

#define KEEP_LOOP __asm__ volatile("")

void __aeabi_memcpy(void *to, const void *from, size_t bytes) {
  uint8_t *out = to;
  const uint8_t *in = from;
  if ((((uintptr_t)out | (uintptr_t)in) & 3) == 0)
    for (; bytes >= 4; bytes -= 4, out += 4, in += 4) {
      *(uint32_t *)out = *(const uint32_t *)in;
      KEEP_LOOP;
    }
  for (; bytes; --bytes) {
    *out++ = *in++;
    KEEP_LOOP;
  }
}

void __aeabi_memmove(void *to, const void *from, size_t bytes) {
  uint8_t *out = to;
  const uint8_t *in = from;
  if (out <= in || out >= in + bytes) {
    __aeabi_memcpy(to, from, bytes);
    return;
  }
  while (bytes) { /* from the end, because the regions overlap */
    --bytes;
    out[bytes] = in[bytes];
    KEEP_LOOP;
  }
}

void __aeabi_memset(void *to, size_t bytes, int value) {
  uint8_t *out = to;
  uint32_t word = (uint8_t)value * 0x01010101u;
  if (((uintptr_t)out & 3) == 0)
    for (; bytes >= 4; bytes -= 4, out += 4) {
      *(uint32_t *)out = word;
      KEEP_LOOP;
    }
  for (; bytes; --bytes) {
    *out++ = (uint8_t)value;
    KEEP_LOOP;
  }
}

void __aeabi_memclr(void *to, size_t bytes) { __aeabi_memset(to, bytes, 0); }

#define ALIAS(name) __attribute__((alias(name)))
void __aeabi_memcpy4(void *to, const void *from, size_t bytes)
    ALIAS("__aeabi_memcpy");
void __aeabi_memcpy8(void *to, const void *from, size_t bytes)
    ALIAS("__aeabi_memcpy");
void __aeabi_memmove4(void *to, const void *from, size_t bytes)
    ALIAS("__aeabi_memmove");
void __aeabi_memmove8(void *to, const void *from, size_t bytes)
    ALIAS("__aeabi_memmove");
void __aeabi_memset4(void *to, size_t bytes, int value) ALIAS("__aeabi_memset");
void __aeabi_memset8(void *to, size_t bytes, int value) ALIAS("__aeabi_memset");
void __aeabi_memclr4(void *to, size_t bytes) ALIAS("__aeabi_memclr");
void __aeabi_memclr8(void *to, size_t bytes) ALIAS("__aeabi_memclr");

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
  __aeabi_memcpy(to, from, bytes);
  return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
  __aeabi_memmove(to, from, bytes);
  return to;
}

void *memset(void *to, int value, size_t bytes) {
  __aeabi_memset(to, bytes, value);
  return to;
}
