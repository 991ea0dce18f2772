/*===- device.c - Finding and opening devices -----------------------------===*/
#include "device.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_DEVICES = 16, MOST_FAMILIES = 16 };

/* Loads the loader, and makes an instance. */
static int start(pock_vulkan_device *device) {
  pock_vulkan_api *vk = &device->vk;
  void *loader = dlopen("libvulkan.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!loader)
    loader = dlopen("libvulkan.so", RTLD_NOW | RTLD_LOCAL);
  if (!loader)
    return pock_vulkan_fail(POCK_VULKAN_NO_DEVICE,
                            "no Vulkan loader (libvulkan.so.1)");
  PFN_vkGetInstanceProcAddr find;
  *(void **)&find = dlsym(loader, "vkGetInstanceProcAddr");
  if (!find)
    return pock_vulkan_fail(POCK_VULKAN_NO_DEVICE,
                            "libvulkan.so.1 is not a Vulkan loader");
#define LOOK_UP(name)                                                          \
  vk->name = (PFN_vk##name)find(device->instance, "vk" #name);                 \
  if (!vk->name)                                                               \
    return pock_vulkan_fail(POCK_VULKAN_NO_DEVICE, "no function vk" #name);
  POCK_GLOBAL_FUNCTIONS(LOOK_UP)
  VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                   .pApplicationName = "pockmlir",
                                   .apiVersion = VK_API_VERSION_1_1};
  VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                               .pApplicationInfo = &application};
  VkResult result = vk->CreateInstance(&info, NULL, &device->instance);
  if (result == VK_ERROR_INCOMPATIBLE_DRIVER)
    return pock_vulkan_fail(POCK_VULKAN_NO_DEVICE, "no Vulkan driver");
  int code = pock_vulkan_check(result, "CreateInstance");
  if (code)
    return code;
  POCK_INSTANCE_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
  return 0;
}

static int list(pock_vulkan_device *device, VkPhysicalDevice *found,
                uint32_t *count) {
  *count = MOST_DEVICES;
  VkResult result =
      device->vk.EnumeratePhysicalDevices(device->instance, count, found);
  return result == VK_INCOMPLETE
             ? 0
             : pock_vulkan_check(result, "EnumeratePhysicalDevices");
}

int pock_vulkan_list(char *text, size_t bytes) {
  pock_vulkan_device device = {0};
  VkPhysicalDevice found[MOST_DEVICES];
  uint32_t count;
  int code = start(&device);
  if (!code)
    code = list(&device, found, &count);
  size_t needed = 1;
  for (uint32_t i = 0; !code && i < count; ++i) {
    VkPhysicalDeviceProperties properties;
    device.vk.GetPhysicalDeviceProperties(found[i], &properties);
    size_t length = strlen(properties.deviceName) + 1;
    if (needed + length <= bytes) {
      memcpy(text + needed - 1, properties.deviceName, length - 1);
      text[needed + length - 2] = '\n';
    }
    needed += length;
  }
  if (bytes)
    text[needed <= bytes ? needed - 1 : 0] = 0;
  if (device.instance)
    device.vk.DestroyInstance(device.instance, NULL);
  return code ? code : (int)needed;
}

/* The number of a queue family that computes; -1 if there is none. */
static int family_of(pock_vulkan_device *device) {
  VkQueueFamilyProperties families[MOST_FAMILIES];
  uint32_t count = MOST_FAMILIES;
  device->vk.GetPhysicalDeviceQueueFamilyProperties(device->physical, &count,
                                                    families);
  for (uint32_t i = 0; i < count; ++i)
    if (families[i].queueFlags & VK_QUEUE_COMPUTE_BIT) {
      device->has_clock = families[i].timestampValidBits != 0;
      return (int)i;
    }
  return -1;
}

static int choose(pock_vulkan_device *device, const char *name) {
  VkPhysicalDevice found[MOST_DEVICES];
  uint32_t count;
  int code = list(device, found, &count);
  if (code)
    return code;
  for (uint32_t i = 0; i < count; ++i) {
    device->physical = found[i];
    device->vk.GetPhysicalDeviceProperties(found[i], &device->properties);
    int family = family_of(device);
    if (family < 0 || device->properties.apiVersion < VK_API_VERSION_1_1 ||
        (name && !strstr(device->properties.deviceName, name)))
      continue;
    device->family = (uint32_t)family;
    device->vk.GetPhysicalDeviceMemoryProperties(found[i], &device->memory);
    return 0;
  }
  if (name)
    return pock_vulkan_fail(
        POCK_VULKAN_NO_DEVICE,
        "no Vulkan 1.1 device called '%s' that computes, among %u", name,
        count);
  return pock_vulkan_fail(POCK_VULKAN_NO_DEVICE,
                          "no Vulkan 1.1 device that computes, among %u",
                          count);
}

static int has_extension(pock_vulkan_device *device, const char *name) {
  uint32_t count = 0;
  PFN_vkEnumerateDeviceExtensionProperties list =
      device->vk.EnumerateDeviceExtensionProperties;
  if (list(device->physical, NULL, &count, NULL))
    return 0;
  VkExtensionProperties *found = calloc(count ? count : 1, sizeof *found);
  int has = 0;
  if (found && list(device->physical, NULL, &count, found) >= 0)
    for (uint32_t i = 0; i < count; ++i)
      has |= !strcmp(found[i].extensionName, name);
  free(found);
  return has;
}

/* Finds out what shaders may ask of arithmetic; returns whether the extension
 * for it is there. */
static int find_float_controls(pock_vulkan_device *device) {
  if (!has_extension(device, VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME))
    return 0;
  VkPhysicalDeviceFloatControlsProperties controls = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FLOAT_CONTROLS_PROPERTIES};
  VkPhysicalDeviceProperties2 properties = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_PROPERTIES_2,
      .pNext = &controls};
  device->vk.GetPhysicalDeviceProperties2(device->physical, &properties);
  device->keeps_zeros = controls.shaderSignedZeroInfNanPreserveFloat32 != 0;
  device->keeps_denormals = controls.shaderDenormPreserveFloat32 != 0;
  return 1;
}

