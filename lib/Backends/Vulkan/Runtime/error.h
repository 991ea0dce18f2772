/*===- error.h - The text of an error -------------------------------------===*/
#ifndef POCK_VULKAN_ERROR_H
#define POCK_VULKAN_ERROR_H

#include "api.h"

/* How long a text may be, with its final zero. */
enum { ERROR_BYTES = 512 };

/* Keeps the text for `pock_vulkan_error`, and returns `code`. */
int pock_vulkan_fail(int code, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* 0 if `result` is success; otherwise the code for an error of Vulkan's
 * function `what`. */
int pock_vulkan_check(VkResult result, const char *what);

#endif /* POCK_VULKAN_ERROR_H */
