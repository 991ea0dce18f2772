/*===- step.c - A loaded step: memory, recorded dispatches, calls ---------===
 *
 * Segments are buffers of the device. Inputs and outputs are parts of one
 * buffer that the host sees, in which shaders read and write them. The
 * dispatches of a function are recorded once, in as many command buffers as its
 * failures divide it into: the host looks at a failure's flag before it submits
 * the next.
 *
 *===----------------------------------------------------------------------===*/
#include "device.h"
#include "error.h"
#include "plan.h"
#include "pock_vulkan.h"

#include <stdlib.h>
#include <string.h>

enum { SEGMENTS = 3 };
static const uint64_t STAGING_BYTES = 1 << 20;
/* Nanoseconds after which a call is given up. */
static const uint64_t TIMEOUT = 600ull * 1000 * 1000 * 1000;

typedef struct {
  VkBuffer buffer;
  VkDeviceMemory memory;
  /* Where the host sees it; null if it does not. */
  unsigned char *host;
} memory_buffer;

typedef struct {
  VkDescriptorSetLayout set_layout;
  VkPipelineLayout layout;
  VkPipeline pipeline;
} shader_pipeline;

/* Command buffers, of which all but perhaps the last one end with a failure. */
typedef struct {
  uint32_t num_parts;
  VkCommandBuffer *parts;
  uint32_t *codes;
  /* Where each argument lies in the buffer of inputs and outputs. */
  uint64_t *offsets;
} recorded_function;

struct pock_vulkan_step {
  pock_vulkan_device *device;
  plan plan;
  uint64_t sizes[SEGMENTS];
  memory_buffer segments[SEGMENTS], arguments, staging;
  VkShaderModule module;
  shader_pipeline *pipelines;
  recorded_function *functions;
  VkDescriptorPool pool;
  VkCommandPool commands;
  /* Is recorded anew for each copy. */
  VkCommandBuffer transfer;
  VkFence fence;
};

#define TRY(call)                                                              \
  do {                                                                         \
    int code_ = (call);                                                        \
    if (code_)                                                                 \
      return code_;                                                            \
  } while (0)
/* Calls a function of Vulkan of the step's device. */
#define VK(name, ...) pock_vulkan_check(vk->name(__VA_ARGS__), #name)

static uint64_t align_up(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

static void *make(size_t count, size_t size) {
  return calloc(count ? count : 1, size);
}

static int no_memory(void) {
  return pock_vulkan_fail(POCK_VULKAN_NO_MEMORY, "out of memory");
}

/*===- Memory -------------------------------------------------------------===*/

/* The first allowed type of memory with all `wanted` properties, or -1. */
static int memory_type(pock_vulkan_device *device, uint32_t allowed,
                       VkMemoryPropertyFlags wanted) {
  for (uint32_t i = 0; i < device->memory.memoryTypeCount; ++i)
    if ((allowed >> i & 1) &&
        (device->memory.memoryTypes[i].propertyFlags & wanted) == wanted)
      return (int)i;
  return -1;
}

static int make_buffer(pock_vulkan_device *device, uint64_t bytes, int host,
                       memory_buffer *result) {
  pock_vulkan_api *vk = &device->vk;
  VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                             .size = align_up(bytes ? bytes : 1, 4),
                             .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                      VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                      VK_BUFFER_USAGE_TRANSFER_DST_BIT};
  TRY(VK(CreateBuffer, device->device, &info, NULL, &result->buffer));
  VkMemoryRequirements needed;
  vk->GetBufferMemoryRequirements(device->device, result->buffer, &needed);
  VkMemoryPropertyFlags visible = VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                  VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;
  int type = memory_type(device, needed.memoryTypeBits,
                         host ? visible : VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT);
  if (type < 0)
    return pock_vulkan_fail(POCK_VULKAN_BAD_STEP,
                            "the device has no memory of the needed kind");
  VkMemoryAllocateInfo allocation = {.sType =
                                         VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                     .allocationSize = needed.size,
                                     .memoryTypeIndex = (uint32_t)type};
  TRY(VK(AllocateMemory, device->device, &allocation, NULL, &result->memory));
  TRY(VK(BindBufferMemory, device->device, result->buffer, result->memory, 0));
  if (host)
    TRY(VK(MapMemory, device->device, result->memory, 0, VK_WHOLE_SIZE, 0,
           (void **)&result->host));
  return 0;
}

