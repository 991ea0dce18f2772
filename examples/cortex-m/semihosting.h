/* Semihosting: the program stops at a breakpoint, and the debugger or emulator
 * runs the operation in the registers. Arm's document "Semihosting for AArch32
 * and AArch64" has the numbers. Without a debugger, the breakpoint is a fault.
 */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stddef.h>
#include <stdint.h>

enum { SEMIHOSTING_READ_BINARY = 1, SEMIHOSTING_WRITE_BINARY = 5 };

/* Return a file's handle, or -1. */
int semihosting_open(const char *path, int mode);
void semihosting_close(int file);

/* Both return the number of bytes that were *not* transferred. */
size_t semihosting_read(int file, void *to, size_t bytes);
size_t semihosting_write(int file, const void *from, size_t bytes);

#endif
