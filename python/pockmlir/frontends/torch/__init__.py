"""The PyTorch front end: PyTorch models → pock IR at stage ``import``."""

from __future__ import annotations

from ...api.scheme import ParameterInfo
from ..common.imported import ImportedModel, TensorSpec
from .importer import import_model

__all__ = ["ImportedModel", "ParameterInfo", "TensorSpec", "import_model"]
