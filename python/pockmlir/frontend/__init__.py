"""The torch frontend: PyTorch models → pock IR at stage ``import``."""

from __future__ import annotations

from ..scheme import ParameterInfo
from .importer import import_model
from .spec import ImportedModel, TensorSpec

__all__ = ["ImportedModel", "ParameterInfo", "TensorSpec", "import_model"]
