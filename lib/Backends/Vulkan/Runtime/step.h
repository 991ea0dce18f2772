/*===- step.h - A loaded step ---------------------------------------------===*/
#ifndef POCK_VULKAN_STEP_H
#define POCK_VULKAN_STEP_H

#include "device.h"
#include "plan.h"
#include "pock_vulkan.h"

enum { STAGING_BYTES = 1 << 20 };

typedef struct {
  VkBuffer buffer;
  VkDeviceMemory memory;
  /* Where the host sees it; null if it does not. */
  unsigned char *host;
} memory_buffer;

typedef struct {
  VkDescriptorSetLayout set_layout;
  VkPipelineLayout layout;
  VkPipeline pipeline;
} shader_pipeline;

/* Command buffers, of which all but perhaps the last one end with a failure. */
typedef struct {
  uint32_t num_parts;
  VkCommandBuffer *parts;
  uint32_t *codes;
  VkDescriptorPool pool;
} recorded_function;

struct pock_vulkan_step {
  pock_vulkan_device *device;
  plan plan;
  uint64_t sizes[PLAN_MEMORIES];
  memory_buffer memories[PLAN_MEMORIES], staging;
  /* Copies of inputs and outputs that the host sees, if it does not see theirs.
   */
  memory_buffer exchange;
  VkShaderModule module;
  shader_pipeline *pipelines;
  recorded_function *functions;
  VkCommandPool commands;
  /* Is recorded anew for each copy. */
  VkCommandBuffer transfer;
  VkFence fence;
  /* Whether the fence is that of a submission whose end was not seen. */
  int is_pending;
};

#define TRY(call)                                                              \
  do {                                                                         \
    int code_ = (call);                                                        \
    if (code_)                                                                 \
      return code_;                                                            \
  } while (0)
/* Calls a function of Vulkan of the step's device. */
#define VK(name, ...) pock_vulkan_check(vk->name(__VA_ARGS__), #name)

static inline uint64_t pock_vulkan_align_up(uint64_t value,
                                            uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

/* Zeroed memory; at least for one entry, so that null is an error. */
void *pock_vulkan_make(size_t count, size_t size);
int pock_vulkan_no_memory(void);

/* Memory for the largest function. */
int pock_vulkan_make_memory(pock_vulkan_step *step);
void pock_vulkan_free_memory(pock_vulkan_step *step);

/* Makes pipelines of all shaders of the plan. */
int pock_vulkan_make_pipelines(pock_vulkan_step *step, const void *shaders,
                               size_t bytes);

/* Begins to record, and makes what comes before visible to what follows. */
int pock_vulkan_begin(pock_vulkan_step *step, VkCommandBuffer commands);
void pock_vulkan_barrier(pock_vulkan_step *step, VkCommandBuffer to,
                         VkPipelineStageFlags before, VkAccessFlags written,
                         VkPipelineStageFlags after, VkAccessFlags read);

/* Records the dispatches of a function. If `clock` is not null, dispatches wait
 * for each other, and each part begins with a reading of the clock, which
 * follows each dispatch, too. The caller frees `result` in any case. */
int pock_vulkan_record(pock_vulkan_step *step, uint32_t index,
                       VkQueryPool clock, recorded_function *result);
void pock_vulkan_free_recorded(pock_vulkan_step *step,
                               recorded_function *recorded);

/* Runs a recorded function until its first failure, with one pointer for each
 * input and output. */
int pock_vulkan_run(pock_vulkan_step *step, uint32_t index,
                    const recorded_function *recorded, void *const *arguments);

/* Checks that the device has portable arithmetic, if the step needs it. */
int pock_vulkan_probe(pock_vulkan_step *step);

/* How many dispatches a function has. */
uint32_t pock_vulkan_count_dispatches(const plan_function *function);

static const VkPipelineStageFlags COMPUTE =
                                      VK_PIPELINE_STAGE_COMPUTE_SHADER_BIT,
                                  COPY = VK_PIPELINE_STAGE_TRANSFER_BIT,
                                  HOST = VK_PIPELINE_STAGE_HOST_BIT;
static const VkAccessFlags SHADER_ACCESS =
    VK_ACCESS_SHADER_READ_BIT | VK_ACCESS_SHADER_WRITE_BIT;
static const VkAccessFlags COPY_ACCESS =
    VK_ACCESS_TRANSFER_READ_BIT | VK_ACCESS_TRANSFER_WRITE_BIT;
static const VkAccessFlags HOST_ACCESS =
    VK_ACCESS_HOST_READ_BIT | VK_ACCESS_HOST_WRITE_BIT;

#endif /* POCK_VULKAN_STEP_H */
