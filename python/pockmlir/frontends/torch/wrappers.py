"""The modules that are exported: they call the model, with its loss or for prediction."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx

from .calls import ModelCall, fill_target
from .hooks import describe_hook, parameter_hooks
from .known_values import KnownValues
from .losses import Loss
from .outputs import Outputs, returned_loss
from .python_state import Change, PythonState, store_assigned_buffers
from .source import tensor_name
from .substitutes import REPLAYED
from .traced_gradients import GradientTracer

__all__ = ["LossWrapper", "PredictWrapper", "Wrapper"]


class Wrapper(torch.nn.Module):
    """Calls the model with nested arguments; the inputs of the wrapper are their tensors.

    Args:
        model: the user's model, registered under `source.MODEL`.
        call: the arguments of the model.
        replay: whether the model comes from an exported program. Its nodes are then run one by
            one, so that the new program keeps their module paths and source lines.
        gradients: whether the model's custom gradients are needed.

    Attributes:
        tracer: traces the custom gradients.
    """

    def __init__(self, model: torch.nn.Module, call: ModelCall, *, replay: bool, gradients: bool) -> None:
        super().__init__()
        self.model = model
        self.tracer = GradientTracer({id(m): path for path, m in model.named_modules()}, active=gradients)
        self.replay = replay
        #: The known values of masks, if the export needs them.
        self.known: KnownValues | None = None
        self._call = call

    def _begin(self) -> contextlib.AbstractContextManager[Any]:
        """Return the context in which the model is traced."""
        if self.known is None:
            return contextlib.nullcontext()
        self.known.begin(self)
        return self.known

    def _called(self, tensors: Sequence[torch.Tensor]) -> Any:
        if not self.replay:
            args, kwargs = self._call.fill(tensors)
            return self.model(*args, **kwargs)
        assert isinstance(self.model, fx.GraphModule)
        with fx.traceback.preserve_node_meta():
            return _Replay(self.model).run(*self._call.leaves(tensors))


class _Replay(fx.Interpreter):
    """Runs the nodes of an exported program, and replaces those that cannot be exported again."""

    def call_function(self, target: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Call an operator, or its substitute."""
        return super().call_function(REPLAYED.get(target, target), args, kwargs)


class Seen:
    """Records of a `LossWrapper` from its export, in an object because export restores the wrapper's attributes.

    Attributes:
        changes: attributes of modules that the forward pass changed.
    """

    changes: list[Change]


class Found:
    """What a wrapper found in the model's output.

    Args:
        has_loss: whether the output's ``loss`` is the training loss, which prediction leaves out.

    Attributes:
        names: the names of the returned tensors.
        named: whether the model names its outputs.
        dropped: names of values that are not tensors → their type.
        without_loss: whether the model's own loss was left out.
    """

    names: list[str]
    named: bool
    dropped: dict[str, str]
    without_loss: bool

    def __init__(self, *, has_loss: bool) -> None:
        self._has_loss = has_loss

    def tensors(self, output: Any) -> tuple[torch.Tensor, ...]:
        """Return the tensors of an output, and record their names."""
        outputs = Outputs(output)
        self.without_loss = self._has_loss and outputs.named and "loss" in outputs.tensors and len(outputs.tensors) > 1
        if self.without_loss:
            del outputs.tensors["loss"]
        self.names, self.named, self.dropped = list(outputs.tensors), outputs.named, outputs.dropped
        return tuple(outputs.tensors.values())


class LossWrapper(Wrapper):
    """Returns the loss, and on request copies of the tensors in the model's output behind it.

    Args:
        model: the user's model.
        call: the arguments of the model.
        loss: a function of the model's output and the target; None if the model returns its loss.
        target: the target, with holes in place of its tensors.
        replay: see `Wrapper`.
        found: records the tensors in the output; None to return only the loss.

    Attributes:
        seen: records from the export.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        call: ModelCall,
        loss: Loss | None,
        target: Any,
        *,
        replay: bool,
        found: Found | None = None,
    ) -> None:
        super().__init__(model, call, replay=replay, gradients=True)
        self.loss = loss
        if isinstance(loss, torch.nn.Module):
            self.tracer.modules.update((id(m), f"loss.{path}".rstrip(".")) for path, m in loss.named_modules())
        self._target = target
        self._hooks = parameter_hooks(self)
        self.seen = Seen()
        self._found = found

    def forward(self, *tensors: torch.Tensor) -> Any:
        """Return the loss for the model's inputs and the target's tensors."""
        with self._begin():
            before, buffers = PythonState(self), dict(self.named_buffers())
            for name, hooks in self._hooks.items():
                for hook in hooks:
                    self.tracer.hook(self.get_parameter(name), describe_hook(hook, tensor_name(name)), hook)
            output = self._called(tensors)
            # Copies, because the loss may change the output in place.
            copies = [tensor.clone() for tensor in self._found.tensors(output)] if self._found else []
            loss = returned_loss(output) if self.loss is None else self.loss(output, fill_target(self._target, tensors))
            store_assigned_buffers(self, buffers)
            self.seen.changes = before.changes()
            return (loss, *copies) if self._found else loss


class PredictWrapper(Wrapper):
    """Returns all tensors of the model's output, except a loss that the model computes.

    Args:
        model: the user's model.
        call: the arguments of the model.
        has_loss: whether the output's ``loss`` is the training loss.
        replay: see `Wrapper`.
    """

    def __init__(self, model: torch.nn.Module, call: ModelCall, *, has_loss: bool, replay: bool) -> None:
        super().__init__(model, call, replay=replay, gradients=False)
        self.found = Found(has_loss=has_loss)

    def forward(self, *tensors: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the output's tensors; `found` has their names."""
        with self._begin():
            output = self._called(tensors)
        return self.found.tensors(output)
