"""Fixtures that several test modules share."""

from __future__ import annotations

import os
from collections.abc import Iterator

# Tests run side by side, on models this small; test_threads asks for more. Before any runtime starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# More threads than cores that spin wait for each other's time slices.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
# Tests are about what the compiler does, not about what it did; test_cache asks for a cache.
os.environ["POCK_CACHE"] = "off"

import pytest
import torch


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Run PyTorch in one thread, because threads do not pay for small layers."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
