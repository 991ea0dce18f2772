"""AOTInductor: the joint graph of loss and gradients as a package; SGD stays outside, as one fused kernel.

The package uses our parameters, which the update changes in place. If it has folded a parameter away, that is not
possible, and the step only consists of forward and backward.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch.export.experimental import _export_forward_backward

from .eager import images
from .task import Task, Training
from .torch_model import Loaded, load


class Packaged(Training):
    def __init__(self, task: Task, channels_last: bool) -> None:
        loaded = load(task, channels_last)
        self.arguments = list(loaded.arguments)
        program = _export_forward_backward(torch.export.export(loaded.whole, loaded.arguments), joint_loss_index=0)
        gradients = program.graph_signature.backward_signature.gradients_to_parameters
        outputs = [spec.arg.name for spec in program.graph_signature.output_specs]
        self.places = [index for index, name in enumerate(outputs) if name in gradients]
        named = dict(loaded.whole.named_parameters(remove_duplicate=False))
        self.trained = [named[gradients[outputs[index]]] for index in self.places]
        self.loss = next(index for index, name in enumerate(outputs) if name not in gradients)
        self.package = _package(program)
        self.lr = task.lr
        self.loaded: Loaded | None = loaded
        self.inference: Callable[..., object] | None = None
        self.whole = self._share(named)
        self.checked = 3 if self.whole else 1

    def _share(self, named: dict[str, torch.nn.Parameter]) -> bool:
        """Let the package read our parameters, under all their names in the package."""
        wanted = {id(value) for value in self.trained}
        names = [name for name in self.package.get_constant_fqns() if name in named and id(named[name]) in wanted]
        if len({id(named[name]) for name in names}) < len(wanted):
            return False
        constants = {name: named[name].detach() for name in names}
        self.package.load_constants(constants, False, False, user_managed=True)
        return True

    def step(self) -> float:
        outputs = self.package.run(self.arguments)
        with torch.no_grad():
            if self.whole:
                gradients = [outputs[index] for index in self.places]
                for parameter, gradient in zip(self.trained, gradients, strict=True):
                    parameter.grad = gradient
                self._update()
        return float(outputs[self.loss])

    def _update(self) -> None:
        if not hasattr(self, "optimizer"):
            self.optimizer = torch.optim.SGD(self.trained, lr=self.lr, fused=True)
        self.optimizer.step()

    def prepare(self) -> None:
        with torch.no_grad():
            program = torch.export.export(self.loaded.whole.model.eval(), tuple(self.arguments[:-1]))
            self.inference = _package(program).run

    def forward(self) -> None:
        self.inference(self.arguments[:-1])


def _package(program: torch.export.ExportedProgram) -> torch._C._aoti.AOTIModelPackageLoader:
    # The usual loader expects the outputs of the forward, not of the joint graph.
    with tempfile.TemporaryDirectory() as folder:
        # Or parameters of eight numbers and less become literals, which no update reaches.
        configs = {"always_keep_tensor_constants": True}
        package = str(Path(folder) / "joint.pt2")
        path = torch._inductor.aoti_compile_and_package(program, package_path=package, inductor_configs=configs)
        return torch._C._aoti.AOTIModelPackageLoader(path, "model", True, 1, -1)


def candidates(task: Task) -> dict[str, Callable[[], Training]]:
    last = images(task)
    return {"channels last" if last else "contiguous": lambda: Packaged(task, last)}
