"""Writes a row's model for peers that have no PyTorch: a graph of ATen operators as JSON, its tensors as .npz.

``python -m peers.graph_export ROW DIRECTORY``, in the main environment. The directory gets

* ``graph.json``: `inputs` (names of values, the target last), `parameters` (value → name), `nodes` in order, each
  with `op`, `out` and `args` by the names that the operator's schema has, and the values `loss` and `logits`;
  a value among the arguments is ``{"value": name}``;
* ``parameters.npz``, ``constants.npz`` (batch norm's statistics, masks, positions: what depends on neither a
  parameter nor an input is computed here), ``data.npz`` (one batch, in the order of the inputs);
* ``task.json``: the parameters that each scheme trains.
"""

from __future__ import annotations

import fnmatch
import json
import logging
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from architectures import Case
from torch import nn
from torch.export.graph_signature import InputKind
from torch.nn import functional

from .rows import find

__all__ = ["WithLoss", "export", "trained"]


class WithLoss(nn.Module):
    """A model and its loss; the target is the last argument."""

    def __init__(self, model: nn.Module, loss: Any) -> None:
        super().__init__()
        self.model = model
        self.loss = functional.cross_entropy if loss == "cross_entropy" else loss

    def forward(self, *arguments: torch.Tensor) -> torch.Tensor:
        return self.loss(self.model(*arguments[:-1]), arguments[-1])


def trained(case: Case, model: nn.Module, scheme: str) -> list[str]:
    """Return the names of the parameters that a scheme trains."""
    globs = [glob for glob, fraction in case.scheme(scheme).items() if fraction > 0]
    return [name for name, _ in model.named_parameters() if any(fnmatch.fnmatchcase(name, glob) for glob in globs)]


class Writer:
    """Walks an exported graph: evaluates constant nodes, and records the others.

    Attributes:
        values: constants, and the modules that higher-order operators take.
        nodes: of the JSON graph.
    """

    def __init__(self, program: torch.export.ExportedProgram) -> None:
        self.program = program
        self.parameters: dict[str, str] = {}
        self.inputs: list[str] = []
        self.values: dict[torch.fx.Node, Any] = {}
        self.nodes: list[dict[str, Any]] = []
        self.used: dict[str, torch.Tensor] = {}
        self.loss = ""
        specs = {spec.arg.name: spec for spec in program.graph_signature.input_specs}
        program.graph_module.graph.eliminate_dead_code()
        for node in program.graph_module.graph.nodes:
            if node.op == "placeholder":
                self._placeholder(node, specs[node.name])
            elif node.op == "get_attr":
                self.values[node] = getattr(program.graph_module, node.target)
            elif node.op == "output":
                self.loss = node.args[0][-1].name
            else:
                self._call(node)

    def _placeholder(self, node: torch.fx.Node, spec: Any) -> None:
        if spec.kind is InputKind.PARAMETER:
            self.parameters[node.name] = spec.target.removeprefix("model.")
        elif spec.kind is InputKind.USER_INPUT:
            self.inputs.append(node.name)
        elif spec.target in self.program.state_dict:
            self.values[node] = self.program.state_dict[spec.target]
        else:
            self.values[node] = self.program.constants[spec.target]

    def _call(self, node: torch.fx.Node) -> None:
        if all(value in self.values for value in node.all_input_nodes):
            args = torch.fx.map_arg((node.args, node.kwargs), lambda value: self.values[value])
            with torch.no_grad():
                self.values[node] = node.target(*args[0], **args[1])
            return
        if not node.users:
            return
        arguments: dict[str, Any] = {}
        for index, argument in enumerate(node.target._schema.arguments):
            if index < len(node.args):
                value = node.args[index]
            else:
                value = node.kwargs.get(argument.name, argument.default_value)
            # `self` would be an awkward name in Python.
            arguments["input" if argument.name == "self" else argument.name] = self._encode(value)
        name = node.target._schema.name.removeprefix("aten::").rstrip("_")
        self.nodes.append({"op": name, "out": node.name, "args": arguments})

    def _encode(self, value: Any) -> Any:
        if isinstance(value, torch.fx.Node):
            constant = self.values.get(value)
            if constant is not None and not isinstance(constant, torch.Tensor):
                return self._encode(constant)
            if constant is not None:
                self.used[value.name] = constant
            return {"value": value.name}
        if isinstance(value, (list, tuple)):
            return [self._encode(each) for each in value]
        if isinstance(value, (torch.dtype, torch.device, torch.layout, torch.memory_format)):
            return str(value).removeprefix("torch.")
        return value

    def graph(self) -> dict[str, Any]:
        """Return the content of ``graph.json``."""
        last = next(node for node in self.nodes if node["out"] == self.loss)
        assert last["op"] == "cross_entropy_loss", last
        logits = last["args"]["input"]["value"]
        return {
            "inputs": self.inputs,
            "parameters": self.parameters,
            "nodes": self.nodes,
            "logits": logits,
            "loss": self.loss,
        }


def export(case: Case, directory: Path) -> None:
    """Write a case's graph, tensors, data and schemes to a directory that exists."""
    model = case.model()
    inputs, target = case.batch(0)
    writer = Writer(torch.export.export(WithLoss(model, case.loss), (*inputs, target)))
    # A parameter that two modules share has one name, under which it trains.
    names = {id(value): name for name, value in model.named_parameters()}
    shared = {name: names[id(value)] for name, value in model.named_parameters(remove_duplicate=False)}
    writer.parameters = {value: shared[name] for value, name in writer.parameters.items()}
    (directory / "graph.json").write_text(json.dumps(writer.graph()))
    parameters = {name: value.detach().numpy() for name, value in model.named_parameters()}
    np.savez(directory / "parameters.npz", **parameters)
    np.savez(directory / "constants.npz", **{name: value.detach().numpy() for name, value in writer.used.items()})
    data = [value.numpy() for value in (*inputs, target)]
    np.savez(directory / "data.npz", **{str(index): value for index, value in enumerate(data)})
    schemes = {scheme: trained(case, model, scheme) for scheme in ("full", "sparse")}
    (directory / "task.json").write_text(json.dumps({"trained": schemes}))


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    export(find(sys.argv[1]).case(), Path(sys.argv[2]))
