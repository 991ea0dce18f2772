"""Optimizers: PyTorch's names, defaults and rules."""

from .api.optim import SGD, Adam, AdamW, Optimizer, ParamGroup, from_torch

__all__ = ["SGD", "Adam", "AdamW", "Optimizer", "ParamGroup", "from_torch"]
