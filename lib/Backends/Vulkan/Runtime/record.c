/*===- record.c - Recording the dispatches of a step ----------------------===
 *
 * The dispatches of a function are recorded once, in as many command buffers as
 * its failures divide it into: the host looks at a failure's flag before it
 * submits the next.
 *
 *===----------------------------------------------------------------------===*/
#include "error.h"
#include "step.h"

#include <stdlib.h>

/* Makes what comes before visible to what follows. */
void pock_vulkan_barrier(pock_vulkan_step *step, VkCommandBuffer to,
                         VkPipelineStageFlags before, VkAccessFlags written,
                         VkPipelineStageFlags after, VkAccessFlags read) {
  VkMemoryBarrier memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                            .srcAccessMask = written,
                            .dstAccessMask = read};
  step->device->vk.CmdPipelineBarrier(to, before, after, 0, 1, &memory, 0, NULL,
                                      0, NULL);
}

int pock_vulkan_begin(pock_vulkan_step *step, VkCommandBuffer commands) {
  pock_vulkan_api *vk = &step->device->vk;
  VkCommandBufferBeginInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  return VK(BeginCommandBuffer, commands, &info);
}

static VkDescriptorBufferInfo locate(pock_vulkan_step *step, plan_place place) {
  return (VkDescriptorBufferInfo){step->memories[place.memory].buffer,
                                  place.offset,
                                  pock_vulkan_align_up(place.bytes, 4)};
}

static int check_limits(pock_vulkan_step *step, const plan_command *command,
                        uint32_t binding, VkDescriptorBufferInfo place) {
  const VkPhysicalDeviceLimits *limits = &step->device->properties.limits;
  const plan_shader *shader = &step->plan.shaders[command->shader];
  if (place.offset % limits->minStorageBufferOffsetAlignment)
    return pock_vulkan_fail(
        POCK_VULKAN_BAD_STEP,
        "shader '%s': buffer %u begins at %llu, but the device needs multiples "
        "of %llu",
        shader->name, binding, (unsigned long long)place.offset,
        (unsigned long long)limits->minStorageBufferOffsetAlignment);
  if (place.range > limits->maxStorageBufferRange)
    return pock_vulkan_fail(
        POCK_VULKAN_BAD_STEP,
        "shader '%s': buffer %u has %llu bytes, but the device allows %u",
        shader->name, binding, (unsigned long long)place.range,
        limits->maxStorageBufferRange);
  for (int i = 0; i < 2; ++i)
    if (command->groups[i] > limits->maxComputeWorkGroupCount[i])
      return pock_vulkan_fail(
          POCK_VULKAN_BAD_STEP,
          "shader '%s': %u workgroups, but the device allows %u", shader->name,
          command->groups[i], limits->maxComputeWorkGroupCount[i]);
  return 0;
}

static int record_dispatch(pock_vulkan_step *step, const plan_command *command,
                           VkDescriptorPool pool, VkCommandBuffer to) {
  pock_vulkan_device *device = step->device;
  pock_vulkan_api *vk = &device->vk;
  shader_pipeline *pipeline = &step->pipelines[command->shader];
  uint32_t count = step->plan.shaders[command->shader].num_arguments;
  VkDescriptorSetAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
      .descriptorPool = pool,
      .descriptorSetCount = 1,
      .pSetLayouts = &pipeline->set_layout};
  VkDescriptorSet set;
  TRY(VK(AllocateDescriptorSets, device->device, &info, &set));
  for (uint32_t i = 0; i < count; ++i) {
    VkDescriptorBufferInfo place = locate(step, command->places[i]);
    TRY(check_limits(step, command, i, place));
    VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = set,
        .dstBinding = i,
        .descriptorCount = 1,
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .pBufferInfo = &place};
    vk->UpdateDescriptorSets(device->device, 1, &write, 0, NULL);
  }
  if (command->waits)
    pock_vulkan_barrier(step, to, COMPUTE, SHADER_ACCESS, COMPUTE,
                        SHADER_ACCESS);
  vk->CmdBindPipeline(to, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->pipeline);
  vk->CmdBindDescriptorSets(to, VK_PIPELINE_BIND_POINT_COMPUTE,
                            pipeline->layout, 0, 1, &set, 0, NULL);
  uint32_t words = step->plan.shaders[command->shader].num_words;
  if (words)
    vk->CmdPushConstants(to, pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                         words * sizeof(uint32_t), command->words);
  vk->CmdDispatchBase(to, command->first_group[0], command->first_group[1], 0,
                      command->groups[0], command->groups[1], 1);
  return 0;
}

/* Copies inputs to the device, or outputs from it, if the host sees copies. */
static void exchange(pock_vulkan_step *step, const plan_function *function,
                     int outputs, VkCommandBuffer to) {
  pock_vulkan_api *vk = &step->device->vk;
  if (!step->exchange.buffer)
    return;
  VkBuffer seen = step->exchange.buffer,
           own = step->memories[PLAN_ARGUMENTS].buffer;
  for (uint32_t i = 0; i < function->num_arguments; ++i) {
    plan_argument argument = function->arguments[i];
    VkBufferCopy copy = {argument.offset, argument.offset, argument.bytes};
    if (argument.is_output == outputs && argument.bytes)
      vk->CmdCopyBuffer(to, outputs ? own : seen, outputs ? seen : own, 1,
                        &copy);
  }
}

