"""Measures the compile time of growing programs in CPU seconds: ``bench/compile_time.py lstm elementwise``."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import click
import pockmlir as pock
import torch
from architectures.compare import kernels
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from torch import nn

Tensor = torch.Tensor


class Recurrent(nn.Module):
    """An unrolled recurrent layer; the model returns its last output."""

    def __init__(self, layer: type[nn.RNNBase]) -> None:
        super().__init__()
        self.layer = layer(4, 8, batch_first=True)
        self.head = nn.Linear(8, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(x)[0][:, -1])


class Chain(nn.Module):
    """A chain of links, which begins with a vector of parameters."""

    def __init__(self, link: Callable[[Tensor, Tensor], Tensor], size: int) -> None:
        super().__init__()
        self.link, self.size = link, size
        self.scale = nn.Parameter(torch.randn(33))

    def forward(self, x: Tensor) -> Tensor:
        y = x * self.scale
        for _ in range(self.size):
            y = self.link(y, x)
        return y


class Residual(nn.Module):
    """Blocks with residual connections."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(nn.Linear(16, 16) for _ in range(size))

    def forward(self, x: Tensor) -> Tensor:
        for block in self.blocks:
            x = x + 0.1 * torch.relu(block(x))
        return x


class Parts(nn.Module):
    """A model with `size` parameters, each of which computes a part of the result."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.parts = nn.ParameterList(torch.randn(8) for _ in range(size))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([torch.sin(x * part) for part in self.parts], 1)


def _elementwise(y: Tensor, x: Tensor) -> Tensor:
    y = torch.sin(y) * 0.9 + x
    return torch.where(y > 3, y * 0.5, y)


def _reduction(y: Tensor, _: Tensor) -> Tensor:
    return y - y.mean(1, keepdim=True) * 0.5


def _transformer(size: int) -> nn.Module:
    layer = nn.TransformerEncoderLayer(32, 4, 64, dropout=0.0, batch_first=True)
    return nn.TransformerEncoder(layer, size, enable_nested_tensor=False)


@dataclass(frozen=True)
class Shape:
    """A model of variable size, the shape of its input, and the sizes to compile, each twice the previous one."""

    model: Callable[[int], nn.Module]
    input: Callable[[int], tuple[int, ...]]
    sizes: tuple[int, ...]


SHAPES = {
    "lstm": Shape(lambda _: Recurrent(nn.LSTM), lambda size: (2, size, 4), (50, 100, 200)),
    "gru": Shape(lambda _: Recurrent(nn.GRU), lambda size: (2, size, 4), (50, 100, 200)),
    "elementwise": Shape(lambda size: Chain(_elementwise, size), lambda _: (17, 33), (100, 200, 400)),
    "reductions": Shape(lambda size: Chain(_reduction, size), lambda _: (17, 33), (250, 500, 1000)),
    "residual": Shape(Residual, lambda _: (4, 16), (50, 100, 200)),
    "transformer": Shape(_transformer, lambda _: (2, 8, 32), (6, 12, 24)),
    "parts": Shape(Parts, lambda _: (4, 8), (125, 250, 500)),
}


@dataclass(frozen=True)
class Row:
    """The cost of one compilation.

    Attributes:
        shape: the kind of program.
        size: time steps, links, blocks or parts.
        seconds: of CPU time, all threads together.
        import_seconds: the part in stage ``import``, most of it in PyTorch.
        codegen_seconds: the part in stages ``llvm``, ``object`` and ``link``.
        launches: number of launches in all functions.
        kernels: number of different kernels.
        object_bytes: bytes of object code.
        arena: bytes of the arena of a step.
        resident: peak of the process's resident bytes.
    """

    shape: str
    size: int
    seconds: float
    import_seconds: float
    codegen_seconds: float
    launches: int
    kernels: int
    object_bytes: int
    arena: int
    resident: int


def measure(name: str, size: int) -> Row:
    """Compile one shape in this process, after a small model that loads shared code."""
    torch.set_num_threads(1)
    times: dict[str, float] = {}
    shape = SHAPES[name]
    _compile(nn.Linear(2, 2), (1, 2), lambda _: None)
    torch.manual_seed(0)
    begin = time.process_time()
    step = _compile(shape.model(size), shape.input(size), lambda stage: times.setdefault(stage, time.process_time()))
    end = time.process_time()
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Row(
        name,
        size,
        end - begin,
        times["graph"] - begin,
        end - times["llvm"],
        *kernels(step),
        len(step.artifact.object_code),
        step.memory.arena,
        resident,
    )


def _compile(model: nn.Module, shape: tuple[int, ...], on_stage: Callable[[str], Any]) -> pock.Step:
    x = torch.randn(shape)
    optimizer = pock.SGD(lr=0.01)
    return pock.compile(
        model, (x,), loss="mse", optimizer=optimizer, scheme=pock.Scheme.full(), cache=False, on_stage=on_stage
    )


def apart(name: str, size: int, timeout: float) -> dict[str, Any]:
    """Run `measure` in a process of its own; return its result, or the error."""
    command = [sys.executable, __file__, name, "--size", str(size), "--inside"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
        row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return {"shape": name, "size": size, "error": f"more than {timeout:.0f} s"}
    except (IndexError, ValueError):
        return {"shape": name, "size": size, "error": done.stderr.splitlines()[-1] if done.stderr else "no output"}
    return row


def table(rows: list[dict[str, Any]]) -> Table:
    """Return the rows, each with its time divided by that of the same shape at half the size."""
    result = Table(box=None, pad_edge=False)
    titles = ("shape", "size", "CPU s", "÷ half", "import", "codegen", "kernels", "object KiB", "arena KiB", "RSS MiB")
    for title in titles:
        result.add_column(title, justify="left" if title == "shape" else "right")
    seconds = {(row["shape"], row["size"]): row.get("seconds") for row in rows}
    for row in rows:
        name, size = row["shape"], row["size"]
        if "error" in row:
            result.add_row(name, str(size), row["error"])
            continue
        half = seconds.get((name, size // 2))
        result.add_row(
            name,
            str(size),
            f"{row['seconds']:.1f}",
            f"{row['seconds'] / half:.2f}" if half else "",
            f"{row['import_seconds']:.1f}",
            f"{row['codegen_seconds']:.1f}",
            f"{row['launches']} → {row['kernels']}",
            f"{row['object_bytes'] / 1024:,.0f}",
            f"{row['arena'] / 1024:,.1f}",
            f"{row['resident'] / 1024**2:,.0f}",
        )
    return result


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(sorted(SHAPES)))
@click.option("--size", "sizes", multiple=True, type=click.IntRange(min=1), help="Instead of the shape's own.")
@click.option("--timeout", default=600.0, show_default=True, help="Seconds for one compilation.")
@click.option("--inside", is_flag=True, hidden=True, help="Compile in this process.")
@click.option("--json", "as_json", is_flag=True, help="Print rows as JSON.")
def main(names: tuple[str, ...], sizes: tuple[int, ...], timeout: float, inside: bool, as_json: bool) -> None:
    """Compile the shapes NAMES (all, if none is given) at several sizes, each in a process of its own."""
    if inside:
        warnings.filterwarnings("ignore")
        click.echo(json.dumps(asdict(measure(names[0], sizes[0]))))
        return
    runs = [(name, size) for name in names or SHAPES for size in sizes or SHAPES[name].sizes]
    rows = []
    with Progress(console=Console(stderr=True), disable=as_json) as progress:
        task = progress.add_task("", total=len(runs))
        for name, size in runs:
            progress.update(task, description=f"{name}, {size}")
            rows.append(apart(name, size, timeout))
            progress.advance(task)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        Console(width=140).print(table(rows))
    if any("error" in row for row in rows):
        sys.exit(1)


if __name__ == "__main__":
    main()