static void free_buffer(pock_vulkan_device *device, memory_buffer *buffer) {
  if (buffer->buffer)
    device->vk.DestroyBuffer(device->device, buffer->buffer, NULL);
  if (buffer->memory)
    device->vk.FreeMemory(device->device, buffer->memory, NULL);
}

/* Memory for segments, and for the inputs and outputs of the largest function.
 */
static int make_memory(pock_vulkan_step *step) {
  uint64_t alignment =
               step->device->properties.limits.minStorageBufferOffsetAlignment,
           most = 0;
  for (uint32_t f = 0; f < step->plan.num_functions; ++f) {
    plan_function *function = &step->plan.functions[f];
    uint64_t *offsets = make(function->num_arguments, sizeof *offsets), end = 0;
    step->functions[f].offsets = offsets;
    if (!offsets)
      return no_memory();
    for (uint32_t i = 0; i < function->num_arguments; ++i) {
      plan_argument argument = function->arguments[i];
      if (argument.kind < SEGMENTS) {
        uint64_t *size = &step->sizes[argument.kind];
        *size = argument.bytes > *size ? argument.bytes : *size;
        continue;
      }
      offsets[i] = end;
      end = align_up(end + argument.bytes, alignment > 4 ? alignment : 4);
    }
    most = end > most ? end : most;
  }
  for (int i = 0; i < SEGMENTS; ++i)
    TRY(make_buffer(step->device, step->sizes[i], 0, &step->segments[i]));
  TRY(make_buffer(step->device, most, 1, &step->arguments));
  return make_buffer(step->device, STAGING_BYTES, 1, &step->staging);
}

/*===- Shaders ------------------------------------------------------------===*/

static int make_pipeline(pock_vulkan_step *step, const plan_shader *shader,
                         shader_pipeline *result) {
  pock_vulkan_device *device = step->device;
  pock_vulkan_api *vk = &device->vk;
  uint32_t most = device->properties.limits.maxPerStageDescriptorStorageBuffers;
  if (shader->num_arguments > most)
    return pock_vulkan_fail(
        POCK_VULKAN_BAD_STEP,
        "shader '%s' has %u buffers, but the device allows %u", shader->name,
        shader->num_arguments, most);
  VkDescriptorSetLayoutBinding *bindings =
      make(shader->num_arguments, sizeof *bindings);
  if (!bindings)
    return no_memory();
  for (uint32_t i = 0; i < shader->num_arguments; ++i)
    bindings[i] = (VkDescriptorSetLayoutBinding){
        .binding = i,
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .descriptorCount = 1,
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
  VkDescriptorSetLayoutCreateInfo set = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
      .bindingCount = shader->num_arguments,
      .pBindings = bindings};
  int code = VK(CreateDescriptorSetLayout, device->device, &set, NULL,
                &result->set_layout);
  free(bindings);
  if (code)
    return code;
  uint32_t pushed = shader->num_words * sizeof(uint32_t);
  if (pushed > device->properties.limits.maxPushConstantsSize)
    return pock_vulkan_fail(
        POCK_VULKAN_BAD_STEP,
        "shader '%s' needs %u bytes of push constants, but the device has %u",
        shader->name, pushed, device->properties.limits.maxPushConstantsSize);
  VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
                               .size = pushed};
  VkPipelineLayoutCreateInfo layout = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
      .setLayoutCount = 1,
      .pSetLayouts = &result->set_layout,
      .pushConstantRangeCount = pushed != 0,
      .pPushConstantRanges = &range};
  TRY(VK(CreatePipelineLayout, device->device, &layout, NULL, &result->layout));
  VkComputePipelineCreateInfo pipeline = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = step->module,
                .pName = shader->name},
      .layout = result->layout};
  return VK(CreateComputePipelines, device->device, VK_NULL_HANDLE, 1,
            &pipeline, NULL, &result->pipeline);
}

