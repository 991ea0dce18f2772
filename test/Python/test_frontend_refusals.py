"""What the frontend refuses, and how it says so."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from frontend_models import Function
from pockmlir.errors import ArgumentError, CompileError, UnsupportedOpsError
from pockmlir.frontend import import_model
from torch import nn
from torch.nn import functional as F

X = torch.randn(2, 4)


class Many(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(Function(lambda x, w: (x * w).cumsum(1)), nn.Dropout(0.3))
        self.tail = Function(lambda x, w: (x * w).sin().sort()[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.tail(self.block(x)) + F.pad(x, (1, 1), mode="circular")[..., :4]


def test_all_unsupported_ops_at_once() -> None:
    with pytest.raises(UnsupportedOpsError) as caught:
        import_model(Many(), (torch.randn(2, 1, 4),), "mse")
    found = {(op.op, op.module) for op in caught.value.ops}
    assert found == {
        ("aten.cumsum", "block.0"), ("aten.native_dropout", "block.1"), ("aten.sin", "tail"), ("aten.sort", "tail"),
        ("aten.pad", ""),
    }  # fmt: skip
    assert all(".py:" in str(op.source) for op in caught.value.ops)
    assert "p=0.3" in str(caught.value)
    assert "circular" in str(caught.value)


def no_grad_mean(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        mean = (x * w).mean()
    return x * w - mean


def no_grad_input(x: torch.Tensor, w: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        mean = x.mean()
    return x * w - mean


@pytest.mark.parametrize("function", [no_grad_mean, lambda x, w: (x * w).detach() + w])
def test_lost_gradients_are_refused(function) -> None:
    with pytest.raises(UnsupportedOpsError, match=r"aten\.detach in \(model\) at .*\.py:\d+"):
        import_model(Function(function), (X,), "mse")


@pytest.mark.parametrize("function", [no_grad_input, lambda x, w: x.detach() * w])
def test_detach_of_what_has_no_gradient(function) -> None:
    import_model(Function(function), (X,), "mse")


def test_detach_of_frozen_parameters() -> None:
    model = Function(no_grad_mean)
    model.weight.requires_grad_(False)
    assert import_model(model, (X,), "mse").parameters[0].requires_grad is False


class Sign(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.sign()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


def test_custom_gradient() -> None:
    apply = torch.autograd.Function.__dict__["apply"]
    with pytest.raises(ArgumentError, match=r"autograd\.Function 'Sign'"):
        import_model(Function(lambda x, w: Sign.apply(x * w)), (X,), "mse")
    assert torch.autograd.Function.__dict__["apply"] is apply


def test_data_dependent_control_flow() -> None:
    with pytest.raises(CompileError, match="cannot export the model") as caught:
        import_model(Function(lambda x, w: x * w if x.sum() > 0 else x), (X,), "mse")
    assert caught.value.__cause__ is not None


def test_conditional_operator() -> None:
    function = lambda x, w: torch.cond(x.sum() > 0, torch.neg, torch.exp, (x * w,)).sin()  # noqa: E731
    with pytest.raises(UnsupportedOpsError) as caught:
        import_model(Function(function), (X,), "mse")
    assert {"cond", "aten.sin"} <= {op.op for op in caught.value.ops}


def test_shapes_that_depend_on_data() -> None:
    loss = lambda output, target: output.sum()  # noqa: E731
    with pytest.raises(UnsupportedOpsError, match="depends on the data"):
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
        (lambda x, w: (x * w)[:, [1, 2]], "indexing with tensors"),
        (lambda x, w: F.dropout2d((x * w)[:, :, None, None], 0.5)[:, :, 0, 0], "random numbers"),
        (lambda x, w: torch.div(x, w, rounding_mode="floor"), "rounding_mode='floor'"),
    ],
)
def test_hints(function, what) -> None:
    with pytest.raises(UnsupportedOpsError, match=what):
        import_model(Function(function), (X,), "mse")


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
        (nn.Linear(4, 2), (X.half(),), "mse", r"example_inputs\[0\]: .*float16"),
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
