"""Exports the two functions of a module: the loss in the model's own modes, and the prediction in eval mode.

PyTorch needs seconds for an export. If both functions share their graph, the model is exported once, with its loss and
its outputs. They do if the mode of the model decides on nothing but operators that `evaluation` can change.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from ...artifact.arguments import Argument
from ...errors import ArgumentError, UnsupportedOpsError
from .calls import Examples, ModelCall, example_target
from .evaluation import erase_dead, has_random_masks, in_evaluation_mode
from .export import export_program
from .forward import export_predict, warn_of_dropped
from .graph import ExportedCopy, Program, make_program, unimportable
from .losses import Loss, target_like
from .mode_reads import mode_reads
from .python_state import PythonState, report_changes
from .source import strip_model
from .substitutes import shapes_only
from .wrappers import Found, LossWrapper, PredictWrapper, Wrapper

__all__ = ["Exports", "Subject", "export_functions", "named_results"]


@dataclass(frozen=True)
class Subject:
    """What is exported.

    Attributes:
        module: the model.
        call: its arguments with holes for tensors.
        examples: the tensors.
        loss: the loss as the user gave it.
        loss_function: the loss as a function of output and target, None if the model returns it.
        target_example: an example of the target.
        replay: see `Wrapper`.
    """

    module: torch.nn.Module
    call: ModelCall
    examples: Examples
    loss: str | Loss | None
    loss_function: Loss | None
    target_example: Any
    replay: bool

    @property
    def has_loss(self) -> bool:
        """Whether the model computes its loss."""
        return self.loss is None

    def target(self, results: Mapping[str, torch.Tensor], examples: Examples) -> tuple[Any, list[Argument]]:
        """Return the target with holes in place of its tensors, which `examples` takes, and all arguments of a step.

        Args:
            results: the outputs of the model by name.
            examples: the tensors of the inputs.
        """
        if self.loss is None:
            if self.target_example is not None:
                raise ArgumentError("target_example: given, but with loss=None the model takes its targets as inputs")
            return None, self.call.arguments
        value = target_like(self.loss, results) if self.target_example is None else self.target_example
        taken = [argument.name for argument in self.call.arguments] + examples.names
        hole, argument = example_target(value, taken, examples)
        return hole, [*self.call.arguments, argument]


@dataclass(frozen=True)
class Exports:
    """The exported functions.

    Attributes:
        predict: the prediction, with the inputs of the model.
        training: the loss, with the inputs of the model and the target.
        examples: the tensors of all inputs.
        arguments: the arguments of a step.
        found: what is in the model's output.
        fixed: buffers whose values are compiled in, such as masks on which shapes depend.
    """

    predict: Program
    training: Program
    examples: Examples
    arguments: list[Argument]
    found: Found
    fixed: frozenset[str] = frozenset()


def export_functions(subject: Subject, *, together: bool) -> Exports:
    """Export both functions.

    Args:
        subject: what is exported.
        together: whether to export the model once, if the functions share their graph.

    Raises:
        ArgumentError: an argument is invalid.
        CompileError: PyTorch cannot export the model.
        UnsupportedOpsError: a shape depends on data.
    """
    exports = _together(subject) if together and not subject.replay else None
    return exports or _apart(subject)


# Apart ----------------------------------------------------------------------------------


def _apart(subject: Subject) -> Exports:
    examples = subject.examples
    wrapper = PredictWrapper(subject.module, subject.call, has_loss=subject.has_loss, replay=subject.replay)
    predict = export_predict(wrapper, tuple(examples.tensors), examples.names)
    results = named_results(predict)
    if any(not isinstance(size, int) for value in results.values() for size in value.shape):
        raise UnsupportedOpsError([*predict.unsupported, *unimportable(predict.graph)])
    target, arguments = subject.target(results, examples)
    loss_wrapper = LossWrapper(subject.module, subject.call, subject.loss_function, target, replay=subject.replay)
    exported = export_program(loss_wrapper, tuple(examples.tensors), "loss")
    report_changes(loss_wrapper.seen.changes, exported.constants.values())
    training = _loss_program(make_program(exported, examples.names, ["loss"], stores=True))
    fixed = _fixed(training, wrapper, loss_wrapper)
    return Exports(predict, training, examples, arguments, wrapper.found, fixed)


def _loss_program(program: Program) -> Program:
    """Return a program whose only result is a loss.

    Raises:
        ArgumentError: it has other results.
    """
    results = _results(program)
    if len(results) != 1 or results[0].dim() != 0 or not results[0].is_floating_point():
        got = ", ".join(f"{value.dtype} {list(value.shape)}" for value in results)
        raise ArgumentError(f"loss: expected one floating-point scalar, but got {got or 'no tensor'}")
    return program


def _fixed(training: Program, *wrappers: Wrapper) -> frozenset[str]:
    """Return the buffers whose values are compiled in.

    Raises:
        ArgumentError: a step changes one of them.
    """
    used = {name for wrapper in wrappers if wrapper.known for name in wrapper.known.used}
    fixed = frozenset(name for name in map(strip_model, used) if name is not None)
    for name in sorted(fixed.intersection(training.stores)):
        raise ArgumentError(
            f"model: '{name}' is a mask whose values decide on the shape of a tensor, but the forward changes it; "
            "shapes must be static"
        )
    return fixed


# Together -------------------------------------------------------------------------------


def _together(subject: Subject) -> Exports | None:
    """Export the model once; None if the functions do not share their graph, or if anything fails."""
    module, examples = subject.module, subject.examples.copy()
    if any(_has_modes_of_its_own(part) for part in module.modules()):
        return None
    state = PythonState(torch.nn.ModuleList([module]))
    try:
        # A failure is reported by the exports apart, which say what they export.
        with mode_reads() as reads:
            shapes = _output_shapes(subject)
            state.restore()
            if reads.decisive:
                return None
            target, arguments = subject.target(shapes, examples)
            found = Found(has_loss=subject.has_loss)
            wrapper = LossWrapper(module, subject.call, subject.loss_function, target, replay=False, found=found)
            exported = export_program(wrapper, tuple(examples.tensors), "loss")
        if reads.decisive or wrapper.known or wrapper.tracer.was_used:
            return None
        predict = _predict_program(ExportedCopy.of(exported), examples, found, len(subject.examples.names))
        training = make_program(exported, examples.names, ["loss"], stores=True, outputs=slice(1))
        if predict is None or not _same_shapes(predict, shapes):
            return None
        changes = wrapper.seen.changes
        constants = list(exported.constants.values())
        _loss_program(training)
    except Exception:
        return None
    finally:
        state.restore()
    report_changes(changes, constants)
    warn_of_dropped(found)
    return Exports(predict, training, examples, arguments, found)


def _has_modes_of_its_own(module: torch.nn.Module) -> bool:
    """Return whether setting the mode of a module does more than PyTorch's methods do."""
    kind = type(module)
    own = kind.train is not torch.nn.Module.train or kind.eval is not torch.nn.Module.eval
    return own or hasattr(kind, "training") or bool({"train", "eval"} & vars(module).keys())


