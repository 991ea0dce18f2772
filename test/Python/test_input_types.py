"""Inputs of element types that no code computes in: bytes of images, halves, doubles; and masks that are known."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from torch import nn
from torch.nn import functional

pytest.importorskip("pockmlir._core")

OPTIONS: dict[str, Any] = {"optimizer": pock.SGD(lr=0.1), "scheme": pock.Scheme.full()}


class Images(nn.Module):
    """Bytes as images have them, other integers that wrap around, and halves."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(12, 3)

    def forward(self, image: torch.Tensor, counts: torch.Tensor, half: torch.Tensor) -> torch.Tensor:
        if image.dtype == torch.uint8:
            scaled = image.float() / 255
        y = self.conv(scaled.permute(0, 3, 1, 2)).mean((2, 3))
        # Results that a byte or a short do not hold.
        bright = (image * 2 + image.flip(1) - 7) // 3 > torch.tensor(40, dtype=torch.uint8)
        wrapped = torch.cat([image[:, :1] - 200, image[:, 1:] ** 2], 1).sum((1, 2, 3)) / image.amax((1, 2, 3))
        product = (counts * 3 - counts.roll(1)).to(torch.float32) + (-counts).float() + counts.sum(1, keepdim=True)
        named = {"y": y, "b": bright.float().mean((1, 2)), "p": product / 30000, "h": half.float()}
        return self.head(torch.cat([*named.values()], 1)) + wrapped[:, None] / 100


def numbers() -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (2, 5, 6, 3), generator=generator, dtype=torch.uint8)
    counts = torch.tensor([[30000, -32768, 7], [32767, 1, -1]], dtype=torch.int16)
    half = torch.randn(2, 2, generator=generator).half()
    return image, counts, half


def test_narrow_types_compute_as_in_pytorch() -> None:
    model, inputs, target = Images(), numbers(), torch.tensor([0, 2])
    step = pock.compile(copy.deepcopy(model), inputs, loss="cross_entropy", **OPTIONS)
    with torch.no_grad():
        expected = model(*inputs).numpy()
    np.testing.assert_allclose(step.predict(*inputs), expected, rtol=1e-5, atol=1e-6)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for given in (inputs, tuple(x.numpy() for x in inputs), inputs):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(*inputs), target)
        loss.backward()
        optimizer.step()
        assert step(*given, target) == pytest.approx(loss.item(), rel=1e-5)
    assert step.report().converted == {
        "image": ("uint8", "int32"),
        "counts": ("int16", "int32"),
        "half": ("float16", "float32"),
    }
    assert "inputs are converted: image from uint8 to int32, counts" in str(step.report())
    # What the step itself takes is as good as what the example was.
    wide = (inputs[0].int(), inputs[1].int(), inputs[2].float())
    assert step(*wide, target, lr=0.0) == step(*inputs, target, lr=0.0)
    with pytest.raises(pock.ArgumentError, match=r"expected image: int32\[2, 5, 6, 3\], but got float32"):
        step(inputs[0].float(), *inputs[1:], target)


@pytest.mark.parametrize("given", [torch.float64, torch.float16, torch.bfloat16])
def test_floats_of_another_size_become_the_models(given: torch.dtype) -> None:
    x, y = torch.randn(4, 6).to(given), torch.tensor([0, 1, 2, 0], dtype=torch.int32)
    torch.manual_seed(0)
    model = nn.Linear(6, 3)
    step = pock.compile(model, (x,), loss="cross_entropy", example_target=y, **OPTIONS)
    expected = functional.cross_entropy(model(x.float()), y.long())
    assert step(x, y) == pytest.approx(expected.item(), rel=1e-6)
    assert step.report().converted["input"] == (str(given)[6:], "float32")
    assert step(x.float(), y.to(torch.uint8)) < expected


def test_float64_stays_where_pytorch_computes_in_it() -> None:
    class Shifted(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward((x - 1e9).float())

    step = pock.compile(Shifted(3, 2), (torch.zeros(2, 3, dtype=torch.float64),), loss="mse", **OPTIONS)
    assert step.report().converted == {}
    x = torch.full((2, 3), 1e9 + 0.25, dtype=torch.float64)
    np.testing.assert_array_equal(step.predict(x), step.predict(x.clone()))
    assert not np.array_equal(step.predict(x), step.predict(torch.full((2, 3), 1e9, dtype=torch.float64)))


def test_bytes_are_not_made_floats_unasked() -> None:
    image = numbers()[0].permute(0, 3, 1, 2)
    for layer in (nn.Conv2d(3, 4, 3), nn.Linear(6, 4)):
        with pytest.raises(pock.PockError, match="PyTorch does not mix"):
            pock.compile(nn.Sequential(layer), (image,), loss="mse", **OPTIONS)


# Masks --------------------------------------------------------------------------------


class Masked(nn.Module):
    """What masks select that are buffers, attributes, constants, or made of these."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(4, 3)
        self.register_buffer("mask", torch.tensor([True, False, True, True, False]))
        self.register_buffer("hidden", torch.tensor([False, False, True, True, False]), persistent=False)
        self.constant = torch.tensor([[True, False, True]])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.linear(x)
        some = torch.zeros(5, dtype=torch.bool)
        some[:2] = True
        some[3] = self.constant[0, 0]
        parts = [
            y[self.mask],
            y[~self.mask & (torch.arange(5) > 1)],
            y[some] - y[torch.arange(5) < 3],
            y[self.hidden] * y[self.mask.nonzero().squeeze(1)][:2],
            y[torch.where(self.mask | self.hidden)[0]],
            torch.masked_select(y, self.mask[:, None] & self.constant),
            y.masked_select(self.hidden.unsqueeze(-1)),
            y.t()[:, self.mask],
            (y @ y.t())[torch.tril(torch.ones(5, 5)) > 0],
        ]
        return torch.cat([part.flatten() for part in parts])


def test_known_masks_select_as_in_pytorch() -> None:
    model, x = Masked().double(), torch.randn(5, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    target = torch.zeros_like(model(x))
    for given in (model, torch.export.export(model, (x,))):
        reference = copy.deepcopy(model)
        step = pock.compile(given, (x,), loss="mse", **OPTIONS)
        np.testing.assert_allclose(step.predict(x), model(x).detach().numpy(), rtol=1e-9)
        optimizer = torch.optim.SGD(reference.parameters(), lr=0.1)
        loss = functional.mse_loss(reference(x), target)
        loss.backward()
        optimizer.step()
        assert step(x, target) == pytest.approx(loss.item(), rel=1e-9)
        for name, value in reference.state_dict().items():
            np.testing.assert_allclose(step.state_dict()[name], value.numpy(), rtol=1e-9, atol=1e-12, err_msg=name)
        with pytest.raises(pock.ArgumentError, match="the values of mask were compiled in"):
            step.load_state_dict(model.state_dict() | {"mask": ~model.mask})
        step.load_state_dict(model.state_dict())


def test_a_mask_that_the_step_changes_is_refused() -> None:
    class Changing(Masked):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            y = self.linear(x)[self.mask]
            self.mask.logical_not_()
            return y

    with pytest.raises(pock.ArgumentError, match="'mask' is a mask whose values decide on the shape"):
        pock.compile(Changing(), (torch.zeros(5, 4),), loss="mse", **OPTIONS)


def test_a_mask_of_the_data_is_refused() -> None:
    class Data(Masked):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(x)[x[:, 0] > 0]

    with pytest.raises(pock.UnsupportedOpsError, match="a mask selects a number of entries that depends on data"):
        pock.compile(Data(), (torch.zeros(5, 4),), loss="mse", **OPTIONS)
