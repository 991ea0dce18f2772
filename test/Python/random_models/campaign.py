"""Judges many random models, each in a process of its own, and says what came of them.

    python -m random_models.campaign --count 2000 --seed 0 --log models.jsonl

goes on where the log ends. Run it from ``test/Python``.
"""

from __future__ import annotations

import argparse
import collections
import json
import random
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch

from .generate import converters, generate
from .isolate import isolated
from .judge import judge
from .minimise import minimise
from .program import Program
from .shapes import shapes_of

__all__ = ["SECONDS", "coverage", "run_seed", "summary"]

#: The limit of CPU time for a model.
SECONDS = 60.0
#: The verdicts that are not errors of ours.
FINE = ("right", "unstable", "refused", "not exported", "no program")


def run_seed(seed: int, focus: Sequence[str] = ()) -> dict[str, Any]:
    """Judge the model that `generate` makes for a seed; return a flat record."""
    state, program = isolated(lambda: generate(seed, focus), SECONDS)
    if state != "done":
        # PyTorch itself crashes on some calls, and some seeds give no program.
        return {"seed": seed, "kind": "no program", "detail": str(program).strip().splitlines()[-1]}
    return {"seed": seed, **run_program(program)}


def run_program(program: Program) -> dict[str, Any]:
    """Judge a program in a process of its own."""
    state, verdict = isolated(lambda: judge(_scope(program)), SECONDS)
    if state != "done":
        return {"kind": state, "detail": str(verdict), "drawn": [], "trained": [], "single": []}
    sets = {key: sorted(getattr(verdict, key)) for key in ("drawn", "trained", "single")}
    return {"kind": verdict.kind, "detail": verdict.detail, **sets}


def _scope(program: Program) -> dict[str, Any]:
    scope: dict[str, Any] = {"__name__": "random_model"}
    exec(compile(program.source(), f"<seed {program.seed}>", "exec"), scope)
    return scope


def minimised(seed: int, kind: str, focus: Sequence[str] = ()) -> str:
    """Return the source of a smaller program that fails like the program of a seed."""
    program = generate(seed, focus)
    smaller = minimise(program, lambda candidate: run_program(candidate)["kind"] == kind, shapes_of(program))
    return smaller.source()


def coverage(records: Iterable[dict[str, Any]]) -> dict[str, dict[str, int]]:
    """Return, for every converter, how often it was drawn, trained through, and run at size one."""
    counts = {name: dict.fromkeys(("drawn", "trained", "single"), 0) for name in converters()}
    for record in records:
        for key in ("drawn", "trained", "single"):
            for name in record.get(key, ()):
                if name in counts:
                    counts[name][key] += 1
    return counts


def summary(records: list[dict[str, Any]]) -> str:
    """Return a readable table: the number of models with each verdict, and the converters that were rarely drawn."""
    kinds = collections.Counter(record["kind"] for record in records)
    lines = [f"{len(records)} models: " + ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())]
    counts = coverage(records)
    rare = [name for name, count in counts.items() if count["drawn"] < 10]
    lines.append(f"{len(counts)} converters, {len(rare)} drawn less than ten times: {', '.join(rare) or 'none'}")
    return "\n".join(lines)


def rare(records: Iterable[dict[str, Any]], seed: int) -> list[str]:
    """Return three of the converters that were drawn least; the seed selects them."""
    counts = coverage(records)
    # What has no derivative is never trained through: such converters are not looked for by that.
    least = sorted(counts, key=lambda name: min(v for key, v in counts[name].items() if v or key == "single"))
    return random.Random(seed).sample(least[:60], 3)


def _records(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=200, help="how many")
    parser.add_argument("--log", type=Path, default=Path("random-models.jsonl"), help="one line of JSON per model")
    parser.add_argument("--show", action="store_true", help="print the program of --seed and stop")
    parser.add_argument("--minimise", action="store_true", help="print a smaller program that fails as --seed does")
    parser.add_argument("--rare", action="store_true", help="draw the converters that the log has met least, at size 1")
    parser.add_argument("--focus", action="append", default=[], help="draw this converter; as a record of --rare says")
    parser.add_argument("--table", action="store_true", help="print how often each converter was met")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.show:
        print(generate(options.seed, options.focus).source())
        return 0
    if options.minimise:
        record = run_seed(options.seed, options.focus)
        print(f"# seed {options.seed}: {record['kind']} {record['detail']}")
        print(minimised(options.seed, record["kind"], options.focus))
        return 0
    records = _records(options.log)
    done = {record["seed"] for record in records}
    with options.log.open("a") as log:
        for seed in range(options.seed, options.seed + options.count):
            if seed in done:
                continue
            focus = rare(records, seed) if options.rare else options.focus
            record = run_seed(seed, focus) | ({"focus": focus} if focus else {})
            records.append(record)
            log.write(json.dumps(record) + "\n")
            log.flush()
            if record["kind"] not in FINE:
                print(f"seed {seed}: {record['kind']}: {record['detail'][:300]}", flush=True)
    print(summary(records))
    if options.table:
        for name, count in coverage(records).items():
            print(f"{name:45}{count['drawn']:6}{count['trained']:6}{count['single']:6}")
    return int(any(record["kind"] not in FINE for record in records))


if __name__ == "__main__":
    sys.exit(main())
