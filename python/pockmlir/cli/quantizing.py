"""The command ``pock quantize``: a float model → an exported program of integers, which the other commands take."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np

from ..artifact.manifest import Array
from ..compiler.quantized import quantize
from ..errors import ArgumentError
from ..loop.batches import batch_indices, require_equal_counts
from ..support.needs import require_torch
from ..support.sizes import format_bytes
from . import parsing
from .options import INPUT_OPTION, MODEL_HELP, json_option, print_json, progress_bar

__all__ = ["quantize_command"]


@dataclass(frozen=True)
class _Split:
    """Arrays with the samples of a model's inputs, and the samples' classes if they are known."""

    name: str
    inputs: Sequence[Array]
    labels: Array | None

    def batches(self, size: int) -> Iterator[Array]:
        """Yield the indices of all full batches, in random order."""
        count = len(self.inputs[0])
        return itertools.islice(batch_indices(count, size, seed=0), count // size)


@click.command(name="quantize", epilog=MODEL_HELP)
@click.argument("model", metavar="MODEL")
@click.argument("data", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@INPUT_OPTION
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("quantized.pt2"),
    show_default=True,
    help="Exported program to write, for batches of the size of the model's inputs.",
)
@click.option(
    "--samples", type=click.IntRange(1), default=512, show_default=True, help="Of DATA, whose ranges become scales."
)
@click.option(
    "--head",
    type=click.Choice(["int8", "float32"]),
    default="int8",
    show_default=True,
    help="Arithmetic of the last layers.",
)
@click.option(
    "--room",
    type=float,
    default=4.0,
    show_default=True,
    help="How much larger than observed the ranges of an int8 head are, so that it can train.",
)
@click.option(
    "--input-type",
    type=click.Choice(["float32", "int8"]),
    default="float32",
    show_default=True,
    help="Of the program's inputs: quantised by it, or integers already.",
)
@click.option(
    "--percentile",
    type=float,
    default=99.99,
    show_default=True,
    help="Percentage of an activation's entries within its range, on each side.",
)
@json_option
def quantize_command(
    model: str,
    data: Path,
    inputs: tuple[str, ...],
    output: Path,
    samples: int,
    head: Any,
    room: float,
    input_type: Any,
    percentile: float,
    as_json: bool,
) -> None:
    """Quantise a trained model to integers of 8 bits, and write a program for the other commands.

    DATA is an .npz file with x, or arrays called as the model's inputs, which find the scales. With x_test … these
    compare the outputs before and after; with y and y_test, the accuracies, too.
    """
    if output.suffix != ".pt2":
        raise ArgumentError(f"--output: expected a name that ends in .pt2, but got {output}")
    loaded, examples, named = parsing.load_model(model, inputs)
    arrays = parsing.load_data(data)
    names = _input_names(loaded, examples, named)
    tensors = [*examples, *named.values()]
    train = _split(arrays, names, tensors, "")
    test = _split(arrays, names, tensors, "_test") if any(name.endswith("_test") for name in arrays) else train
    size = len(tensors[0])

    def calls(split: _Split, indices: Array) -> Any:
        values = [array[indices] for array in split.inputs]
        positional = tuple(values[: len(examples)])
        return dict(zip(named, values, strict=True)) if named and not positional else positional

    if named and examples:
        raise ArgumentError("--input: expected all inputs by name, or none of them")
    with progress_bar() as progress:
        task = progress.add_task("quantize", total=3)
        batches = [calls(train, index) for index in itertools.islice(train.batches(size), -(-samples // size))]
        quantized = quantize(loaded, batches, head=head, room=room, input=input_type, percentile=percentile)
        progress.update(task, advance=1, description="quantize: compare")
        indices = list(test.batches(size))
        labels = None if test.labels is None else [test.labels[index] for index in indices]
        report = quantized.compare((calls(test, index) for index in indices), labels)
        progress.update(task, advance=1, description="quantize: export")
        _save(quantized.export(*examples, **named), output)
    if as_json:
        figures = {"calibrated": len(batches) * size, "split": test.name, "report": report.to_dict()}
        print_json(figures | {"file": str(output), "bytes": output.stat().st_size})
        return
    click.echo(f"scales from {len(batches) * size} samples of {data}")
    click.echo(f"{test.name}: {report}")
    click.echo(f"quantised: {format_bytes(output.stat().st_size)}  {output}, for --precision int8")


def _input_names(model: Any, inputs: Sequence[Any], named: Mapping[str, Any]) -> list[str]:
    """The names of the model's inputs."""
    require_torch("quantising a PyTorch model")
    from ..frontends.torch.calls import input_names

    return input_names(model, tuple(inputs), dict(named))


def _split(arrays: Mapping[str, Array], inputs: Sequence[str], examples: Sequence[Any], suffix: str) -> _Split:
    """Return the arrays of all inputs: those with their names, or ``x`` if there is one input.

    Raises:
        ArgumentError: an array is missing, has another shape or dtype than the example, or another number of samples.
    """
    names = [name + suffix for name in inputs]
    if len(names) == 1 and names[0] not in arrays:
        names = ["x" + suffix]
    missing = [name for name in names if name not in arrays]
    if missing:
        raise ArgumentError(f"data: expected the arrays {', '.join(names)}, but it has {', '.join(arrays)}")
    found = []
    for name, example in zip(names, examples, strict=True):
        array, dtype = arrays[name], str(example.dtype).removeprefix("torch.")
        if array.dtype == np.float64 and dtype == "float32":
            array = array.astype(np.float32)
        if array.shape[1:] != tuple(example.shape[1:]) or array.dtype.name != dtype:
            raise ArgumentError(
                f"data: expected samples of {dtype} {list(example.shape[1:])} in {name}, "
                f"but got {array.dtype.name} {list(array.shape[1:])}"
            )
        found.append(array)
    labels = arrays.get("y" + suffix, arrays.get("target" + suffix))
    if labels is not None and (labels.ndim != 1 or labels.dtype.kind not in "iu"):
        labels = None  # No classes.
    counts = {name: len(array) for name, array in zip(names, found, strict=True)}
    counts |= {} if labels is None else {"y" + suffix: len(labels)}
    require_equal_counts(counts)
    return _Split("test" if suffix else "training data", found, labels)


def _save(program: Any, output: Path) -> None:
    import torch

    torch.export.save(program, output)
