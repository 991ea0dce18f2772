"""pock-mlir: PyTorch models to ahead-of-time compiled, sparse-update training steps."""

from importlib import import_module as _import_module
from types import ModuleType as _ModuleType

from . import budgets, cache
from .api.optim import SGD, Adam, AdamW, Optimizer
from .api.options import MemoryOptions
from .api.quantization import Quantization
from .api.scheme import ParameterInfo, Scheme
from .api.source import LOSSES
from .api.tuning import Tuning
from .artifact.footprint import Footprint
from .artifact.memory import Memory
from .compiler import Imported, compile, import_model, plan, quantize
from .core.stages import STAGES
from .device import Run, run
from .errors import (
    ArgumentError,
    CheckpointError,
    CompiledFileError,
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
from .frontends.pt2.archive import load_exported
from .loading import load
from .report.picture import draw_memory
from .report.plan import Plan
from .report.profile import Profile
from .report.report import Report
from .runtime.dropout import dropout_mask
from .runtime.threads import get_num_threads, set_num_threads
from .runtime.vulkan import list_devices as devices
from .step import Step
from .targets.target import Target
from .tuning.tune import tune

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
    "CompiledFileError",
    "Footprint",
    "Imported",
    "IndexRangeError",
    "IntegerDivisionError",
    "LossNotFiniteError",
    "Memory",
    "MemoryLimitError",
    "MemoryOptions",
    "Optimizer",
    "ParameterInfo",
    "Plan",
    "PockError",
    "Profile",
    "Quantization",
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
    "budgets",
    "cache",
    "compile",
    "devices",
    "draw_memory",
    "dropout_mask",
    "get_num_threads",
    "import_model",
    "load",
    "load_exported",
    "plan",
    "quantize",
    "run",
    "set_num_threads",
    "tune",
]


def __getattr__(name: str) -> _ModuleType:
    # The old name of `budgets`; a warning is given when it is used.
    if name == "cost":
        return _import_module(".cost", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
