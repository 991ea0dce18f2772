"""LSTM, GRU and plain recurrent layers, unrolled over the steps of the sequence.

One matrix product computes the contribution of the input for all steps. Each step computes the
product with the previous hidden state, and the gates.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from ...._ops import _pock_ops_gen as pock
from ...common.layers import linear
from ..builder import Builder, Value, rank_of, shape_of
from ..registry import HINTS, converts

for _name in ("lstm.data", "gru.data", "rnn_tanh.data", "rnn_relu.data", "_pack_padded_sequence"):
    HINTS[f"aten.{_name}"] = "packed sequences have a shape that depends on data; pass padded ones and mask the loss"

#: State of a layer: hidden state, and cell state of an LSTM.
State: TypeAlias = tuple[Value, ...]
#: Weights of one direction of a layer: input, hidden, and biases or a projection if there are any.
Weights: TypeAlias = list[Value]
#: Takes the contributions of input and hidden state, and the state; returns the new state.
Cell: TypeAlias = Callable[[Builder, Value, Value, State], State]


def _split(b: Builder, x: Value, parts: int) -> list[Value]:
    size = shape_of(x)[-1] // parts
    return [b.slice(x, rank_of(x) - 1, i * size, (i + 1) * size) for i in range(parts)]


def _lstm_cell(b: Builder, inputs: Value, hidden: Value, state: State) -> State:
    keep, forget, change, show = _split(b, b.add(inputs, hidden), 4)
    keep, forget, show = (b.unary(pock.SigmoidOp, gate) for gate in (keep, forget, show))
    cell = b.add(b.mul(forget, state[1]), b.mul(keep, b.unary(pock.TanhOp, change)))
    return b.mul(show, b.unary(pock.TanhOp, cell)), cell


def _gru_cell(b: Builder, inputs: Value, hidden: Value, state: State) -> State:
    reset_i, update_i, new_i = _split(b, inputs, 3)
    reset_h, update_h, new_h = _split(b, hidden, 3)
    reset = b.unary(pock.SigmoidOp, b.add(reset_i, reset_h))
    update = b.unary(pock.SigmoidOp, b.add(update_i, update_h))
    new = b.unary(pock.TanhOp, b.add(new_i, b.mul(reset, new_h)))
    return (b.add(b.mul(b.sub(state[0], new), update), new),)


def _tanh_cell(b: Builder, inputs: Value, hidden: Value, state: State) -> State:
    return (b.unary(pock.TanhOp, b.add(inputs, hidden)),)


def _relu_cell(b: Builder, inputs: Value, hidden: Value, state: State) -> State:
    return (b.unary(pock.ReluOp, b.add(inputs, hidden)),)


def _run(
    b: Builder, x: Value, weights: Weights, has_biases: bool, state: State, cell: Cell, backward: bool
) -> tuple[Value, State]:
    """Run one direction of a layer over ``[steps, batch, size]``; return all hidden states and the last state."""
    biases = weights[2:4] if has_biases else [None, None]
    projection = weights[-1] if len(weights) % 2 else None
    inputs = linear(b, x, weights[0], biases[0])
    steps, batch, width = shape_of(inputs)
    outputs: list[Value] = []
    for step in reversed(range(steps)) if backward else range(steps):
        now = b.reshape(b.slice(inputs, 0, step, step + 1), (batch, width))
        state = cell(b, now, linear(b, state[0], weights[1], biases[1]), state)
        if projection is not None:
            state = linear(b, state[0], projection, None), *state[1:]
        outputs.append(b.reshape(state[0], (1, *shape_of(state[0]))))
    return b.concat(outputs[::-1] if backward else outputs, 0), state


def _recurrent(
    b: Builder, x: Value, initial: list[Value], parameters: list[Value], has_biases: bool, layers: int,
    dropout: float, train: bool, bidirectional: bool, batch_first: bool, cell: Cell,
) -> list[Value]:  # fmt: skip
    """Run all layers; return the output, and the last states of all layers, one tensor per part of the state."""
    unbatched = rank_of(x) == 2
    if unbatched:
        x = b.reshape(x, (shape_of(x)[0], 1, shape_of(x)[1]))
        initial = [b.reshape(h, (shape_of(h)[0], 1, shape_of(h)[1])) for h in initial]
    elif batch_first:
        x = b.transpose(x, [1, 0, 2])
    directions = 2 if bidirectional else 1
    per_run = len(parameters) // (layers * directions)
    last: list[State] = []
    for layer in range(layers):
        if layer > 0 and train:
            x = b.dropout(x, dropout)
        outputs = []
        for direction in range(directions):
            number = layer * directions + direction
            state = tuple(b.reshape(b.slice(h, 0, number, number + 1), shape_of(h)[1:]) for h in initial)
            weights = parameters[number * per_run : (number + 1) * per_run]
            output, state = _run(b, x, weights, has_biases, state, cell, backward=direction == 1)
            outputs.append(output)
            last.append(state)
        x = b.concat(outputs, 2)
    states = [
        b.concat([b.reshape(part, (1, *shape_of(part))) for part in parts], 0) for parts in zip(*last, strict=True)
    ]
    if batch_first and not unbatched:
        x = b.transpose(x, [1, 0, 2])
    return [b.reshape(value, tuple(type_.shape)) for value, type_ in zip([x, *states], b.results, strict=True)]


def _register(name: str, cell: Cell) -> None:
    @converts(f"aten.{name}.input")
    def convert(
        b: Builder, x: Value, initial: Value | list[Value], parameters: list[Value], has_biases: bool, layers: int,
        dropout: float, train: bool, bidirectional: bool, batch_first: bool,
    ) -> list[Value]:  # fmt: skip
        state = list(initial) if isinstance(initial, list) else [initial]
        return _recurrent(b, x, state, parameters, has_biases, layers, dropout, train, bidirectional, batch_first, cell)


_register("lstm", _lstm_cell)
_register("gru", _gru_cell)
_register("rnn_tanh", _tanh_cell)
_register("rnn_relu", _relu_cell)
