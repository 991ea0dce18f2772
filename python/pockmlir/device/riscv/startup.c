/* From reset to main on RISC-V, in machine mode: the stack, the floating-point
 * unit, memory protection, the C program's data. Also the handler of traps, and
 * the measurement of the stack.
 *
 * Only flash and RAM may be accessed; flash may not be written, and RAM not be
 * executed. The stack is at the low end of RAM, so that an overflow is a trap
 * with an address, not a source of wrong numbers. */
#include "board.h"

/* Defined in link.ld; only the addresses are meaningful. */
extern uint32_t stack_bottom[], stack_top[], data_begin[], data_end[],
    bss_begin[], bss_end[];
extern const uint32_t data_image[];
extern char flash_begin[], flash_end[], ram_begin[], ram_end[], ram_used_end[];

int main(void);

#define READ(name, value) __asm__ volatile("csrr %0, " #name : "=r"(value))
#define WRITE(name, value) __asm__ volatile("csrw " #name ", %0" ::"r"(value))

/* The content of the stack where it was never used. */
#define PAINT 0xC5C5C5C5u

uint32_t stack_peak(void) {
  uint32_t *unused = stack_bottom;
  while (unused < stack_top && *unused == PAINT)
    ++unused;
  return (uint32_t)((char *)stack_top - (char *)unused);
}

uint32_t ram_used(void) { return (uint32_t)(ram_used_end - ram_begin); }

/* A region of physical memory protection begins where the one before it ends.
 * Locked regions hold in machine mode, too. */
enum { READABLE = 1, WRITABLE = 2, EXECUTABLE = 4, REGION = 1 << 3 };
enum { LOCKED = 1 << 7, NO_ACCESS = LOCKED | REGION };

static void protect_memory(void) {
  WRITE(pmpaddr0, (uint32_t)flash_begin >> 2);
  WRITE(pmpaddr1, (uint32_t)flash_end >> 2);
  WRITE(pmpaddr2, (uint32_t)ram_begin >> 2);
  WRITE(pmpaddr3, ((uint32_t)ram_end + 3) >> 2);
  WRITE(pmpaddr4, 0xFFFFFFFFu);
  WRITE(pmpcfg1, (uint32_t)NO_ACCESS);
  WRITE(pmpcfg0, (uint32_t)NO_ACCESS |
                     (uint32_t)(NO_ACCESS | READABLE | EXECUTABLE) << 8 |
                     (uint32_t)NO_ACCESS << 16 |
                     (uint32_t)(NO_ACCESS | READABLE | WRITABLE) << 24);
}

__attribute__((used)) static void report_trap(void) {
  uint32_t cause, address, value;
  READ(mcause, cause);
  READ(mepc, address);
  READ(mtval, value);
  board_print("fault ");
  print_number(cause);
  board_print(": at ");
  print_hex(address);
  board_print(", address ");
  print_hex(value);
  if (value < (uint32_t)stack_bottom && (uint32_t)stack_bottom - value <= 65536)
    board_print(", stack overflow");
  board_print("\n");
  board_exit(70);
}

/* The stack may have caused the trap: begin a new one. */
__attribute__((naked, aligned(4))) static void trap_handler(void) {
  __asm__ volatile("la sp, stack_top\n j report_trap\n");
}

__attribute__((used, noreturn)) static void start(void) {
  const uint32_t *image = data_image;
  for (uint32_t *word = data_begin; word < data_end;)
    *word++ = *image++;
  for (uint32_t *word = bss_begin; word < bss_end;)
    *word++ = 0;
  uint32_t *here;
  __asm__ volatile("mv %0, sp" : "=r"(here));
  for (volatile uint32_t *word = stack_bottom; word < here - 16; ++word)
    *word = PAINT;
  WRITE(mtvec, (uint32_t)trap_handler);
  protect_memory();
  board_init();
  board_exit(main());
}

/* The floating-point unit first: FS of mstatus is 1, and rounding is that of
 * reset. */
__attribute__((naked, noreturn, section(".reset"))) void reset_handler(void) {
  __asm__ volatile("la sp, stack_top\n"
#ifdef __riscv_flen
                   "li t0, 1 << 13\n csrs mstatus, t0\n csrw fcsr, zero\n"
#endif
                   "j start\n");
}