static int make_pipelines(pock_vulkan_step *step, const void *shaders,
                          size_t bytes) {
  pock_vulkan_api *vk = &step->device->vk;
  VkShaderModuleCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
      .codeSize = bytes,
      .pCode = shaders};
  TRY(VK(CreateShaderModule, step->device->device, &info, NULL, &step->module));
  for (uint32_t i = 0; i < step->plan.num_shaders; ++i)
    TRY(make_pipeline(step, &step->plan.shaders[i], &step->pipelines[i]));
  return 0;
}

/*===- Recording ----------------------------------------------------------===*/

/* Makes what comes before visible to what follows. */
static void barrier(pock_vulkan_step *step, VkCommandBuffer to,
                    VkPipelineStageFlags before, VkAccessFlags written,
                    VkPipelineStageFlags after, VkAccessFlags read) {
  VkMemoryBarrier memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER,
                            .srcAccessMask = written,
                            .dstAccessMask = read};
  step->device->vk.CmdPipelineBarrier(to, before, after, 0, 1, &memory, 0, NULL,
                                      0, NULL);
}

static const VkPipelineStageFlags COMPUTE =
                                      VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                                  COPY = VK_PIPELINE_STAGE_TRANSFER_BIT,
                                  HOST = VK_PIPELINE_STAGE_HOST_BIT;
static const VkAccessFlags SHADER_ACCESS =
    VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
static const VkAccessFlags COPY_ACCESS =
    VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
static const VkAccessFlags HOST_ACCESS =
    VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT;

static int begin(pock_vulkan_step *step, VkCommandBuffer commands) {
  pock_vulkan_api *vk = &step->device->vk;
  VkCommandBufferBeginInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO};
  return VK(BeginCommandBuffer, commands, &info);
}

static VkDescriptorBufferInfo locate(pock_vulkan_step *step, uint32_t function,
                                     plan_place place) {
  uint32_t kind = step->plan.functions[function].arguments[place.argument].kind;
  uint64_t bytes = align_up(place.bytes, 4);
  if (kind < SEGMENTS)
    return (VkDescriptorBufferInfo){step->segments[kind].buffer, place.offset,
                                    bytes};
  uint64_t offset = step->functions[function].offsets[place.argument];
  return (VkDescriptorBufferInfo){step->arguments.buffer, offset + place.offset,
                                  bytes};
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
  for (int i = 0; i < 3; ++i)
    if (command->groups[i] > limits->maxComputeWorkGroupCount[i])
      return pock_vulkan_fail(
          POCK_VULKAN_BAD_STEP,
          "shader '%s': %u workgroups, but the device allows %u", shader->name,
          command->groups[i], limits->maxComputeWorkGroupCount[i]);
  return 0;
}

