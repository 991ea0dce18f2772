"""Random quantised networks: integers equal to the oracle's, and so is a training step rounded to nearest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import quantized_oracle as oracle
import torch
from quantized_graphs import CLASSES, Networks, oracle_outputs, random_steps
from torch.nn import functional as F

#: Networks that are compiled at once.
GROUP = 4
LR = 2e-4


def loss(outputs: Any, target: torch.Tensor) -> torch.Tensor:
    return sum(F.cross_entropy(output, target) for output in outputs)


def compiled(seed: int) -> tuple[Any, pock.Step, list[torch.Tensor]]:
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    shapes = [(int(rng.integers(1, 6)), int(rng.integers(5, 9))) for _ in range(GROUP)]
    model = Networks([random_steps(rng, *shape) for shape in shapes])
    inputs = [torch.randn(2, channels, size, size) + 0.3 for channels, size in shapes]
    quantized = pock.quantize(model, [tuple(inputs)], percentile=100, room=1.5)
    step = pock.compile(
        quantized,
        tuple(inputs),
        loss=loss,
        optimizer=pock.SGD(lr=LR),
        scheme=pock.Scheme.full(),
        example_target=torch.zeros(2, dtype=torch.int64),
        precision="int8",
        rounding="nearest",
    )
    return quantized, step, inputs


def require_equal(quantized: Any, step: pock.Step, inputs: list[torch.Tensor]) -> None:
    slots = step._artifact.manifest.of_kind("parameter")
    before = step._state.model()
    assert all(slot.quantization is not None for slot in slots.values())
    state = {name: torch.tensor(value.astype(np.float64), requires_grad=True) for name, value in before.items()}
    weights = {name: np.asarray(slot.quantization.scale) for name, slot in slots.items() if name.endswith("weight")}
    outputs = oracle_outputs(quantized, weights, state, inputs)
    predicted = step.predict(*(x.numpy() for x in inputs))
    for index, (output, found) in enumerate(zip(outputs, predicted, strict=True)):
        head = quantized.activations[f"nets.{index}.layers.{len(quantized.model.nets[index].steps) - 1}"]
        np.testing.assert_array_equal(
            np.rint(found / head.scale), np.rint(output.detach().numpy() / head.scale), err_msg=f"network {index}"
        )
    target = torch.tensor([0, CLASSES - 1])
    loss(outputs, target).backward()
    step(*(x.numpy() for x in inputs), target.numpy())
    after = step._state.model()
    for name, slot in slots.items():
        known = slot.quantization
        scale = known._scales(before[name].ndim)
        change = -LR * state[name].grad.numpy() / scale**2
        expected = oracle.round_update(before[name], change, known.least, known.most, None)
        differs = expected != after[name]
        near = np.abs(np.abs(change - np.floor(change)) - 0.5)
        assert np.all(near[differs] < 1e-3 + 4e-6 * np.abs(change[differs])), (
            name,
            change[differs],
            after[name][differs],
        )


@pytest.mark.parametrize("seed", range(2))
def test_integers_and_one_step_equal_the_oracle(seed: int) -> None:
    require_equal(*compiled(seed))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 50))
def test_integers_and_one_step_equal_the_oracle_often(seed: int) -> None:
    require_equal(*compiled(seed))
