/*===- plan.h - The plan of a step ----------------------------------------===
 *
 * The format is described in `lib/Backends/Vulkan/DispatchPlan.cpp`.
 *
 *===----------------------------------------------------------------------===*/
#ifndef POCK_VULKAN_PLAN_H
#define POCK_VULKAN_PLAN_H

#include <stddef.h>
#include <stdint.h>

/* The memories of a function: three segments, and that of inputs and outputs.
 */
enum { PLAN_CONSTANTS, PLAN_STATE, PLAN_ARENA, PLAN_ARGUMENTS, PLAN_MEMORIES };
enum { PLAN_DISPATCH, PLAN_FAILURE };

/* Bytes of a memory. */
typedef struct {
  uint32_t memory;
  uint64_t offset, bytes;
} plan_place;

typedef struct {
  uint32_t kind;
  /* Of a dispatch. */
  uint32_t launch, shader, first_group[2], groups[2], waits;
  plan_place *places;
  uint32_t *words;
  /* Of a failure. */
  plan_place flag;
  uint32_t code;
} plan_command;

/* An input or an output. */
typedef struct {
  int is_output;
  uint64_t offset, bytes;
} plan_argument;

typedef struct {
  char *name;
  uint32_t num_arguments, num_commands;
  /* Bytes of each memory. */
  uint64_t sizes[PLAN_MEMORIES];
  plan_argument *arguments;
  plan_command *commands;
} plan_function;

typedef struct {
  char *name;
  uint32_t num_arguments;
  /* How many words a dispatch pushes. */
  uint32_t num_words;
  /* Whether a dispatch begins with another workgroup than the first. */
  int has_first_group;
} plan_shader;

/* A function that shows whether a device has portable arithmetic: its number,
 * the words of its input, and those that must be its output. */
typedef struct {
  uint32_t function, num_inputs, num_outputs;
  uint32_t *inputs, *outputs;
} plan_probe;

typedef struct {
  uint32_t num_shaders, num_functions;
  plan_shader *shaders;
  plan_function *functions;
  /* Whether bits must be those of other targets, and whether shaders store
   * bytes, and floats of 16 bits. */
  int is_portable, stores_bytes, stores_halves;
  plan_probe probe;
} plan;

/* Reads a plan; a code if it is damaged. The caller frees it in any case. */
int plan_read(const void *data, size_t bytes, plan *result);
void plan_free(plan *plan);

#endif /* POCK_VULKAN_PLAN_H */
