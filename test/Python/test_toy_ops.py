"""The ops of test/Toy through the whole compiler: values and gradients against PyTorch's, in float64.

The lit tests in test/Toy assert the kernels.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

pytest.importorskip("pockmlir._core")

from llvm_tools import run_tool
from pockmlir import Target
from pockmlir.artifact.manifest import Manifest, dtype_of
from pockmlir.core import link
from pockmlir.core.extension import load_core
from pockmlir.core.stages import anchored
from pockmlir.runtime.abi import Call, Instance

TOY_OPT = Path(__file__).parents[2] / "build" / "bin" / "toy-opt"
STAGES = ("graph", "training", "schedule", "kernels", "plan", "llvm")


def module(op: str, shape: str) -> str:
    """Return a model whose loss is the sum of the op's result times the input ``g``; the op reads the parameter."""
    return f"""
module attributes {{pock.name = "net", pock.target = {Target.host().attributes}, pock.scheme = {{x = 1.0}},
                   pock.optimizer = #pock.sgd}} {{
  pock.param @x : tensor<{shape}xf64>
  func.func @loss(%g: tensor<{shape}xf64> {{pock.name = "g"}}) -> (tensor<f64> {{pock.name = "loss"}}) {{
    %x = pock.load_param @x : tensor<{shape}xf64>
    %y = toy.{op} : (tensor<{shape}xf64>) -> tensor<{shape}xf64>
    %weighted = pock.mul %y, %g : (tensor<{shape}xf64>, tensor<{shape}xf64>) -> tensor<{shape}xf64>
    %loss = pock.sum %weighted {{dims = array<i64: 0, 1>}} : (tensor<{shape}xf64>) -> tensor<f64>
    return %loss : tensor<f64>
  }}
}}"""


def build(ir: str, directory: Path) -> Instance:
    """Compile a module with toy ops and load it."""
    core, manifest = load_core(), None
    for stage in STAGES:
        ir = run_tool([f"--pock-{stage}-pipeline"], ir, tool="toy-opt")
        if stage == "plan":
            manifest = Manifest.from_json(core.manifest(ir))
    assert manifest is not None
    link.write_object(core.generate(ir, anchored())[0], directory / "net.o")
    link.link_shared(directory / "net.o", directory / "net.so")
    return Instance(directory / "net.so", manifest)


@pytest.mark.skipif(not TOY_OPT.exists(), reason="needs ninja toy-opt")
@pytest.mark.parametrize(
    ("op", "function"),
    [
        ("mish %x", F.mish),
        ("cumprod %x {dim = 1 : i64}", lambda x: x.cumprod(1)),
        ("rms_normalize %x {dim = 1 : i64, eps = 1.0e-5 : f64}", lambda x: F.rms_norm(x, (4,), eps=1e-5)),
    ],
    ids=["mish", "cumprod", "rms_normalize"],
)
def test_loss_and_gradient(op: str, function: Callable[[torch.Tensor], torch.Tensor], tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    x, g = (torch.randn(2, 4, generator=generator, dtype=torch.float64) for _ in range(2))
    instance = build(module(op, "2x4"), tmp_path)
    instance.initialize()
    instance.view("x")[...] = x.numpy()
    step = instance.manifest.functions["step"]
    call = Call(instance, "step", step)
    values = {"g": g.numpy(), "lr": np.ones(())}
    inputs = [values[spec.name].astype(dtype_of(spec.dtype)) for spec in step.inputs]
    outputs = [instance.output(spec) for spec in step.outputs]
    call.run([call.bind(i, value) for i, value in enumerate(inputs)], outputs)

    expected = x.clone().requires_grad_()
    loss = (function(expected) * g).sum()
    loss.backward()
    torch.testing.assert_close(torch.from_numpy(outputs[0]), loss.detach())
    assert expected.grad is not None
    torch.testing.assert_close(x - torch.from_numpy(instance.view("x")), expected.grad)
