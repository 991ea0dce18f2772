"""Every gradient rule against PyTorch's autograd, in float64, through the whole compiler.

An op is wrapped in a model whose loss is the sum of the result times an input. To each
operand, an input too, a parameter is added that is zero: one step of SGD with learning rate
one makes it minus the gradient, exactly, even where the operand is infinite or NaN. Operands
include the points where functions have no derivative: there PyTorch's choice is the
specification.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pockmlir as pock
import pytest
import torch
import torch.nn.functional as F
from torch import nn

pytest.importorskip("pockmlir._core")

INF, NAN = math.inf, math.nan


@dataclass(frozen=True)
class Case:
    """One op at given operands.

    Attributes:
        name: what the case shows; the test's id.
        function: the op, called with the operands and then the extra inputs.
        operands: differentiated tensors, as shapes (filled with random numbers) or values.
        inputs: further inputs that have no gradient, integer targets for instance.
        rtol: relative tolerance.
    """

    name: str
    function: Callable[..., torch.Tensor]
    operands: tuple[Any, ...]
    inputs: tuple[torch.Tensor, ...] = ()
    rtol: float = 1e-10

    def tensors(self) -> list[torch.Tensor]:
        """Return the operands as float64 tensors; a tuple of ints is a shape."""
        generator = torch.Generator().manual_seed(sum(self.name.encode()))
        return [
            torch.randn(operand, generator=generator, dtype=torch.float64)
            if isinstance(operand, tuple)
            else torch.as_tensor(operand, dtype=torch.float64)
            for operand in self.operands
        ]


class Wrapper(nn.Module):
    """The op with a parameter added to each operand; returns the loss."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self.function = case.function
        self.offsets = nn.ParameterList([nn.Parameter(torch.zeros_like(operand)) for operand in case.tensors()])

    def forward(self, cotangent: torch.Tensor, *inputs: torch.Tensor) -> torch.Tensor:
        count = len(self.offsets)
        operands = [x + offset for x, offset in zip(inputs[:count], self.offsets, strict=True)]
        return (self.function(*operands, *inputs[count:]) * cotangent).sum()


def check(case: Case) -> None:
    """Compare loss and gradients of the compiled step with PyTorch's."""
    model = Wrapper(case)
    shape = case.function(*case.tensors(), *case.inputs).shape
    cotangent = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    inputs = (cotangent, *case.tensors(), *case.inputs)
    step = pock.compile(model, inputs, loss=None, optimizer=pock.SGD(lr=1.0), scheme=pock.Scheme.full())
    loss = step(*inputs)
    state = step.state_dict()

    expected = model(*inputs)
    expected.backward()
    close = {"rtol": case.rtol, "atol": 1e-12, "equal_nan": True}
    torch.testing.assert_close(torch.tensor(loss, dtype=torch.float64), expected.detach(), **close)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        gradient = -torch.as_tensor(state[name])
        torch.testing.assert_close(gradient, parameter.grad, msg=lambda text, n=name: f"{n}: {text}", **close)


def _id(case: Case) -> str:
    return case.name


# Elementwise ----------------------------------------------------------------------------

#: Numbers on both sides of everything, and what is awkward in itself.
POINTS = [-100.0, -7.25, -1.5, -0.3, -1e-5, -0.0, 0.0, 1e-5, 0.4, 1.0, 2.5, 6.0, 100.0]
POSITIVE = [1e-8, 0.01, 0.4, 1.0, 2.5, 100.0]
EDGES = [-3.5, -3.0, -2.999, 0.0, 2.999, 3.0, 3.5, NAN]