static int record_dispatch(pock_vulkan_step *step, uint32_t function,
                           const plan_command *command, VkCommandBuffer to) {
  pock_vulkan_device *device = step->device;
  pock_vulkan_api *vk = &device->vk;
  shader_pipeline *pipeline = &step->pipelines[command->shader];
  uint32_t count = step->plan.shaders[command->shader].num_arguments;
  VkDescriptorSetAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
      .descriptorPool = step->pool,
      .descriptorSetCount = 1,
      .pSetLayouts = &pipeline->set_layout};
  VkDescriptorSet set;
  TRY(VK(AllocateDescriptorSets, device->device, &info, &set));
  for (uint32_t i = 0; i < count; ++i) {
    VkDescriptorBufferInfo place = locate(step, function, command->places[i]);
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
    barrier(step, to, COMPUTE, SHADER_ACCESS, COMPUTE, SHADER_ACCESS);
  vk->CmdBindPipeline(to, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline->pipeline);
  vk->CmdBindDescriptorSets(to, VK_PIPELINE_BIND_POINT_COMPUTE,
                            pipeline->layout, 0, 1, &set, 0, NULL);
  uint32_t words = step->plan.shaders[command->shader].num_words;
  if (words)
    vk->CmdPushConstants(to, pipeline->layout, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                         words * sizeof(uint32_t), command->words);
  vk->CmdDispatch(to, command->groups[0], command->groups[1],
                  command->groups[2]);
  return 0;
}

/* Ends a part: copies the flag of a failure, if there is one, to where the host
 * sees it. */
static int end_part(pock_vulkan_step *step, uint32_t function,
                    const plan_command *failure, VkCommandBuffer to) {
  pock_vulkan_api *vk = &step->device->vk;
  if (failure) {
    barrier(step, to, COMPUTE, SHADER_ACCESS, COPY, COPY_ACCESS);
    VkDescriptorBufferInfo flag = locate(step, function, failure->flag);
    VkBufferCopy copy = {flag.offset, 0, 4};
    vk->CmdCopyBuffer(to, flag.buffer, step->staging.buffer, 1, &copy);
    barrier(step, to, COPY, COPY_ACCESS, HOST, HOST_ACCESS);
  }
  barrier(step, to, COMPUTE, SHADER_ACCESS, HOST, HOST_ACCESS);
  return VK(EndCommandBuffer, to);
}

static int record(pock_vulkan_step *step, uint32_t index) {
  pock_vulkan_api *vk = &step->device->vk;
  plan_function *function = &step->plan.functions[index];
  recorded_function *recorded = &step->functions[index];
  uint32_t parts = 1;
  for (uint32_t i = 0; i < function->num_commands; ++i)
    parts += function->commands[i].kind == PLAN_FAILURE;
  recorded->parts = make(parts, sizeof *recorded->parts);
  recorded->codes = make(parts, sizeof *recorded->codes);
  if (!recorded->parts || !recorded->codes)
    return no_memory();
  recorded->num_parts = parts;
  VkCommandBufferAllocateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
      .commandPool = step->commands,
      .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
      .commandBufferCount = parts};
  TRY(VK(AllocateCommandBuffers, step->device->device, &info, recorded->parts));
  uint32_t part = 0;
  for (uint32_t i = 0; i <= function->num_commands; ++i) {
    VkCommandBuffer to = recorded->parts[part];
    int starts = i == 0 || function->commands[i - 1].kind == PLAN_FAILURE;
    if (starts) {
      TRY(begin(step, to));
      barrier(step, to, HOST | COPY, HOST_ACCESS | COPY_ACCESS, COMPUTE,
              SHADER_ACCESS);
    }
    if (i == function->num_commands)
      return end_part(step, index, NULL, to);
    const plan_command *command = &function->commands[i];
    if (command->kind == PLAN_DISPATCH) {
      TRY(record_dispatch(step, index, command, to));
      continue;
    }
    recorded->codes[part++] = command->code;
    TRY(end_part(step, index, command, to));
  }
  return 0;
}

static int record_all(pock_vulkan_step *step) {
  pock_vulkan_api *vk = &step->device->vk;
  VkDevice device = step->device->device;
  uint32_t sets = 0, buffers = 0;
  for (uint32_t f = 0; f < step->plan.num_functions; ++f)
    for (uint32_t i = 0; i < step->plan.functions[f].num_commands; ++i) {
      plan_command *command = &step->plan.functions[f].commands[i];
      if (command->kind != PLAN_DISPATCH)
        continue;
      ++sets;
      buffers += step->plan.shaders[command->shader].num_arguments;
    }
  VkDescriptorPoolSize size = {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                               buffers ? buffers : 1};
  VkDescriptorPoolCreateInfo pool = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
      .maxSets = sets ? sets : 1,
      .poolSizeCount = 1,
      .pPoolSizes = &size};
  TRY(VK(CreateDescriptorPool, device, &pool, NULL, &step->pool));
  for (uint32_t f = 0; f < step->plan.num_functions; ++f)
    TRY(record(step, f));
  return 0;
}

