"""Networks over time: recurrent, convolutional."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from .case import Case, Indices, Normal, architecture

CLASSES = 6


class Recurrent(nn.Module):
    """A recurrent network, and a classifier of its last output."""

    def __init__(self, kind: type[nn.RNNBase], features: int, width: int, layers: int, both: bool) -> None:
        super().__init__()
        self.rnn = kind(features, width, layers, batch_first=True, bidirectional=both)
        self.fc = nn.Linear(width * (1 + both), CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.rnn(x)[0][:, -1])


def _recurrent(kind: type[nn.RNNBase], features: int, width: int, layers: int, length: int, batch: int) -> Case:
    return Case(
        lambda: Recurrent(kind, features, width, layers, both=False),
        (Normal((batch, length, features)),),
        Indices((batch,), CLASSES),
        {f"rnn.bias_??_l{layers - 1}": 1.0, f"rnn.weight_ih_l{layers - 1}": 1.0, "fc.*": 1.0},
        lr=0.1,
    )


SMALL = {"features": 5, "width": 8, "layers": 1, "length": 6, "batch": 3}
REAL = {"features": 40, "width": 128, "layers": 2, "length": 50, "batch": 16}


@architecture(small=SMALL, real=REAL)
def lstm(features: int, width: int, layers: int, length: int, batch: int) -> Case:
    """``nn.LSTM``, batch first."""
    return _recurrent(nn.LSTM, features, width, layers, length, batch)


@architecture(small=SMALL, real=REAL)
def gru(features: int, width: int, layers: int, length: int, batch: int) -> Case:
    """``nn.GRU``, batch first."""
    return _recurrent(nn.GRU, features, width, layers, length, batch)


@architecture(small=SMALL, real=REAL)
def bilstm(features: int, width: int, layers: int, length: int, batch: int) -> Case:
    """``nn.LSTM`` in both directions."""
    last = f"rnn.*_l{layers - 1}*"
    return Case(
        lambda: Recurrent(nn.LSTM, features, width, layers, both=True),
        (Normal((batch, length, features)),),
        Indices((batch,), CLASSES),
        {last: 1.0, "fc.*": 1.0},
        lr=0.1,
    )


class ConvLstm(nn.Module):
    """A cell whose gates are convolutions, run over the frames of a film; classifies its last state."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.gates = nn.Conv2d(1 + width, 4 * width, 3, padding=1)
        self.fc = nn.Linear(width, CLASSES)

    def forward(self, film: torch.Tensor) -> torch.Tensor:
        batch, frames, _, rows, columns = film.shape
        hidden = cell = film.new_zeros(batch, self.width, rows, columns)
        for frame in range(frames):
            gates = self.gates(torch.cat([film[:, frame], hidden], 1))
            enter, forget, out, new = gates.chunk(4, 1)
            cell = torch.sigmoid(forget) * cell + torch.sigmoid(enter) * torch.tanh(new)
            hidden = torch.sigmoid(out) * torch.tanh(cell)
        return self.fc(hidden.mean((2, 3)))


@architecture(
    small={"width": 4, "frames": 3, "pixels": 8, "batch": 2}, real={"width": 16, "frames": 10, "pixels": 32, "batch": 4}
)
def conv_lstm(width: int, frames: int, pixels: int, batch: int) -> Case:
    """Convolutional LSTM, unrolled by Python."""
    film = Normal((batch, frames, 1, pixels, pixels))
    return Case(lambda: ConvLstm(width), (film,), Indices((batch,), CLASSES), {"gates.bias": 1.0, "fc.*": 1.0}, lr=0.1)


class TemporalBlock(nn.Module):
    """Two causal dilated convolutions with a residual connection."""

    def __init__(self, inputs: int, outputs: int, kernel: int, dilation: int) -> None:
        super().__init__()
        self.past = (kernel - 1) * dilation
        self.conv1 = nn.Conv1d(inputs, outputs, kernel, dilation=dilation)
        self.conv2 = nn.Conv1d(outputs, outputs, kernel, dilation=dilation)
        self.skip = nn.Conv1d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.conv1(functional.pad(x, (self.past, 0))))
        y = functional.relu(self.conv2(functional.pad(y, (self.past, 0))))
        return functional.relu(y + self.skip(x))


class TemporalConvNet(nn.Module):
    def __init__(self, features: int, width: int, layers: int) -> None:
        super().__init__()
        sizes = (features, *[width] * layers)
        self.blocks = nn.Sequential(
            *[TemporalBlock(sizes[index], width, 3, 2**index) for index in range(layers)],
        )
        self.fc = nn.Linear(width, CLASSES)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.blocks(x)[:, :, -1])


@architecture(
    small={"features": 3, "width": 8, "layers": 3, "length": 24, "batch": 3},
    real={"features": 9, "width": 64, "layers": 6, "length": 128, "batch": 16},
)
def tcn(features: int, width: int, layers: int, length: int, batch: int) -> Case:
    """Temporal convolution network."""
    last = range(layers - layers // 2, layers)
    sparse = {f"blocks.{block}.*bias": 1.0 for block in last} | {f"blocks.{block}.conv1.weight": 1.0 for block in last}
    inputs = (Normal((batch, features, length)),)
    build = lambda: TemporalConvNet(features, width, layers)  # noqa: E731
    return Case(build, inputs, Indices((batch,), CLASSES), sparse | {"fc.*": 1.0}, lr=0.05)


class WaveNet(nn.Module):
    """Gated dilated convolutions with skips to the output; predicts each sample's class from the past."""

    LEVELS = 32

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(self.LEVELS, width)
        self.gated = nn.ModuleList(nn.Conv1d(width, 2 * width, 2, dilation=2**index) for index in range(layers))
        self.residual = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(layers))
        self.skip = nn.ModuleList(nn.Conv1d(width, width, 1) for _ in range(layers))
        self.out = nn.Sequential(nn.ReLU(), nn.Conv1d(width, width, 1), nn.ReLU(), nn.Conv1d(width, self.LEVELS, 1))

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        x = self.embed(samples).transpose(1, 2)
        total = torch.zeros_like(x)
        for gated, residual, skip in zip(self.gated, self.residual, self.skip, strict=True):
            value, gate = gated(functional.pad(x, (gated.dilation[0], 0))).chunk(2, 1)
            y = torch.tanh(value) * torch.sigmoid(gate)
            total = total + skip(y)
            x = x + residual(y)
        return self.out(total)


@architecture(
    small={"width": 8, "layers": 3, "length": 16, "batch": 2},
    real={"width": 32, "layers": 8, "length": 512, "batch": 4},
)
def wavenet(width: int, layers: int, length: int, batch: int) -> Case:
    """WaveNet over quantised samples."""
    samples = Indices((batch, length), WaveNet.LEVELS)
    # The last residual convolution leads nowhere.
    unused = (f"residual.{layers - 1}.*",)
    sparse = {f"gated.{layers - 1}.*": 1.0, f"skip.{layers - 1}.bias": 1.0, "out.*": 1.0}
    return Case(lambda: WaveNet(width, layers), (samples,), samples, sparse, unused=unused, lr=0.05)