UNARY = [
    Case("neg", torch.neg, (POINTS,)),
    Case("abs", torch.abs, (POINTS,)),
    Case("exp", torch.exp, ([-100.0, -1.0, 0.0, 1.0, 20.0],)),
    Case("expm1", torch.expm1, ([-100.0, -1e-9, 0.0, 1e-9, 3.0],)),
    Case("log", torch.log, ([0.0, *POSITIVE],)),
    Case("log1p", torch.log1p, ([-0.5, -1e-9, 0.0, 1e-9, 3.0],)),
    Case("sqrt_infinite_at_zero", torch.sqrt, ([0.0, *POSITIVE],)),
    Case("rsqrt", torch.rsqrt, (POSITIVE,)),
    Case("erf", torch.erf, (POINTS,)),
    Case("tanh_saturated", torch.tanh, (POINTS,)),
    Case("sigmoid_saturated", torch.sigmoid, (POINTS,)),
    Case("relu_at_zero", F.relu, ([*POINTS, NAN],)),
    # PyTorch's vectors and the scalars behind the last vector disagree at NaN: vectors are the specification.
    Case("relu6_at_ends", F.relu6, ([NAN, *POINTS * 3],)),
    Case("hardtanh_at_ends", lambda x: F.hardtanh(x, -1.5, 2.5), ([NAN, *POINTS * 3],)),
    Case("clamp_at_ends", lambda x: torch.clamp(x, -1.5, 2.5), ([*POINTS, NAN],)),
    Case("clamp_min_only", lambda x: torch.clamp(x, min=0.4), (POINTS,)),
    Case("clamp_max_only", lambda x: torch.clamp(x, max=0.4), (POINTS,)),
    Case("leaky_relu_at_zero", lambda x: F.leaky_relu(x, 0.1), (POINTS,)),
    Case("leaky_relu_negative_slope", lambda x: F.leaky_relu(x, -0.5), (POINTS,)),
    Case("elu_at_zero", lambda x: F.elu(x, 1.5), ([*POINTS, -INF, INF],)),
    Case("selu", F.selu, (POINTS,)),
    Case("celu", lambda x: F.celu(x, 2.0), (POINTS,)),
    Case("hardswish_at_ends", F.hardswish, ([NAN, *[x for x in EDGES if x == x] * 5],)),
    # PyTorch multiplies by 1 / 6 rounded to float, even in float64.
    Case("hardsigmoid_at_ends", F.hardsigmoid, (EDGES,), rtol=1e-7),
    Case("silu", F.silu, (POINTS,)),
    Case("gelu", F.gelu, (POINTS,)),
    Case("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), (POINTS,)),
    Case("softplus", F.softplus, ([*POINTS, 19.0, 20.0, 21.0],)),
    Case("softplus_at_threshold", lambda x: F.softplus(x, 2.0, 3.0), ([-5.0, 1.4, 1.5, 1.6, 9.0],)),
    Case("cast_there_and_back", lambda x: x.float().double() * x, ([0.5, -2.0, 3.0],)),
]

#: Pairs of operands with all kinds of zeros.
BASES = [0.0, 0.0, 0.0, 2.0, 2.0, 2.0, -2.0, -2.0, 1.0]
EXPONENTS = [0.0, 2.0, 0.5, 0.0, -1.5, 3.0, 2.0, -3.0, 7.0]

BINARY = [
    Case("add", torch.add, ((3, 4), (3, 4))),
    Case("add_broadcast_both", torch.add, ((3, 1, 4), (2, 1))),
    Case("add_scalar_tensor", torch.add, ((3, 4), 0.5)),
    Case("add_to_itself", lambda x: x + x, ((3, 4),)),
    Case("sub_broadcast", torch.sub, ((4,), (3, 4))),
    Case("rsub_number", lambda x: 1.0 - x, ((3, 4),)),
    Case("mul_broadcast", torch.mul, ((3, 4), (3, 1))),
    Case("mul_number", lambda x: 2.5 * x, ((3, 4),)),
    Case("square", lambda x: x * x, ((3, 4),)),
    Case("div_broadcast", torch.div, ((3, 4), [1.0, -2.0, 0.5, 4.0])),
    Case("div_broadcast_numerator", torch.div, ((4,), [[1.0, -2.0, 0.5, 4.0], [3.0, 1.0, -1.0, 2.0]])),
    Case("reciprocal", lambda x: 1.0 / x, ([1.0, -2.0, 0.5],)),
    Case("pow_base_and_zeros", torch.pow, (BASES,), (torch.tensor(EXPONENTS).double(),)),
    Case("pow_both", torch.pow, ([0.0, 0.0, 2.0, 2.0, 2.0, 1.0], [0.0, 2.0, 0.0, -1.5, 3.0, 7.0])),
    Case("pow_number", lambda x: x**3, (POINTS,)),
    Case("pow_square", lambda x: x**2, (POINTS,)),
    Case("pow_zero", lambda x: x**0, ([0.0, 1.0, -2.0],)),
    Case("pow_half", lambda x: x**0.5, (POSITIVE,)),
    Case("maximum_ties", torch.maximum, ([1.0, 2.0, 3.0, -0.0, NAN, 1.0], [1.0, 3.0, 2.0, 0.0, 1.0, NAN])),
    Case("minimum_ties", torch.minimum, ([1.0, 2.0, 3.0, -0.0, NAN, 1.0], [1.0, 3.0, 2.0, 0.0, 1.0, NAN])),
    Case("maximum_broadcast", torch.maximum, ((3, 4), (4,))),
    Case("where", lambda a, b: torch.where(a > b, a, b * 2.0), ((3, 4), (4,))),
    Case("where_not_chosen_is_nan", lambda a: torch.where(a > 0, torch.log(a), a), ([1.0, -1.0, 2.0],)),
]

# Reductions and softmax ---------------------------------------------------------------

REDUCTIONS = [
    Case("sum_all", torch.sum, ((3, 4),)),
    Case("sum_middle", lambda x: x.sum(1), ((2, 3, 4),)),
    Case("sum_keepdim", lambda x: x.sum((0, 2), keepdim=True), ((2, 3, 4),)),
    Case("mean_all", torch.mean, ((3, 4),)),
    Case("mean_dims", lambda x: x.mean((2, 3)), ((2, 3, 4, 5),)),
    Case("mean_keepdim", lambda x: x.mean(1, keepdim=True), ((2, 3, 4),)),
    Case("amax_ties", lambda x: torch.amax(x, 1), ([[1.0, 2.0, 2.0], [3.0, 3.0, 3.0]],)),
    Case("amax_keepdim", lambda x: torch.amax(x, 0, keepdim=True), ((3, 4),)),
    Case("amax_dims", lambda x: torch.amax(x, (0, 2)), ((2, 3, 4),)),
    Case("amax_nan", lambda x: torch.amax(x, 1), ([[1.0, NAN, 2.0], [3.0, 1.0, 2.0]],)),
    Case("max_all_ties", torch.max, ([[1.0, 2.0], [2.0, 0.0]],)),
    Case("softmax", lambda x: torch.softmax(x, 1), ((3, 5),)),
    Case("softmax_inner", lambda x: torch.softmax(x, 1), ((2, 3, 4),)),
    Case("softmax_large", lambda x: torch.softmax(x, 1), ([[1e4, 0.0, -1e4], [700.0, 710.0, 720.0]],)),
    Case("log_softmax", lambda x: torch.log_softmax(x, 1), ((3, 5),)),
    Case("log_softmax_first", lambda x: torch.log_softmax(x, 0), ((3, 5),)),
    Case("log_softmax_large", lambda x: torch.log_softmax(x, 1), ([[1e4, 0.0, -1e4], [700.0, 710.0, 720.0]],)),
]

# Products and convolutions --------------------------------------------------------------


def conv(**arguments: Any) -> Callable[..., torch.Tensor]:
    """Return a convolution of two operands with these arguments."""
    return lambda x, w: F.conv2d(x, w, **arguments)


def conv_transpose(**arguments: Any) -> Callable[..., torch.Tensor]:
    """Return a transposed convolution of two operands with these arguments."""
    return lambda x, w: F.conv_transpose2d(x, w, **arguments)


CONTRACTIONS = [
    Case("matmul", torch.matmul, ((3, 4), (4, 5))),
    Case("matmul_transposed_lhs", lambda a, b: a.T @ b, ((4, 3), (4, 5))),
    Case("matmul_transposed_rhs", lambda a, b: a @ b.T, ((3, 4), (5, 4))),
    Case("matmul_transposed_both", lambda a, b: a.T @ b.T, ((4, 3), (5, 4))),
    Case("matmul_batched", torch.matmul, ((2, 3, 4), (2, 4, 5))),
    Case("matmul_batched_transposed", lambda a, b: a.mT @ b.mT, ((2, 4, 3), (2, 5, 4))),
    Case("matmul_broadcast_batch", torch.matmul, ((2, 3, 4), (4, 5))),
    Case("matmul_with_itself", lambda a: a @ a, ((3, 3),)),
    Case("linear", F.linear, ((3, 4), (5, 4), (5,))),
    Case("linear_batch_one", F.linear, ((1, 7), (3, 7), (3,))),
    Case("linear_rank_three", F.linear, ((2, 3, 4), (5, 4), (5,))),
    Case("linear_vector", F.linear, ((4,), (5, 4), (5,))),
    Case("conv", conv(), ((2, 3, 6, 7), (4, 3, 3, 2))),
    Case("conv_bias", F.conv2d, ((2, 3, 5, 5), (4, 3, 3, 3), (4,))),
    Case("conv_pointwise", conv(), ((1, 5, 4, 4), (7, 5, 1, 1))),
    Case("conv_padding", conv(padding=(1, 2)), ((1, 3, 5, 5), (5, 3, 3, 3))),
    Case("conv_same_even_kernel", conv(padding="same"), ((1, 2, 5, 6), (3, 2, 4, 2))),
    Case("conv_asymmetric_padding", lambda x, w: F.conv2d(F.pad(x, (0, 1, 2, 0)), w), ((1, 2, 5, 5), (3, 2, 3, 3))),
    Case("conv_stride_does_not_divide", conv(stride=(2, 3)), ((2, 3, 8, 9), (4, 3, 3, 2))),
    Case("conv_stride_beyond_kernel", conv(stride=3), ((1, 2, 8, 8), (3, 2, 1, 2))),
    Case("conv_dilation", conv(dilation=(2, 1), padding=1), ((1, 2, 7, 7), (3, 2, 3, 3))),
    Case("conv_groups", conv(groups=2, padding=1), ((2, 4, 5, 5), (6, 2, 3, 3))),
    Case("conv_depthwise", conv(groups=5, padding=1), ((1, 5, 6, 6), (5, 1, 3, 3))),
    Case("conv_depthwise_stride", conv(groups=3, padding=1, stride=2), ((2, 3, 7, 7), (3, 1, 3, 3))),
    Case("conv_depthwise_multiplier", conv(groups=3), ((1, 3, 5, 5), (6, 1, 3, 3))),
    Case("conv_1d", lambda x, w: F.conv1d(x, w, stride=2, padding=1), ((2, 3, 9), (4, 3, 3))),
    Case("conv_transpose", conv_transpose(), ((2, 3, 4, 4), (3, 2, 3, 3))),
    Case("conv_transpose_stride", conv_transpose(stride=2), ((1, 3, 3, 3), (3, 2, 2, 2))),
    Case(
        "conv_transpose_output_padding",
        conv_transpose(stride=2, padding=1, output_padding=1),
        ((1, 2, 3, 4), (2, 3, 3, 3)),
    ),
    Case("conv_transpose_groups", conv_transpose(groups=2, stride=2), ((1, 4, 3, 3), (4, 3, 2, 2))),
    Case("conv_transpose_dilation", conv_transpose(dilation=2, padding=1), ((1, 2, 4, 4), (2, 3, 3, 3))),
    Case("conv_transpose_1d", lambda x, w: F.conv_transpose1d(x, w, stride=2), ((2, 3, 4), (3, 2, 3))),
]

# Pooling ------------------------------------------------------------------------------

POOLING = [
    Case("max_pool", lambda x: F.max_pool2d(x, 2), ((2, 3, 6, 6),)),
    Case("max_pool_first_of_ties", lambda x: F.max_pool2d(x, 2), (torch.ones(1, 2, 4, 4),)),
    Case("max_pool_overlap", lambda x: F.max_pool2d(x, 3, 2, 1), ((2, 3, 7, 7),)),
    Case("max_pool_negative_in_padding", lambda x: F.max_pool2d(x - 9.0, 3, 2, 1), ((1, 2, 6, 6),)),
    Case("max_pool_ceil_mode", lambda x: F.max_pool2d(x, 2, 2, ceil_mode=True), ((1, 2, 5, 7),)),
    Case("max_pool_dilation", lambda x: F.max_pool2d(x, 2, 1, dilation=2), ((1, 2, 6, 6),)),
    Case("max_pool_1d", lambda x: F.max_pool1d(x, 3, 2), ((2, 3, 9),)),
    Case("avg_pool", lambda x: F.avg_pool2d(x, 2), ((2, 3, 6, 6),)),
    Case("avg_pool_padding", lambda x: F.avg_pool2d(x, 3, 2, 1), ((1, 2, 7, 7),)),
    Case(
        "avg_pool_padding_not_counted",
        lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
        ((1, 2, 7, 6),),
    ),
    Case("avg_pool_ceil_mode", lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True), ((1, 2, 6, 8),)),
    Case(
        "avg_pool_ceil_mode_not_counted",
        lambda x: F.avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=False),
        ((1, 2, 6, 8),),
    ),
    Case("avg_pool_divisor", lambda x: F.avg_pool2d(x, 2, 2, divisor_override=3), ((1, 2, 6, 6),)),
    Case("avg_pool_stride_does_not_divide", lambda x: F.avg_pool2d(x, (2, 3), (3, 2)), ((1, 2, 7, 8),)),
    Case("avg_pool_1d", lambda x: F.avg_pool1d(x, 3, 2, 1), ((2, 3, 8),)),
    Case("adaptive_avg_pool_global", lambda x: F.adaptive_avg_pool2d(x, 1), ((2, 3, 4, 5),)),
    Case("adaptive_avg_pool_divides", lambda x: F.adaptive_avg_pool2d(x, (2, 3)), ((2, 3, 4, 6),)),
    Case("adaptive_avg_pool_uneven", lambda x: F.adaptive_avg_pool2d(x, (3, 2)), ((2, 3, 7, 5),)),
    Case("adaptive_avg_pool_enlarges", lambda x: F.adaptive_avg_pool2d(x, (5, 3)), ((1, 2, 3, 6),)),
    Case("adaptive_avg_pool_1d", lambda x: F.adaptive_avg_pool1d(x, 4), ((2, 3, 7),)),
]

