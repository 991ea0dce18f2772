/* A Vulkan layer that makes one call of a function fail, or a device look like
 * another kind. The environment says what, and tests set it:
 *
 *   FAULT_FUNCTION   the function's name: vkQueueSubmit, vkWaitForFences,
 *                    vkAllocateMemory or vkCreateComputePipelines
 *   FAULT_CALL       the number of the call that fails, from 1
 *   FAULT_RESULT     the VkResult that it returns
 *   FAULT_HANGS      if set, a fence whose wait has timed out stays pending
 *   FAULT_DISCRETE   if set, devices are discrete
 *
 * A wait that reports a lost device waits first: nothing runs on such a device.
 * One that reports a timeout does not. */
#include <stdlib.h>
#include <string.h>
#include <vulkan/vk_layer.h>

/*===- The functions of the next layer ------------------------------------===*/

/* What the next layer has for an instance or a device. Objects of one device
 * begin with the same pointer. */
typedef struct {
  void *key, *handle;
  PFN_vkGetInstanceProcAddr of_instance;
  PFN_vkGetDeviceProcAddr of_device;
} next_layer;

static next_layer layers[64];
static unsigned num_layers;

static void add_layer(void *handle, PFN_vkGetInstanceProcAddr of_instance,
                      PFN_vkGetDeviceProcAddr of_device) {
  if (num_layers == sizeof layers / sizeof *layers)
    abort();
  layers[num_layers++] =
      (next_layer){*(void **)handle, handle, of_instance, of_device};
}

static PFN_vkVoidFunction next(void *object, const char *name) {
  /* An address may be that of an older object that was destroyed. */
  for (unsigned i = num_layers; i-- > 0;)
    if (layers[i].key == *(void **)object)
      return layers[i].of_device
                 ? layers[i].of_device(layers[i].handle, name)
                 : layers[i].of_instance(layers[i].handle, name);
  return NULL;
}
#define NEXT(name, object) ((PFN_##name)next(object, #name))

/*===- What fails ---------------------------------------------------------===*/

/* Whether this call of a function is the one that fails. */
static int fails(const char *function, VkResult *result) {
  static int calls;
  const char *wanted = getenv("FAULT_FUNCTION");
  if (!wanted || strcmp(wanted, function) ||
      ++calls != atoi(getenv("FAULT_CALL")))
    return 0;
  *result = (VkResult)atoi(getenv("FAULT_RESULT"));
  return 1;
}

static VkResult submit(VkQueue queue, uint32_t count, const VkSubmitInfo *infos,
                       VkFence fence) {
  VkResult result;
  return fails("vkQueueSubmit", &result)
             ? result
             : NEXT(vkQueueSubmit, queue)(queue, count, infos, fence);
}

static VkResult wait_for_fences(VkDevice device, uint32_t count,
                                const VkFence *fences, VkBool32 all,
                                uint64_t timeout) {
  static VkFence hanging;
  if (hanging && count == 1 && *fences == hanging)
    return VK_TIMEOUT;
  VkResult result;
  int is_failure = fails("vkWaitForFences", &result);
  if (is_failure && result == VK_TIMEOUT) {
    if (getenv("FAULT_HANGS"))
      hanging = *fences;
    return result;
  }
  VkResult real =
      NEXT(vkWaitForFences, device)(device, count, fences, all, timeout);
  return is_failure ? result : real;
}

static VkResult allocate(VkDevice device, const VkMemoryAllocateInfo *info,
                         const VkAllocationCallbacks *callbacks,
                         VkDeviceMemory *memory) {
  VkResult result;
  return fails("vkAllocateMemory", &result)
             ? result
             : NEXT(vkAllocateMemory, device)(device, info, callbacks, memory);
}

static VkResult create_pipelines(VkDevice device, VkPipelineCache cache,
                                 uint32_t count,
                                 const VkComputePipelineCreateInfo *infos,
                                 const VkAllocationCallbacks *callbacks,
                                 VkPipeline *results) {
  VkResult result;
  if (!fails("vkCreateComputePipelines", &result))
    return NEXT(vkCreateComputePipelines, device)(device, cache, count, infos,
                                                  callbacks, results);
  memset(results, 0, count * sizeof *results);
  return result;
}

