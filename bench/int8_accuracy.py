"""Fine-tunes a network in int8 and in float32, seed by seed: ``bench/int8_accuracy.py --task trashnet --seeds 5``."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import asdict, dataclass

import click
import torch
from accuracy.paired import Row, Trainer, accuracy, choose_rate, subjects, train, variants
from accuracy.report import arithmetic, table
from accuracy.task import Task
from quantized.backbones import data_folder
from rich.console import Console

#: Task, a module of `accuracy` → number of seeds.
TASKS = {"trashnet": 5, "fsdd": 5, "banking77": 3, "vit": 3}


@dataclass(frozen=True)
class Result:
    """What is printed.

    Attributes:
        task: name of the task.
        title: task and settings.
        lr: the highest learning rate, that of all runs.
        epochs: passes over the training examples.
        arithmetic: what of the int8 network is not computed with integers.
        rows: one for each seed.
    """

    task: str
    title: str
    lr: float
    epochs: int
    arithmetic: str
    rows: list[Row]


def measure(name: str, task: Task, seeds: int, ablations: int, epochs: int) -> Result:
    """Train a task; the first ``ablations`` seeds also in variants."""
    real, integer = subjects(task)
    lr = choose_rate(task, real, epochs)
    worse = variants(task) if ablations else {}

    def run(trainer: Trainer, seed: int) -> float:
        train(task, trainer, seed, epochs, lr)
        return accuracy(task, trainer, task.test)

    rows = []
    for seed in range(seeds):
        others = {key: run(variant, seed) for key, variant in worse.items() if seed < ablations}
        rows.append(Row(seed, run(real, seed), run(integer, seed), others))
        print(f"lr {lr:g}: {rows[-1]}", file=sys.stderr, flush=True)
    title = f"{task.title}: test accuracy in %, {epochs} epochs of Adam, batch {task.batch}, lr {lr:g}"
    return Result(name, title, lr, epochs, arithmetic(integer.step_of.report().layers), rows)


@click.command()
@click.option("--task", "name", type=click.Choice(list(TASKS)), default="trashnet", show_default=True)
@click.option("--seeds", type=int, help="Number of runs; 5 or 3 by default.")
@click.option("--epochs", type=int, help="Passes over the training examples; those of the task by default.")
@click.option("--ablations", type=int, help="Number of seeds that also train in variants; all by default.")
@click.option("--json", "as_json", is_flag=True, help="Print one object with flat rows.")
def main(name: str, seeds: int | None, epochs: int | None, ablations: int | None, as_json: bool) -> None:
    """Print test accuracy by seed: same examples, order and head in both arithmetics, the learning rate of float32.

    The learning rate is that with the best float32 network on the validation split. Three further columns, differences
    to float32 as well, are int8 with 16-bit gradients, without quantisation-aware scaling, and with the rounding of
    Tiny Training Engine.
    """
    folder = data_folder()
    if folder is None:
        raise click.ClickException("no data: set POCK_DATA to the folder with the data files")
    torch.set_num_threads(1)
    task: Task = importlib.import_module(f"accuracy.{name}").build(folder)
    seeds = TASKS[name] if seeds is None else seeds
    ablations = seeds if ablations is None else ablations
    result = measure(name, task, seeds, ablations, epochs or task.epochs)
    if as_json:
        rows = [asdict(row) | {"difference": row.difference} for row in result.rows]
        print(json.dumps(asdict(result) | {"rows": rows}, indent=1))
        return
    console = Console()
    console.print(result.title, soft_wrap=True)
    console.print(table(result.rows))
    if task.reference is not None:
        console.print(f"float32 in PyTorch, with other settings: {task.reference} %")
    console.print(f"int8: {result.arithmetic}", soft_wrap=True)


if __name__ == "__main__":
    main()
