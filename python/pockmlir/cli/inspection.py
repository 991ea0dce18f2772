"""Tables of operators, kernels and memory, for ``pock inspect``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..artifact import compiled_file
from ..artifact.manifest import Manifest
from ..artifact.memory import Memory
from ..artifact.places import KIND_TITLES
from ..core.ir_text import launch_counts, op_counts
from ..loading import read
from ..report.picture import largest_moments, shorten, sparkline, sparklines
from ..step import Step
from ..support.sizes import format_bytes
from ..support.tables import make_table
from ..targets.processor import missing_features

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

__all__ = ["compare", "compiled_tables", "describe", "describe_compiled", "tables"]

#: The maximum number of rows of a printed table.
_ROWS = 12


def describe(step: Step) -> dict[str, Any]:
    """Return the report with operators and kernels, as plain data."""
    return step.report().to_dict() | {
        "operators": dict(op_counts(step.ir("schedule")).most_common()),
        "kernel_launches": dict(launch_counts(step.ir("kernels")).most_common()),
    }


def tables(step: Step) -> list[RenderableType]:
    """Return the tables to print after the report."""
    from rich.text import Text

    memory = step.memory
    moments = [(f"#{index}", label, f"{live:,}", format_bytes(live)) for index, label, live in largest_moments(memory)]
    return [
        make_table("operators", ("operator", "uses"), op_counts(step.ir("schedule")).most_common()),
        make_table("kernels", ("kernel", "launches"), launch_counts(step.ir("kernels")).most_common()),
        *_memory_tables(memory),
        Text(f"arena over {memory.launches} launches, up to {format_bytes(memory.arena)}:"),
        Text(sparkline(memory)),
        *(Text(f"{title}:\n{line}") for title, line in sparklines(memory)),
        make_table("largest moments", ("#", "operation", "bytes", ""), moments),
        make_table("compile time", ("stage", "seconds"), [(s, f"{t:.3f}") for s, t in step.timings.items()]),
    ]


def describe_compiled(path: Path) -> dict[str, Any]:
    """Return what a compiled step says of itself, as plain data; nothing in the file is run.

    Raises:
        CompiledFileError: the file is no compiled step, or damaged.
    """
    data = read(path)
    described = compiled_file.describe(data, str(path))
    manifest = Manifest.from_json(json.dumps(described["manifest"]))
    signature = {
        name: {"inputs": [str(spec) for spec in function.tensors], "outputs": [str(spec) for spec in function.outputs]}
        for name, function in manifest.functions.items()
        if name != "init"
    }
    return {
        "file": str(path),
        "hash": compiled_file.digest(data),
        "name": manifest.name,
        "format_version": described["format_version"],
        "abi_version": described["abi_version"],
        "target": described["target"],
        "processor_features": described["processor_features"],
        "missing_features": missing_features(described["processor_features"]),
        "loss": described["loss"],
        "optimizer": described["optimizer"],
        "scheme": described["scheme"],
        "arithmetic": described["arithmetic"],
        "functions": signature,
        "segments": dict(manifest.segments),
        "memory": manifest.memory.to_dict(),
        "sha256": described["sha256"],
    }


def compiled_tables(described: Mapping[str, Any]) -> list[Table]:
    """Return the tables to print of a compiled step."""
    facts = {
        "model": described["name"],
        "target": f"{described['target']['name']} ({described['target']['triple']})",
        "processor": ", ".join(described["processor_features"]) or "any",
        "missing here": ", ".join(described["missing_features"]) or "nothing",
        "loss": described["loss"],
        "optimizer": ", ".join(f"{key}={value}" for key, value in described["optimizer"].items()),
        **described["arithmetic"],
    }
    functions = [
        (name, ", ".join(entry["inputs"]), ", ".join(entry["outputs"]))
        for name, entry in described["functions"].items()
    ]
    return [
        make_table("compiled step", ("", ""), facts.items()),
        make_table("functions", ("function", "inputs", "outputs"), functions),
        _figures("memory", ("segment", "bytes"), [(key, f"{size:,}") for key, size in described["segments"].items()]),
    ]


def compare(memories: Mapping[str, Memory]) -> Table:
    """Return the bytes of several steps side by side, by kind, at each one's peak."""
    columns = [{entry.kind: entry.peak for entry in memory.by_kind()} for memory in memories.values()]
    kinds = [kind for kind in columns[0] if any(column[kind] for column in columns)]
    rows = [(KIND_TITLES[kind], *(f"{column[kind]:,}" for column in columns)) for kind in kinds]
    rows.append(("total", *(f"{memory.total:,}" for memory in memories.values())))
    rows.append(("  of it arena", *(f"{memory.arena:,}" for memory in memories.values())))
    return _figures("bytes when most of the arena is live", ("kind", *memories), rows)


def _memory_tables(memory: Memory) -> list[Table]:
    """Bytes by kind and by layer, and the live tensors at the peak."""
    used = [entry for entry in memory.by_kind() if entry.peak or entry.most]
    kinds = [(KIND_TITLES[entry.kind], f"{entry.peak:,}", f"{entry.most:,}") for entry in used]
    kinds.append(("total", f"{memory.total:,}", ""))
    layers = memory.by_layer()
    shown = [
        (layer.layer, *(f"{count:,}" for count in (layer.parameters, layer.optimizer_state, layer.saved, layer.peak)))
        for layer in layers[:_ROWS]
    ]
    live = memory.at(memory.peak)
    places = [
        (
            f"{place.bytes:,}",
            place.kind,
            shorten(place.layer, 32),
            place.tensor,
            f"#{place.begin} to #{place.end}",
        )
        for place in live[:_ROWS]
    ]
    label = memory.timeline[memory.peak][0] if memory.timeline else ""
    return [
        _figures("memory by kind", ("kind", "at the peak", "at most"), kinds),
        _figures(
            f"{len(shown)} largest of {len(layers)} layers",
            ("layer", "parameters", "state", "saved", "at the peak"),
            shown,
        ),
        make_table(
            f"{len(places)} largest of {len(live)} values live at the peak, #{memory.peak} {label}",
            ("bytes", "kind", "layer", "tensor", "launches"),
            places,
        ),
    ]


def _figures(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
    """A table of names, which are never truncated, and numbers."""
    table = make_table(title, columns, rows)
    table.columns[0].overflow = "fold"
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    return table
