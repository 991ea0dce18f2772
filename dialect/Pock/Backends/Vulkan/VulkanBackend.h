//===- VulkanBackend.h - Graphics processors, through SPIR-V ----*- C++ -*-===//

#ifndef POCK_BACKENDS_VULKAN_VULKANBACKEND_H
#define POCK_BACKENDS_VULKAN_VULKANBACKEND_H

namespace mlir::pock {

/// Registers the back end `vulkan` with the registry of Pock/Target.
void registerVulkanBackend();

} // namespace mlir::pock

#endif // POCK_BACKENDS_VULKAN_VULKANBACKEND_H
