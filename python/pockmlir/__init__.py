"""pock-mlir: PyTorch models to ahead-of-time compiled, sparse-update training steps."""

from . import cost
from ._footprint import Footprint
from ._memory import Memory
from ._options import MemoryOptions
from ._picture import draw_memory
from ._profile import Profile
from ._pt2 import load_exported
from ._tune import tune
from ._tuning import Tuning
from .compiler import LOSSES, STAGES, compile
from .device import Run, run
from .dropout import dropout_mask
from .errors import (
    ArgumentError,
    CheckpointError,
    CompileError,
    IndexRangeError,
    IntegerDivisionError,
    LossNotFiniteError,
    MemoryLimitError,
    PockError,
    RunError,
    SchemeError,
    SizeError,
    StepError,
    TargetError,
    UnsupportedOp,
    UnsupportedOpsError,
)
from .optim import SGD, Adam, AdamW, Optimizer
from .report import Report
from .scheme import ParameterInfo, Scheme
from .step import Step
from .target import Target
from .threads import get_num_threads, set_num_threads

__version__ = "0.1.0"

__all__ = [
    "LOSSES",
    "SGD",
    "STAGES",
    "Adam",
    "AdamW",
    "ArgumentError",
    "CheckpointError",
    "CompileError",
    "Footprint",
    "IndexRangeError",
    "IntegerDivisionError",
    "LossNotFiniteError",
    "Memory",
    "MemoryLimitError",
    "MemoryOptions",
    "Optimizer",
    "ParameterInfo",
    "PockError",
    "Profile",
    "Report",
    "Run",
    "RunError",
    "Scheme",
    "SchemeError",
    "SizeError",
    "Step",
    "StepError",
    "Target",
    "TargetError",
    "Tuning",
    "UnsupportedOp",
    "UnsupportedOpsError",
    "compile",
    "cost",
    "draw_memory",
    "dropout_mask",
    "get_num_threads",
    "load_exported",
    "run",
    "set_num_threads",
    "tune",
]
