"""A model that uses much of what Python has, for the tests of the compile cache; tests change copies of it."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field

import numerics
import torch
from numerics import halved
from torch import nn
from torch.nn import functional as F

SCALE = 2.0
TABLE = {"gain": 0.5, "activation": F.silu}


def shifted(x, by=0.25, *, factor=1.0):
    return x * factor + by + math.pi


def scaling(factor):
    def scale(x):
        return x * factor

    return scale


def logged(function):
    @functools.wraps(function)
    def call(*args):
        return function(*args)

    return call


@dataclass(frozen=True)
class Settings:
    width: int = 4
    powers: tuple[int, ...] = (1, 2)
    names: dict = field(default_factory=lambda: {"a": 1.5})


class Base(nn.Module):
    offset = 1.0

    def moved(self, x):
        return x + self.offset

    @property
    def slope(self):
        return 0.125


class Network(Base):
    def __init__(self):
        super().__init__()
        self.settings = Settings()
        self.first = nn.Linear(6, 4)
        self.norm = nn.BatchNorm1d(4)
        self.drop = nn.Dropout(0.25)
        self.activation = nn.ReLU()
        self.last = nn.Linear(4, 4)
        self.register_buffer("mask", torch.tensor([True, False, True, True, False, True]))
        self.register_buffer("shift", torch.zeros(4), persistent=False)
        self.weights = torch.tensor([1.0, 2.0, 3.0, 4.0])
        self.scale = scaling(3.0)
        self.partial = functools.partial(shifted, by=0.5)
        self.steps = [1, 2]

    @logged
    def forward(self, x):
        y = self.first(x[:, self.mask.nonzero()[:, 0]].repeat(1, 2)[:, :6])
        y = self.activation(self.drop(self.norm(y))) * self.weights + self.shift
        for step in self.steps:
            y = self.moved(self.scale(y)) * step
        y = TABLE["activation"](y) * TABLE["gain"] + SCALE * self.slope
        y = shifted(self.partial(y)) * self.settings.powers[1] + self.settings.names["a"]
        return F.relu(self.last(halved(y) + numerics.quarter(y)))


def loss(output, target):
    return ((output - target) ** 2).mean() * SCALE
