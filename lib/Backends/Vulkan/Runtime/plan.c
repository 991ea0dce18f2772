/*===- plan.c - Reading the plan of a step --------------------------------===*/
#include "plan.h"
#include "error.h"
#include "pock_vulkan.h"

#include <stdlib.h>
#include <string.h>

enum { VERSION = 4, TEXT_ALIGNMENT = 4 };

typedef struct {
  const unsigned char *next, *end;
  /* Whether something did not fit. */
  int damaged;
} reader;

static uint64_t number(reader *in, unsigned bytes) {
  if ((size_t)(in->end - in->next) < bytes) {
    in->damaged = 1;
    return 0;
  }
  uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i)
    value |= (uint64_t)in->next[i] << (8 * i);
  in->next += bytes;
  return value;
}

static uint32_t word(reader *in) { return (uint32_t)number(in, 4); }
static uint64_t wide(reader *in) { return number(in, 8); }

/* Zeroed memory for `count` entries, each of which takes at least a word. */
static void *entries(reader *in, uint32_t count, size_t size) {
  if ((size_t)(in->end - in->next) / 4 < count) {
    in->damaged = 1;
    return NULL;
  }
  void *memory = calloc(count ? count : 1, size);
  in->damaged |= !memory;
  return memory;
}

static char *text(reader *in) {
  uint32_t length = word(in);
  size_t padded =
      ((size_t)length + TEXT_ALIGNMENT - 1) / TEXT_ALIGNMENT * TEXT_ALIGNMENT;
  if (in->damaged || (size_t)(in->end - in->next) < padded) {
    in->damaged = 1;
    return NULL;
  }
  char *result = calloc(length + 1, 1);
  if (result)
    memcpy(result, in->next, length);
  in->damaged |= !result;
  in->next += padded;
  return result;
}

/* Whether bytes lie within a memory of a function. */
static int lies_within(const plan_function *function, plan_place place) {
  return place.memory < PLAN_MEMORIES &&
         place.bytes <= function->sizes[place.memory] &&
         place.offset <= function->sizes[place.memory] - place.bytes;
}

/* A place, which must lie within its memory. */
static plan_place place(reader *in, const plan_function *function,
                        int is_flag) {
  plan_place found = {word(in), wide(in), is_flag ? 1 : wide(in)};
  in->damaged |= !lies_within(function, found);
  return found;
}

static void read_command(reader *in, plan *plan, const plan_function *function,
                         plan_command *command) {
  command->kind = word(in);
  if (command->kind == PLAN_FAILURE) {
    command->flag = place(in, function, 1);
    command->code = word(in);
    return;
  }
  command->launch = word(in);
  command->shader = word(in);
  for (int i = 0; i < 2; ++i)
    command->first_group[i] = word(in);
  for (int i = 0; i < 2; ++i)
    command->groups[i] = word(in);
  command->waits = word(in);
  if (command->kind != PLAN_DISPATCH || command->shader >= plan->num_shaders) {
    in->damaged = 1;
    return;
  }
  plan->shaders[command->shader].has_first_group |=
      command->first_group[0] || command->first_group[1];
  uint32_t count = plan->shaders[command->shader].num_arguments;
  command->places = entries(in, count, sizeof *command->places);
  for (uint32_t i = 0; !in->damaged && i < count; ++i)
    command->places[i] = place(in, function, 0);
  count = plan->shaders[command->shader].num_words;
  command->words = entries(in, count, sizeof *command->words);
  for (uint32_t i = 0; !in->damaged && i < count; ++i)
    command->words[i] = word(in);
}

