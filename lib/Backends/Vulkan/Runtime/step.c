/*===- step.c - Loading, reading, writing and calling a step --------------===*/
#include "step.h"
#include "error.h"

#include <stdlib.h>
#include <string.h>

/* Nanoseconds after which a call is given up. */
static const uint64_t TIMEOUT = 600ull * 1000 * 1000 * 1000;

/*===- Submitting ---------------------------------------------------------===*/

/* Submits commands, and waits until they have ended. If memory for that is
 * missing, nothing has run; after any other error the device is lost. */
static int submit(pock_vulkan_step *step, VkCommandBuffer commands) {
  pock_vulkan_api *vk = &step->device->vk;
  VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                       .commandBufferCount = 1,
                       .pCommandBuffers = &commands};
  int code = VK(QueueSubmit, step->device->queue, 1, &info, step->fence);
  if (code == POCK_VULKAN_NO_MEMORY)
    return code;
  if (code)
    return pock_vulkan_lose(step->device);
  step->is_pending = 1;
  if (VK(WaitForFences, step->device->device, 1, &step->fence, VK_TRUE,
         TIMEOUT) ||
      VK(ResetFences, step->device->device, 1, &step->fence))
    return pock_vulkan_lose(step->device);
  step->is_pending = 0;
  return 0;
}

/* Whether the device does not use the step's objects any more. It may still do
 * so after a call that took too long: then they are never freed. */
static int is_idle(pock_vulkan_step *step) {
  pock_vulkan_device *device = step->device;
  if (!step->is_pending)
    return 1;
  VkResult result =
      device->vk.WaitForFences(device->device, 1, &step->fence, VK_TRUE, 0);
  int idle = result == VK_SUCCESS || result == VK_ERROR_DEVICE_LOST;
  device->is_stuck |= !idle;
  return idle;
}

static int clear(pock_vulkan_step *step) {
  pock_vulkan_api *vk = &step->device->vk;
  TRY(pock_vulkan_begin(step, step->transfer));
  for (int i = 0; i < PLAN_MEMORIES; ++i)
    vk->CmdFillBuffer(step->transfer, step->memories[i].buffer, 0,
                      VK_WHOLE_SIZE, 0);
  pock_vulkan_barrier(step, step->transfer, COPY, COPY_ACCESS,
                      HOST | COMPUTE | COPY,
                      HOST_ACCESS | SHADER_ACCESS | COPY_ACCESS);
  TRY(VK(EndCommandBuffer, step->transfer));
  return submit(step, step->transfer);
}

/* Copies between a segment and the buffer that the host sees. */
static int copy(pock_vulkan_step *step, VkBuffer from, VkBuffer to,
                VkBufferCopy range) {
  pock_vulkan_api *vk = &step->device->vk;
  TRY(pock_vulkan_begin(step, step->transfer));
  pock_vulkan_barrier(step, step->transfer, HOST | COMPUTE,
                      HOST_ACCESS | SHADER_ACCESS, COPY, COPY_ACCESS);
  vk->CmdCopyBuffer(step->transfer, from, to, 1, &range);
  pock_vulkan_barrier(step, step->transfer, COPY, COPY_ACCESS, HOST | COMPUTE,
                      HOST_ACCESS | SHADER_ACCESS);
  TRY(VK(EndCommandBuffer, step->transfer));
  return submit(step, step->transfer);
}

/* Copies `bytes` bytes from `from` to the segment, or from the segment to `to`:
 * one of both is null. */
static int transfer(pock_vulkan_step *step, int segment, size_t offset,
                    const unsigned char *from, unsigned char *to,
                    size_t bytes) {
  TRY(pock_vulkan_check_device(step->device));
  if (segment != POCK_VULKAN_CONSTANTS && segment != POCK_VULKAN_STATE)
    return pock_vulkan_fail(POCK_VULKAN_BAD_ARGUMENT,
                            "expected constants or state, but got segment %d",
                            segment);
  if (offset > step->sizes[segment] || bytes > step->sizes[segment] - offset)
    return pock_vulkan_fail(POCK_VULKAN_BAD_ARGUMENT,
                            "bytes beyond the end of segment %d", segment);
  unsigned char *shared = step->memories[segment].host;
  if (shared) {
    /* Nothing runs between calls, and commands begin and end with barriers. */
    memcpy(from ? shared + offset : to, from ? from : shared + offset, bytes);
    return 0;
  }
  VkBuffer buffer = step->memories[segment].buffer;
  VkBuffer staging = step->staging.buffer;
  for (size_t done = 0; done < bytes;) {
    size_t part = bytes - done < STAGING_BYTES ? bytes - done : STAGING_BYTES;
    if (from) {
      memcpy(step->staging.host, from + done, part);
      TRY(copy(step, staging, buffer, (VkBufferCopy){0, offset + done, part}));
    } else {
      TRY(copy(step, buffer, staging, (VkBufferCopy){offset + done, 0, part}));
      memcpy(to + done, step->staging.host, part);
    }
    done += part;
  }
  return 0;
}

