"""Runs exported steps on emulated machines, or writes a folder to run on a board."""

from .runner import Comparison, Run, read, run, state_hash, write

__all__ = ["Comparison", "Run", "read", "run", "state_hash", "write"]
