"""Graphics processors with Vulkan; a new one is a new row."""

from __future__ import annotations

from .target import Target

__all__ = ["VULKAN"]

#: What every device with Vulkan 1.1 has; after a colon, what a family of devices has. lib/Backends/Vulkan/DeviceRow.cpp
#: says what that is.
_PORTABLE = Target(
    name="vulkan",
    triple="spirv-unknown-vulkan",
    index_bits=32,
    vector_bytes=0,
    alignment=256,  # the largest that a device may need of a buffer's offset
    stack_bytes=0,
    dispatched=True,
    cpus=("adreno", "apple", "mali", "nvidia"),
)

#: All targets of this family.
VULKAN = (_PORTABLE,)
