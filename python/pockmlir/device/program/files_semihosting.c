/* Files on the machine of the debugger or emulator, through semihosting. */
#include "board.h"
#include "run.h"
#include "semihosting.h"

int file_open(const char *path, int write) {
  return semihosting_open(path, write ? SEMIHOSTING_WRITE_BINARY
                                      : SEMIHOSTING_READ_BINARY);
}

void file_close(int file) { semihosting_close(file); }

int file_read(int file, void *to, uint32_t bytes) {
  return semihosting_read(file, to, bytes) == 0;
}

int file_write(int file, const void *from, uint32_t bytes) {
  return semihosting_write(file, from, bytes) == 0;
}

void say(const char *key, uint32_t number) {
  board_print(key);
  board_print(" ");
  print_number(number);
  board_print("\n");
}

#if defined(__ARM_FEATURE_MVE) && __ARM_FEATURE_MVE & 2

/* Since reset, a vector had a denormal number as operand (bit 7 of the
 * cumulative flags) or as result (bit 3), and took it for zero. A scalar result
 * sets bit 3, too. */
static void say_flushed(void) {
  uint32_t status;
  __asm__ volatile("vmrs %0, fpscr" : "=r"(status));
  say("flushed", (status & (1u << 7 | 1u << 3)) != 0);
}

#else

static void say_flushed(void) {}

#endif

void say_figures(void) {
  say("ram", ram_used());
  say("stack", stack_peak());
  say_flushed();
}
