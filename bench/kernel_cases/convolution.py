"""2-D convolutions, channels-last: forward, both gradients, and fused forms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from .case import LR, Case, Work, nchw, nhwc, normal
from .program import Program, Value, window

__all__ = ["CASES"]


#: Options of stage ``plan`` by the suffix of a class.
WINOGRAD = {"": "auto", "-direct": "never", "-winograd": "always"}


@dataclass(frozen=True)
class Conv:
    """A convolution with square images, kernels and strides; depthwise if there are no output channels.

    The algorithm is a key of `WINOGRAD`; the compiler chooses if it is empty.
    """

    batch: int
    size: int
    channels: int
    out: int
    kernel: int
    stride: int = 1
    algorithm: str = ""

    @property
    def depthwise(self) -> bool:
        return self.out == 0

    @property
    def filters(self) -> int:
        return self.out or self.channels

    @property
    def groups(self) -> int:
        return self.channels if self.depthwise else 1

    @property
    def padding(self) -> int:
        return self.kernel // 2

    @property
    def out_size(self) -> int:
        return (self.size + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def flops(self) -> float:
        return 2 * self.batch * self.out_size**2 * self.kernel**2 * self.channels * self.filters / self.groups

    @property
    def name(self) -> str:
        family = "depthwise" if self.depthwise else "conv"
        return f"{family}{self.kernel}x{self.kernel}" + ("" if self.stride == 1 else f"s{self.stride}") + self.algorithm

    @property
    def winograd(self) -> str:
        return WINOGRAD[self.algorithm]

    def __str__(self) -> str:
        channels = f"{self.channels}" if self.depthwise else f"{self.channels}->{self.out}"
        return f"{self.size}^2x{channels} n={self.batch}"

    @property
    def x_shape(self) -> tuple[int, int, int, int]:
        """[N, H, W, C]."""
        return self.batch, self.size, self.size, self.channels

    @property
    def y_shape(self) -> tuple[int, int, int, int]:
        """[N, H, W, F]."""
        return self.batch, self.out_size, self.out_size, self.filters

    @property
    def w_shape(self) -> tuple[int, int, int, int]:
        """[H, W, C, F]."""
        return self.kernel, self.kernel, self.channels // self.groups, self.filters

    @property
    def attrs(self) -> str:
        return window(self.stride, self.padding, groups=self.groups)

    def x(self) -> torch.Tensor:
        return nchw(self.batch, self.channels, self.size, self.size)

    def y(self) -> torch.Tensor:
        return nchw(self.batch, self.filters, self.out_size, self.out_size)

    def w(self) -> torch.Tensor:
        """Return a weight in PyTorch's layout, whose entries keep the variance."""
        fan = self.channels // self.groups * self.kernel**2
        return nchw(self.filters, self.channels // self.groups, self.kernel, self.kernel) / fan**0.5

    def convolve(self, x: torch.Tensor, w: torch.Tensor, bias: torch.Tensor | None = None) -> torch.Tensor:
        return torch.conv2d(x, w, bias, self.stride, self.padding, 1, self.groups)

    def backward(self, g: torch.Tensor, x: torch.Tensor, w: torch.Tensor, wanted: int) -> torch.Tensor:
        """Return PyTorch's input gradient (0) or weight gradient (1)."""
        pair = [self.padding] * 2
        mask = [wanted == 0, wanted == 1, False]
        both = [self.stride] * 2, pair, [1, 1], False, [0, 0], self.groups, mask
        result: torch.Tensor = torch.ops.aten.convolution_backward(g, x, w, None, *both)[wanted]
        return result


def hwcf(weight: torch.Tensor) -> torch.Tensor:
    """Return a weight in the layout of our kernels: [F, C, H, W] as [H, W, C, F]."""
    return weight.permute(2, 3, 1, 0)


def relu6(p: Program, value: Value) -> Value:
    return p.op("hardtanh", value, attrs="max = 6.0 : f64, min = 0.0 : f64")


def masked(p: Program, gradient: Value, activation: Value) -> Value:
    """Return the gradient of relu6: the upstream gradient where relu6 is the identity, zero elsewhere."""
    zero, six = p.constant(0), p.constant(6)
    low = p.op("cmp", activation, zero, dtype="i1", attrs="predicate = #pock.cmp<le>")
    kept = p.op("select", low, zero, gradient, shape=gradient.shape)
    high = p.op("cmp", activation, six, dtype="i1", attrs="predicate = #pock.cmp<ge>")
    return p.op("select", high, zero, kept, shape=gradient.shape)


def forward(c: Conv) -> Work:
    p = Program()
    p.output(p.op("conv", p.input(*c.x_shape), p.input(*c.w_shape), shape=c.y_shape, attrs=c.attrs))
    x, w = c.x(), c.w()
    return Work(
        p, [nhwc(x), hwcf(w)], lambda: c.convolve(x, w), results=lambda y: [nhwc(y)], flops=c.flops, winograd=c.winograd
    )


def forward_fused(c: Conv) -> Work:
    """Forward with bias and relu6."""
    p = Program()
    x, w, b = p.input(*c.x_shape), p.input(*c.w_shape), p.input(c.filters)
    y = p.op("conv", x, w, shape=c.y_shape, attrs=c.attrs)
    p.output(relu6(p, p.op("add", y, p.channels(b))))
    tx, tw, tb = c.x(), c.w(), normal(c.filters)
    run = lambda: torch.nn.functional.hardtanh_(c.convolve(tx, tw, tb), 0.0, 6.0)  # noqa: E731
    return Work(p, [nhwc(tx), hwcf(tw), tb], run, results=lambda y: [nhwc(y)], flops=c.flops, winograd=c.winograd)


def input_gradient(c: Conv) -> Work:
    p = Program()
    g, w = p.input(*c.y_shape), p.input(*c.w_shape)
    p.output(p.op("conv_transpose", g, w, shape=c.x_shape, attrs=c.attrs))
    tg, tx, tw = c.y(), c.x(), c.w()
    run = lambda: c.backward(tg, tx, tw, 0)  # noqa: E731
    return Work(p, [nhwc(tg), hwcf(tw)], run, results=lambda dx: [nhwc(dx)], flops=c.flops, winograd=c.winograd)


def input_gradient_fused(c: Conv) -> Work:
    """Input gradient, masked by the relu6 that computed the input."""
    p = Program()
    g, w, a = p.input(*c.y_shape), p.input(*c.w_shape), p.input(*c.x_shape)
    p.output(masked(p, p.op("conv_transpose", g, w, shape=c.x_shape, attrs=c.attrs), a))
    tg, tw, ta = c.y(), c.w(), torch.nn.functional.relu6(3 * c.x())
    run = lambda: torch.ops.aten.hardtanh_backward(c.backward(tg, ta, tw, 0), ta, 0.0, 6.0)  # noqa: E731
    return Work(
        p, [nhwc(tg), hwcf(tw), nhwc(ta)], run, results=lambda dx: [nhwc(dx)], flops=c.flops, winograd=c.winograd
    )


def weight_gradient(c: Conv) -> Work:
    p = Program()
    x, g = p.input(*c.x_shape), p.input(*c.y_shape)
    p.output(p.op("conv_weight_grad", x, g, shape=c.w_shape, attrs=c.attrs))
    tx, tg, tw = c.x(), c.y(), c.w()
    run = lambda: c.backward(tg, tx, tw, 1)  # noqa: E731
    return Work(p, [nhwc(tx), nhwc(tg)], run, results=lambda dw: [hwcf(dw)], flops=c.flops, winograd=c.winograd)


def weight_update(c: Conv) -> Work:
    """Weight gradient and SGD, in place."""
    p = Program()
    x, g, lr, w = p.input(*c.x_shape), p.input(*c.y_shape), p.input(), p.param(*c.w_shape)
    p.sgd(w, p.op("conv_weight_grad", x, g, shape=c.w_shape, attrs=c.attrs), lr)
    tx, tg, tw = c.x(), c.y(), c.w()
    initial = hwcf(tw).clone()
    run = lambda: tw.add_(c.backward(tg, tx, tw, 1), alpha=-LR)  # noqa: E731
    return Work(
        p,
        [nhwc(tx), nhwc(tg), torch.tensor(LR)],
        run,
        [initial],
        lambda new: [hwcf(new)],
        flops=c.flops,
        winograd=c.winograd,
    )


PLAIN: list[tuple[str, Callable[[Conv], Work]]] = [
    ("forward", forward),
    ("dx", input_gradient),
    ("dw", weight_gradient),
]
FUSED: list[tuple[str, Callable[[Conv], Work]]] = [
    ("forward+bias+relu6", forward_fused),
    ("dx+mask", input_gradient_fused),
    ("dw+sgd", weight_update),
]

#: (size, channels, filters) of pointwise convolutions: MobileNetV2's, then ResNet-50's.
POINTWISE = [
    (56, 24, 144),
    (56, 144, 24),
    (28, 32, 192),
    (28, 192, 32),
    (14, 96, 576),
    (14, 576, 96),
    (7, 160, 960),
    (7, 320, 1280),
    (56, 64, 256),
    (28, 512, 128),
    (14, 256, 1024),
]
#: The same of 3x3 convolutions: ResNet's.
SQUARE = [(56, 64, 64), (28, 128, 128), (14, 256, 256), (7, 512, 512)]
#: (batch, size, channels) of 3x3 convolutions that are timed with either algorithm: ResNet's, and ResNet-18's of
#: images of 64x64.
ALGORITHMS = [
    *((n, s, c) for n in (1, 8) for s, c, _ in SQUARE),
    *((32, s, c) for s, c in [(32, 64), (16, 128), (8, 256), (4, 512)]),
]
#: (size, channels, kernel, stride) of depthwise convolutions.
DEPTHWISE = [
    (112, 32, 3, 1),
    (112, 96, 3, 2),
    (56, 144, 3, 1),
    (56, 144, 3, 2),
    (56, 144, 5, 1),
    (56, 144, 5, 2),
    (14, 576, 3, 1),
    (14, 576, 3, 2),
    (14, 576, 5, 1),
    (14, 576, 5, 2),
    (7, 960, 3, 1),
    (7, 960, 5, 1),
]

SHAPES = [
    *(Conv(n, s, c, f, 1) for n in (1, 8) for s, c, f in POINTWISE),
    *(Conv(n, s, c, f, 1, 2) for n in (1, 8) for s, c, f in [(56, 256, 512)]),
    *(Conv(n, s, c, f, 3) for n in (1, 8) for s, c, f in SQUARE),
    *(Conv(n, s, c, c, 3, 1, a) for a in ("-direct", "-winograd") for n, s, c in ALGORITHMS),
    Conv(16, 16, 16, 32, 3),
    *(Conv(n, s, c, f, 3, 2) for n in (1, 8) for s, c, f in [(56, 64, 64), (28, 128, 128), (224, 3, 32)]),
    *(Conv(n, 224, 3, 64, 7, 2) for n in (1, 8)),
    *(Conv(n, s, c, 0, k, stride) for n in (1, 8) for s, c, k, stride in DEPTHWISE),
]
#: Fused forms follow the plain ones: some shapes say enough.
FUSED_SHAPES = [
    Conv(8, 28, 32, 192, 1),
    Conv(8, 28, 192, 32, 1),
    Conv(8, 14, 96, 576, 1),
    Conv(8, 7, 320, 1280, 1),
    Conv(8, 56, 64, 64, 3),
    Conv(8, 14, 256, 256, 3),
    Conv(8, 224, 3, 32, 3, 2),
    Conv(8, 56, 144, 0, 3),
    Conv(8, 14, 576, 0, 3),
    Conv(8, 56, 144, 0, 3, 2),
]
#: For tests: every class once.
TINY = [
    Conv(2, 6, 8, 16, 1),
    Conv(2, 6, 8, 16, 1, 2),
    Conv(2, 6, 8, 16, 3),
    *(Conv(2, 7, 24, 16, 3, 1, algorithm) for algorithm in ("-direct", "-winograd")),
    Conv(2, 7, 8, 16, 3, 2),
    Conv(1, 12, 3, 16, 7, 2),
    *(Conv(2, 7, 16, 0, kernel, stride) for kernel in (3, 5) for stride in (1, 2)),
]


def _cases(shapes: list[Conv], kernels: list[tuple[str, Callable[[Conv], Work]]], tiny: bool = False) -> list[Case]:
    """The cases, ordered by class."""
    names = dict.fromkeys(shape.name for shape in shapes)
    return [
        Case(f"{shape.name}/{kernel}", str(shape), partial(build, shape), tiny)
        for name in names
        for kernel, build in kernels
        for shape in shapes
        if shape.name == name
        # An image has no gradient.
        and not (kernel.startswith("dx") and shape.channels == 3 and not tiny)
    ]


CASES = [*_cases(SHAPES, PLAIN), *_cases(FUSED_SHAPES, FUSED), *_cases(TINY, PLAIN + FUSED, tiny=True)]