/* Copies all inputs, or all outputs, from or to the caller. */
static void copy_arguments(pock_vulkan_step *step, uint32_t index,
                           void *const *given, int outputs) {
  plan_function *function = &step->plan.functions[index];
  unsigned char *seen = step->exchange.buffer
                            ? step->exchange.host
                            : step->memories[PLAN_ARGUMENTS].host;
  for (uint32_t i = 0; i < function->num_arguments; ++i) {
    plan_argument argument = function->arguments[i];
    unsigned char *own = seen + argument.offset;
    if (argument.is_output != outputs)
      continue;
    if (outputs)
      memcpy(given[i], own, argument.bytes);
    else
      memcpy(own, given[i], argument.bytes);
  }
}

int pock_vulkan_run(pock_vulkan_step *step, uint32_t index,
                    const recorded_function *recorded, void *const *arguments) {
  copy_arguments(step, index, arguments, 0);
  for (uint32_t part = 0; part < recorded->num_parts; ++part) {
    TRY(submit(step, recorded->parts[part]));
    if (recorded->codes[part] && step->staging.host[0])
      return (int)recorded->codes[part];
  }
  copy_arguments(step, index, arguments, 1);
  return 0;
}

/*===- The interface ------------------------------------------------------===*/

static int load(pock_vulkan_step *step, const void *shaders,
                size_t shader_bytes, const void *data, size_t bytes) {
  pock_vulkan_api *vk = &step->device->vk;
  VkDevice device = step->device->device;
  TRY(pock_vulkan_check_device(step->device));
  TRY(plan_read(data, bytes, &step->plan));
  if (step->plan.stores_bytes && !step->device->stores_bytes)
    return pock_vulkan_fail(POCK_VULKAN_BAD_STEP,
                            "the device cannot store bytes; the target "
                            "'vulkan' does not need that");
  if (step->plan.stores_halves && !step->device->stores_halves)
    return pock_vulkan_fail(POCK_VULKAN_BAD_STEP,
                            "the device cannot store floats of 16 bits; the "
                            "precision 'f32' does not need that");
  if (step->plan.is_portable && !step->device->keeps_zeros)
    return pock_vulkan_fail(
        POCK_VULKAN_BAD_STEP,
        "the device has no portable arithmetic: it may lose signs of zeros");
  step->pipelines =
      pock_vulkan_make(step->plan.num_shaders, sizeof *step->pipelines);
  step->functions =
      pock_vulkan_make(step->plan.num_functions, sizeof *step->functions);
  if (!step->pipelines || !step->functions)
    return pock_vulkan_no_memory();
  TRY(pock_vulkan_make_memory(step));
  VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  TRY(VK(CreateFence, device, &fence, NULL, &step->fence));
  VkCommandPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
      .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
      .queueFamilyIndex = step->device->family};
  TRY(VK(CreateCommandPool, device, &pool, NULL, &step->commands));
  VkCommandBufferAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = step->commands,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = 1};
  TRY(VK(AllocateCommandBuffers, device, &info, &step->transfer));
  TRY(pock_vulkan_make_pipelines(step, shaders, shader_bytes));
  for (uint32_t i = 0; i < step->plan.num_functions; ++i)
    TRY(pock_vulkan_record(step, i, VK_NULL_HANDLE, &step->functions[i]));
  TRY(clear(step));
  return pock_vulkan_probe(step);
}

int pock_vulkan_load(pock_vulkan_device *device, const void *shaders,
                     size_t shader_bytes, const void *plan, size_t plan_bytes,
                     pock_vulkan_step **step) {
  *step = calloc(1, sizeof **step);
  if (!*step)
    return pock_vulkan_no_memory();
  (*step)->device = device;
  int code = load(*step, shaders, shader_bytes, plan, plan_bytes);
  if (code) {
    pock_vulkan_unload(*step);
    *step = NULL;
  }
  return code;
}