# Data movement ------------------------------------------------------------------------

SHAPES = [
    Case("reshape", lambda x: x.reshape(6, 4), ((2, 3, 4),)),
    Case("flatten", lambda x: torch.flatten(x, 1), ((2, 3, 4),)),
    Case("permute", lambda x: x.permute(2, 0, 1), ((2, 3, 4),)),
    Case("expand", lambda x: x.expand(2, 3, 4), ((3, 1),)),
    Case("concat", lambda a, b, c: torch.cat([a, b, c], 1), ((2, 3), (2, 1), (2, 4))),
    Case("concat_with_itself", lambda a: torch.cat([a, a], 0), ((2, 3),)),
    Case("slice", lambda x: x[:, 1:3], ((3, 5),)),
    Case("slice_strided", lambda x: x[1:7:3, ::2], ((8, 5),)),
    Case("slice_used_twice", lambda x: x[:2] * x[1:], ((3, 4),)),
    Case("select_index", lambda x: x[:, 1], ((3, 5),)),
    Case("pad", lambda x: F.pad(x, (1, 2, 0, 3), value=4.0), ((3, 4),)),
    Case("unsqueeze_squeeze", lambda x: x.unsqueeze(1).squeeze(0), ((1, 4),)),
]

# Normalisation ------------------------------------------------------------------------


