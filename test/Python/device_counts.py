"""Writes device_counts.json: instructions of a run by model and target, and their dependencies.

A run has fifty training steps, or two where `FURTHER` says so.

Run it with the project's Python after a change that intentionally changes them.
"""

import json
import sys
from pathlib import Path

import pockmlir as pock

sys.path += [str(Path(__file__).parents[2] / folder) for folder in ("bench", "examples")]  # as pyproject.toml says
from device_models import CASES
from test_device import FURTHER, GOLDEN, STEPS, TARGETS, compiled, data_of, tools_of


def main() -> None:
    counts, tools = {}, {}
    steps = dict.fromkeys(TARGETS, STEPS) | FURTHER
    for name, case in CASES.items():
        runs = {target: pock.run(compiled(case, target), data_of(name), steps=n) for target, n in steps.items()}
        if uncounted := next((run.uncounted for run in runs.values() if run.uncounted), None):
            sys.exit(f"instructions are not counted: {uncounted}")
        counts[name] = {target: sum(run.instructions) for target, run in runs.items()}
        tools |= tools_of(runs)
    GOLDEN.write_text(json.dumps({"tools": tools, "instructions": counts}, indent=1) + "\n")


if __name__ == "__main__":
    main()
