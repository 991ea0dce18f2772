"""Compiles training steps for a GPU on another machine: ``bench/gpu.py build --output FOLDER``; see `gpu_run.py`."""

from __future__ import annotations

import itertools
import json
import logging
import shutil
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import pockmlir as pock
import torch
from architectures.case import Case, Data, Indices, Normal
from gpu_rows.folder import INDEX, LIBRARY
from peers import graph_export
from peers.graph_export import WithLoss
from peers.ours import compiled_case
from peers.rows import MODELS, matching
from pockmlir.artifact.dispatches import Dispatches
from pockmlir.artifact.launches import read_launches
from pockmlir.artifact.manifest import TensorSpec, dtype_of
from pockmlir.core.extension import load_core
from pockmlir.support.files import find_library
from torch.export.graph_signature import InputKind

#: Of `peers.rows.MODELS`.
NAMES = ("ds-cnn", "mcunet-128", "mobilenetv2-1.0-224", "distilbert-128")
BATCHES = (1, 64)
#: What values between kernels are stored as.
DTYPES = ("f32", "f16")
#: Changes of the small sizes: statistics of batch norm need several pixels per channel.
TINY: dict[str, dict[str, int]] = {"mobilenetv2-1.0-224": {"pixels": 64}}
#: The row that compilers of models also run, because they take long.
COMPILED = ("mcunet-128", 1, "f32")
#: MiB that the folder may have: it must be easy to copy to another machine.
LIMIT = 50
#: So small that thousands of steps on one batch do not change what is computed.
LEARNING_RATE = 1e-6


def case_of(name: str, batch: int, tiny: bool) -> Case:
    """Return the case of a model at a batch size."""
    row = MODELS[name]
    row = replace(row, size="small", changes=TINY.get(name, {})) if tiny else row
    return replace(row, changes={**row.changes, "batch": batch}).case()


def spread(values: np.ndarray) -> dict[str, float]:
    """Return mean and deviation."""
    return {"mean": float(values.mean()), "std": float(values.std())}


