"""Compares the arena of a step with the smallest one of a solver: ``bench/plan_oracle.py firmware/manifest.json``."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Slot:
    """A range of bytes of the arena, for the lifetime of one value or of several that overwrite each other.

    Attributes:
        offset: that the compiler chose.
        size: in bytes.
        begin: the first launch.
        end: the launch behind the last one.
    """

    offset: int
    size: int
    begin: int
    end: int


def read_slots(places: Sequence[Mapping[str, Any]]) -> list[Slot]:
    """Merge the places of values that overwrite each other, to which the planner gives the same offset."""
    begins = {(place["offset"], place["begin"]): index for index, place in enumerate(places)}
    heirs = {index: begins[place["offset"], place["end"]] for index, place in enumerate(places) if place["overwritten"]}
    slots = []
    for index in sorted(set(range(len(places))) - set(heirs.values())):
        chain = [index]
        while chain[-1] in heirs:
            chain.append(heirs[chain[-1]])
        size = max(places[part]["bytes"] for part in chain)
        slots.append(Slot(places[index]["offset"], size, places[index]["begin"], places[chain[-1]]["end"] + 1))
    return slots


@dataclass(frozen=True)
class Answer:
    """The solver's answer: the smallest peak that it found, and a lower bound; they are equal if it is optimal."""

    found: int
    bound: int


def solve(slots: Sequence[Slot], alignment: int, bound: int, seconds: float, workers: int) -> Answer:
    """Search for the plan with the smallest peak, starting from the compiler's plan."""
    known = max((slot.offset + slot.size for slot in slots), default=0)
    if known <= bound:
        return Answer(known, known)
    try:
        from ortools.sat.python import cp_model
    except ImportError:
        raise click.ClickException(
            "the oracle needs OR-tools: install the dependency group 'oracle' of pyproject.toml, or pip install ortools"
        ) from None
    model = cp_model.CpModel()
    peak = model.new_int_var(bound, known, "peak")
    lives, rooms, units = [], [], []
    for slot in slots:
        # Offsets and rounded sizes in units of the alignment; the topmost slot is not rounded.
        size = -(-slot.size // alignment)
        offset = model.new_int_var(0, known // alignment, "")
        model.add_hint(offset, slot.offset // alignment)
        model.add(alignment * offset + slot.size <= peak)
        lives.append(model.new_fixed_size_interval_var(slot.begin, slot.end - slot.begin, ""))
        rooms.append(model.new_fixed_size_interval_var(offset, size, ""))
        units.append(size)
    model.add_no_overlap_2d(lives, rooms)
    # Follows from the rest; the solver propagates it better.
    height = model.new_int_var(0, -(-known // alignment), "height")
    model.add(alignment * height <= peak + alignment - 1)
    model.add_cumulative(lives, units, height)
    model.minimize(peak)
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = seconds
    solver.parameters.num_workers = workers
    status = solver.solve(model)
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        return Answer(known, bound)
    return Answer(int(solver.objective_value), int(solver.best_objective_bound))


def compare(path: Path, seconds: float, workers: int) -> dict[str, Any]:
    """Return the figures of compiler and solver for one manifest."""
    manifest = json.loads(path.read_text())
    memory = manifest["memory"]
    slots = read_slots(memory["places"])
    begin = time.perf_counter()
    answer = solve(slots, manifest["alignment"], memory["lower_bound"], seconds, workers)
    return {
        "manifest": str(path),
        "slots": len(slots),
        "arena": memory["arena"],
        "lower_bound": memory["lower_bound"],
        "found": answer.found,
        "proved": answer.bound,
        "seconds": time.perf_counter() - begin,
    }


def table(results: Sequence[Mapping[str, Any]]) -> Table:
    result = Table(box=None, pad_edge=False)
    for title in ("manifest", "slots", "arena", "lower bound", "ratio", "solver", "at least", "seconds"):
        result.add_column(title, justify="left" if title == "manifest" else "right")
    for entry in results:
        result.add_row(
            entry["manifest"],
            str(entry["slots"]),
            *(f"{entry[key]:,}" for key in ("arena", "lower_bound")),
            f"{entry['arena'] / max(1, entry['lower_bound']):.4f}",
            *(f"{entry[key]:,}" for key in ("found", "proved")),
            f"{entry['seconds']:.1f}",
        )
    return result


@click.command()
@click.argument("manifests", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--seconds", default=60.0, show_default=True, help="For one manifest.")
@click.option("--workers", default=8, show_default=True, help="Threads; CP-SAT's strategies differ by thread.")
@click.option("--json", "as_json", is_flag=True)
def main(manifests: tuple[Path, ...], seconds: float, workers: int, as_json: bool) -> None:
    """Compare the arenas of the steps in MANIFESTS, of `Step.export`, with what CP-SAT finds.

    Where an arena is as large as its lower bound there is nothing to solve. Ends with an error if the solver
    found a smaller one.
    """
    results = [compare(path, seconds, workers) for path in manifests]
    if as_json:
        click.echo(json.dumps(results, indent=2))
    else:
        Console(width=140).print(table(results))
    if any(result["found"] < result["arena"] for result in results):
        sys.exit(1)


if __name__ == "__main__":
    main()
