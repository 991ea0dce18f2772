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

void say_memory(void) {
  say("ram", ram_used());
  say("stack", stack_peak());
}
