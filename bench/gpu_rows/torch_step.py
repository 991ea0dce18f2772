"""Training steps in PyTorch, from the source of an exported graph: no module of the model is needed."""

from __future__ import annotations

import contextlib
from typing import Any

import numpy as np
import torch

from .folder import Row, normal

__all__ = ["TorchStep", "set_tf32"]


def set_tf32(on: bool) -> None:
    """Let CUDA's matrix products and convolutions of float32 round their inputs to 10 bits, or not."""
    torch.backends.cuda.matmul.allow_tf32 = on
    torch.backends.cudnn.allow_tf32 = on


class TorchStep:
    """Loss, gradients and SGD; inputs come from the host's memory, and the loss goes back there, as in ours.

    Args:
        row: the model.
        device: ``cuda`` or ``cpu``.
        channels_last: the memory format of images and filters.
        half: whether autocast computes in float16. Losses are not scaled, which costs next to nothing.
        compiled: whether `torch.compile` compiles the loss.
    """

    def __init__(
        self, row: Row, device: str, *, channels_last: bool = False, half: bool = False, compiled: bool = False
    ) -> None:
        self.device, self.half = device, half
        layout = torch.channels_last if channels_last else torch.contiguous_format
        # Parameters are drawn as those of `Row.state`.
        generator = np.random.default_rng(1)
        with np.load(row.place / "constants.npz") as constants:
            made = [self._made(spec, constants, generator, layout) for spec in row.data["model"]]
        self.arguments = [value for value in made if value is not None]
        batch = row.inputs()
        numbers = [spec["input"] for spec in row.data["model"] if "input" in spec]
        self.batch = [_pinned(torch.from_numpy(batch[number]), device, layout) for number in numbers]
        trained = [value for value in self.arguments if value.requires_grad]
        lr = float(next(spec["value"] for spec in row.data["inputs"] if spec["name"] == "lr"))
        self.optimizer = torch.optim.SGD(trained, lr=lr, fused=True)
        self.loss = _function((row.place / "model.py").read_text(), device)
        if compiled:
            self.loss = torch.compile(self.loss)

    def _made(self, spec: Any, constants: Any, generator: np.random.Generator, layout: Any) -> torch.Tensor | None:
        if "constant" in spec:
            return torch.from_numpy(constants[spec["constant"]]).to(self.device)
        if "input" in spec:
            return None
        value = torch.from_numpy(normal(spec, spec["shape"], generator)).to(self.device)
        return _in_layout(value, layout).requires_grad_()

    def __call__(self) -> float:
        """Run one step and return its loss; when this returns, the device is done."""
        batch = [value.to(self.device, non_blocking=True) for value in self.batch]
        self.optimizer.zero_grad(set_to_none=True)
        half = torch.autocast(self.device, torch.float16) if self.half else contextlib.nullcontext()
        with half:
            loss = self.loss(None, *self.arguments, *batch)[0]
        loss.backward()
        self.optimizer.step()
        # The copy comes after everything else in the device's stream.
        return loss.item()


def _in_layout(value: torch.Tensor, layout: Any) -> torch.Tensor:
    return value.contiguous(memory_format=layout) if value.ndim == 4 else value


def _pinned(value: torch.Tensor, device: str, layout: Any) -> torch.Tensor:
    value = _in_layout(value, layout)
    return value.pin_memory() if device == "cuda" else value


def _function(source: str, device: str) -> Any:
    """Return the function of a graph's source; what it makes on the device of the export is made on `device`."""
    names: dict[str, Any] = {"torch": torch, "inf": float("inf"), "nan": float("nan")}
    names["device"] = lambda **_: torch.device(device)
    exec(compile(source, "model.py", "exec"), names)
    return names["forward"]
