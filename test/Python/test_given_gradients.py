"""Gradients that a model gives itself, by hooks and `torch.autograd.Function`: a step does what PyTorch does."""

from __future__ import annotations

import copy
import functools

import pockmlir as pock
import pytest
import torch
from frontend_models import Function
from pockmlir.errors import ArgumentError
from pockmlir.frontends.torch.importer import import_model
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

X = torch.randn(2, 4)


def same_as_pytorch(model: nn.Module, x: torch.Tensor, target: torch.Tensor, steps: int = 2) -> None:
    """Compare parameters and losses after some steps in float64."""
    model = model.double()
    x, target = x.double(), target.double()
    step = pock.compile(model, (x,), loss="mse", optimizer=pock.SGD(lr=1e-3), scheme=pock.Scheme.full())
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        assert step(x, target) == pytest.approx(loss.item(), rel=1e-12)
    for name, value in step.state_dict().items():
        torch.testing.assert_close(torch.from_numpy(value), model.state_dict()[name], rtol=1e-11, atol=1e-13, msg=name)


# Hooks --------------------------------------------------------------------------------


def doubled_in_place(gradient: torch.Tensor) -> None:
    gradient.mul_(2.0)


class Hooks(nn.Module):
    """Hooks on activations that are read before and behind, on what a hook reads itself, and taken back."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 3)
        self.conv = nn.Conv1d(1, 2, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.first(x)
        before = torch.tanh(hidden)
        if hidden.requires_grad:
            # The second hook sees what the first returns; the mask depends on a reader of the tensor.
            hidden.register_hook(lambda gradient: gradient * (before > 0) + 0.1)
            hidden.register_hook(lambda gradient: gradient.clamp(-0.05, 0.2))
            hidden.register_hook(doubled_in_place)
            hidden.register_hook(lambda gradient: gradient * 100).remove()
        image = self.conv(self.second(hidden).unsqueeze(1))
        if image.requires_grad:
            image.register_hook(lambda gradient: gradient / (gradient.norm() + 1e-3))
        shared = self.second(before * hidden)
        return self.third(shared + image.sum(1)) + hidden[:, :3]


def module_with_hooks() -> nn.Module:
    torch.manual_seed(0)
    model = Hooks()
    model.first.weight.register_hook(lambda gradient: gradient * torch.tensor([[1.0], [0.0], [1.0], [0.5]]))
    # Of the sum over both readers, once.
    model.second.weight.register_hook(lambda gradient: gradient.clamp(-0.01, 0.01))
    model.second.weight.register_hook(functools.partial(torch.mul, 3.0))
    model.second.register_full_backward_pre_hook(lambda module, outputs: (2 * outputs[0],))
    model.second.register_full_backward_hook(lambda module, inputs, outputs: (inputs[0] + outputs[0].mean(),))
    model.third.register_full_backward_hook(lambda module, inputs, outputs: None)
    # No input of it has a gradient.
    model.first.register_full_backward_hook(lambda module, inputs, outputs: None)
    return model


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_hooks() -> None:
    same_as_pytorch(module_with_hooks(), torch.randn(5, 4), torch.randn(5, 3))


@pytest.mark.filterwarnings("ignore:Full backward hook is firing")
def test_hooks_with_a_fraction_and_a_global_hook() -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3)).double()
    model[0].weight.register_hook(lambda gradient: gradient / gradient.norm())
    handle = nn.modules.module.register_module_full_backward_hook(
        lambda module, inputs, outputs: (
            tuple(g if g is None else 2 * g for g in inputs) if inputs[0] is not None else None
        )
    )
    try:
        x, target = torch.randn(5, 4).double(), torch.randn(5, 3).double()
        before = copy.deepcopy(model.state_dict())
        scheme = {"0.weight": 0.5}
        step = pock.compile(model, (x,), loss="mse", optimizer=pock.SGD(lr=0.1), scheme=scheme)
        F.mse_loss(model(x), target).backward()
        step(x, target)
    finally:
        handle.remove()
    expected = before["0.weight"].clone()
    expected[:, :2] -= 0.1 * model[0].weight.grad[:, :2]
    torch.testing.assert_close(torch.from_numpy(step.state_dict()["0.weight"]), expected, rtol=1e-12, atol=1e-14)


def test_a_model_with_hooks_is_as_before() -> None:
    model = module_with_hooks()
    apply, register = torch.autograd.Function.__dict__["apply"], torch.Tensor.register_hook
    attributes = dict(vars(torch.autograd.function.FunctionMeta))
    hooks = dict(model.second.weight._backward_hooks)
    import_model(model, (X,), "mse")
    assert torch.autograd.Function.__dict__["apply"] is apply
    assert dict(vars(torch.autograd.function.FunctionMeta)) == attributes
    assert torch.Tensor.register_hook is register
    assert dict(model.second.weight._backward_hooks) == hooks


def hooked(register, *hooks) -> nn.Module:
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    register(model, *hooks)
    return model


def data_dependent(gradient: torch.Tensor) -> torch.Tensor:
    return gradient / gradient.norm() if gradient.norm() > 1 else gradient


def wrong_shape(gradient: torch.Tensor) -> torch.Tensor:
    return gradient[:1]


def in_forward(what) -> nn.Module:
    def function(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        hidden = x * weight
        what(hidden)
        return hidden

    return Function(function)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            hooked(lambda m: m[1].register_backward_hook(lambda module, inputs, outputs: None)),
            r"register_backward_hook of module '1', '.*<lambda>' \(.*test_given_gradients.py:\d+\).*register_full_backward_hook",
        ),
        (
            hooked(lambda m: m[1].weight.register_post_accumulate_grad_hook(lambda p: None)),
            r"register_post_accumulate_grad_hook of parameter '1.weight'",
        ),
        (
            hooked(lambda m: m[0].weight.register_hook(data_dependent)),
            r"'data_dependent' .*parameter '0.weight'.*cannot become",
        ),
        (hooked(lambda m: m[0].weight.register_hook(wrong_shape)), r"shape \[1, 4\], but expected \[4, 4\]"),
        (
            hooked(lambda m: m[0].register_full_backward_hook(lambda module, inputs, outputs: (outputs[0],))),
            r"module '0'\) returns a gradient, but no input of the module has one",
        ),
        (
            hooked(lambda m: m[1].register_full_backward_pre_hook(lambda module, outputs: outputs * 2)),
            r"module '1'\) returns 2 gradients, but expected 1",
        ),
        (in_forward(lambda h: h.register_hook(data_dependent)), r"in \(model\) at .*test_given_gradients.py:\d+"),
        (
            in_forward(lambda h: torch.autograd.graph.register_multi_grad_hook((h,), data_dependent)),
            r"register_multi_grad_hook with 'data_dependent'.*in \(model\) at",
        ),
        (
            in_forward(lambda h: torch.autograd.graph.saved_tensors_hooks(data_dependent, data_dependent)),
            r"saved_tensors_hooks with 'data_dependent'.*in \(model\) at",
        ),
        (in_forward(lambda h: h.grad_fn.register_hook(lambda *_: None)), r"grad_fn.register_hook .*in \(model\) at"),
        (
            in_forward(lambda h: h.grad_fn.register_prehook(lambda *_: None)),
            r"grad_fn.register_prehook .*in \(model\) at",
        ),
    ],
)
def test_hooks_that_cannot_be_kept(model, message) -> None:
    with pytest.raises(ArgumentError, match=message):
        import_model(model, (X,), "mse")


# torch.autograd.Function --------------------------------------------------------------


class Sign(torch.autograd.Function):
    """Straight-through."""

    @staticmethod
    def forward(ctx, x):
        return x.sign()

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, factor):
        ctx.factor = factor
        return x.view_as(x)

    @staticmethod
    def backward(ctx, gradient):
        return -ctx.factor * gradient, None


class Several(torch.autograd.Function):
    """Several inputs and outputs, of which one has no gradient and one is not read."""

    @staticmethod
    def forward(ctx, x, weight, bias):
        product = x @ weight
        positive = product > 0
        ctx.save_for_backward(x, weight, product)
        ctx.mark_non_differentiable(positive)
        assert ctx.needs_input_grad == (True, True, True)
        return product + bias, positive, product * 2, 7

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, first, positive, second, number):
        assert number is None
        x, weight, product = ctx.saved_tensors
        total = first + 3 * second + 0.1 * product
        return total @ weight.t(), x.t() @ total, None


class SetUp(torch.autograd.Function):
    """The style with setup_context, a default, and outputs that nothing reads given as None."""

    @staticmethod
    def forward(x, y, scale=2.0):
        return x * y * scale, x + y

    @staticmethod
    def setup_context(ctx, inputs, output):
        x, y, scale = inputs
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, y, output[0])
        ctx.scale = scale

    @staticmethod
    def backward(ctx, product, total):
        x, y, result = ctx.saved_tensors
        assert ctx.needs_input_grad[0]
        gradient = product.clone()
        gradient.mul_(ctx.scale)
        return gradient * y + result, (gradient * x).sum(0), None


class Broadcast(torch.autograd.Function):
    """PyTorch sums a gradient that is larger than its input."""

    @staticmethod
    def forward(ctx, x, row):
        ctx.save_for_backward(x, row)
        return x * row

    @staticmethod
    def backward(ctx, gradient):
        x, row = ctx.saved_tensors
        return gradient * row, gradient * x


class Recomputed(torch.autograd.Function):
    """Differentiates in its backward what it computes again."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return torch.sin(x) * x

    @staticmethod
    def backward(ctx, gradient):
        with torch.enable_grad():
            x = ctx.saved_tensors[0].detach().requires_grad_()
            y = torch.sin(x) * x
        return torch.autograd.grad(y, x, gradient)[0] + 0.5


class NoGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        return None


class Functions(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.cut = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 4)
        self.weight, self.bias = nn.Parameter(torch.randn(4, 4)), nn.Parameter(torch.randn(4))
        # As models keep them.
        self.sign = Sign.apply
        self.row, self.frozen = nn.Parameter(torch.randn(4)), nn.Parameter(torch.randn(4), requires_grad=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = Reversed.apply(self.first(x), 0.5)
        signs = self.sign(hidden)
        first, positive, second, number = Several.apply(hidden, self.weight, self.bias)
        product, _ = SetUp.apply(first, self.row * self.frozen)
        product = product + SetUp.apply(self.frozen * hidden, self.row, scale=0.5)[0]
        with torch.no_grad():
            quiet = Reversed.apply(hidden, 0.5)
        rows = Broadcast.apply(self.second(signs) + second, self.row)
        assert not positive.requires_grad
        inner = checkpoint(lambda y: self.second(torch.sin(y)), product, use_reentrant=True)
        # Without gradient in PyTorch: no argument of the checkpoint has one.
        outer = checkpoint(lambda y: self.first(y), x, use_reentrant=True)
        again = Recomputed.apply(self.second(x)) + NoGradient.apply(self.cut(x))
        return product + rows * number + positive * inner + outer + again + quiet * self.row


@pytest.mark.filterwarnings("ignore:None of the inputs have requires_grad")
def test_functions() -> None:
    torch.manual_seed(0)
    with pytest.warns(
        UserWarning, match=r"parameters without gradient do not train: bias, cut.weight, cut.bias: read only"
    ):
        same_as_pytorch(Functions(), torch.randn(5, 4), torch.randn(5, 4))


class Broken(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x * 1.0

    @staticmethod
    def backward(ctx, gradient):
        return gradient if gradient.sum() > 0 else -gradient


class TooFew(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, y):
        return x * y

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class InPlace(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        ctx.mark_dirty(x)
        return x.mul_(2.0)

    @staticmethod
    def backward(ctx, gradient):
        return 2 * gradient


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x, w: Broken.apply(x * w),
            r"autograd.Function 'Broken' cannot become part .*in \(model\) at .*\.py:\d+",
        ),
        (lambda x, w: TooFew.apply(x * w, w), r"'TooFew' returns 1 gradients, but expected 2.*in \(model\)"),
        (lambda x, w: InPlace.apply(x * w), r"'InPlace' changes its input in place \(mark_dirty\)"),
    ],
)
def test_functions_that_cannot_be_kept(function, message) -> None:
    with pytest.raises(ArgumentError, match=message):
        import_model(Function(function), (X,), "mse")
