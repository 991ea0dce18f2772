/*===- api.h - The functions of Vulkan that the runtime calls ---------------===
 *
 * They are looked up at run time, because programs must start where there is no
 * Vulkan.
 *
 *===----------------------------------------------------------------------===*/
#ifndef POCK_VULKAN_API_H
#define POCK_VULKAN_API_H

#define VK_NO_PROTOTYPES
#include <vulkan/vulkan.h>

/* Of the loader, of an instance, and of a device. */
#define POCK_GLOBAL_FUNCTIONS(X) X(CreateInstance)
#define POCK_INSTANCE_FUNCTIONS(X)                                             \
  X(DestroyInstance)                                                           \
  X(EnumeratePhysicalDevices)                                                  \
  X(GetPhysicalDeviceProperties)                                               \
  X(GetPhysicalDeviceProperties2)                                              \
  X(GetPhysicalDeviceFeatures2)                                                \
  X(EnumerateDeviceExtensionProperties)                                        \
  X(GetPhysicalDeviceQueueFamilyProperties)                                    \
  X(GetPhysicalDeviceMemoryProperties)                                         \
  X(CreateDevice)                                                              \
  X(GetDeviceProcAddr)
#define POCK_DEVICE_FUNCTIONS(X)                                               \
  X(DestroyDevice)                                                             \
  X(GetDeviceQueue)                                                            \
  X(CreateBuffer)                                                              \
  X(DestroyBuffer)                                                             \
  X(GetBufferMemoryRequirements)                                               \
  X(AllocateMemory)                                                            \
  X(FreeMemory)                                                                \
  X(BindBufferMemory)                                                          \
  X(MapMemory)                                                                 \
  X(CreateShaderModule)                                                        \
  X(DestroyShaderModule)                                                       \
  X(CreateDescriptorSetLayout)                                                 \
  X(DestroyDescriptorSetLayout)                                                \
  X(CreatePipelineLayout)                                                      \
  X(DestroyPipelineLayout)                                                     \
  X(CreateComputePipelines)                                                    \
  X(DestroyPipeline)                                                           \
  X(CreateDescriptorPool)                                                      \
  X(DestroyDescriptorPool)                                                     \
  X(AllocateDescriptorSets)                                                    \
  X(UpdateDescriptorSets)                                                      \
  X(CreateCommandPool)                                                         \
  X(DestroyCommandPool)                                                        \
  X(AllocateCommandBuffers)                                                    \
  X(FreeCommandBuffers)                                                        \
  X(CreateQueryPool)                                                           \
  X(DestroyQueryPool)                                                          \
  X(GetQueryPoolResults)                                                       \
  X(BeginCommandBuffer)                                                        \
  X(EndCommandBuffer)                                                          \
  X(CmdBindPipeline)                                                           \
  X(CmdBindDescriptorSets)                                                     \
  X(CmdDispatchBase)                                                           \
  X(CmdPushConstants)                                                          \
  X(CmdResetQueryPool)                                                         \
  X(CmdWriteTimestamp)                                                         \
  X(CmdPipelineBarrier)                                                        \
  X(CmdCopyBuffer)                                                             \
  X(CmdFillBuffer)                                                             \
  X(CreateFence)                                                               \
  X(DestroyFence)                                                              \
  X(QueueSubmit)                                                               \
  X(WaitForFences)                                                             \
  X(ResetFences)

#define POCK_DECLARE(name) PFN_vk##name name;
typedef struct {
  POCK_GLOBAL_FUNCTIONS(POCK_DECLARE)
  POCK_INSTANCE_FUNCTIONS(POCK_DECLARE)
  POCK_DEVICE_FUNCTIONS(POCK_DECLARE)
} pock_vulkan_api;
#undef POCK_DECLARE

#endif /* POCK_VULKAN_API_H */
