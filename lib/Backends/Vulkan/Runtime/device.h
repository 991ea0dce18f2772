/*===- device.h - An open device ------------------------------------------===*/
#ifndef POCK_VULKAN_DEVICE_H
#define POCK_VULKAN_DEVICE_H

#include "api.h"
#include "error.h"
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
  /* Whether shaders may store bytes, and floats of 16 bits. */
  int stores_bytes, stores_halves;
  /* Why it is lost; empty if it is not. */
  char loss[ERROR_BYTES];
  /* Whether it still uses what belongs to a step: neither can be freed. */
  int is_stuck;
  VkPhysicalDeviceProperties properties;
  VkPhysicalDeviceMemoryProperties memory;
};

/* Marks the device as lost because of the last error; returns
 * POCK_VULKAN_LOST. */
int pock_vulkan_lose(pock_vulkan_device *device);

/* POCK_VULKAN_LOST if the device is lost, otherwise 0. */
int pock_vulkan_check_device(const pock_vulkan_device *device);

#endif /* POCK_VULKAN_DEVICE_H */