def write_step(step: pock.Step, place: Path) -> dict[str, Any]:
    """Write code and constants; return the step's part of the row, without `inputs`."""
    artifact, images = step.artifact, step.images
    code = Dispatches.unpack(artifact.object_code)
    (place / "step.spv").write_bytes(code.shaders)
    (place / "step.plan").write_bytes(code.plan)
    segments = artifact.manifest.segments
    (place / "constants.bin").write_bytes(images.constants[: segments["constants"]].tobytes())
    state = []
    for slot in artifact.manifest.tensors.values():
        if slot.segment != "state":
            continue
        if slot.dtype != "f32":
            raise click.ClickException(f"{slot.name}: expected float32 in the state, but got {slot.dtype}")
        state.append({"offset": slot.offset, "count": slot.bytes // 4, **spread(slot.view(images.state))})
    launches = read_launches(load_core().kernel_costs(artifact.dump("plan")), "step")
    return {
        "state_bytes": segments["state"],
        "state": state,
        "outputs": [described(spec) for spec in artifact.manifest.functions["step"].outputs],
        "launches": [
            {key: getattr(launch, key) for key in ("kernel", "layer", "phase", "flops", "bytes")} for launch in launches
        ],
    }


def described(spec: TensorSpec) -> dict[str, Any]:
    """Return the entry of an input or output."""
    return {"name": spec.name, "shape": spec.shape, "dtype": dtype_of(spec.dtype).name}


def drawn(data: Data) -> dict[str, int]:
    """Return the range of an input's integers; nothing for numbers that are normally distributed."""
    if isinstance(data, Normal):
        return {}
    return {"low": data.low, "high": data.high} if isinstance(data, Indices) else {"low": 0, "high": 2}


def write_model(case: Case, model: torch.nn.Module, place: Path) -> list[dict[str, Any]]:
    """Write the source of model and loss, and their constants; return the arguments of the source.

    Source has no version, unlike an exported program: another PyTorch can run it.
    """
    inputs, target = case.batch(0)
    program = torch.export.export(WithLoss(model, case.loss), (*inputs, target))
    (place / "model.py").write_text(program.graph_module.code)
    result: list[dict[str, Any]] = []
    constants = {}
    for spec in program.graph_signature.input_specs:
        if spec.kind is InputKind.PARAMETER:
            value = program.state_dict[spec.target].detach().numpy()
            result.append({"shape": value.shape, **spread(value)})
        elif spec.kind is InputKind.USER_INPUT:
            result.append({"input": sum("input" in entry for entry in result)})
        else:
            stored = program.constants if spec.target in program.constants else program.state_dict
            constants[spec.arg.name] = stored[spec.target].detach().numpy()
            result.append({"constant": spec.arg.name})
    np.savez(place / "constants.npz", **constants)
    return result


def write_row(name: str, batch: int, dtype: str, tiny: bool, target: str, output: Path) -> dict[str, Any]:
    """Write a row's folder; return its entry in the index."""
    place = output / f"{name}-b{batch}-{dtype}"
    place.mkdir(exist_ok=True)
    case = case_of(name, batch, tiny)
    model = case.model()
    step = compiled_case(case, model, "full", target=target, precision=dtype)
    function = step.artifact.manifest.functions["step"]
    data = [drawn(entry) for entry in (*case.inputs, case.target)]
    inputs = [described(spec) | more for spec, more in zip(function.tensors, data, strict=True)]
    values = {"lr": LEARNING_RATE}
    inputs += [described(spec) | {"value": values.get(spec.name, 0)} for spec in function.scalars]
    entry = {"row": name, "batch": batch, "dtype": dtype, "folder": place.name, "inputs": inputs}
    entry |= write_step(step, place) | {"model": write_model(case, model, place)}
    if (name, batch, dtype) == COMPILED:
        (place / "graph").mkdir(exist_ok=True)
        graph_export.export(case, place / "graph")
    return entry


def build_rows(
    names: Sequence[str], batches: Sequence[int], dtypes: Sequence[str], tiny: bool, target: str, output: Path
) -> None:
    """Write the folder; the index after every row, so that an interrupted build is of use."""
    shutil.copy(find_library(LIBRARY), output / LIBRARY)
    rows: list[dict[str, Any]] = []
    for name, batch, dtype in itertools.product(names, batches, dtypes):
        click.echo(f"{name}, batch {batch}, {dtype}", err=True)
        rows.append(write_row(name, batch, dtype, tiny, target, output))
        (output / INDEX).write_text(json.dumps({"rows": rows}) + "\n")


def checked_size(output: Path, limit: float) -> float:
    """Return the MiB that a folder has, unless they are too many."""
    size = sum(path.stat().st_size for path in output.rglob("*") if path.is_file()) / 2**20
    if size > limit:
        raise click.ClickException(f"{output} has {size:.1f} MiB; expected at most {limit}")
    return size


@click.group()
def main() -> None:
    """Prepare a comparison with PyTorch on the GPU of another machine."""


@main.command()
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), required=True, help="Created if missing.")
@click.option("--row", "globs", multiple=True, help=f"A glob over {', '.join(NAMES)}; all by default.")
@click.option("--batch", "batches", type=click.IntRange(min=1), multiple=True, default=BATCHES, show_default=True)
@click.option("--dtype", "dtypes", type=click.Choice(DTYPES), multiple=True, default=DTYPES, show_default=True)
@click.option("--target", default="vulkan:nvidia", show_default=True, help="The row of the devices; all have 'vulkan'.")
@click.option("--tiny", is_flag=True, help="Small sizes of the models, to try this without a GPU.")
@click.option("--limit", default=LIMIT, show_default=True, help="MiB that the folder may have.")
def build(
    output: Path,
    globs: tuple[str, ...],
    batches: tuple[int, ...],
    dtypes: tuple[str, ...],
    target: str,
    tiny: bool,
    limit: int,
) -> None:
    """Compile training steps, and write what `gpu_run.py` needs to time them beside PyTorch.

    Full scheme, plain SGD. The folder has no parameters: `gpu_run.py` draws them.
    """
    # torch.export uses a deprecated function of its own; transformers talks about kernels it lacks.
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    if not (names := matching(globs, NAMES)):
        raise click.UsageError(f"--row: expected a glob over {', '.join(NAMES)}, but got {' '.join(globs)}")
    output.mkdir(parents=True, exist_ok=True)
    build_rows(names, batches, dtypes, tiny, target, output)
    click.echo(f"{output} has {checked_size(output, limit):.1f} MiB, of {limit} that it may have")


if __name__ == "__main__":
    main()
