"""Targets: the class `Target`, and one module per family with its rows."""

from .cortex_m import CORTEX_M
from .linux import LINUX
from .riscv import RISCV
from .target import register
from .vulkan import VULKAN

register(*LINUX, *CORTEX_M, *RISCV, *VULKAN)
