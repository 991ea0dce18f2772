/* Counts the instructions of calls of selected functions: a plugin of QEMU, for
 * whole machines and for programs.
 *
 *   -plugin
 * libpock-count.so,out=FILE,caller=BEGIN:END,entry=ADDRESS,entry=ADDRESS...
 *
 * BEGIN and END enclose the code of the function that makes the calls. A call
 * lasts from the first instruction of an entry until control returns to the
 * caller; every executed instruction in between counts. FILE gets one line per
 * call, in order: the number of its `entry` argument, from 0, and its
 * instructions. With addresses=1, it then gets a line for every instruction
 * within calls: `at`, its address, and the number of its executions.
 *
 * Debian's QEMU 7.2 exports version 1 of the plugin interface, but has no
 * header for it. So the functions used are declared here, as in QEMU's
 * documentation. One processor is assumed: counters are not atomic.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void (*execute_callback)(unsigned cpu, void *data);
enum { CALLBACK_NO_REGISTERS = 0, INLINE_ADD = 0 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(
    plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern struct qemu_plugin_insn *
qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
extern uint64_t qemu_plugin_insn_vaddr(const struct qemu_plugin_insn *);
extern void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *,
                                                   execute_callback, int flags,
                                                   void *data);
extern void qemu_plugin_register_vcpu_insn_exec_inline(
    struct qemu_plugin_insn *, int operation, void *counter, uint64_t value);
extern void qemu_plugin_register_atexit_cb(plugin_id,
                                           void (*)(plugin_id, void *), void *);

EXPORT int qemu_plugin_version = 1;

enum { MAX_ENTRIES = 64, NO_CALL = -1 };
static uint64_t entries[MAX_ENTRIES];
static int entry_count;
static uint64_t caller_begin, caller_end;
static FILE *out;

/* Instructions executed outside of the caller so far. */
static uint64_t executed;
/* The entry of the current call, and `executed` at its beginning. */
static int current = NO_CALL;
static uint64_t began;

/* Counters by address, in a hash table of lists; kept only with addresses=1. */
struct counter {
  uint64_t address, runs;
  struct counter *next;
};
enum { BUCKETS = 1 << 16 };
static struct counter **counters;

static struct counter *counter_of(uint64_t address) {
  struct counter **bucket = &counters[(address >> 1) % BUCKETS];
  for (struct counter *counter = *bucket; counter; counter = counter->next)
    if (counter->address == address)
      return counter;
  struct counter *counter = calloc(1, sizeof *counter);
  if (!counter)
    abort();
  counter->address = address;
  counter->next = *bucket;
  return *bucket = counter;
}

static void enter(unsigned cpu, void *data) {
  (void)cpu;
  if (current != NO_CALL)
    return; /* called by another entry: part of its call */
  current = (int)(intptr_t)data;
  began = executed;
}

static void resume_caller(unsigned cpu, void *data) {
  (void)cpu, (void)data;
  if (current == NO_CALL)
    return;
  fprintf(out, "%d %" PRIu64 "\n", current, executed - began);
  current = NO_CALL;
}

/* QEMU runs the callbacks of an instruction before it updates its counters, so
 * the first instruction of an entry belongs to the call. */
static void translate(plugin_id id, struct qemu_plugin_tb *block) {
  (void)id;
  size_t count = qemu_plugin_tb_n_insns(block);
  for (size_t index = 0; index < count; ++index) {
    struct qemu_plugin_insn *instruction =
        qemu_plugin_tb_get_insn(block, index);
    uint64_t address = qemu_plugin_insn_vaddr(instruction);
    if (address >= caller_begin && address < caller_end) {
      qemu_plugin_register_vcpu_insn_exec_cb(instruction, resume_caller,
                                             CALLBACK_NO_REGISTERS, NULL);
      continue;
    }
    for (int entry = 0; entry < entry_count; ++entry)
      if (address == entries[entry])
        qemu_plugin_register_vcpu_insn_exec_cb(
            instruction, enter, CALLBACK_NO_REGISTERS, (void *)(intptr_t)entry);
    qemu_plugin_register_vcpu_insn_exec_inline(instruction, INLINE_ADD,
                                               &executed, 1);
    if (counters)
      qemu_plugin_register_vcpu_insn_exec_inline(instruction, INLINE_ADD,
                                                 &counter_of(address)->runs, 1);
  }
}

static void finish(plugin_id id, void *data) {
  (void)id, (void)data;
  for (int bucket = 0; counters && bucket < BUCKETS; ++bucket)
    for (const struct counter *counter = counters[bucket]; counter;
         counter = counter->next)
      if (counter->runs)
        fprintf(out, "at 0x%" PRIx64 " %" PRIu64 "\n", counter->address,
                counter->runs);
  fclose(out);
}

/* Return the value after `key`, or NULL if the argument has another key. */
static const char *value_of(const char *argument, const char *key) {
  size_t length = strlen(key);
  return strncmp(argument, key, length) == 0 && argument[length] == '='
             ? argument + length + 1
             : NULL;
}

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc,
                               char **argv) {
  (void)info;
  for (int index = 0; index < argc; ++index) {
    const char *value;
    if ((value = value_of(argv[index], "out"))) {
      out = fopen(value, "w");
    } else if ((value = value_of(argv[index], "caller"))) {
      char *colon;
      caller_begin = strtoull(value, &colon, 0);
      caller_end = *colon == ':' ? strtoull(colon + 1, NULL, 0) : 0;
    } else if ((value = value_of(argv[index], "entry")) &&
               entry_count < MAX_ENTRIES) {
      entries[entry_count++] = strtoull(value, NULL, 0);
    } else if (value_of(argv[index], "addresses")) {
      counters = calloc(BUCKETS, sizeof *counters);
    } else {
      fprintf(stderr, "pock-count: cannot use the argument '%s'\n",
              argv[index]);
      return 1;
    }
  }
  if (!out || !entry_count || caller_begin >= caller_end) {
    fprintf(stderr, "pock-count: expected out=FILE (writable), "
                    "caller=BEGIN:END and entry=ADDRESS\n");
    return 1;
  }
  qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
  qemu_plugin_register_atexit_cb(id, finish, NULL);
  return 0;
}