void pock_vulkan_unload(pock_vulkan_step *step) {
  if (!step || !is_idle(step))
    return;
  pock_vulkan_api *vk = &step->device->vk;
  VkDevice device = step->device->device;
  for (uint32_t i = 0; step->pipelines && i < step->plan.num_shaders; ++i) {
    vk->DestroyPipeline(device, step->pipelines[i].pipeline, NULL);
    vk->DestroyPipelineLayout(device, step->pipelines[i].layout, NULL);
    vk->DestroyDescriptorSetLayout(device, step->pipelines[i].set_layout, NULL);
  }
  for (uint32_t i = 0; step->functions && i < step->plan.num_functions; ++i)
    pock_vulkan_free_recorded(step, &step->functions[i]);
  vk->DestroyShaderModule(device, step->module, NULL);
  vk->DestroyCommandPool(device, step->commands, NULL);
  vk->DestroyFence(device, step->fence, NULL);
  pock_vulkan_free_memory(step);
  free(step->pipelines);
  free(step->functions);
  plan_free(&step->plan);
  free(step);
}

int pock_vulkan_write(pock_vulkan_step *step, int segment, size_t offset,
                      const void *data, size_t bytes) {
  return transfer(step, segment, offset, data, NULL, bytes);
}

int pock_vulkan_read(pock_vulkan_step *step, int segment, size_t offset,
                     void *data, size_t bytes) {
  return transfer(step, segment, offset, NULL, data, bytes);
}

/* The number of a function that takes `count` arguments; a code if there is no
 * such function, or if the device is lost. */
static int find_function(pock_vulkan_step *step, const char *name, size_t count,
                         uint32_t *index) {
  TRY(pock_vulkan_check_device(step->device));
  for (*index = 0; *index < step->plan.num_functions; ++*index)
    if (!strcmp(step->plan.functions[*index].name, name))
      break;
  if (*index == step->plan.num_functions)
    return pock_vulkan_fail(POCK_VULKAN_BAD_ARGUMENT, "no function '%s'", name);
  plan_function *function = &step->plan.functions[*index];
  if (function->num_arguments != count)
    return pock_vulkan_fail(POCK_VULKAN_BAD_ARGUMENT,
                            "'%s' has %u inputs and outputs, but got %zu", name,
                            function->num_arguments, count);
  return 0;
}

int pock_vulkan_call(pock_vulkan_step *step, const char *name,
                     void *const *arguments, size_t count) {
  uint32_t index;
  TRY(find_function(step, name, count, &index));
  return pock_vulkan_run(step, index, &step->functions[index], arguments);
}

/* Adds the time of each dispatch to that of its launch. */
static int add_times(pock_vulkan_step *step, uint32_t index, VkQueryPool clock,
                     uint32_t readings, double *seconds, size_t launches) {
  pock_vulkan_api *vk = &step->device->vk;
  plan_function *function = &step->plan.functions[index];
  uint64_t *times = pock_vulkan_make(readings, sizeof *times);
  if (!times)
    return pock_vulkan_no_memory();
  int code = VK(GetQueryPoolResults, step->device->device, clock, 0, readings,
                readings * sizeof *times, times, sizeof *times,
                VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT);
  double tick = step->device->properties.limits.timestampPeriod * 1e-9;
  uint32_t reading = 1;
  for (uint32_t i = 0; !code && i < function->num_commands; ++i) {
    const plan_command *command = &function->commands[i];
    /* After a failure comes the first reading of the next part. */
    if (command->kind == PLAN_DISPATCH && command->launch < launches)
      seconds[command->launch] +=
          (double)(times[reading] - times[reading - 1]) * tick;
    ++reading;
  }
  free(times);
  return code;
}

int pock_vulkan_profile(pock_vulkan_step *step, const char *name,
                        void *const *arguments, size_t count, double *seconds,
                        size_t launches) {
  pock_vulkan_api *vk = &step->device->vk;
  VkDevice device = step->device->device;
  uint32_t index;
  TRY(find_function(step, name, count, &index));
  if (!step->device->has_clock)
    return pock_vulkan_fail(POCK_VULKAN_BAD_ARGUMENT,
                            "the device has no clock for dispatches");
  uint32_t readings = step->plan.functions[index].num_commands + 1;
  VkQueryPoolCreateInfo info = {.sType =
                                    VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                .queryCount = readings};
  VkQueryPool clock;
  TRY(VK(CreateQueryPool, device, &info, NULL, &clock));
  recorded_function recorded = {0};
  int code = pock_vulkan_record(step, index, clock, &recorded);
  if (!code)
    code = pock_vulkan_run(step, index, &recorded, arguments);
  if (!code)
    code = add_times(step, index, clock, readings, seconds, launches);
  if (is_idle(step)) {
    pock_vulkan_free_recorded(step, &recorded);
    vk->DestroyQueryPool(device, clock, NULL);
  }
  return code;
}
