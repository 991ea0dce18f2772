/*===- device.h - An open device ------------------------------------------===*/
#ifndef POCK_VULKAN_DEVICE_H
#define POCK_VULKAN_DEVICE_H

#include "api.h"
#include "pock_vulkan.h"

struct pock_vulkan_device {
  pock_vulkan_api vk;
  VkInstance instance;
  VkPhysicalDevice physical;
  VkDevice device;
  VkQueue queue;
  uint32_t family;
  /* Whether commands can read a clock. */
  int has_clock;
  /* Whether shaders may ask that signs of zeros are kept, and denormal numbers.
   */
  int keeps_zeros, keeps_denormals;
  /* Whether shaders may store bytes. */
  int stores_bytes;
  VkPhysicalDeviceProperties properties;
  VkPhysicalDeviceMemoryProperties memory;
};

#endif /* POCK_VULKAN_DEVICE_H */