/* Begins a part; the first one with the inputs. */
static int begin_part(pock_vulkan_step *step, const plan_function *function,
                      int is_first, VkCommandBuffer to) {
  TRY(pock_vulkan_begin(step, to));
  if (is_first && step->exchange.buffer) {
    pock_vulkan_barrier(step, to, HOST, HOST_ACCESS, COPY, COPY_ACCESS);
    exchange(step, function, 0, to);
  }
  pock_vulkan_barrier(step, to, HOST | COPY, HOST_ACCESS | COPY_ACCESS, COMPUTE,
                      SHADER_ACCESS);
  return 0;
}

/* Ends a part. Copies to where the host sees it the flag of a failure or, if
 * there is none, what the function gives. */
static int end_part(pock_vulkan_step *step, const plan_function *function,
                    const plan_command *failure, VkCommandBuffer to) {
  pock_vulkan_api *vk = &step->device->vk;
  if (failure || step->exchange.buffer) {
    pock_vulkan_barrier(step, to, COMPUTE, SHADER_ACCESS, COPY, COPY_ACCESS);
    if (failure) {
      VkDescriptorBufferInfo flag = locate(step, failure->flag);
      VkBufferCopy copy = {flag.offset, 0, 4};
      vk->CmdCopyBuffer(to, flag.buffer, step->staging.buffer, 1, &copy);
    } else {
      exchange(step, function, 1, to);
    }
    pock_vulkan_barrier(step, to, COPY, COPY_ACCESS, HOST, HOST_ACCESS);
  }
  pock_vulkan_barrier(step, to, COMPUTE, SHADER_ACCESS, HOST, HOST_ACCESS);
  return VK(EndCommandBuffer, to);
}

uint32_t pock_vulkan_count_dispatches(const plan_function *function) {
  uint32_t count = 0;
  for (uint32_t i = 0; i < function->num_commands; ++i)
    count += function->commands[i].kind == PLAN_DISPATCH;
  return count;
}

/* A pool for the buffers of all dispatches of a function. */
static int make_pool(pock_vulkan_step *step, const plan_function *function,
                     VkDescriptorPool *pool) {
  pock_vulkan_api *vk = &step->device->vk;
  uint32_t sets = pock_vulkan_count_dispatches(function), buffers = 0;
  for (uint32_t i = 0; i < function->num_commands; ++i)
    if (function->commands[i].kind == PLAN_DISPATCH)
      buffers += step->plan.shaders[function->commands[i].shader].num_arguments;
  VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                               buffers ? buffers : 1};
  VkDescriptorPoolCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
      .maxSets = sets ? sets : 1,
      .poolSizeCount = 1,
      .pPoolSizes = &size};
  return VK(CreateDescriptorPool, step->device->device, &info, NULL, pool);
}

/* Waits for all dispatches, and reads the clock. */
static void read_clock(pock_vulkan_step *step, VkCommandBuffer to,
                       VkQueryPool clock, uint32_t query) {
  if (!clock)
    return;
  pock_vulkan_barrier(step, to, COMPUTE, SHADER_ACCESS, COMPUTE, SHADER_ACCESS);
  step->device->vk.CmdWriteTimestamp(to, COMPUTE, clock, query);
}

int pock_vulkan_record(pock_vulkan_step *step, uint32_t index,
                       VkQueryPool clock, recorded_function *result) {
  pock_vulkan_api *vk = &step->device->vk;
  plan_function *function = &step->plan.functions[index];
  uint32_t dispatches = pock_vulkan_count_dispatches(function);
  uint32_t parts = function->num_commands - dispatches + 1;
  result->parts = pock_vulkan_make(parts, sizeof *result->parts);
  result->codes = pock_vulkan_make(parts, sizeof *result->codes);
  if (!result->parts || !result->codes)
    return pock_vulkan_no_memory();
  TRY(make_pool(step, function, &result->pool));
  VkCommandBufferAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = step->commands,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = parts};
  TRY(VK(AllocateCommandBuffers, step->device->device, &info, result->parts));
  result->num_parts = parts;
  uint32_t part = 0, query = 0;
  for (uint32_t i = 0; i <= function->num_commands; ++i) {
    VkCommandBuffer to = result->parts[part];
    if (i == 0 || function->commands[i - 1].kind == PLAN_FAILURE) {
      TRY(begin_part(step, function, i == 0, to));
      if (i == 0 && clock)
        vk->CmdResetQueryPool(to, clock, 0, dispatches + parts);
      read_clock(step, to, clock, query++);
    }
    if (i == function->num_commands)
      return end_part(step, function, NULL, to);
    const plan_command *command = &function->commands[i];
    if (command->kind == PLAN_DISPATCH) {
      TRY(record_dispatch(step, command, result->pool, to));
      read_clock(step, to, clock, query++);
      continue;
    }
    result->codes[part++] = command->code;
    TRY(end_part(step, function, command, to));
  }
  return 0;
}

void pock_vulkan_free_recorded(pock_vulkan_step *step,
                               recorded_function *recorded) {
  pock_vulkan_api *vk = &step->device->vk;
  if (recorded->num_parts)
    vk->FreeCommandBuffers(step->device->device, step->commands,
                           recorded->num_parts, recorded->parts);
  vk->DestroyDescriptorPool(step->device->device, recorded->pool, NULL);
  free(recorded->parts);
  free(recorded->codes);
}