/* Features beyond those of every device, as one chain. */
typedef struct {
  VkPhysicalDevice8BitStorageFeatures bytes;
  VkPhysicalDevice16BitStorageFeatures halves;
  VkPhysicalDeviceShaderFloat16Int8Features arithmetic;
} storage_features;

/* Finds out whether shaders may store small numbers, and convert them. The
 * chain has what the device can do, and is what it is to be made with. Returns
 * whether the extensions for it are there. */
static int find_storage(pock_vulkan_device *device,
                        storage_features *features) {
  if (!has_extension(device, VK_KHR_8BIT_STORAGE_EXTENSION_NAME) ||
      !has_extension(device, VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME))
    return 0;
  features->bytes.sType =
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_8BIT_STORAGE_FEATURES;
  features->bytes.pNext = &features->halves;
  features->halves.sType =
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_16BIT_STORAGE_FEATURES;
  features->halves.pNext = &features->arithmetic;
  features->arithmetic.sType =
      VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_SHADER_FLOAT16_INT8_FEATURES;
  VkPhysicalDeviceFeatures2 all = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2, .pNext = features};
  device->vk.GetPhysicalDeviceFeatures2(device->physical, &all);
  device->stores_bytes = features->arithmetic.shaderInt8 &&
                         features->bytes.storageBuffer8BitAccess;
  device->stores_halves = features->arithmetic.shaderFloat16 &&
                          features->halves.storageBuffer16BitAccess;
  return 1;
}

static int connect(pock_vulkan_device *device) {
  float priority = 1;
  VkDeviceQueueCreateInfo queue = {
      .sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
      .queueFamilyIndex = device->family,
      .queueCount = 1,
      .pQueuePriorities = &priority};
  /* A call with an index out of range, which it reports, reads nothing else.
   * (Every device has this.) */
  VkPhysicalDeviceFeatures features = {.robustBufferAccess = VK_TRUE};
  const char *extensions[3];
  uint32_t num_extensions = 0;
  if (find_float_controls(device))
    extensions[num_extensions++] = VK_KHR_SHADER_FLOAT_CONTROLS_EXTENSION_NAME;
  storage_features storage = {0};
  int has_storage = find_storage(device, &storage);
  if (has_storage) {
    extensions[num_extensions++] = VK_KHR_8BIT_STORAGE_EXTENSION_NAME;
    extensions[num_extensions++] = VK_KHR_SHADER_FLOAT16_INT8_EXTENSION_NAME;
  }
  VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                             .pNext = has_storage ? &storage : NULL,
                             .enabledExtensionCount = num_extensions,
                             .ppEnabledExtensionNames = extensions,
                             .queueCreateInfoCount = 1,
                             .pQueueCreateInfos = &queue,
                             .pEnabledFeatures = &features};
  int code = pock_vulkan_check(
      device->vk.CreateDevice(device->physical, &info, NULL, &device->device),
      "CreateDevice");
  if (code)
    return code;
#define LOOK_UP(name)                                                          \
  device->vk.name =                                                            \
      (PFN_vk##name)device->vk.GetDeviceProcAddr(device->device, "vk" #name);  \
  if (!device->vk.name)                                                        \
    return pock_vulkan_fail(POCK_VULKAN_NO_DEVICE, "no function vk" #name);
  POCK_DEVICE_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
  device->vk.GetDeviceQueue(device->device, device->family, 0, &device->queue);
  return 0;
}

int pock_vulkan_open(const char *name, pock_vulkan_device **device) {
  *device = calloc(1, sizeof **device);
  if (!*device)
    return pock_vulkan_fail(POCK_VULKAN_NO_MEMORY, "out of memory");
  int code = start(*device);
  if (!code)
    code = choose(*device, name);
  if (!code)
    code = connect(*device);
  if (code) {
    pock_vulkan_close(*device);
    *device = NULL;
  }
  return code;
}

void pock_vulkan_close(pock_vulkan_device *device) {
  if (!device || device->is_stuck)
    return;
  if (device->device && device->vk.DestroyDevice)
    device->vk.DestroyDevice(device->device, NULL);
  if (device->instance && device->vk.DestroyInstance)
    device->vk.DestroyInstance(device->instance, NULL);
  free(device);
}

int pock_vulkan_is_lost(const pock_vulkan_device *device) {
  return device->loss[0] != 0;
}

int pock_vulkan_lose(pock_vulkan_device *device) {
  snprintf(device->loss, sizeof device->loss, "%s", pock_vulkan_error());
  return pock_vulkan_check_device(device);
}

int pock_vulkan_check_device(const pock_vulkan_device *device) {
  if (!pock_vulkan_is_lost(device))
    return 0;
  return pock_vulkan_fail(
      POCK_VULKAN_LOST,
      "%s: its steps and their values are lost; load a saved state into a new "
      "step",
      device->loss);
}
