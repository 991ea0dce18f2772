"""Long programs are many kernels of bounded size that share their code, and compute what PyTorch computes."""

from __future__ import annotations

import re

import pockmlir as pock
import pytest
import torch
from torch import nn

_core = pytest.importorskip("pockmlir._core")
pytestmark = pytest.mark.usefixtures("one_thread")

#: Of elementwise ops, by `pock-form-kernels`; one more where a reduction reads them.
MOST_OPS = 64
VALUE = "tensor<17x33xf32>"


def chain(links: int) -> str:
    """Return a function of four elementwise ops per link."""
    lines, last = [], "%x"
    for i in range(links):
        lines += [
            f"%a{i} = pock.sin {last} : ({VALUE}) -> {VALUE}",
            f"%b{i} = pock.mul %a{i}, %x : ({VALUE}, {VALUE}) -> {VALUE}",
            f"%c{i} = pock.abs %b{i} : ({VALUE}) -> {VALUE}",
            f"%d{i} = pock.add %c{i}, %a{i} : ({VALUE}, {VALUE}) -> {VALUE}",
        ]
        last = f"%d{i}"
    return f"func.func @f(%x: {VALUE}) -> {VALUE} {{ {' '.join(lines)} return {last} : {VALUE} }}"


def kernel_sizes(ir: str) -> list[int]:
    """Return how many ops each kernel of a module has; constants are part of the code."""
    bodies = re.findall(r"func\.func private @[^\n]*pock\.kernel\} \{\n(.*?)\n  \}", ir, re.DOTALL)
    return [len(re.findall(r"= pock\.(?!constant)", body)) for body in bodies]


def test_kernels_of_a_chain() -> None:
    found = {}
    for links in (100, 1000, 2000):
        ir = _core.run_pipeline(chain(links), "builtin.module(pock-kernels-pipeline)")
        sizes = kernel_sizes(ir)
        assert sizes
        assert max(sizes) <= MOST_OPS
        found[links] = (len(re.findall(r"pock\.launch @", ir)), len(sizes))
    # A launch for every 64 ops or so, and no more code however many there are.
    assert 4000 / MOST_OPS <= found[1000][0] <= 2 * 4000 / MOST_OPS
    assert abs(found[2000][0] - 2 * found[1000][0]) <= 2
    assert found[100][1] <= found[1000][1] == found[2000][1] <= 6


class Chain(nn.Module):
    """180 elementwise ops in the forward pass, of which the backward pass reads what it does not compute again."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.linspace(0.5, 1.5, 33))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = x * self.scale
        for _ in range(30):
            y = torch.sin(y) * 0.9 + x
            y = torch.where(y > 0.5, y * 0.5, y)
        return y


class Stack(nn.Module):
    """The states of a recurrent layer, unrolled, and 70 of them joined: more parts than a kernel has ops."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.RNN(3, 4, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        states, _ = self.layer(x)
        return torch.cat([states * (i / 70) for i in range(70)], 2)


@pytest.mark.parametrize(
    ("model", "shape"), [pytest.param(Chain, (17, 33), marks=pytest.mark.slow), (Stack, (2, 20, 3))]
)
def test_equals_pytorch(model: type[nn.Module], shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    module, x = model(), torch.randn(shape)
    target = torch.randn_like(module(x))
    step = pock.compile(module, (x,), loss="mse", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())
    assert max(kernel_sizes(step.ir("kernels"))) <= MOST_OPS + 1
    double = module.double()
    loss = nn.functional.mse_loss(double(x.double()), target.double())
    loss.backward()
    assert step(x, target) == pytest.approx(float(loss), rel=1e-5)
    for name, parameter in double.named_parameters():
        expected = (parameter - 0.1 * parameter.grad).detach().numpy()
        assert step.state_dict()[name] == pytest.approx(expected, rel=1e-4, abs=1e-6)
