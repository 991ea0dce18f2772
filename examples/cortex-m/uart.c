/* A board with input and output through a serial line. The registers are those
 * of Arm's CMSDK UART, which the emulated boards have. Another microcontroller
 * needs other registers here, and nowhere else. */
#include "board.h"

#ifndef UART
#define UART 0x40004000 /* UART0 of the MPS2 boards */
#endif

struct uart {
  volatile uint32_t data, state, control, interrupt, divider;
};
enum { STATE_SEND_FULL = 1, STATE_RECEIVED = 2 };
enum { CONTROL_SEND = 1, CONTROL_RECEIVE = 2 };

static struct uart *const uart = (struct uart *)UART;

void board_init(void) {
  uart->divider = 217; /* 115200 baud of a clock of 25 MHz */
  uart->control = CONTROL_SEND | CONTROL_RECEIVE;
}

static void send(char byte) {
  while (uart->state & STATE_SEND_FULL)
    ;
  uart->data = (uint8_t)byte;
}

void board_print(const char *text) {
  while (*text)
    send(*text++);
}

int board_read(void *to, size_t bytes) {
  for (uint8_t *at = to; bytes; --bytes) {
    while (!(uart->state & STATE_RECEIVED))
      ;
    *at++ = (uint8_t)uart->data;
  }
  return 1;
}

_Noreturn void board_exit(int code) {
  /* There is no caller to return to: print the code, and start again. */
  board_print("exit ");
  print_number((uint32_t)code);
  board_print("\n");
  volatile uint32_t *reset_control = (volatile uint32_t *)0xE000ED0C;
  *reset_control = 0x05FA0004;
  for (;;)
    ;
}
