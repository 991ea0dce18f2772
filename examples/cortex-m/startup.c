/* From reset to main: the stack, the floating-point unit, memory protection,
 * the C program's data. Also fault handlers, and the measurement of the stack.
 *
 * Only flash, RAM and the devices may be accessed; flash may not be written,
 * and RAM not be executed. The stack is at the low end of RAM, so that an
 * overflow is a fault with an address, not a source of wrong numbers. */
#include "board.h"

/* Defined in link.ld; only the addresses are meaningful. */
extern uint32_t stack_bottom[], stack_top[], data_begin[], data_end[],
    bss_begin[], bss_end[];
extern const uint32_t data_image[];
extern char vectors_begin[], flash_begin[], flash_end[], ram_begin[], ram_end[],
    ram_used_end[];

int main(void);

#define REGISTER(address) (*(volatile uint32_t *)(address))
#define CONFIGURATION REGISTER(0xE000ED14)
#define FAULT_ENABLE REGISTER(0xE000ED24)
#define FAULT_STATUS REGISTER(0xE000ED28)
#define FAULT_ADDRESS REGISTER(0xE000ED34)
#define BUS_FAULT_ADDRESS REGISTER(0xE000ED38)
#define MPU_TYPE REGISTER(0xE000ED90) /* bits 8 to 15: regions */
#define MPU_CONTROL REGISTER(0xE000ED94)
#define MPU_REGION REGISTER(0xE000ED98)
#define MPU_BASE REGISTER(0xE000ED9C)
#define MPU_SIZE REGISTER(0xE000EDA0) /* of Armv8-M: limit and attributes */
#define MPU_ATTRIBUTES REGISTER(0xE000EDC0)

/* The content of the stack where it was never used. */
#define PAINT 0xC5C5C5C5u

uint32_t stack_peak(void) {
  uint32_t *unused = stack_bottom;
  while (unused < stack_top && *unused == PAINT)
    ++unused;
  return (uint32_t)((char *)stack_top - (char *)unused);
}

uint32_t ram_used(void) { return (uint32_t)(ram_used_end - ram_begin); }

enum access { FLASH_ACCESS, RAM_ACCESS, DEVICE_ACCESS };
static uint32_t regions;

#if __ARM_ARCH >= 8

/* Allow [begin, end), in whole units of 32 bytes. */
static void allow(uint32_t begin, uint32_t end, enum access access) {
  MPU_REGION = regions++;
  MPU_BASE = (begin & ~31u) | (access == FLASH_ACCESS ? 3u << 1 : 1u << 1 | 1u);
  MPU_SIZE = ((end - 1) & ~31u) | (access == DEVICE_ACCESS ? 1u << 1 : 0) | 1u;
}

static void allow_flash(void) {
  allow((uint32_t)vectors_begin, (uint32_t)vectors_begin + 1024, FLASH_ACCESS);
  allow((uint32_t)flash_begin, (uint32_t)flash_end, FLASH_ACCESS);
}

#else

/* Allow [begin, end). The size of a region is a power of two here. Take the
 * largest that fits, repeatedly, at most three times; the last may extend a
 * little beyond the end. */
static void allow(uint32_t begin, uint32_t end, enum access access) {
  static const uint32_t bits[] = {
      [FLASH_ACCESS] = 6u << 24 | 1u << 17,            /* read, execute */
      [RAM_ACCESS] = 1u << 28 | 3u << 24 | 1u << 17,   /* read, write */
      [DEVICE_ACCESS] = 1u << 28 | 3u << 24 | 1u << 16 /* the same, in order */
  };
  for (int part = 0; part < 3 && begin < end; ++part) {
    uint32_t log2 = 0;
    while ((end - begin) >> log2 > 1)
      ++log2;
    if (part == 2 && end - begin > 1u << log2)
      ++log2;
    if (log2 < 5)
      log2 = 5;
    MPU_REGION = regions++;
    MPU_BASE = begin;
    MPU_SIZE = bits[access] | (log2 - 1) << 1 | 1u;
    begin += 1u << log2;
  }
}

