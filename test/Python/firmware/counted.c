/* Functions of a known number of instructions, called from one other. */
#include "board.h"

/* One instruction before the loop, two per turn, one behind: 2 n + 2. */
__attribute__((naked, noinline)) void turns(uint32_t count) {
  __asm__ volatile("mov r1, r0\n"
                   "0: subs r1, #1\n"
                   "bne 0b\n"
                   "bx lr\n");
}

/* Five instructions of its own around a call of the other entry. */
__attribute__((naked, noinline)) void nested(uint32_t count) {
  __asm__ volatile("push {r4, lr}\n"
                   "mov r4, r0\n"
                   "bl turns\n"
                   "nop\n"
                   "pop {r4, pc}\n");
}

__attribute__((noinline)) void caller(void) {
  turns(1);
  turns(1000);
  nested(10);
  __asm__ volatile("nop");
}

int main(void) {
  turns(5); /* not by the caller, but an entry all the same */
  caller();
  return 0;
}