static void read_function(reader *in, plan *plan, plan_function *function) {
  function->name = text(in);
  uint32_t arguments = word(in), commands = word(in);
  function->arguments = entries(in, arguments, sizeof *function->arguments);
  for (int i = 0; i < PLAN_MEMORIES; ++i)
    function->sizes[i] = wide(in);
  for (uint32_t i = 0; !in->damaged && i < arguments; ++i) {
    plan_argument *argument = &function->arguments[i];
    argument->is_output = wide(in) != 0;
    argument->offset = wide(in);
    argument->bytes = wide(in);
    function->num_arguments = i + 1;
    in->damaged |=
        !lies_within(function, (plan_place){PLAN_ARGUMENTS, argument->offset,
                                            argument->bytes});
  }
  function->commands = entries(in, commands, sizeof *function->commands);
  for (uint32_t i = 0; !in->damaged && i < commands; ++i) {
    function->num_commands = i + 1;
    read_command(in, plan, function, &function->commands[i]);
  }
}

static uint32_t *words(reader *in, uint32_t *count) {
  *count = word(in);
  uint32_t *result = entries(in, *count, sizeof *result);
  for (uint32_t i = 0; !in->damaged && i < *count; ++i)
    result[i] = word(in);
  return result;
}

/* Whether the argument of a function has so many words. */
static int has_words(const plan_function *function, uint32_t argument,
                     uint32_t count) {
  return function->num_arguments == 2 &&
         function->arguments[argument].is_output == (int)argument &&
         function->arguments[argument].bytes ==
             sizeof(uint32_t) * (uint64_t)count;
}

static void read_probe(reader *in, plan *plan) {
  plan_probe *probe = &plan->probe;
  probe->function = word(in);
  probe->inputs = words(in, &probe->num_inputs);
  probe->outputs = words(in, &probe->num_outputs);
  if (in->damaged || probe->function >= plan->num_functions) {
    in->damaged = 1;
    return;
  }
  const plan_function *function = &plan->functions[probe->function];
  in->damaged |= !has_words(function, 0, probe->num_inputs) ||
                 !has_words(function, 1, probe->num_outputs);
}

int plan_read(const void *data, size_t bytes, plan *result) {
  memset(result, 0, sizeof *result);
  reader in = {data, (const unsigned char *)data + bytes, 0};
  if (bytes < 8 || memcmp(data, "PKVK", 4))
    return pock_vulkan_fail(POCK_VULKAN_BAD_STEP, "not a plan of a step");
  in.next += 4;
  uint32_t version = word(&in);
  if (version != VERSION)
    return pock_vulkan_fail(POCK_VULKAN_BAD_STEP,
                            "a plan of version %u, but expected version %d",
                            version, VERSION);
  uint32_t shaders = word(&in), functions = word(&in);
  result->shaders = entries(&in, shaders, sizeof *result->shaders);
  for (uint32_t i = 0; !in.damaged && i < shaders; ++i) {
    result->num_shaders = i + 1;
    result->shaders[i].name = text(&in);
    result->shaders[i].num_arguments = word(&in);
    result->shaders[i].num_words = word(&in);
  }
  result->functions = entries(&in, functions, sizeof *result->functions);
  for (uint32_t i = 0; !in.damaged && i < functions; ++i) {
    result->num_functions = i + 1;
    read_function(&in, result, &result->functions[i]);
  }
  uint32_t needs = word(&in);
  result->is_portable = needs & 1;
  result->stores_bytes = needs >> 1 & 1;
  result->stores_halves = needs >> 2 & 1;
  if (!in.damaged && result->is_portable)
    read_probe(&in, result);
  if (in.damaged || in.next != in.end)
    return pock_vulkan_fail(POCK_VULKAN_BAD_STEP, "a damaged plan");
  return 0;
}

void plan_free(plan *plan) {
  for (uint32_t i = 0; i < plan->num_shaders; ++i)
    free(plan->shaders[i].name);
  free(plan->shaders);
  for (uint32_t i = 0; i < plan->num_functions; ++i) {
    plan_function *function = &plan->functions[i];
    for (uint32_t k = 0; k < function->num_commands; ++k) {
      free(function->commands[k].places);
      free(function->commands[k].words);
    }
    free(function->commands);
    free(function->arguments);
    free(function->name);
  }
  free(plan->functions);
  free(plan->probe.inputs);
  free(plan->probe.outputs);
  memset(plan, 0, sizeof *plan);
}
