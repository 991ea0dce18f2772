"""Runs all peers of one row: builds them one by one, then times them in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .process import LEFT, Failure, Process, available_memory
from .task import Task

__all__ = ["Budget", "Cell", "contest"]

ROUNDS = 5
#: OpenMP's and Eigen's threads spin for a while after their work.
PAUSE = 0.25
#: Seconds of steps after which a slow peer has said enough.
PATIENCE = 30.0
#: Largest relative error of one of the first losses.
TOLERANCE = 1e-3
#: Bytes that the next peer may need. If less memory is available, the running peers are timed and ended first.
RESERVE = 5 << 30


@dataclass(frozen=True)
class Budget:
    """Limits for the measurements.

    Attributes:
        steps: the minimum number of steps of each peer; slow peers run fewer.
        seconds: the minimum time of its steps.
        build: the limit for compilation in seconds.
        forward: whether to time inference, too.
    """

    steps: int = 20
    seconds: float = 2.0
    build: float = 600.0
    forward: bool = False


@dataclass
class Cell:
    """The results of one peer. Times are in seconds, sizes in bytes.

    Attributes:
        fails: the reason if the peer failed; then there are no further results.
        setting: the fastest of the settings.
        compile: the time until three steps have run.
        losses: the losses of the first steps.
        whole: whether a step updates the parameters, too.
        agrees: whether the losses are equal to PyTorch's; None if PyTorch did not run.
        times: the time of each step.
        forward_times: the time of each inference.
        forward_fails: the reason if requested inferences failed.
        peak: the peak of resident memory, including compilation.
        training_peak: the peak of resident memory after compilation.
    """

    fails: str = ""
    setting: str = ""
    compile: float = 0.0
    losses: list[float] = field(default_factory=list)
    whole: bool = True
    agrees: bool | None = None
    times: list[float] = field(default_factory=list)
    forward_times: list[float] = field(default_factory=list)
    forward_fails: str = ""
    peak: int = 0
    training_peak: int = 0

    @property
    def step(self) -> float:
        """The median of the steps, or NaN."""
        return statistics.median(self.times) if self.times else float("nan")

    @property
    def forward(self) -> float:
        """The median of the inferences, or NaN."""
        return statistics.median(self.forward_times) if self.forward_times else float("nan")

    def figures(self) -> dict[str, Any]:
        """Return all results, with statistics in place of the single times."""
        result = asdict(self)
        for name in ("times", "forward_times"):
            times = sorted(result.pop(name))
            if times:
                p10, p90 = times[int(0.1 * (len(times) - 1))], times[int(0.9 * (len(times) - 1))]
                median = statistics.median(times)
                result[name] = {"median": median, "p10": p10, "p90": p90, "count": len(times)}
        return result


def contest(
    task: Task, names: Sequence[str], budget: Budget, logs: Path, report: Callable[[str], None]
) -> dict[str, Cell]:
    """Measure the peers, in groups as large as memory allows; ours is in every group.

    Args:
        task: the row, the scheme, the threads.
        names: keys of `PEERS`; ours is first if it is among them.
        budget: limits for the measurements.
        logs: the folder for the logs of workers.
        report: called with messages on the progress.
    """
    cells = {name: Cell() for name in names}
    alive: dict[str, Process] = {}
    try:
        for name in names:
            if alive.keys() - {"ours"} and available_memory() < RESERVE + LEFT:
                _times(alive, cells, budget, report)
                for other in [other for other in alive if other != "ours"]:
                    _finish(other, alive, cells)
            report(f"building {name}")
            _start(name, alive, cells, task, budget, logs)
        _times(alive, cells, budget, report)
        for name in list(alive):
            _finish(name, alive, cells)
    finally:
        for process in alive.values():
            process.end()
    _compare(cells)
    return cells


def _start(
    name: str, alive: dict[str, Process], cells: dict[str, Cell], task: Task, budget: Budget, logs: Path
) -> None:
    """Start and build one peer; its cell records a failure."""
    cell = cells[name]
    try:
        process = alive[name] = Process(name, task, logs / f"{task.row}-{task.scheme}-{task.threads}-{name}.log")
        answer = process.ask("build", budget.build)
        cell.setting, cell.whole = answer["setting"], answer["whole"]
        cell.compile, cell.losses = answer["seconds"], answer["losses"]
    except Failure as failure:
        alive.pop(name, None)
        cell.fails = str(failure)
        return
    if budget.forward:
        try:
            process.ask("prepare", budget.build)
        except Failure as failure:
            # Without the step's times this peer is worth little: start again, and leave inference out.
            alive.pop(name)
            _start(name, alive, cells, task, Budget(budget.steps, budget.seconds, budget.build), logs)
            cell.forward_fails = str(failure)


def _times(alive: dict[str, Process], cells: dict[str, Cell], budget: Budget, report: Callable[[str], None]) -> None:
    """Time all running peers in turns, so that a busy machine slows all of them equally."""
    amount: dict[str, Any] = {"seconds": budget.seconds / ROUNDS}
    for turn in range(ROUNDS):
        report(f"timing, round {turn + 1} of {ROUNDS}")
        for name in list(alive):
            cell = cells[name]
            if sum(cell.times) > PATIENCE:
                continue
            # Of slow steps one at a time, so that all still take turns.
            amount["steps"] = 1 if cell.step > budget.seconds / ROUNDS else -(-budget.steps // ROUNDS)
            try:
                time.sleep(PAUSE)
                cell.times += alive[name].ask("train", budget.build, **amount)["times"]
                if budget.forward and not cell.forward_fails:
                    cell.forward_times += alive[name].ask("forward", budget.build, **amount)["times"]
            except Failure as failure:
                alive.pop(name)
                cell.fails = str(failure)


def _finish(name: str, alive: dict[str, Process], cells: dict[str, Cell]) -> None:
    process = alive.pop(name)
    try:
        answer = process.ask("memory", 60)
        cells[name].peak, cells[name].training_peak = answer["peak"], answer["training_peak"]
    except Failure as failure:
        cells[name].fails = str(failure)
    process.end()


def _compare(cells: dict[str, Cell]) -> None:
    """Record which peers have PyTorch's first losses."""
    expected = cells["eager"].losses if "eager" in cells else []
    for cell in cells.values():
        if expected and cell.losses:
            pairs = zip(cell.losses, expected, strict=False)
            # "Not greater" would let NaN pass.
            cell.agrees = all(abs(found - loss) <= TOLERANCE * abs(loss) for found, loss in pairs)
