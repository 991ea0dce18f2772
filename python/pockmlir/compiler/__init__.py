"""Compiles a PyTorch model to a training step: import, plan, code."""

from ..api.source import LOSSES
from ..core.stages import STAGES
from .entry import compile, import_model, plan
from .imported import Imported
from .quantized import quantize

__all__ = ["LOSSES", "STAGES", "Imported", "compile", "import_model", "plan", "quantize"]
