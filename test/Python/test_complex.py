"""Complex numbers inside a model: values, gradients and training as PyTorch's; what is refused, by name.

A batch of cases is one compiled module in float64 (`operator_cases`). Operands are real; a pair of them is a complex
number, so that their gradients are those of its parts.
"""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Iterable

import numpy as np
import pockmlir as pock
import pytest
import torch
from frontend_ir import count
from operator_cases import Case, Fixed, failures
from pockmlir.frontends.torch import export
from pockmlir.frontends.torch.functional import functional_program
from pockmlir.frontends.torch.importer import import_model
from torch import nn

pytest.importorskip("pockmlir._core")
pytestmark = [pytest.mark.usefixtures("one_thread"), pytest.mark.filterwarnings("ignore")]

INF, NAN = math.inf, math.nan
M, T = (3, 4), (2, 3, 4)
pair = torch.complex
aten = torch.ops.aten


def parts(z: torch.Tensor) -> torch.Tensor:
    return torch.view_as_real(z.resolve_conj())


def real_pair(z: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return z.real, z.imag


# Fourier transforms ---------------------------------------------------------------------------------

fft = torch.fft
LENGTHS = (1, 2, 3, 7, 12, 128, 200, 257)
TRANSFORMS = [
    *(Case(f"fft_{n}", lambda x, y: parts(fft.fft(pair(x, y))), ((2, n), (2, n))) for n in LENGTHS),
    *(Case(f"rfft_{n}", lambda x: parts(fft.rfft(x)), ((2, n),)) for n in LENGTHS),
    *(
        Case(f"irfft_{n}", lambda x, y, n=n: fft.irfft(pair(x, y), n), ((2, n // 2 + 1), (2, n // 2 + 1)))
        for n in LENGTHS
    ),
    *(
        Case(f"norm_{norm}", lambda x, norm=norm: round_trips(x, norm), ((2, 6),))
        for norm in ("forward", "backward", "ortho")
    ),
    Case("ifft_500", lambda x, y: parts(fft.ifft(pair(x, y))), ((500,), (500,))),
    Case("rfft_262_times_131", lambda x: parts(fft.rfft(x)), ((262,),)),
    Case("pads", lambda x: parts(fft.fft(x, n=9)), (M,)),
    Case("trims", lambda x: parts(fft.rfft(x, n=3)), (M,)),
    Case("irfft_pads", lambda x, y: fft.irfft(pair(x, y), n=9), (M, M)),
    Case("irfft_trims", lambda x, y: fft.irfft(pair(x, y), n=3), (M, M)),
    Case("middle_dim", lambda x: parts(fft.fft(x, dim=1)), (T,)),
    Case("fft2", lambda x: parts(fft.fft2(x)), (T,)),
    Case("ifft2", lambda x, y: parts(fft.ifft2(pair(x, y), norm="ortho")), (T, T)),
    Case("fftn_real", lambda x: fft.fftn(x, dim=(1, 2)).real, ((2, 8, 6),)),
    Case("fftn_all", lambda x: parts(fft.fftn(x)), (T,)),
    Case("rfftn", lambda x: parts(fft.rfftn(x, dim=(2, 0))), (T,)),
    Case("irfft2", lambda x: fft.irfft2(fft.rfft2(x) * (2 + 1j), s=(3, 4)), (T,)),
    Case("hfft", lambda x, y: fft.hfft(pair(x, y), n=7), (M, M)),
    Case("ihfft", lambda x: parts(fft.ihfft(x)), (M,)),
    Case("shift", lambda x: parts(fft.ifftshift(fft.fftshift(fft.fft(x)), dim=0)), (M,)),
    Case("two_sided", lambda x: parts(aten._fft_r2c(x, [1], 0, False)), (M,)),
    Case("batch_of_one", lambda x: fft.rfft(x).abs(), ((1, 5),)),
    Case("vector", lambda x: fft.rfft(x).abs(), ((5,),)),
    Case("convolution", lambda x, y: fft.irfft(fft.rfft(x, n=8) * fft.rfft(y, n=8), n=8), ((2, 5), (4,))),
    Case("window", lambda x: parts(torch.stft(x, 8, 3, 6, torch.hann_window(6).double(), return_complex=True)), ((20,),)),
    Case("two_sided_frames", lambda x: parts(frames(x, onesided=False)), ((2, 20),)),
    Case("not_centered", lambda x: parts(frames(x, center=False, normalized=True)), ((2, 20),)),
    Case("istft", lambda x: unframed(frames(x)), ((2, 20),)),
    Case("istft_length", lambda x: unframed(frames(x * x), length=19), ((20,),)),
    Case("istft_longer", lambda x: unframed(frames(x)[..., :4], length=22), ((2, 24),)),
    Case("istft_two_sided", lambda x: unframed(frames(x, onesided=False) * 2j, onesided=False), ((2, 20),)),
    Case("istft_window", lambda x, w: istft_windowed(frames(x), w.exp()), ((2, 20), (5,))),
]  # fmt: skip


def round_trips(x: torch.Tensor, norm: str) -> list[torch.Tensor]:
    z = fft.fft(x, norm=norm)
    return [
        z.real, z.imag, fft.ifft(z * z, norm=norm).real, fft.irfft(fft.rfft(x, norm=norm) * z[:, :4], norm=norm),
        fft.hfft(z, norm=norm), fft.ihfft(x, norm=norm).imag, fft.irfft2(z, norm=norm),
    ]  # fmt: skip


def frames(x: torch.Tensor, **options: bool) -> torch.Tensor:
    return torch.stft(x, 8, 4, return_complex=True, pad_mode="constant", **options)


def unframed(z: torch.Tensor, **options: int) -> torch.Tensor:
    return torch.istft(z, 8, 4, **options)


def istft_windowed(z: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    return torch.istft(z, 8, 4, 5, window, normalized=True, center=True)


# Arithmetic -----------------------------------------------------------------------------------------

ARITHMETIC = [
    Case("add", lambda x, y, z: parts(torch.add(pair(x, y), z, alpha=2 - 1j)), (M, M, (4,))),
    Case("sub", lambda x, y, z: parts(z - pair(x, y)), (M, M, (4,))),
    Case("sub_alpha", lambda x, y, z: parts(torch.sub(pair(x, y), z, alpha=3)), (M, M, (4,))),
    Case("rsub", lambda x, y: parts((2 - 1j) - pair(x, y)), (M, M)),
    Case("mul", lambda x, y, z: parts(pair(x, y) * pair(y, z)), (M, M, (4,))),
    Case("mul_real", lambda x, y, z: parts(z * pair(x, y)), (M, M, T)),
    Case("mul_numbers", lambda x, y: parts(2 * pair(x, y) * 1j + (0.5 - 2j) * x - 3), (M, M)),
    Case("mul_integers", lambda x, y: parts(pair(x, y) * torch.tensor([1, 2, 3, 4])), (M, M)),
    Case("div", lambda x, y, z: parts(pair(x, y) / pair(y, z)), (M, M, (4,))),
    Case("div_real", lambda x, y, z: parts(pair(x, y) / z.exp()), (M, M, (4,))),
    Case("div_numbers", lambda x, y: parts(pair(x, y) / (2 - 1j) + pair(y, x) / 4), (M, M)),
    Case("number_div", lambda x, y: parts((2 - 1j) / pair(x, y)), (M, M)),
    Case("reciprocal", lambda x, y: parts(pair(x, y).reciprocal()), (M, M)),
    Case("powers", lambda x, y: [parts(pair(x, y) ** n) for n in (0, 1, 2, 3, -2, 5.0)], (M, M)),
    Case("square", lambda x, y: parts(pair(x, y).square() - pair(x, y)), (M, M)),
    Case("exp", lambda x, y: [*map(parts, (pair(x, y).exp(), (1j * x).exp()))], (M, M)),
    Case("log", lambda x, y: parts(pair(x, y).log()), (M, M)),
    Case("polar", lambda x, y: parts(torch.polar(x.abs(), y)), (M, M)),
    Case("abs", lambda x, y: (pair(x, y).abs(), (x * 1j).abs(), pair(x, y).abs() ** 2), (M, M)),
    Case("angle", lambda x, y: (pair(x, y).angle(), x.angle() * x, (x + 0j).angle() * x), (M, M)),
    Case("sgn", lambda x, y: (*real_pair(pair(x, y).sgn()), (x * 1j).sgn().imag * x), (M, M)),
    Case("conj", lambda x, y: (*real_pair(pair(x, y).conj()), parts(pair(x, y).conj_physical() * 1j)), (M, M)),
    Case("real_of_real", lambda x: (torch.real(x), x.conj() * x.resolve_conj(), torch.conj_physical(x)), (M,)),
    Case("sums", lambda x, y: (parts(pair(x, y).sum()), parts(pair(x, y).sum(1, keepdim=True))), (M, M)),
    Case("means", lambda x, y: (parts(pair(x, y).mean()), parts(pair(x, y).mean((0, 2)))), (T, T)),
    Case("cumsum", lambda x, y: parts(pair(x, y).cumsum(1)), (M, M)),
    Case("norm", lambda x, y: torch.linalg.vector_norm(pair(x, y), dim=1), (M, M)),
    Case("matmul", lambda x, y, z: parts(pair(x, y) @ pair(z, z)), (M, M, (4, 5))),
    Case("matmul_real", lambda x, y, z: parts(pair(x, y) @ (z + 0j)), (T, T, (4, 5))),
    Case("bmm", lambda x, y: parts(torch.bmm(pair(x, y), pair(y, x).mH)), (T, T)),
    Case("addmm", lambda x, y: parts(torch.addmm(pair(x, y), pair(x, y), pair(y, x), beta=2j, alpha=3)), ((4, 4), (4, 4))),
    Case("linear", lambda x, y, z: parts(nn.functional.linear(pair(x, y), pair(z, z), z[:, 0] + 1j)), (M, M, (5, 4))),
    Case("einsum", lambda x, y: parts(torch.einsum("bij,bkj->ik", pair(x, y), pair(y, x))), (T, T)),
    Case("mv_dot", lambda x, y: parts(pair(x, y) @ pair(x, y)[0] + pair(x, y)[0] @ pair(y, x)[1]), (M, M)),
    Case("equal", lambda x, y: (torch.where(pair(x, y) == pair(x, x), x, y), torch.where(x + 1j != 1j, x, y)), (M, M)),
    Case("single_precision", lambda x, y: parts(pair(x.float(), y.float()) * y), (M, M), 1e-5),
    Case("to_real", lambda x, y: pair(x, y).to(torch.float64) + (x.to(torch.complex64) * 2).to(x.dtype), (M, M), 1e-5),
]  # fmt: skip

# Movement -------------------------------------------------------------------------------------------

MOVEMENT = [
    Case("reshapes", lambda x, y: parts(pair(x, y).transpose(1, 2).reshape(2, 12).unsqueeze(1).squeeze().t()), (T, T)),
    Case("permute", lambda x, y: parts(pair(x, y).permute(2, 0, 1).contiguous().view(4, 6)), (T, T)),
    Case("expand", lambda x, y: parts(pair(x, y)[:, None].expand(3, 2, 4) * x[:, None]), (M, M)),
    Case("slices", lambda x, y: parts(pair(x, y)[:, 1:, ::2][..., 0]), (T, T)),
    Case("cat", lambda x, y: parts(torch.cat([pair(x, y), x + 0j, pair(y, x)], 1)), (M, M)),
    Case("cat_real", lambda x, y: parts(torch.cat([pair(x, y), x, torch.ones(3, 4, dtype=torch.int64)], 1)), (M, M)),
    Case("stack", lambda x, y: parts(torch.stack([pair(x, y), y * 1j])), (M, M)),
    Case("splits", lambda x, y: [*map(parts, [*pair(x, y).split(3, 1), *pair(x, y).unbind(0), *(x + 0j).chunk(2)])], (M, M)),
    Case("index", lambda x, y: parts(pair(x, y)[torch.tensor([2, 0, 2])][:, torch.tensor([1, 3])]), (M, M)),
    Case("gather", lambda x, y: parts(pair(x, y).gather(1, torch.tensor([[0, 2], [1, 1], [3, 0]]))), (M, M)),
    Case("index_select", lambda x, y: parts(pair(x, y).index_select(1, torch.tensor([0, 2, 2]))), (M, M)),
    Case("turned", lambda x, y: parts(pair(x, y).flip(0).roll(1, 1).repeat(2, 1)), (M, M)),
    Case("pad", lambda x, y: parts(nn.functional.pad(pair(x, y), (1, 2)) + nn.functional.pad(x + 0j, (2, 1))), (M, M)),
    Case("triangles", lambda x, y: parts(pair(x, y).tril() + pair(y, x).triu(1)), ((3, 3), (3, 3))),
    Case("where", lambda x, y: parts(torch.where(x > 0, pair(x, y), y + 0j) + torch.where(x > 0, x + 0j, 2j)), (M, M)),
    Case("masked", lambda x, y: parts(pair(x, y).masked_fill(x > 0, 1 - 2j)), (M, M)),
    Case("assigned", lambda x, y: parts(assigned(pair(x, y), x)), (M, M)),
    Case("like", lambda x, y: parts(likes(pair(x, y)) * pair(y, x)), (M, M)),
    Case("interleaved", lambda x, y: parts(torch.view_as_complex(x) * torch.view_as_complex(y)).flatten(), ((3, 2), (3, 2))),
    Case("negated", lambda x, y: (-pair(x, y).conj().imag, -parts(pair(x, y).conj())[..., 1]), (M, M)),
    Case("unfold", lambda x, y: parts(pair(x, y).unfold(1, 2, 1).diagonal(0, 1, 2)), (M, M)),
    Case("in_place", lambda x, y: parts(pair(x, y).mul_(2j).add_(y)), (M, M)),
    Case("stops", lambda x, y: parts(pair(x, y).detach() * pair(y, x)), (M, M)),
]  # fmt: skip


def assigned(z: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    z = z.clone()
    z[:, 0] = 3 - 1j
    z[1:, 1:3] = x[1:, 1:3]
    z[torch.tensor([0, 2]), torch.tensor([3, 3])] = z[:2, 1]
    return z


def likes(z: torch.Tensor) -> torch.Tensor:
    return torch.zeros_like(z) + torch.ones_like(z) * 2 + torch.full_like(z, 1 - 3j) + z.new_full((4,), 2j)


#: What always runs, as one module; the others take a minute.
FAST = {
    "fft_7", "fft_200", "rfft_257", "irfft_2", "pads", "fftn_real", "mul", "div", "abs", "angle", "equal", "reshapes",
    "interleaved",
}  # fmt: skip
ALL = [*TRANSFORMS, *ARITHMETIC, *MOVEMENT]


def test_values_and_gradients() -> None:
    assert failures([case for case in ALL if case.name in FAST]) == {}


@pytest.mark.slow
@pytest.mark.parametrize("cases", [TRANSFORMS, ARITHMETIC, MOVEMENT], ids=["transforms", "arithmetic", "movement"])
def test_all_values_and_gradients(cases: list[Case]) -> None:
    assert failures(cases) == {}


# Special points -------------------------------------------------------------------------------------


def doubles(values: Iterable[float]) -> torch.Tensor:
    return torch.tensor(list(values), dtype=torch.float64)


POINTS = [0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, 1e300, -1e-300]
#: Every part is combined with every one, and every number with every one.
NUMBERS = [complex(*z) for z in itertools.product(POINTS, POINTS)]
FIRST, SECOND = zip(*itertools.product(NUMBERS, NUMBERS), strict=True)
ONE = [Fixed(doubles(z.real for z in NUMBERS)), Fixed(doubles(z.imag for z in NUMBERS))]
TWO = [Fixed(doubles(part)) for zs in (FIRST, SECOND) for part in ([z.real for z in zs], [z.imag for z in zs])]
SPECIAL = [
    Case("mul", lambda a, b, c, d: parts(pair(a, b) * pair(c, d)), (*TWO,)),
    Case("div", lambda a, b, c, d: parts(pair(a, b) / pair(c, d)), (*TWO,)),
    Case("abs", lambda x, y: pair(x, y).abs(), (*ONE,)),
    Case("angle", lambda x, y: pair(x, y).angle(), (*ONE,)),
    Case("angle_real", lambda x: (x.angle(), x.to(torch.complex128).angle()), (Fixed(doubles(POINTS)),)),
    Case("abs_gradient", lambda x, y: pair(x, y).abs(), ([0.0, 0.0, -3.0, 0.0], [0.0, 2.0, 4.0, -0.0])),
    Case("angle_gradient", lambda x, y: pair(x, y).angle(), ([0.0, 0.0, -3.0, -2.0], [0.0, 2.0, 0.0, -0.0])),
    Case("sgn_gradient", lambda x, y: parts(pair(x, y).sgn()), ([0.0, 0.0, -3.0], [0.0, 2.0, 4.0])),
    Case("div_gradient", lambda x, y: parts((1 + 1j) / pair(x, y)), ([0.0, 2.0, -3.0], [1.0, 0.0, 3.0])),
    Case("div_far", lambda x, y: parts(pair(y, x) / pair(x, y)), (doubles([1e200, 1e-200]), doubles([3e200, -2e-200]))),
    Case("abs_far", lambda x, y: pair(x, y).abs(), (Fixed(doubles([1e200, 1e-200])), Fixed(doubles([3e200, -2e-200])))),
]


def test_special_points() -> None:
    assert failures(SPECIAL) == {}


def test_an_infinite_part_leaves_the_other_one_alone() -> None:
    """In PyTorch it becomes NaN: a real operand has an imaginary part of zero, and a sum is x + (1 + 0i) y."""

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.tensor([2.0]))

        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            z = pair(x, self.w)
            return [
                parts(z * self.w),
                parts(z / self.w),
                parts(z * 2),
                parts(self.w + z),
            ]

    x = torch.tensor([INF])
    loss = lambda output, target: output[0].sum()  # noqa: E731
    step = pock.compile(Model(), (x,), loss=loss, example_target=x, optimizer=pock.SGD(), scheme=pock.Scheme.full())
    found = [[INF, 4.0], [INF, 1.0], [INF, 4.0], [INF, 2.0]]
    np.testing.assert_array_equal(np.concatenate(list(step.predict(x))), found)
    assert all(result.isnan().any() for result in Model()(x))


# Models ---------------------------------------------------------------------------------------------


class FourierBlock(nn.Module):
    """A block of FNet."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after, self.norm = nn.Linear(6, 6), nn.Linear(6, 3), nn.LayerNorm(6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.before(x)
        return self.after(self.norm(x + fft.fftn(x, dim=(1, 2)).real)).mean(1)


class Rotary(nn.Module):
    """Attention with the rotary embedding of Llama's first code."""

    def __init__(self, persistent: bool = False) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(8, 8), nn.Linear(8, 8)
        angles = torch.outer(torch.arange(5.0), torch.tensor([1.0, 0.1]))
        self.register_buffer("freqs_cis", torch.polar(torch.ones_like(angles), angles), persistent=persistent)

    def turned(self, x: torch.Tensor) -> torch.Tensor:
        z = torch.view_as_complex(x.float().reshape(*x.shape[:-1], 2, 2, 2))
        return torch.view_as_real(z * self.freqs_cis[:, None]).flatten(3).type_as(x)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query, key = (self.turned(layer(x)).transpose(1, 2) for layer in (self.query, self.key))
        return (query @ key.transpose(2, 3)).softmax(-1).mean((1, 2))


class Spectrogram(nn.Module):
    """Classifies sounds by their spectrogram, with a batch norm that has modes."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(()))
        self.register_buffer("window", torch.hann_window(16))
        self.norm, self.conv, self.head = nn.BatchNorm1d(9), nn.Conv1d(9, 4, 3), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        spectrum = torch.stft(self.gain * x, 16, 8, window=self.window, return_complex=True)
        return self.head(self.conv(self.norm((spectrum.abs() ** 2).log1p())).relu().mean(-1))


class Filtered(nn.Module):
    """Has complex numbers only between operators that also have converters for real ones."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 4), nn.Linear(4, 2)
        self.register_buffer("filter", torch.tensor([1j, 2 - 1j, 0.5, 1 + 1j]), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        z = self.first(x)[:, None] * self.filter
        return self.second((z - z.mean(0)).flatten(1).abs())


MODELS = {
    "fourier_block": (FourierBlock, (4, 5, 6), 3),
    "rotary": (Rotary, (4, 5, 8), 5),
    "spectrogram": (Spectrogram, (4, 64), 3),
    "filtered": (Filtered, (4, 4), 2),
}


def compiled(name: str, **options: object) -> tuple[nn.Module, pock.Step]:
    torch.manual_seed(0)
    build, shape, _ = MODELS[name]
    model = build()
    example = (torch.zeros(shape),)
    step = pock.compile(
        model, example, loss="cross_entropy", optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full(), **options
    )
    return model, step


@pytest.mark.parametrize("name", MODELS)
def test_trains_as_pytorch(name: str) -> None:
    model, step = compiled(name)
    _, shape, classes = MODELS[name]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    generator = torch.Generator().manual_seed(1)
    for _ in range(4):
        x = torch.randn(shape, generator=generator)
        target = torch.randint(classes, shape[:1], generator=generator)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), target)
        loss.backward()
        optimizer.step()
        np.testing.assert_allclose(float(step(x, target)), float(loss), rtol=2e-5)
    state = step.state_dict()
    for key, value in model.state_dict().items():
        np.testing.assert_allclose(state[key], value.numpy(), rtol=2e-4, atol=2e-6, err_msg=key)
    np.testing.assert_allclose(step.predict(x), model.eval()(x).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_two_compilations_give_the_same_bytes() -> None:
    model = FourierBlock()
    first, second = (imported(model, torch.zeros(1, 200, 6), "cross_entropy") for _ in range(2))
    assert first.ir == second.ir
    assert first.values.keys() == second.values.keys()
    assert all(np.array_equal(value, second.values[name]) for name, value in first.values.items())


def test_the_same_module_without_decomposition(monkeypatch) -> None:
    """The graph becomes functional without PyTorch's decomposition, or with it."""
    made: list[object] = []

    def recorded(exported):
        made.append(functional_program(exported))
        return made[-1]

    monkeypatch.setattr(export, "functional_program", recorded)
    text = imported(Filtered(), torch.zeros(3, 4)).ir
    assert all(made)
    monkeypatch.setattr(export, "functional_program", lambda exported: None)
    assert imported(Filtered(), torch.zeros(3, 4)).ir == text


def test_what_no_result_needs_is_not_computed() -> None:
    """A real input has no imaginary part, and the imaginary part of the result is not read."""
    text = imported(FourierBlock(), torch.zeros(4, 5, 6), "mse").ir
    # Two products for the first dimension, two for the second; the layers are pock.linear.
    assert count(text, "loss")["matmul"] == 4
    assert count(text, "predict")["matmul"] == 4


def test_long_transforms_have_small_constants() -> None:
    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w = nn.Parameter(torch.ones(1024))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return fft.rfft(x * self.w).abs()

    # Constants of more than 1024 entries would be buffers.
    assert imported(Model(), torch.zeros(2, 1024)).values.keys() == {"w"}


def test_a_persistent_buffer_is_part_of_the_state() -> None:
    model = Rotary(persistent=True)
    model.freqs_cis = model.freqs_cis.conj()
    step = pock.compile(
        model, (torch.zeros(4, 5, 8),), loss="cross_entropy", optimizer=pock.SGD(), scheme=pock.Scheme.full()
    )
    assert step.state_dict().keys() == model.state_dict().keys()
    state = {name: value.resolve_conj() for name, value in model.state_dict().items()}
    np.testing.assert_array_equal(step.state_dict()["freqs_cis"], state["freqs_cis"].numpy())
    step.load_state_dict(state)
    with pytest.raises(pock.ArgumentError, match="the values of freqs_cis were compiled in"):
        step.load_state_dict(state | {"freqs_cis": 2 * state["freqs_cis"]})


# Refusals -------------------------------------------------------------------------------------------


class Refused(nn.Module):
    """Applies a function to its input and a parameter."""

    def __init__(self, function: object, buffer: torch.Tensor | None = None) -> None:
        super().__init__()
        self.function, self.w = function, nn.Parameter(torch.ones(4))
        self.register_buffer("b", buffer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.function(x * self.w, self)


def imported(model: nn.Module, x: torch.Tensor, loss: object = "mse", **options: object):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return import_model(model, (x,), loss, **options)


def changed(x: torch.Tensor, model: Refused) -> torch.Tensor:
    model.b.mul_(2j)
    return (model.b * x).abs()


C = torch.tensor([1j, 2, 3, 4])
X = torch.ones(2, 4)

#: What a model computes → the operator that is named, and the reason.
REFUSED = [
    (lambda x, _: (x + 1j).tanh().real, "aten.tanh", "on complex numbers; docs/ops.md"),
    (lambda x, _: (x + 1j).sqrt().abs() * x.prod(), "aten.sqrt", "on complex numbers"),
    (lambda x, _: ((x + 1j) ** 0.5).abs(), "aten.pow.Tensor_Scalar", "an exponent that is not a small whole number"),
    (lambda x, _: ((x + 1j) ** (x + 1j)).abs(), "aten.pow.Tensor_Tensor", "on complex numbers"),
    (lambda x, _: (x + 1j).to(torch.complex32).to(torch.complex64).abs(), "aten._to_copy", "complex32; use complex64"),
    (lambda x, _: (x + 1j).bool() * x, "aten._to_copy", "compare with zero"),
    (lambda x, _: fft.rfft(x, n=4999).abs(), "aten._fft_r2c", "the prime factor 4999"),
    (lambda x, _: torch.linalg.svd(x + 1j)[1] + x[:, :2], "aten.linalg_svd", "factorisations have no op"),
    (lambda x, _: (x.lgamma() + 1j).tan().real, "aten.lgamma", "special function"),
    (changed, "output", "a buffer of complex numbers that the forward pass changes"),
]


class AllRefused(nn.Module):
    """Computes everything that is refused."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = nn.ModuleList(Refused(function, C.clone()) for function, *_ in REFUSED)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return sum(part(x).sum() for part in self.parts)


def test_all_that_is_refused_is_one_error() -> None:
    with pytest.raises(pock.UnsupportedOpsError) as caught:
        imported(AllRefused(), X, lambda output, target: output, target_example=X)
    for index, (_, op, reason) in enumerate(REFUSED):
        (found,) = (one for one in caught.value.ops if one.module == f"parts.{index}" and one.op == op)
        assert reason in str(found)
        assert "test_complex.py" in str(found.source)


def test_shapes_that_depend_on_data_are_refused() -> None:
    with pytest.raises(pock.UnsupportedOpsError, match="depends on the data"):
        imported(Refused(lambda x, _: (x + 1j)[x > 0].abs().sum()), X, lambda y, t: y, target_example=X)


def test_complex_results_are_refused() -> None:
    with pytest.raises(pock.UnsupportedOpsError, match="a complex result; return torch"):
        imported(Refused(lambda x, _: x + 1j), X, lambda output, target: output.abs().sum(), target_example=X)


def test_complex_inputs_are_refused() -> None:
    with pytest.raises(pock.ArgumentError, match=r"example_inputs\[0\]: torch.complex64 is not supported; pass torch"):
        imported(Refused(lambda x, _: x.abs()), C)


def test_complex_parameters_are_refused() -> None:
    model = Refused(lambda x, model: (x * model.p).abs())
    model.p = nn.Parameter(C)
    with pytest.raises(pock.ArgumentError, match=r"'p' has dtype torch\.complex64"):
        imported(model, X)


@pytest.mark.parametrize(
    ("dtype", "message"),
    [
        (torch.complex128, "'b' has dtype torch.complex128, which checkpoints do not contain; register it with"),
        (torch.complex32, "'b' has dtype torch.complex32, but expected one of"),
    ],
)
def test_buffers_that_are_refused(dtype, message) -> None:
    with pytest.raises(pock.ArgumentError, match=message):
        imported(Refused(lambda x, _: x, C.to(dtype)), X)
