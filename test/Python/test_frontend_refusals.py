"""What the frontend refuses, and how it says so."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from frontend_models import Function
from pockmlir.errors import ArgumentError, CompileError, UnsupportedOpsError
from pockmlir.frontends.torch.importer import import_model
from torch import nn
from torch.nn import functional as F

X = torch.randn(2, 4)


class Many(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(Function(lambda x, w: (x * w).cummax(1)[0]), nn.RReLU())
        self.tail = Function(lambda x, w: (x * w).lgamma().mode()[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.tail(self.block(x)) + torch.linalg.det(x.mT @ x).sum()


def test_a_result_that_cannot_be_given_is_no_output() -> None:
    model = Function(lambda x, w: torch.ops.aten.native_dropout(x * w, 0.5, True))
    with pytest.raises(UnsupportedOpsError, match=r"output at .*: the mask of a dropout"):
        import_model(model, (X,), lambda output, target: output[1].float().sum(), target_example=X)


def test_all_unsupported_ops_at_once() -> None:
    with pytest.raises(UnsupportedOpsError) as caught:
        import_model(Many(), (torch.randn(2, 1, 4),), "mse")
    found = {(op.op, op.module) for op in caught.value.ops}
    assert found == {
        ("aten.cummax", "block.0"), ("aten.rrelu", "block.1"), ("aten.lgamma", "tail"), ("aten.mode", "tail"),
        ("aten.linalg_det", ""),
    }  # fmt: skip
    assert all(".py:" in str(op.source) for op in caught.value.ops)
    assert all(op.reason for op in caught.value.ops)
    lines = [line.strip() for line in str(caught.value).splitlines()]
    # By module, with one line per use.
    assert [line for line in lines if line.startswith("in ")] == [
        "in block.0:",
        "in block.1:",
        "in tail:",
        "in (model):",
    ]
    assert lines[lines.index("in tail:") + 1].startswith("aten.lgamma at ")
    assert lines[lines.index("in tail:") + 2].startswith("aten.mode at ")


def test_data_dependent_control_flow() -> None:
    with pytest.raises(CompileError, match=r"cannot export the model .* at .*test_frontend_refusals\.py:\d+") as caught:
        import_model(Function(lambda x, w: x * w if x.sum() > 0 else x), (X,), "mse")
    assert caught.value.__cause__ is not None
    assert "torch.where" in str(caught.value)


def test_leaving_pytorch() -> None:
    with pytest.raises(CompileError, match="leaves PyTorch"):
        import_model(Function(lambda x, w: torch.from_numpy(x.numpy()) * w), (X,), "mse")


def test_conditional_operator() -> None:
    function = lambda x, w: torch.cond(x.sum() > 0, torch.neg, torch.exp, (x * w,)).lgamma()  # noqa: E731
    with pytest.raises(UnsupportedOpsError) as caught:
        import_model(Function(function), (X,), "mse")
    assert {"cond", "aten.lgamma"} <= {op.op for op in caught.value.ops}


def test_shapes_that_depend_on_data() -> None:
    loss = lambda output, target: output.sum()  # noqa: E731
    with pytest.raises(UnsupportedOpsError, match="depends on data"):
        import_model(Function(lambda x, w: (x * w)[x > 0]), (X,), loss, target_example=X)


def test_dynamic_shapes() -> None:
    program = torch.export.export(nn.Linear(4, 2), (X,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    with pytest.raises(ArgumentError, match=r"'input' has the dynamic shape .* not supported"):
        import_model(program, (X,), "mse")


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (lambda x, w: (x * w).half().float(), "element type torch.float16"),
        (lambda x, w: x * w + torch.randn(4), "random numbers"),
        (lambda x, w: x * w * x.sum().item(), r"aten\.item .*keep it a tensor"),
        (lambda x, w: (x * w)[x > 0], r"aten\.index\.Tensor .*torch\.where"),
        (lambda x, w: (x * w).masked_scatter(x > 0, x), "torch.where"),
        (lambda x, w: (x * w).mode()[0], "most frequent value"),
        (lambda x, w: torch.fft.rfft(x * w).tanh().abs(), r"aten\.tanh .*on complex numbers"),
        (lambda x, w: x * w + torch.linalg.inv(torch.outer(w, w)).sum(), "factorisations"),
        (lambda x, w: F.embedding(torch.tensor([1]), w[:, None], scale_grad_by_freq=True) * x, "scale_grad_by_freq"),
        (lambda x, w: (x * w).scatter_reduce(1, torch.ones_like(x).long(), x, "amax"), "sums and means"),
        (
            lambda x, w: F.embedding_bag(torch.tensor([0, 1, 2]), torch.outer(w, w), torch.tensor([0, 1])) * x,
            "different sizes",
        ),
        (lambda x, w: torch.ops.aten.hardtanh(x * w, float("nan"), 1.0), "a limit that is NaN"),
        (lambda x, w: torch.ops.aten.l1_loss(x * w, x, -1), r"with reduction -1; expected 0 \(none\)"),
        (lambda x, w: F.fractional_max_pool2d((x * w).view(1, 1, 2, 4), 2, (1, 2)).sum() * x, "at random"),
    ],
)
def test_hints(function, what) -> None:
    with pytest.raises(UnsupportedOpsError, match=what):
        import_model(Function(function), (X,), lambda output, target: output.sum() * 1.0, target_example=X)


def test_in_place_change_of_an_input() -> None:
    with pytest.raises(ArgumentError, match="changes 'x' in place"):
        import_model(Function(lambda x, w: x.mul_(2) * w), (X,), "mse")


def shared_storage() -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    model[1].weight = nn.Parameter(model[0].weight.data)
    return model


@pytest.mark.parametrize(
    ("model", "inputs", "loss", "message"),
    [
        (3, (X,), "mse", "model: expected a torch.nn.Module"),
        (nn.Linear(4, 2), X, "mse", "example_inputs: expected a tuple"),
        (nn.Linear(4, 2), (3,), "mse", r"example_inputs\[0\]: expected a torch.Tensor"),
        (nn.Linear(4, 2), (X.to(torch.complex64),), "mse", r"example_inputs\[0\]: .*complex64"),
        (nn.Linear(4, 2), (X, X), "mse", "does not take 2 inputs"),
        (nn.Linear(4, 2), (X,), "msee", "loss: expected one of cross_entropy.*'msee'"),
        (nn.Linear(4, 2), (X,), 7, "loss: expected a name"),
        (nn.Linear(4, 2), (X,), lambda o, t: o.sum(), "target_example: needed"),
        (nn.Linear(4, 2), (X,), None, r"loss: expected one floating-point scalar, but got torch.float32 \[2, 2\]"),
        (Function(lambda x, w: (x, w)), (X,), "mse", "returns one tensor"),
        (nn.Linear(4, 2, device="meta"), (X,), "mse", "'weight' has no data"),
        (nn.LazyLinear(2), (X,), "mse", "'weight' has no data"),
        (nn.Sequential(nn.Linear(4, 2).half()), (X,), "mse", "'0.weight' has dtype torch.float16"),
        (shared_storage(), (X,), "mse", "'0.weight' and '1.weight' are different tensors that share memory"),
    ],
)
def test_bad_arguments(model, inputs, loss, message) -> None:
    with pytest.raises(ArgumentError, match=message):
        import_model(model, inputs, loss)


def test_target_with_a_model_that_returns_its_loss() -> None:
    with pytest.raises(ArgumentError, match="target_example: given"):
        import_model(Function(lambda x, w: (x * w).sum()), (X,), None, target_example=np.zeros(2, np.float32))
