"""A random program as the parts of its source text, so that parts can be left out."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Data", "Program", "Statement"]

_NAME = re.compile(r"\b(?:self\.)?[bmpvx]\d+\b")


@dataclass(frozen=True)
class Data:
    """A tensor that the program starts from.

    Attributes:
        name: ``x0`` is an input, ``self.p0`` a parameter, ``self.b0`` a buffer.
        shape: the shape of the tensor.
        value: an expression for the value, or none for random numbers.
    """

    name: str
    shape: tuple[int, ...]
    value: str = ""

    @property
    def expression(self) -> str:
        """The expression that makes the tensor."""
        return self.value or f"torch.randn({list(self.shape)})"


@dataclass(frozen=True)
class Statement:
    """``results = expression``.

    Attributes:
        results: the names of the results, such as ``v0``.
        expression: an expression of data, modules and results of earlier statements.
        origin: the converter or the template for which it was drawn.
    """

    results: tuple[str, ...]
    expression: str
    origin: str = ""

    @property
    def operands(self) -> tuple[str, ...]:
        """The names in the expression, without duplicates."""
        return tuple(dict.fromkeys(_NAME.findall(self.expression)))

    @property
    def text(self) -> str:
        """The line of source."""
        return f"{', '.join(self.results)} = {self.expression}"


@dataclass
class Program:
    """A model with its data, loss, optimizer, scheme and options.

    Attributes:
        seed: the seed of parameters, buffers and data.
        data: inputs, parameters and buffers.
        modules: ``self.m0`` → an expression that makes the module.
        statements: the statements of the forward pass.
        output: an expression for the result of the forward pass.
        loss: an expression for `pock.compile`.
        target: an expression for the target; empty if the model returns its loss.
        optimizer: constructor and arguments, valid for both ``torch.optim`` and pockmlir.
        scheme: an expression for `pock.compile`.
        options: options of `pock.compile`.
        steps: the number of calls.
    """

    seed: int
    data: list[Data] = field(default_factory=list)
    modules: dict[str, str] = field(default_factory=dict)
    statements: list[Statement] = field(default_factory=list)
    output: str = ""
    loss: str = "'mse'"
    target: str = ""
    optimizer: str = "SGD(lr=0.05)"
    scheme: str = "pock.Scheme.full()"
    options: dict[str, Any] = field(default_factory=dict)
    steps: int = 2

    @property
    def inputs(self) -> list[Data]:
        """The data that are inputs."""
        return [data for data in self.data if data.name.startswith("x")]

    def with_statements(self, statements: list[Statement], data: list[Data] | None = None) -> Program:
        """Return the program with other statements, and without unused data and modules."""
        used = {name for statement in statements for name in statement.operands} | set(_NAME.findall(self.output))
        return dataclasses.replace(
            self,
            statements=statements,
            data=[d for d in data or self.data if d.name in used or d.name.startswith("x")],
            modules={name: made for name, made in self.modules.items() if name in used},
        )

    def live(self) -> Program:
        """Return the program without statements, data and modules that its output does not depend on."""
        wanted, live = {self.output}, []
        for statement in reversed(self.statements):
            if wanted & set(statement.results):
                live.append(statement)
                wanted |= set(statement.operands)
        return self.with_statements(live[::-1])

    def source(self) -> str:
        """Return a Python file that makes the model, its data, and compiles it."""
        own = [d for d in self.data if d.name.startswith("self.")]
        lines = [
            "import pockmlir as pock",
            "import torch",
            "from torch import nn",
            "from torch.nn import functional as F",
            "",
            "aten = torch.ops.aten",
            "",
            "",
            "class Model(nn.Module):",
            "    def __init__(self):",
            "        super().__init__()",
            f"        torch.manual_seed({self.seed})",
        ]
        for d in own:
            attribute = d.name.removeprefix("self.")
            if attribute.startswith("p"):
                lines.append(f"        {d.name} = nn.Parameter({d.expression})")
            else:
                lines.append(f"        self.register_buffer({attribute!r}, {d.expression})")
        lines += [f"        {name} = {made}" for name, made in self.modules.items()]
        lines += ["", f"    def forward(self, {', '.join(d.name for d in self.inputs)}):"]
        lines += [f"        {statement.text}" for statement in self.statements]
        lines += [f"        return {self.output}", "", ""]
        lines += ["def data(step):", f"    torch.manual_seed({self.seed} + 1 + step)"]
        lines += [f"    {d.name} = {d.expression}" for d in self.inputs]
        lines += [f"    target = {self.target or None}"]
        lines += [f"    return ({', '.join(d.name for d in self.inputs)},), target", "", ""]
        lines += [f"LOSS = {self.loss}", f"SCHEME = {self.scheme}", f"OPTIONS = {self.options!r}"]
        lines += [f"STEPS = {self.steps}", "", ""]
        lines += ["def ours():", f"    return pock.{self.optimizer}", "", ""]
        head, _, rest = self.optimizer.partition("(")
        lines += ["def theirs(parameters):", f"    return torch.optim.{head}(parameters, {rest}", "", ""]
        lines += ["if __name__ == '__main__':"]
        lines += ["    from random_models.judge import judge", "", "    print(judge(globals()))"]
        return "\n".join(lines) + "\n"
