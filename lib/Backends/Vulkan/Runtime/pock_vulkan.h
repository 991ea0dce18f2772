/*===- pock_vulkan.h - Runs compiled steps on Vulkan devices ----------------===
 *
 * A step is a SPIR-V module and a plan, both made by the compiler. This library
 * records the plan's dispatches once, and submits them for each call. It finds
 * the Vulkan loader at run time.
 *
 * All functions return 0, or a code: positive codes are failures that the
 * compiled function reports, negative ones errors of this library, of which
 * `pock_vulkan_error` has the text. A device with its steps belongs to one
 * thread at a time; different devices may be used by different threads.
 *
 * A device is lost if a call of it fails or takes too long. What its steps hold
 * is lost, too: from then on, they return POCK_VULKAN_LOST at once, and can
 * only be unloaded. Close the device, open it again, load the step, and write
 * the state that was read last before.
 *
 *===----------------------------------------------------------------------===*/
#ifndef POCK_VULKAN_H
#define POCK_VULKAN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pock_vulkan_device pock_vulkan_device;
typedef struct pock_vulkan_step pock_vulkan_step;

enum {
  /* No loader, no driver, or no device of that name. */
  POCK_VULKAN_NO_DEVICE = -1,
  /* The plan or the shaders are damaged, or the device cannot run them. */
  POCK_VULKAN_BAD_STEP = -2,
  /* The device has not enough memory. */
  POCK_VULKAN_NO_MEMORY = -3,
  /* The device is lost. */
  POCK_VULKAN_LOST = -4,
  /* An argument is not acceptable. */
  POCK_VULKAN_BAD_ARGUMENT = -5,
  /* The driver reports another error. */
  POCK_VULKAN_FAILED = -6
};

/* Which memory of a step is read or written. */
enum { POCK_VULKAN_CONSTANTS = 0, POCK_VULKAN_STATE = 1 };

/* The text of the last error of this thread; empty if there was none. */
const char *pock_vulkan_error(void);

/* Copies the names of all devices, each ended by a newline, and returns how
 * many bytes that takes with the final zero; a code if there is no loader. */
int pock_vulkan_list(char *text, size_t bytes);

/* Opens the device whose name contains `name`; the first one if it is null. */
int pock_vulkan_open(const char *name, pock_vulkan_device **device);
/* Its steps must be unloaded. */
void pock_vulkan_close(pock_vulkan_device *device);
/* Whether the device is lost. */
int pock_vulkan_is_lost(const pock_vulkan_device *device);

/* Loads a step, with its own zeroed memory. */
int pock_vulkan_load(pock_vulkan_device *device, const void *shaders,
                     size_t shader_bytes, const void *plan, size_t plan_bytes,
                     pock_vulkan_step **step);
/* Frees the step's memory; after a call that took too long, only if it has
 * ended by now: the device still uses it otherwise. */
void pock_vulkan_unload(pock_vulkan_step *step);

/* Copies bytes from or to constants or state. */
int pock_vulkan_write(pock_vulkan_step *step, int segment, size_t offset,
                      const void *data, size_t bytes);
int pock_vulkan_read(pock_vulkan_step *step, int segment, size_t offset,
                     void *data, size_t bytes);

/* Calls a function, with one pointer for each input and then for each output,
 * in the order of the manifest. */
int pock_vulkan_call(pock_vulkan_step *step, const char *function,
                     void *const *arguments, size_t count);

/* Calls a function like `pock_vulkan_call`, in which dispatches wait for each
 * other, and adds the time of each launch of a kernel, in the order of the
 * manifest's plan, to `seconds`. */
int pock_vulkan_profile(pock_vulkan_step *step, const char *function,
                        void *const *arguments, size_t count, double *seconds,
                        size_t launches);

#ifdef __cplusplus
}
#endif

#endif /* POCK_VULKAN_H */
