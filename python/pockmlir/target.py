"""Targets: descriptions of the machine that a step is compiled for."""

from .targets.target import ARITHMETICS, Target

__all__ = ["ARITHMETICS", "Target"]
