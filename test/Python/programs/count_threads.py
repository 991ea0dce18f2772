"""Looks at the threads of a compiled step: ``count_threads.py count|fork|beside|sleep FILE 'torch first'``."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time

what, file, order = sys.argv[1:]
if order == "torch first":
    importlib.import_module("torch")

import numpy as np  # noqa: E402
import pockmlir as pock  # noqa: E402

rng = np.random.default_rng(0)
X, Y = rng.standard_normal((8, 3, 32, 32), dtype=np.float32), rng.integers(0, 10, 8)


def names() -> set[str]:
    """The numbers of the threads of this process."""
    return set(os.listdir("/proc/self/task"))


def seconds(thread: str) -> float:
    """CPU time of a thread."""
    with open(f"/proc/self/task/{thread}/schedstat") as file:
        return int(file.read().split()[0]) / 1e9


def losses(step: pock.Step) -> list[float]:
    return [step(X, Y) for _ in range(5)]


step = pock.load(file)
if order == "torch last":
    importlib.import_module("torch")

if what == "count":
    wanted = int(os.environ["OMP_NUM_THREADS"])
    assert pock.get_num_threads() == wanted
    before = names()
    for _ in range(200):
        step(X, Y)
    new = names() - before
    assert len(new) == wanted - 1, new
    # The caller does shares that others have not begun, but hardly ever all of them.
    assert all(seconds(thread) > 0 for thread in new)
    if order != "no torch":
        torch = sys.modules["torch"]
        count = torch.get_num_threads()
        pock.set_num_threads(2)
        step(X, Y)
        assert torch.get_num_threads() == count
        torch.set_num_threads(1)
        assert pock.get_num_threads() == 2
elif what == "fork":
    expected = losses(pock.load(file))
    step(X, Y)
    child = os.fork()
    if child == 0:
        os._exit(0 if losses(pock.load(file)) == expected and len(names()) == 3 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert losses(pock.load(file)) == expected
elif what == "beside":
    expected = losses(pock.load(file))
    found: dict[int, list[float]] = {}

    def run(index: int) -> None:
        found[index] = losses(pock.load(file))

    workers = [threading.Thread(target=run, args=(index,)) for index in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert list(found.values()) == 6 * [expected], found
elif what == "sleep":
    before = names()
    step(X, Y)
    new = names() - before

    def still() -> bool:
        """Whether the threads take no time for a while: one that spins would."""
        used = [seconds(thread) for thread in new]
        time.sleep(0.2)
        return used == [seconds(thread) for thread in new]

    # On a busy machine, it takes a while until they have come to sleep.
    assert any(still() for _ in range(100))
print("ok")
