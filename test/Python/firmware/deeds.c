/* Does what DEED says; the tests know what should come of it. */
#include "board.h"

extern uint32_t ram_end[], flash_begin[];

/* No memory, and no device. */
#ifdef __riscv
#define NOWHERE 0x70000000
#else
#define NOWHERE 0x80000000
#endif

#ifndef RAM_ARRAY
#define RAM_ARRAY 1024
#endif
unsigned char array[RAM_ARRAY] __attribute__((section(".model.array")));

/* The assembly sees the whole frame before and after the call: no compiler can
 * make it smaller, or a loop of the recursion. */
static int deep(int depth) {
  char frame[128];
  frame[0] = 1; /* at its lowest address; paint shows what was written only */
  __asm__ volatile("" ::"r"(frame) : "memory");
  int below = depth ? deep(depth - 1) : 0;
  __asm__ volatile("" ::"r"(frame) : "memory");
  return below;
}

enum {
  RETURN,
  OVERFLOW,
  STORE_BEYOND,
  STORE_FLASH,
  EXECUTE_RAM,
  LOAD_NULL_AREA
};

int main(void) {
  volatile uint32_t *far = ram_end;
  array[0] = 1;
  switch (DEED) {
  case RETURN:
    board_print("stack ");
    deep(4);
    print_number(stack_peak());
    board_print("\n");
    return 7;
  case OVERFLOW:
    return deep(1000000);
  case STORE_BEYOND:
    *far = 1;
    break;
  case STORE_FLASH:
    *(volatile uint32_t *)flash_begin = 1;
    break;
  case EXECUTE_RAM:
    ((void (*)(void))((uintptr_t)array | 1))();
    break;
  case LOAD_NULL_AREA:
    return (int)*(volatile uint32_t *)NOWHERE;
  }
  board_print("nothing happened\n");
  return 0;
}