def batch_norm(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    """Normalise with the statistics of the batch."""
    return F.batch_norm(x, None, None, weight, bias, training=True)


NORMS = [
    Case("batch_norm_train", batch_norm, ((3, 4, 5, 6), (4,), (4,)), rtol=1e-8),
    Case("batch_norm_train_vectors", batch_norm, ((5, 4), (4,), (4,)), rtol=1e-8),
    Case("batch_norm_train_batch_one", batch_norm, ((1, 3, 4, 4), (3,), (3,)), rtol=1e-8),
    Case("batch_norm_train_1d", batch_norm, ((2, 3, 7), (3,), (3,)), rtol=1e-8),
    Case(
        "batch_norm_inference",
        lambda x, w, b, m, v: F.batch_norm(x, m, v, w, b),
        ((2, 3, 4, 4), (3,), (3,)),
        (torch.tensor([0.1, -0.2, 3.0]).double(), torch.tensor([1.0, 0.25, 1e-3]).double()),
    ),
    Case(
        "batch_norm_inference_plain",
        lambda x, m, v: F.batch_norm(x, m, v),
        ((2, 3, 4),),
        (torch.tensor([0.1, -0.2, 3.0]).double(), torch.tensor([1.0, 0.25, 1e-3]).double()),
    ),
]

# Losses -------------------------------------------------------------------------------

#: Large logits, so that anything unstable overflows.
LOGITS = [[1e4, 0.0, -1e4, 3.0], [0.5, 0.5, 0.5, 0.5], [-1.0, 2.0, 0.0, 800.0], [0.1, -0.2, 0.3, -0.4]]
LABELS = torch.tensor([0, 3, 1, 2])
IGNORED = torch.tensor([0, -100, 1, -100])
WEIGHTS = [0.5, 2.0, 0.0, 1.5]
BCE_LOGITS = [-100.0, -3.0, 0.0, 0.5, 100.0, 100.0, -100.0]
BCE_TARGETS = torch.tensor([0.0, 1.0, 0.3, 0.5, 1.0, 0.0, 1.0]).double()


def cross_entropy(weighted: bool = False, **arguments: Any) -> Callable[..., torch.Tensor]:
    """Return a cross entropy of logits and target with these arguments."""
    if weighted:
        return lambda x, t, w: F.cross_entropy(x, t, w, **arguments)
    return lambda x, t: F.cross_entropy(x, t, **arguments)


def cross_entropy_cases() -> list[Case]:
    """Return all combinations of weights, smoothing and reduction, with ignored rows."""
    cases = []
    for weighted in (False, True):
        inputs = (IGNORED, torch.tensor(WEIGHTS).double()) if weighted else (IGNORED,)
        for smoothing in (0.0, 0.1, 1.0):
            for reduction in ("mean", "sum", "none"):
                name = f"cross_entropy_{'weighted_' * weighted}{smoothing}_{reduction}"
                function = cross_entropy(weighted, label_smoothing=smoothing, reduction=reduction)
                cases.append(Case(name, function, (LOGITS,), inputs))
    return cases


LOSSES = [
    *cross_entropy_cases(),
    Case("cross_entropy", cross_entropy(), (LOGITS,), (LABELS,)),
    Case("cross_entropy_ignored_class", cross_entropy(ignore_index=3), (LOGITS,), (LABELS,)),
    Case("cross_entropy_all_ignored", cross_entropy(ignore_index=1), (LOGITS,), (torch.tensor([1, 1, 1, 1]),)),
    Case("cross_entropy_batch_one", cross_entropy(), ((1, 10),), (torch.tensor([7]),)),
    Case("cross_entropy_images", cross_entropy(), ((2, 3, 4, 5),), (torch.arange(40).reshape(2, 4, 5) % 3,)),
    Case("nll_of_log_softmax", lambda x, t: F.nll_loss(F.log_softmax(x, 1), t), (LOGITS,), (LABELS,)),
    Case("mse", F.mse_loss, ((3, 4), (3, 4))),
    Case("mse_sum", lambda a, b: F.mse_loss(a, b, reduction="sum"), ((3, 4), (3, 4))),
    Case("mse_none", lambda a, b: F.mse_loss(a, b, reduction="none"), ((3, 4), (3, 4))),
    Case("l1_equal_entries", F.l1_loss, ([1.0, 2.0, 3.0], [1.0, 3.0, 2.0])),
    Case("l1_none", lambda a, b: F.l1_loss(a, b, reduction="none"), ((3, 4), (3, 4))),
    Case("bce_with_logits", F.binary_cross_entropy_with_logits, (BCE_LOGITS,), (BCE_TARGETS,)),
    Case(
        "bce_with_logits_none",
        lambda x, t: F.binary_cross_entropy_with_logits(x, t, reduction="none"),
        (BCE_LOGITS,),
        (BCE_TARGETS,),
    ),
    Case(
        "bce_with_logits_weights",
        lambda x, t, w, p: F.binary_cross_entropy_with_logits(x, t, w, pos_weight=p, reduction="sum"),
        (BCE_LOGITS,),
        (BCE_TARGETS, torch.linspace(0.0, 2.0, 7).double(), torch.tensor([3.0]).double()),
    ),
]

ALL = [*UNARY, *BINARY, *REDUCTIONS, *CONTRACTIONS, *POOLING, *SHAPES, *NORMS, *LOSSES]


@pytest.mark.parametrize("case", ALL, ids=_id)
def test_gradient_equals_autograd(case: Case) -> None:
    check(case)


def test_case_names_are_distinct() -> None:
    assert len({case.name for case in ALL}) == len(ALL)


def test_a_constant_has_a_gradient_of_zeros() -> None:
    """A clamp to an empty interval does not depend on its operand: as in PyTorch, that is a zero, and weight decay works."""
    case = Case("clamp_empty_interval", lambda x: torch.clamp(x, 2.5, 1.0), ([0.0, 1.0],))
    inputs = (torch.ones(2, dtype=torch.float64), *case.tensors())
    model = Wrapper(case)
    torch.nn.init.ones_(model.offsets[0])
    optimizer = pock.SGD(lr=1.0, weight_decay=0.25)
    step = pock.compile(model, inputs, loss=None, optimizer=optimizer, scheme=pock.Scheme.full())
    step(*inputs)
    assert step.state_dict()["offsets.0"].tolist() == [0.75, 0.75]
