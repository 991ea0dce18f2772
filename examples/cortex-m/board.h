/* The functions of a board. One of two files implements them: semihosting.c
 * (input and output through a debugger or emulator) or uart.c. */
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

/* Defined in startup.c: the deepest use of the stack, in bytes. */
uint32_t stack_peak(void);

/* Defined in startup.c: bytes of RAM that the linker has placed, the stack
 * included. */
uint32_t ram_used(void);

/* Defined in print.c, for programs without printf. */
void print_number(uint32_t number);
void print_hex(uint32_t number);
void print_fraction(float number); /* three decimals */

#endif