/* The vectors are at the beginning of flash. */
static void allow_flash(void) {
  allow((uint32_t)vectors_begin, (uint32_t)flash_end, FLASH_ACCESS);
}

#endif

static void protect_memory(void) {
#if __ARM_ARCH == 6
  CONFIGURATION |=
      1u << 3; /* fault where Armv6-M does: words have to be aligned */
#endif
  if (!(MPU_TYPE & 0xFF00))
    return; /* a small processor may have no such unit */
#if __ARM_ARCH >= 8
  MPU_ATTRIBUTES = 0x0044; /* 0: memory, not cached; 1: devices */
#endif
  allow_flash();
  allow((uint32_t)ram_begin, (uint32_t)ram_end, RAM_ACCESS);
  allow(0x40000000, 0x60000000, DEVICE_ACCESS);
  FAULT_ENABLE |= 7u << 16;
  MPU_CONTROL = 1; /* all other accesses are faults */
  __asm__ volatile("dsb\n isb");
}

__attribute__((used)) static void report_fault(uint32_t exception) {
  board_print("fault ");
  print_number(exception);
  board_print(": status ");
  print_hex(FAULT_STATUS);
  /* Which address registers are valid, the status says; an overflow of the
   * stack while registers are saved has no address. */
  if (FAULT_STATUS & 0x80) {
    board_print(", address ");
    print_hex(FAULT_ADDRESS);
    if (FAULT_ADDRESS < (uint32_t)stack_bottom &&
        (uint32_t)stack_bottom - FAULT_ADDRESS <= 65536)
      board_print(", stack overflow");
  } else if (FAULT_STATUS & 0x8000) {
    board_print(", address ");
    print_hex(BUS_FAULT_ADDRESS);
  } else if (FAULT_STATUS & 0x00100010) {
    board_print(", stack overflow");
  }
  board_print("\n");
  board_exit(70);
}

/* The stack may have caused the fault: begin a new one. */
__attribute__((naked)) static void fault_handler(void) {
#if __ARM_ARCH >= 8
  __asm__ volatile("movs r0, #0\n msr msplim, r0\n");
#endif
  __asm__ volatile(
      "ldr r0, =stack_top\n mov sp, r0\n mrs r0, ipsr\n bl report_fault\n");
}

__attribute__((used, noreturn)) static void start(void) {
  const uint32_t *image = data_image;
  for (uint32_t *word = data_begin; word < data_end;)
    *word++ = *image++;
  for (uint32_t *word = bss_begin; word < bss_end;)
    *word++ = 0;
  uint32_t *here;
  __asm__ volatile("mov %0, sp" : "=r"(here));
  for (volatile uint32_t *word = stack_bottom; word < here - 16; ++word)
    *word = PAINT;
#if __ARM_ARCH >= 8
  __asm__ volatile("msr msplim, %0" ::"r"(stack_bottom));
#endif
  protect_memory();
  board_init();
  board_exit(main());
}

/* The floating-point unit first: compilers use its registers even to copy.
 * (Where there is none, the register ignores that.) */
__attribute__((naked, noreturn)) void reset_handler(void) {
  __asm__ volatile(".syntax unified\n"
                   "ldr r0, =stack_top\n mov sp, r0\n"
                   "ldr r0, =0xE000ED88\n ldr r1, [r0]\n ldr r2, =0xF00000\n"
                   "orrs r1, r1, r2\n str r1, [r0]\n"
                   "dsb\n isb\n bl start\n");
}

struct vectors {
  uint32_t *stack;
  void (*handlers[15])(void);
};

__attribute__((section(".vectors"),
               used)) static const struct vectors vectors = {
    stack_top,
    {reset_handler, fault_handler, fault_handler, fault_handler, fault_handler,
     fault_handler, fault_handler, fault_handler, fault_handler, fault_handler,
     fault_handler, fault_handler, fault_handler, fault_handler,
     fault_handler}};