/*===- Submitting ---------------------------------------------------------===*/

static int submit(pock_vulkan_step *step, VkCommandBuffer commands) {
  pock_vulkan_api *vk = &step->device->vk;
  VkSubmitInfo info = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO,
                       .commandBufferCount = 1,
                       .pCommandBuffers = &commands};
  TRY(VK(QueueSubmit, step->device->queue, 1, &info, step->fence));
  TRY(VK(WaitForFences, step->device->device, 1, &step->fence, VK_TRUE,
         TIMEOUT));
  return VK(ResetFences, step->device->device, 1, &step->fence);
}

static int clear(pock_vulkan_step *step) {
  pock_vulkan_api *vk = &step->device->vk;
  TRY(begin(step, step->transfer));
  for (int i = 0; i < SEGMENTS; ++i)
    vk->CmdFillBuffer(step->transfer, step->segments[i].buffer, 0,
                      VK_WHOLE_SIZE, 0);
  barrier(step, step->transfer, COPY, COPY_ACCESS, COMPUTE | COPY,
          SHADER_ACCESS | COPY_ACCESS);
  TRY(VK(EndCommandBuffer, step->transfer));
  return submit(step, step->transfer);
}

/* Copies between a segment and the buffer that the host sees. */
static int copy(pock_vulkan_step *step, VkBuffer from, VkBuffer to,
                VkBufferCopy range) {
  pock_vulkan_api *vk = &step->device->vk;
  TRY(begin(step, step->transfer));
  barrier(step, step->transfer, HOST | COMPUTE, HOST_ACCESS | SHADER_ACCESS,
          COPY, COPY_ACCESS);
  vk->CmdCopyBuffer(step->transfer, from, to, 1, &range);
  barrier(step, step->transfer, COPY, COPY_ACCESS, HOST | COMPUTE,
          HOST_ACCESS | SHADER_ACCESS);
  TRY(VK(EndCommandBuffer, step->transfer));
  return submit(step, step->transfer);
}

/* Copies `bytes` bytes from `from` to the segment, or from the segment to `to`:
 * one of both is null. */
