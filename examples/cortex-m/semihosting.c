/* A board with input and output through the debugger: the file samples.bin, the
 * console, the exit code. */
#include "semihosting.h"
#include "board.h"

enum {
  SYS_OPEN = 0x01,
  SYS_CLOSE = 0x02,
  SYS_WRITE0 = 0x04,
  SYS_WRITE = 0x05,
  SYS_READ = 0x06,
  SYS_EXIT_EXTENDED = 0x20,
};

#ifdef __riscv

/* `pock run` builds this file for RISC-V, too. The instructions around the
 * breakpoint, which do nothing, say what it is for; none may be compressed. */
static uint32_t call(uint32_t operation, const void *argument) {
  register uint32_t a0 __asm__("a0") = operation;
  register const void *a1 __asm__("a1") = argument;
  __asm__ volatile(".option push\n .option norvc\n .balign 16\n"
                   "slli x0, x0, 0x1f\n ebreak\n srai x0, x0, 7\n"
                   ".option pop\n"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
  return a0;
}

#else

static uint32_t call(uint32_t operation, const void *argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}

#endif

int semihosting_open(const char *path, int mode) {
  size_t length = 0;
  while (path[length])
    ++length;
  uint32_t block[] = {(uint32_t)path, (uint32_t)mode, length};
  return (int)call(SYS_OPEN, block);
}

void semihosting_close(int file) {
  uint32_t block[] = {(uint32_t)file};
  call(SYS_CLOSE, block);
}

size_t semihosting_read(int file, void *to, size_t bytes) {
  uint32_t block[] = {(uint32_t)file, (uint32_t)to, bytes};
  return call(SYS_READ, block);
}

size_t semihosting_write(int file, const void *from, size_t bytes) {
  uint32_t block[] = {(uint32_t)file, (uint32_t)from, bytes};
  return call(SYS_WRITE, block);
}

static int samples = -1;

void board_init(void) {
  samples = semihosting_open("samples.bin", SEMIHOSTING_READ_BINARY);
}

void board_print(const char *text) { call(SYS_WRITE0, text); }

int board_read(void *to, size_t bytes) {
  return samples >= 0 && semihosting_read(samples, to, bytes) == 0;
}

_Noreturn void board_exit(int code) {
  uint32_t block[] = {0x20026 /* the application has exited */, (uint32_t)code};
  for (;;)
    call(SYS_EXIT_EXTENDED, block);
}
