/* What a program asks of the board it runs on. One of these is linked:
 * semihosting.c (a debugger or an emulator does input and output) or uart.c. */
#ifndef BOARD_H
#define BOARD_H

#include <stddef.h>
#include <stdint.h>

/* Called once, before main. */
void board_init(void);

void board_print(const char *text);

/* Fill `to` with the next bytes of the stream of samples; 0 if there are none.
 */
int board_read(void *to, size_t bytes);

/* End the program; a code other than 0 is a failure. */
_Noreturn void board_exit(int code);

/* Of startup.c: bytes of the stack that were ever in use. */
uint32_t stack_peak(void);

/* Of startup.c: bytes of RAM that the linker has given away, the stack
 * included. */
uint32_t ram_used(void);

/* Of print.c, for programs without printf. */
void print_number(uint32_t number);
void print_hex(uint32_t number);
void print_fraction(float number); /* three digits behind the point */

#endif
