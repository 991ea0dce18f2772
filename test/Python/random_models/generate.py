"""Draws a program from a seed."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from pockmlir.frontends.torch.registry import CONVERTERS

from .draft import Draft, Reject, says_something
from .program import Program
from .reference import loss_of
from .schema import call_of
from .templates import LAYERS, TEMPLATES

__all__ = ["EXCLUDED", "converters", "generate"]

#: Converters that are not drawn, and why.
EXCLUDED = {
    "aten.native_dropout": "random",
    "aten.bernoulli": "random",
    "aten.bernoulli.p": "random",
    "aten.rrelu": "random",
    "aten.empty_like": "its entries are undefined",
    "aten.new_empty": "its entries are undefined",
    "aten._assert_tensor_metadata": "computes nothing",
}
_TRIES = 60
_FOCUS = 3


def converters() -> list[str]:
    """The converters of PyTorch's operators that programs are drawn from."""
    return sorted(name for name in CONVERTERS.keys() - EXCLUDED.keys() if name.startswith(("aten.", "prims.")))


def generate(seed: int, focus: Sequence[str] = ()) -> Program:
    """Return the program of a seed; every few consecutive seeds use every converter.

    Args:
        seed: determines all choices.
        focus: converters to use instead, on sizes of one.

    Raises:
        Reject: no meaningful program was found.
    """
    draft = Draft(seed)
    names = converters()
    # A step coprime to their number visits all, in an order that mixes families.
    stride = next(s for s in range(len(names) * 5 // 13, len(names)) if math.gcd(s, len(names)) == 1)
    # Sizes of one in every other round through the names.
    places = range(seed * _FOCUS, (seed + 1) * _FOCUS)
    turn = [(names[place * stride % len(names)], place // len(names) % 2 == 0) for place in places]
    for name, single in [(name, True) for name in focus] or turn:
        draft.single = single
        _add(draft, name)
        draft.single = False
        for _ in range(draft.random.choice([0, 1, 1, 2])):
            layers = draft.random.random() < 0.25
            _add(draft, draft.random.choice(sorted(LAYERS) if layers else names))
    _finish(draft)
    _require_training(draft.program)
    return draft.program


def _add(draft: Draft, name: str) -> bool:
    """Add a call; return False if no try succeeded."""
    for _ in range(_TRIES):
        try:
            with draft.attempt():
                if name in LAYERS:
                    expression = LAYERS[name](draft)
                elif name in TEMPLATES:
                    expression = TEMPLATES[name](draft, name)
                else:
                    expression = call_of(draft, name)
                draft.add(expression, name)
                return True
        except Reject:
            continue
    return False


def _finish(draft: Draft) -> None:
    """Join all values in the result; choose loss, optimizer, scheme and options."""
    program, random = draft.program, draft.random
    used = {name for statement in program.statements for name in statement.operands}
    ends = [
        name
        for statement in program.statements
        for i, name in enumerate(statement.results)
        # The indices beside an extremum are refused by some operators: not in every program.
        if (i == 0 or draft.values[name].is_floating_point() or random.random() < 0.2)
        if name not in used and draft.values[name].numel() and says_something(draft.values[name].double())
    ]
    # Integers and conditions that end nowhere weigh something that trains.
    pieces = [f"{name}.reshape(-1).to({_float_like(draft)})" for name in ends]
    if not any(name in draft.active for name in ends):
        scale = draft.add_data("p", ())
        pieces = [f"{piece} * {scale}" for piece in pieces] or [f"{scale}.reshape(1)"]
    if not program.inputs:
        draft.add_data("x", (2,))
        pieces.append(f"{program.inputs[0].name}.reshape(-1)")
    joined = draft.add(f"torch.cat([{', '.join(pieces)}])", "result")[0]
    count = draft.value(joined).numel()
    _choose_loss(draft, joined, count)
    program.optimizer = random.choice(
        ["SGD(lr=0.05)", "SGD(lr=0.05, momentum=0.9)", "SGD(lr=0.05, momentum=0.9, nesterov=True, weight_decay=0.01)",
         "Adam(lr=0.01, eps=1e-3)", "AdamW(lr=0.01, eps=1e-3, weight_decay=0.1)"]
    )  # fmt: skip
    program.scheme = _scheme(draft)
    program.options = _options(random)
    program.steps = 2 * program.options.get("accumulate", 1)
    # What was drawn in vain is not there.
    draft.program = program.live()


def _require_training(program: Program) -> None:
    """Reject a program that PyTorch cannot train: an operator has no derivative, or the loss is not finite."""
    scope: dict[str, Any] = {"__name__": "random_model"}
    exec(program.source(), scope)
    inputs, target = scope["data"](0)
    try:
        loss = loss_of(scope["LOSS"], scope["Model"]()(*inputs), target)
        loss.backward()
    except (RuntimeError, NotImplementedError) as error:
        raise Reject(f"PyTorch: {error}") from None
    if not torch.isfinite(loss):
        raise Reject("the loss is no number")


def _float_like(draft: Draft) -> str:
    """Return an expression for the type of floating-point numbers, which is float64 in the judge's copy."""
    name = draft.floats()[0] if draft.floats() else draft.add_data("p", (1,))
    return f"{name}.dtype"


def _choose_loss(draft: Draft, joined: str, count: int) -> None:
    program, random = draft.program, draft.random
    program.output = joined
    program.loss = random.choice(["'mse'", "'l1'", "'bce_with_logits'", "'cross_entropy'", "weighted", "None"])
    if program.loss == "'cross_entropy'":
        classes = random.choice([1, 2, 3, 5])
        made = draft.module(f"nn.Linear({count}, {classes})")
        program.output = draft.add(f"{made}({joined}[None])", "result")[0]
        program.target = f"torch.randint(0, {classes}, [1])"
    elif program.loss == "'bce_with_logits'":
        program.target = f"torch.rand([{count}])"
    elif program.loss == "weighted":
        program.loss = "lambda output, target: (output * target).sum()"
        program.target = f"torch.randn([{count}])"
    elif program.loss == "None":
        program.output = draft.add(f"(torch.tanh({joined}) - 0.1).square().mean()", "result")[0]
    else:
        program.target = f"torch.randn([{count}])"


def _scheme(draft: Draft) -> str:
    """Return a scheme that trains everything, everything but some parameters, or half of a layer's input channels."""
    program, random = draft.program, draft.random
    kind = random.random()
    if kind < 0.5:
        return "pock.Scheme.full()"
    names = [d.name.removeprefix("self.") for d in program.data if d.name.startswith("self.p")]
    if kind < 0.75 and len(names) > 1:
        chosen = random.sample(names, random.randint(1, len(names) - 1))
        return f"pock.Scheme({{'*': 1.0}} | {dict.fromkeys(chosen, 0.0)})"
    layers = [
        f"{m.removeprefix('self.')}.weight" for m, made in program.modules.items() if made.startswith("nn.Linear")
    ]
    layers += [
        f"{m.removeprefix('self.')}.0.weight" for m, made in program.modules.items() if "Sequential(nn.Lin" in made
    ]
    if not layers:
        return "pock.Scheme.full()"
    return f"pock.Scheme({{'*': 1.0, {random.choice(layers)!r}: 0.5}})"


def _options(random: Any) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if random.random() < 0.25:
        options["arithmetic"] = "portable"
    if random.random() < 0.15:
        options["accumulate"] = 2
    if random.random() < 0.15:
        options["clip_grad_norm"] = 0.5
    if random.random() < 0.1:
        options["clip_grad_value"] = 0.05
    return options
