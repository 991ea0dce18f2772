"""Runs exported steps where they are meant to run: on emulated machines, or in a folder to carry to a board."""

from .runner import Comparison, Run, read, run, state_hash, write

__all__ = ["Comparison", "Run", "read", "run", "state_hash", "write"]
