"""A peer in its own process: ``python -m peers.worker PEER ROW SCHEME THREADS DIRECTORY``, started in `bench/`.

Takes one JSON object per line and answers with one:

* ``{"do": "build"}``: compile, train three steps → `seconds`, `losses`, `setting`, `whole`
* ``{"do": "train", "steps": N, "seconds": S}``: at least N steps and S seconds → `times` in seconds
* ``{"do": "prepare"}``, then ``{"do": "forward", …}``: the same for inference
* ``{"do": "quit"}`` → `peak`, the peak of resident bytes, and `training_peak`, the same since the model was built

Nothing here imports a framework before the cores are set.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from .task import Task, Training

#: Steps that are timed to choose among the settings of one peer.
TRIALS = 5


def resident(field: str = "VmHWM") -> int:
    """Bytes from ``/proc/self/status``."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return 1024 * int(line.split()[1])
    raise KeyError(field)


def forget_peak() -> None:
    """Reset ``VmHWM`` to the current resident memory."""
    Path("/proc/self/clear_refs").write_text("5")


def timed(run: Callable[[], object], steps: int, seconds: float) -> list[float]:
    """Call a function until both minima are reached; return the seconds of each call."""
    times: list[float] = []
    while len(times) < steps or sum(times) < seconds:
        begin = time.perf_counter()
        run()
        times.append(time.perf_counter() - begin)
        if sum(times) > 10 * max(seconds, 1.0):
            break
    return times


class Worker:
    """Answers commands."""

    def __init__(self, candidates: Mapping[str, Callable[[], Training]]) -> None:
        self.candidates = candidates
        self.training: Training | None = None
        self.peak = 0

    def build(self) -> dict[str, Any]:
        """Build every setting of the peer, keep the fastest."""
        best = float("inf")
        answer: dict[str, Any] = {}
        for setting, build in self.candidates.items():
            begin = time.perf_counter()
            training = build()
            losses = [training.step() for _ in range(3)][: training.checked]
            seconds = time.perf_counter() - begin
            # The least, as the machine may be busy.
            least = min(timed(training.step, TRIALS, 0.2)) if len(self.candidates) > 1 else 0.0
            if least < best:
                best, self.training = least, training
                answer = {"seconds": seconds, "losses": losses, "setting": setting, "whole": training.whole}
        del training
        gc.collect()
        self.peak = resident()
        # From here on the largest resident size is that of training.
        forget_peak()
        return answer

    def train(self, steps: int, seconds: float) -> dict[str, Any]:
        return {"times": timed(self.training.step, steps, seconds)}

    def prepare(self) -> dict[str, Any]:
        begin = time.perf_counter()
        self.training.prepare()
        self.training.forward()
        return {"seconds": time.perf_counter() - begin}

    def forward(self, steps: int, seconds: float) -> dict[str, Any]:
        return {"times": timed(self.training.forward, steps, seconds)}

    def memory(self) -> dict[str, Any]:
        now = resident()
        return {"peak": max(self.peak, now), "training_peak": now}


def main() -> None:
    name, row, scheme, threads, directory = sys.argv[1:]
    task = Task(row, scheme, int(threads), Path(directory))
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-task.threads :])
    # Output of frameworks must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(importlib.import_module(f"peers.{name}").candidates(task))
    for line in sys.stdin:
        command = json.loads(line)
        what = command.pop("do")
        try:
            answer = getattr(worker, what)(**command)
        except Exception as error:  # the driver shows it in the peer's cell
            import traceback

            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
    # Threads of some runtimes hang when they are taken down.
    sys.stderr.flush()
    os._exit(0)
