/*===- memory.c - The memory of a step ------------------------------------===
 *
 * Segments are buffers of the device, and so is one with all inputs and
 * outputs. Where host and device share their memory, the host sees constants,
 * state, inputs and outputs. Elsewhere it sees copies of inputs and outputs,
 * which commands make: shaders would read them through the bus again and again.
 *
 *===----------------------------------------------------------------------===*/
#include "error.h"
#include "step.h"

#include <stdlib.h>

void *pock_vulkan_make(size_t count, size_t size) {
  return calloc(count ? count : 1, size);
}

int pock_vulkan_no_memory(void) {
  return pock_vulkan_fail(POCK_VULKAN_NO_MEMORY, "out of memory");
}

/* The first allowed type of memory with all `wanted` properties, or -1. */
static int memory_type(pock_vulkan_device *device, uint32_t allowed,
                       VkMemoryPropertyFlags wanted) {
  for (uint32_t i = 0; i < device->memory.memoryTypeCount; ++i)
    if ((allowed >> i & 1) &&
        (device->memory.memoryTypes[i].propertyFlags & wanted) == wanted)
      return (int)i;
  return -1;
}

static const VkMemoryPropertyFlags OF_DEVICE =
                                       VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT,
                                   OF_HOST =
                                       VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT |
                                       VK_MEMORY_PROPERTY_HOST_COHERENT_BIT;

/* Makes a buffer for `what` in memory with all `required` properties, and with
 * the `preferred` ones if the device has such memory. It is mapped if it was
 * asked to be of the host. */
static int make_buffer(pock_vulkan_device *device, const char *what,
                       uint64_t bytes, VkMemoryPropertyFlags required,
                       VkMemoryPropertyFlags preferred, memory_buffer *result) {
  pock_vulkan_api *vk = &device->vk;
  VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                             .size = pock_vulkan_align_up(bytes ? bytes : 1, 4),
                             .usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT |
                                      VK_BUFFER_USAGE_TRANSFER_SRC_BIT |
                                      VK_BUFFER_USAGE_TRANSFER_DST_BIT};
  TRY(VK(CreateBuffer, device->device, &info, NULL, &result->buffer));
  VkMemoryRequirements needed;
  vk->GetBufferMemoryRequirements(device->device, result->buffer, &needed);
  VkMemoryPropertyFlags wanted = required | preferred;
  int type = memory_type(device, needed.memoryTypeBits, wanted);
  if (type < 0) {
    wanted = required;
    type = memory_type(device, needed.memoryTypeBits, wanted);
  }
  if (type < 0)
    return pock_vulkan_fail(POCK_VULKAN_BAD_STEP,
                            "the device has no memory of the needed kind");
  VkMemoryAllocateInfo allocation = {.sType =
                                         VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
                                     .allocationSize = needed.size,
                                     .memoryTypeIndex = (uint32_t)type};
  int code =
      VK(AllocateMemory, device->device, &allocation, NULL, &result->memory);
  if (code == POCK_VULKAN_NO_MEMORY)
    return pock_vulkan_fail(
        code,
        "vkAllocateMemory: the device has no memory for %s, %llu bytes: close "
        "other programs, or compile for a smaller batch or scheme",
        what, (unsigned long long)needed.size);
  if (code)
    return code;
  TRY(VK(BindBufferMemory, device->device, result->buffer, result->memory, 0));
  if (wanted & OF_HOST)
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

/* Whether host and device share their memory. Others may let the host see their
 * memory, too, but it reads that slowly. */
static int is_unified(const pock_vulkan_device *device) {
  VkPhysicalDeviceType type = device->properties.deviceType;
  return type == VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU ||
         type == VK_PHYSICAL_DEVICE_TYPE_CPU;
}

int pock_vulkan_make_memory(pock_vulkan_step *step) {
  static const char *const names[PLAN_MEMORIES] = {
      "constants", "state", "the arena", "inputs and outputs"};
  VkMemoryPropertyFlags shared = is_unified(step->device) ? OF_HOST : 0;
  for (int i = 0; i < PLAN_MEMORIES; ++i) {
    for (uint32_t f = 0; f < step->plan.num_functions; ++f) {
      uint64_t bytes = step->plan.functions[f].sizes[i];
      step->sizes[i] = bytes > step->sizes[i] ? bytes : step->sizes[i];
    }
    TRY(make_buffer(step->device, names[i], step->sizes[i], OF_DEVICE,
                    i == PLAN_ARENA ? 0 : shared, &step->memories[i]));
  }
  if (!step->memories[PLAN_ARGUMENTS].host)
    TRY(make_buffer(step->device, "copies of inputs and outputs",
                    step->sizes[PLAN_ARGUMENTS], OF_HOST, 0, &step->exchange));
  return make_buffer(step->device, "copies", STAGING_BYTES, OF_HOST, 0,
                     &step->staging);
}

void pock_vulkan_free_memory(pock_vulkan_step *step) {
  for (int i = 0; i < PLAN_MEMORIES; ++i)
    free_buffer(step->device, &step->memories[i]);
  free_buffer(step->device, &step->exchange);
  free_buffer(step->device, &step->staging);
}