static int transfer(pock_vulkan_step *step, int segment, size_t offset,
                    const unsigned char *from, unsigned char *to,
                    size_t bytes) {
  if (segment != POCK_VULKAN_CONSTANTS && segment != POCK_VULKAN_STATE)
    return pock_vulkan_fail(POCK_VULKAN_BAD_ARGUMENT,
                            "expected constants or state, but got segment %d",
                            segment);
  if (offset > step->sizes[segment] || bytes > step->sizes[segment] - offset)
    return pock_vulkan_fail(POCK_VULKAN_BAD_ARGUMENT,
                            "bytes beyond the end of segment %d", segment);
  VkBuffer buffer = step->segments[segment].buffer;
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

/*===- The interface ------------------------------------------------------===*/

static int load(pock_vulkan_step *step, const void *shaders,
                size_t shader_bytes, const void *data, size_t bytes) {
  pock_vulkan_api *vk = &step->device->vk;
  VkDevice device = step->device->device;
  TRY(plan_read(data, bytes, &step->plan));
  step->pipelines = make(step->plan.num_shaders, sizeof *step->pipelines);
  step->functions = make(step->plan.num_functions, sizeof *step->functions);
  if (!step->pipelines || !step->functions)
    return no_memory();
  TRY(make_memory(step));
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
  TRY(make_pipelines(step, shaders, shader_bytes));
  TRY(record_all(step));
  return clear(step);
}

int pock_vulkan_load(pock_vulkan_device *device, const void *shaders,
                     size_t shader_bytes, const void *plan, size_t plan_bytes,
                     pock_vulkan_step **step) {
  *step = calloc(1, sizeof **step);
  if (!*step)
    return no_memory();
  (*step)->device = device;
  int code = load(*step, shaders, shader_bytes, plan, plan_bytes);
  if (code) {
    pock_vulkan_unload(*step);
    *step = NULL;
  }
  return code;
}

void pock_vulkan_unload(pock_vulkan_step *step) {
  if (!step)
    return;
  pock_vulkan_api *vk = &step->device->vk;
  VkDevice device = step->device->device;
  vk->DeviceWaitIdle(device);
  for (uint32_t i = 0; step->pipelines && i < step->plan.num_shaders; ++i) {
    vk->DestroyPipeline(device, step->pipelines[i].pipeline, NULL);
    vk->DestroyPipelineLayout(device, step->pipelines[i].layout, NULL);
    vk->DestroyDescriptorSetLayout(device, step->pipelines[i].set_layout, NULL);
  }
  for (uint32_t i = 0; step->functions && i < step->plan.num_functions; ++i) {
    free(step->functions[i].parts);
    free(step->functions[i].codes);
    free(step->functions[i].offsets);
  }
  vk->DestroyShaderModule(device, step->module, NULL);
  vk->DestroyDescriptorPool(device, step->pool, NULL);
  vk->DestroyCommandPool(device, step->commands, NULL);
  vk->DestroyFence(device, step->fence, NULL);
  for (int i = 0; i < SEGMENTS; ++i)
    free_buffer(step->device, &step->segments[i]);
  free_buffer(step->device, &step->arguments);
  free_buffer(step->device, &step->staging);
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

/* Copies all arguments of a kind, inputs or outputs, from or to the caller. */
static void copy_arguments(pock_vulkan_step *step, uint32_t index,
                           void *const *given, uint32_t kind) {
  plan_function *function = &step->plan.functions[index];
  for (uint32_t i = 0; i < function->num_arguments; ++i) {
    plan_argument argument = function->arguments[i];
    if (argument.kind < SEGMENTS)
      continue;
    unsigned char *own =
        step->arguments.host + step->functions[index].offsets[i];
    if (argument.kind == kind && kind == PLAN_INPUT)
      memcpy(own, *given, argument.bytes);
    else if (argument.kind == kind)
      memcpy(*given, own, argument.bytes);
    ++given;
  }
}

int pock_vulkan_call(pock_vulkan_step *step, const char *name,
                     void *const *arguments, size_t count) {
  uint32_t index = 0;
  while (index < step->plan.num_functions &&
         strcmp(step->plan.functions[index].name, name))
    ++index;
  if (index == step->plan.num_functions)
    return pock_vulkan_fail(POCK_VULKAN_BAD_ARGUMENT, "no function '%s'", name);
  plan_function *function = &step->plan.functions[index];
  recorded_function *recorded = &step->functions[index];
  size_t given = 0;
  for (uint32_t i = 0; i < function->num_arguments; ++i)
    given += function->arguments[i].kind >= SEGMENTS;
  if (given != count)
    return pock_vulkan_fail(POCK_VULKAN_BAD_ARGUMENT,
                            "'%s' has %zu inputs and outputs, but got %zu",
                            name, given, count);
  copy_arguments(step, index, arguments, PLAN_INPUT);
  for (uint32_t part = 0; part < recorded->num_parts; ++part) {
    TRY(submit(step, recorded->parts[part]));
    if (recorded->codes[part] && step->staging.host[0])
      return (int)recorded->codes[part];
  }
  copy_arguments(step, index, arguments, PLAN_OUTPUT);
  return 0;
}
