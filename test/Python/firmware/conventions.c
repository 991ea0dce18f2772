/* Calls a model's functions, the first with the floating-point unit off if that
 * is possible; prints what came of it. Its own code may pass floats in any way.
 */
#include "board.h"
#include "net.h"

#define ALIGNED __attribute__((aligned(NET_ALIGNMENT)))
static unsigned char state[NET_STATE_BYTES] ALIGNED;
static unsigned char arena[NET_ARENA_BYTES] ALIGNED;
/* Constants, because a program with soft floats would need a library to
 * compute them. */
static float x[NET_STEP_INPUT_ELEMENTS] ALIGNED = {
    -4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};
static int64_t target[NET_STEP_TARGET_ELEMENTS] ALIGNED;
static float lr[1] ALIGNED = {0.5f};
static union {
  float value;
  uint32_t bits;
} loss ALIGNED;

static void print(const char *what, uint32_t number) {
  board_print(what);
  board_print(" ");
  print_hex(number);
  board_print("\n");
}

#ifdef FPU_OFF

static int32_t init_without_fpu(void) {
  volatile uint32_t *access = (volatile uint32_t *)0xE000ED88;
  uint32_t before = *access;
  *access = 0;
  __asm__ volatile("dsb\n isb");
  int32_t code = net_init(state);
  *access = before;
  __asm__ volatile("dsb\n isb");
  return code;
}

#endif

int main(void) {
  for (uint32_t index = 0; index < sizeof state; ++index)
    state[index] = net_initial_state[index];
#ifdef FPU_OFF
  if (init_without_fpu() != NET_ERROR_FPU_OFF)
    return 1;
#endif
  print("init", (uint32_t)net_init(state));
  for (int turn = 0; turn < 3; ++turn) {
    if (net_step(net_constants, state, arena, x, target, lr, &loss.value))
      return 1;
    print("loss", loss.bits);
  }
  return 0;
}
