/*===- pipeline.c - The shaders of a step ---------------------------------===*/
#include "error.h"
#include "step.h"

#include <stdlib.h>
#include <string.h>

static int make_pipeline(pock_vulkan_step *step, const plan_shader *shader,
                         shader_pipeline *result) {
  pock_vulkan_device *device = step->device;
  pock_vulkan_api *vk = &device->vk;
  uint32_t most = device->properties.limits.maxPerStageDescriptorStorageBuffers;
  if (shader->num_arguments > most)
    return pock_vulkan_fail(
        POCK_VULKAN_BAD_STEP,
        "shader '%s' has %u buffers, but the device allows %u", shader->name,
        shader->num_arguments, most);
  VkDescriptorSetLayoutBinding *bindings =
      pock_vulkan_make(shader->num_arguments, sizeof *bindings);
  if (!bindings)
    return pock_vulkan_no_memory();
  for (uint32_t i = 0; i < shader->num_arguments; ++i)
    bindings[i] = (VkDescriptorSetLayoutBinding){
        .binding = i,
        .descriptorType = VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .descriptorCount = 1,
        .stageFlags = VK_SHADER_STAGE_COMPUTE_BIT};
  VkDescriptorSetLayoutCreateInfo set = {
      .sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
      .bindingCount = shader->num_arguments,
      .pBindings = bindings};
  int code = VK(CreateDescriptorSetLayout, device->device, &set, NULL,
                &result->set_layout);
  free(bindings);
  if (code)
    return code;
  uint32_t pushed = shader->num_words * sizeof(uint32_t);
  if (pushed > device->properties.limits.maxPushConstantsSize)
    return pock_vulkan_fail(
        POCK_VULKAN_BAD_STEP,
        "shader '%s' needs %u bytes of push constants, but the device has %u",
        shader->name, pushed, device->properties.limits.maxPushConstantsSize);
  VkPushConstantRange range = {.stageFlags = VK_SHADER_STAGE_COMPUTE_BIT,
                               .size = pushed};
  VkPipelineLayoutCreateInfo layout = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
      .setLayoutCount = 1,
      .pSetLayouts = &result->set_layout,
      .pushConstantRangeCount = pushed != 0,
      .pPushConstantRanges = &range};
  TRY(VK(CreatePipelineLayout, device->device, &layout, NULL, &result->layout));
  VkComputePipelineCreateInfo pipeline = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .flags =
          shader->has_first_group ? VK_PIPELINE_CREATE_DISPATCH_BASE_BIT : 0,
      .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = step->module,
                .pName = shader->name},
      .layout = result->layout};
  return VK(CreateComputePipelines, device->device, VK_NULL_HANDLE, 1,
            &pipeline, NULL, &result->pipeline);
}

/* Whether a module has an entry point of this name: drivers need not check. */
static int has_entry_point(const uint32_t *module, size_t words,
                           const char *name) {
  enum { HEADER = 5, ENTRY_POINT = 15, NAME = 3 };
  size_t needed = strlen(name) / 4 + 1;
  for (size_t i = HEADER; i < words; i += module[i] >> 16) {
    size_t length = module[i] >> 16;
    if (length == 0 || length > words - i)
      return 0;
    if ((module[i] & 0xffff) == ENTRY_POINT && length >= NAME + needed &&
        !strncmp((const char *)(module + i + NAME), name, needed * 4))
      return 1;
  }
  return 0;
}

/* Copies a module without the request that denormal numbers are kept, which a
 * device may do anyway (`pock_vulkan_probe` finds out). Returns the number of
 * words. */
static size_t drop_denormals(const uint32_t *module, size_t words,
                             uint32_t *result) {
  enum {
    HEADER = 5,
    MODE = 16,
    CAPABILITY = 17,
    DENORM_PRESERVE = 4459,
    DENORM_PRESERVE_CAPABILITY = 4464
  };
  size_t kept = HEADER < words ? HEADER : words;
  memcpy(result, module, kept * sizeof *module);
  for (size_t i = kept; i < words;) {
    size_t length = module[i] >> 16;
    uint32_t kind = module[i] & 0xffff;
    if (length == 0 || length > words - i)
      length = words - i;
    int dropped =
        (kind == CAPABILITY && length > 1 &&
         module[i + 1] == DENORM_PRESERVE_CAPABILITY) ||
        (kind == MODE && length > 2 && module[i + 2] == DENORM_PRESERVE);
    if (!dropped) {
      memcpy(result + kept, module + i, length * sizeof *module);
      kept += length;
    }
    i += length;
  }
  return kept;
}

static int make_module(pock_vulkan_step *step, const uint32_t *shaders,
                       size_t words) {
  pock_vulkan_api *vk = &step->device->vk;
  VkShaderModuleCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
      .codeSize = words * sizeof *shaders,
      .pCode = shaders};
  return VK(CreateShaderModule, step->device->device, &info, NULL,
            &step->module);
}

/* The module as the device takes it. */
static int make_fitting_module(pock_vulkan_step *step, const uint32_t *shaders,
                               size_t words) {
  if (!step->plan.is_portable || step->device->keeps_denormals)
    return make_module(step, shaders, words);
  uint32_t *without = pock_vulkan_make(words, sizeof *without);
  if (!without)
    return pock_vulkan_no_memory();
  int code =
      make_module(step, without, drop_denormals(shaders, words, without));
  free(without);
  return code;
}

int pock_vulkan_make_pipelines(pock_vulkan_step *step, const void *shaders,
                               size_t bytes) {
  size_t words = bytes / sizeof(uint32_t);
  TRY(make_fitting_module(step, shaders, words));
  for (uint32_t i = 0; i < step->plan.num_shaders; ++i)
    if (!has_entry_point(shaders, words, step->plan.shaders[i].name))
      return pock_vulkan_fail(POCK_VULKAN_BAD_STEP, "no shader '%s'",
                              step->plan.shaders[i].name);
  for (uint32_t i = 0; i < step->plan.num_shaders; ++i)
    TRY(make_pipeline(step, &step->plan.shaders[i], &step->pipelines[i]));
  return 0;
}