def _output_shapes(subject: Subject) -> dict[str, torch.Tensor]:
    """Return tensors without data in place of the model's outputs."""
    module, found = subject.module, Found(has_loss=subject.has_loss)
    # With gradients, as in an export: without, some layers run other operators.
    fake = FakeTensorMode(allow_non_fake_inputs=True)
    with warnings.catch_warnings(), fake as mode, torch.enable_grad(), shapes_only():
        warnings.simplefilter("ignore")  # The export repeats them.
        named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        fakes = {name: mode.from_tensor(tensor) for name, tensor in named.items()}
        args, kwargs = subject.call.fill([mode.from_tensor(tensor) for tensor in subject.examples.tensors])
        output = torch.func.functional_call(module, fakes, args, kwargs)
        tensors = found.tensors(output)
    return dict(zip(found.names, tensors, strict=True))


def _predict_program(exported: ExportedCopy, examples: Examples, found: Found, inputs: int) -> Program | None:
    """Return the prediction, None if it cannot be made of the graph of the loss.

    Args:
        exported: the program of loss and outputs.
        examples: the tensors of all inputs.
        found: the names of the outputs.
        inputs: the number of the model's inputs, in front of the target's.
    """
    program = make_program(exported, examples.names, found.names, stores=False, outputs=slice(1, None))
    graph = program.graph
    output = next(node for node in graph.nodes if node.op == "output")
    copies = output.args[0]
    if any(copy.target is not torch.ops.aten.clone.default for copy in copies):
        return None
    output.args = (tuple(copy.args[0] for copy in copies),)
    for copy in set(copies):
        if not copy.users:
            graph.erase_node(copy)
    if not in_evaluation_mode(graph) or not erase_dead(graph) or has_random_masks(graph):
        return None
    targets = set(examples.names[inputs:])
    kept = []
    for binding, node in zip(program.bindings, graph.find_nodes(op="placeholder"), strict=True):
        if binding.kind == "input" and binding.name in targets:
            if node.users:
                return None
            graph.erase_node(node)
        else:
            kept.append(binding)
    return Program(graph, kept, [], found.names, found.named, program.unsupported)


def _same_shapes(predict: Program, shapes: Mapping[str, torch.Tensor]) -> bool:
    values = named_results(predict)
    return list(shapes) == list(values) and all(
        values[name].shape == shape.shape and values[name].dtype == shape.dtype for name, shape in shapes.items()
    )


def named_results(program: Program) -> dict[str, torch.Tensor]:
    """Return tensors without data in place of a program's results, by name."""
    return dict(zip(program.outputs, _results(program), strict=True))


def _results(program: Program) -> list[torch.Tensor]:
    """Return tensors without data in place of a program's results, without the new values of buffers."""
    output = next(node for node in program.graph.nodes if node.op == "output")
    return [node.meta["val"] for node in output.args[0][len(program.stores) :]]
