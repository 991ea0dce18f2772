/*===- error.c - The text of an error -------------------------------------===*/
#include "error.h"
#include "pock_vulkan.h"

#include <stdarg.h>
#include <stdio.h>

static _Thread_local char last_error[ERROR_BYTES];

const char *pock_vulkan_error(void) { return last_error; }

int pock_vulkan_fail(int code, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(last_error, sizeof last_error, format, arguments);
  va_end(arguments);
  return code;
}

int pock_vulkan_check(VkResult result, const char *what) {
  switch (result) {
  case VK_SUCCESS:
    return 0;
  case VK_ERROR_OUT_OF_HOST_MEMORY:
  case VK_ERROR_OUT_OF_DEVICE_MEMORY:
    return pock_vulkan_fail(POCK_VULKAN_NO_MEMORY, "vk%s: out of memory", what);
  case VK_ERROR_DEVICE_LOST:
    return pock_vulkan_fail(POCK_VULKAN_LOST, "vk%s: the device is lost", what);
  case VK_TIMEOUT:
    return pock_vulkan_fail(POCK_VULKAN_LOST, "vk%s: no answer from the device",
                            what);
  default:
    return pock_vulkan_fail(POCK_VULKAN_FAILED, "vk%s: error %d", what,
                            (int)result);
  }
}
