/*===- probe.c - Whether a device has portable arithmetic -----------------===*/
#include "error.h"
#include "step.h"

#include <stdlib.h>

int pock_vulkan_probe(pock_vulkan_step *step) {
  const plan_probe *probe = &step->plan.probe;
  if (!step->plan.is_portable)
    return 0;
  uint32_t *found = pock_vulkan_make(probe->num_outputs, sizeof *found);
  if (!found)
    return pock_vulkan_no_memory();
  void *arguments[] = {probe->inputs, found};
  int code = pock_vulkan_run(step, probe->function,
                             &step->functions[probe->function], arguments);
  for (uint32_t i = 0; !code && i < probe->num_outputs; ++i)
    if (found[i] != probe->outputs[i])
      code = pock_vulkan_fail(
          POCK_VULKAN_BAD_STEP,
          "the device has no portable arithmetic: result %u of the probe is "
          "0x%08x, but expected 0x%08x",
          i, found[i], probe->outputs[i]);
  free(found);
  return code;
}
