"""Targets: the class `Target`, and one module per family with its rows."""

from .cortex_m import CORTEX_M
from .linux import LINUX
from .riscv import RISCV
from .target import register

register(*LINUX, *CORTEX_M, *RISCV)