static void get_properties(VkPhysicalDevice device,
                           VkPhysicalDeviceProperties *properties) {
  NEXT(vkGetPhysicalDeviceProperties, device)(device, properties);
  if (getenv("FAULT_DISCRETE"))
    properties->deviceType = VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU;
}

/*===- The layer ----------------------------------------------------------===*/

static VkResult create_instance(const VkInstanceCreateInfo *info,
                                const VkAllocationCallbacks *callbacks,
                                VkInstance *instance) {
  VkLayerInstanceCreateInfo *link = (void *)info->pNext;
  while (link->sType != VK_STRUCTURE_TYPE_LOADER_INSTANCE_CREATE_INFO ||
         link->function != VK_LAYER_LINK_INFO)
    link = (void *)link->pNext;
  PFN_vkGetInstanceProcAddr find =
      link->u.pLayerInfo->pfnNextGetInstanceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  PFN_vkCreateInstance create =
      (PFN_vkCreateInstance)find(VK_NULL_HANDLE, "vkCreateInstance");
  VkResult result = create(info, callbacks, instance);
  if (result == VK_SUCCESS)
    add_layer(*instance, find, NULL);
  return result;
}

static VkResult create_device(VkPhysicalDevice physical,
                              const VkDeviceCreateInfo *info,
                              const VkAllocationCallbacks *callbacks,
                              VkDevice *device) {
  VkLayerDeviceCreateInfo *link = (void *)info->pNext;
  while (link->sType != VK_STRUCTURE_TYPE_LOADER_DEVICE_CREATE_INFO ||
         link->function != VK_LAYER_LINK_INFO)
    link = (void *)link->pNext;
  PFN_vkGetDeviceProcAddr find = link->u.pLayerInfo->pfnNextGetDeviceProcAddr;
  link->u.pLayerInfo = link->u.pLayerInfo->pNext;
  VkResult result =
      NEXT(vkCreateDevice, physical)(physical, info, callbacks, device);
  if (result == VK_SUCCESS)
    add_layer(*device, NULL, find);
  return result;
}

VK_LAYER_EXPORT PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance instance,
                                                         const char *name);
VK_LAYER_EXPORT PFN_vkVoidFunction vkGetDeviceProcAddr(VkDevice device,
                                                       const char *name);

static PFN_vkVoidFunction own(const char *name) {
  static const struct {
    const char *name;
    PFN_vkVoidFunction function;
  } functions[] = {
      {"vkGetInstanceProcAddr", (PFN_vkVoidFunction)vkGetInstanceProcAddr},
      {"vkGetDeviceProcAddr", (PFN_vkVoidFunction)vkGetDeviceProcAddr},
      {"vkCreateInstance", (PFN_vkVoidFunction)create_instance},
      {"vkCreateDevice", (PFN_vkVoidFunction)create_device},
      {"vkGetPhysicalDeviceProperties", (PFN_vkVoidFunction)get_properties},
      {"vkQueueSubmit", (PFN_vkVoidFunction)submit},
      {"vkWaitForFences", (PFN_vkVoidFunction)wait_for_fences},
      {"vkAllocateMemory", (PFN_vkVoidFunction)allocate},
      {"vkCreateComputePipelines", (PFN_vkVoidFunction)create_pipelines},
  };
  for (unsigned i = 0; i < sizeof functions / sizeof *functions; ++i)
    if (!strcmp(functions[i].name, name))
      return functions[i].function;
  return NULL;
}

PFN_vkVoidFunction vkGetInstanceProcAddr(VkInstance instance,
                                         const char *name) {
  PFN_vkVoidFunction function = own(name);
  return function || !instance ? function : next(instance, name);
}

PFN_vkVoidFunction vkGetDeviceProcAddr(VkDevice device, const char *name) {
  PFN_vkVoidFunction function = own(name);
  return function ? function : next(device, name);
}
