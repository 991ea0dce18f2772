"""The call of the model: which arguments are tensors, and their names."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.export import ExportedProgram
from torch.utils import _pytree as pytree

from ...artifact.arguments import Argument, Tree
from ...artifact.manifest import RESERVED
from ...errors import ArgumentError
from ..common.imported import Conversion, TensorSpec
from .dtypes import CONVERTED, DTYPES, NARROW, dtype_name, spell_dtype

__all__ = ["Examples", "ModelCall", "example_target", "input_names", "model_call"]

_TARGET = "target_example"

_STATIC = (type(None), bool, int, float, str)


@dataclass(frozen=True)
class _Hole:
    """Placeholder for a tensor in an argument."""

    index: int


class Examples:
    """Example tensors, extracted from nested arguments.

    Args:
        floats: the type to which floating-point tensors are converted; integers are then converted to int64,
            which PyTorch expects for classes and indices. None keeps all types that the compiler supports.

    Attributes:
        tensors: the tensors after conversion.
        names: the names of the tensors.
        converted: name → the conversion of its element type, if there is one.
    """

    def __init__(self, floats: torch.dtype | None = None) -> None:
        self.tensors: list[torch.Tensor] = []
        self.names: list[str] = []
        self.converted: dict[str, Conversion] = {}
        self._floats = floats
        self._targets: list[bool] = []

    def take(self, what: str, name: str, value: Any) -> tuple[Any, Tree]:
        """Extract the tensors from a value.

        Args:
            what: a description of the value, for messages.
            name: the tensor's name, or the prefix of the names of nested tensors.
            value: tensors or numpy arrays, nested in tuples, lists and dictionaries, and constants.

        Returns:
            The value with holes in place of its tensors, and the value with names in place of its tensors.

        Raises:
            ArgumentError: the value contains an unsupported type.
        """
        if isinstance(value, torch.Tensor | np.ndarray):
            return self._tensor(what, name, value)
        if isinstance(value, _STATIC):
            return value, None
        if isinstance(value, Mapping):
            parts = {
                key: self.take(f"{what}[{key!r}]", f"{name}_{key}" if name else str(key), v) for key, v in value.items()
            }
            return {key: hole for key, (hole, _) in parts.items()}, {str(key): tree for key, (_, tree) in parts.items()}
        if type(value) in (tuple, list):
            separator = "_" if name[-1:].isdigit() else ""
            taken = [self.take(f"{what}[{i}]", f"{name}{separator}{i}", v) for i, v in enumerate(value)]
            return type(value)(hole for hole, _ in taken), tuple(tree for _, tree in taken)
        raise ArgumentError(
            f"{what}: expected a torch.Tensor or numpy array (or tuples, lists and dicts of them, "
            f"or a constant), but got {type(value).__name__}"
        )

    def _tensor(self, what: str, name: str, value: Any) -> tuple[_Hole, str]:
        if isinstance(value, np.ndarray):
            value = torch.from_numpy(np.ascontiguousarray(value))
        given = value.dtype
        is_target = what.startswith(_TARGET)
        value = value.detach().to(self._converted(given, is_target))
        if value.dtype.is_complex:
            raise ArgumentError(
                f"{what}: {given} is not supported; pass torch.view_as_real of it, and call torch.view_as_complex in the model"
            )
        if dtype_name(value.dtype) is None:
            expected = ", ".join(str(dtype) for dtype in (*DTYPES, *NARROW, *CONVERTED))
            raise ArgumentError(f"{what}: expected one of the dtypes {expected}, but got {given}")
        if name in RESERVED:
            # The step already has arguments or inputs with these names.
            name = f"{name}_input"
        if name in self.names:
            raise ArgumentError(f"{what}: two inputs would be called '{name}'; rename an argument")
        used = dtype_name(value.dtype)
        if DTYPES.get(given) != used:
            computed = next(dtype for dtype, known in DTYPES.items() if known == used)
            self.converted[name] = Conversion(spell_dtype(given), spell_dtype(computed))
        self.tensors.append(value)
        self._targets.append(is_target)
        self.names.append(name)
        return _Hole(len(self.tensors) - 1), name

    def copy(self) -> Examples:
        """Return examples with the same tensors, which can take others."""
        result = copy.copy(self)
        result.tensors, result.names = list(self.tensors), list(self.names)
        result.converted, result._targets = dict(self.converted), list(self._targets)
        return result

    def differs(self, other: Examples) -> bool:
        """Return whether the other's conversion gives one of these tensors a different type."""
        pairs = zip(self.tensors, self._targets, strict=True)
        return any(other._converted(tensor.dtype, is_target) != tensor.dtype for tensor, is_target in pairs)

    def _converted(self, dtype: torch.dtype, is_target: bool) -> torch.dtype:
        """Return the type after conversion."""
        dtype = CONVERTED.get(dtype, dtype)
        if self._floats is None or dtype.is_complex or dtype == torch.bool:
            return dtype
        if dtype.is_floating_point:
            return self._floats
        return torch.int64 if is_target or dtype == torch.int32 else dtype

    def specs(self, begin: int = 0) -> list[TensorSpec]:
        """Return the specifications of the extracted tensors."""
        pairs = list(zip(self.names, self.tensors, strict=True))
        return [TensorSpec(name, tuple(tensor.shape), str(dtype_name(tensor.dtype))) for name, tensor in pairs[begin:]]


@dataclass(frozen=True)
class ModelCall:
    """The model's arguments with holes for tensors.

    Attributes:
        args: positional arguments.
        kwargs: keyword arguments.
        arguments: the arguments of the step.
    """

    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    arguments: list[Argument]

    def fill(self, tensors: Sequence[torch.Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments with tensors in place of the holes."""
        return _fill(self.args, tensors), _fill(self.kwargs, tensors)

    def leaves(self, tensors: Sequence[torch.Tensor]) -> list[Any]:
        """Return all arguments in a flat list, in the order of an exported program's graph."""
        return list(pytree.tree_leaves(self.fill(tensors)))


def _fill(value: Any, tensors: Sequence[torch.Tensor]) -> Any:
    if isinstance(value, _Hole):
        return tensors[value.index]
    if isinstance(value, dict):
        return {key: _fill(part, tensors) for key, part in value.items()}
    if isinstance(value, tuple | list):
        return type(value)(_fill(part, tensors) for part in value)
    return value


def model_call(
    model: torch.nn.Module | ExportedProgram, inputs: Any, kwargs: Mapping[str, Any] | None, examples: Examples
) -> ModelCall:
    """Extract the tensors from the model's example arguments.

    Args:
        model: the model; the parameters of its forward name the arguments.
        inputs: positional arguments, or a mapping of keyword arguments.
        kwargs: keyword arguments.
        examples: collects the tensors.

    Raises:
        ArgumentError: the arguments do not fit the model, or contain no tensor.
    """
    if isinstance(inputs, Mapping):
        inputs, kwargs = (), {**inputs, **(kwargs or {})}
    if not isinstance(inputs, tuple | list):
        raise ArgumentError(
            f"example_inputs: expected a tuple with one tensor per input, but got {type(inputs).__name__}"
        )
    if kwargs is not None and not isinstance(kwargs, Mapping):
        raise ArgumentError(f"kwargs: expected a mapping of names to inputs, but got {type(kwargs).__name__}")
    named = dict(kwargs or {})
    if isinstance(model, ExportedProgram):
        named = _ordered(model, inputs, named)
        names = _program_names(model, len(inputs), list(named))
    else:
        names = _forward_names(model, len(inputs), list(named))
    places = [f"example_inputs[{i}]" for i in range(len(inputs))] + [f"kwargs[{key!r}]" for key in named]
    holes, arguments = [], []
    for place, name, value in zip(places, names, [*inputs, *named.values()], strict=True):
        hole, tree = examples.take(place, name, value)
        holes.append(hole)
        # An argument that is a tensor has the tensor's name, which may differ from the requested name.
        arguments.append(Argument(tree if isinstance(tree, str) else name, tree, value if tree is None else None))
    if not examples.tensors:
        given = ", ".join(type(value).__name__ for value in [*inputs, *named.values()])
        raise ArgumentError(f"{places[0] if places else 'example_inputs'}: expected a torch.Tensor, but got {given}")
    count = len(inputs)
    return ModelCall(tuple(holes[:count]), dict(zip(named, holes[count:], strict=True)), arguments)


def input_names(model: torch.nn.Module | ExportedProgram, inputs: Any, kwargs: Mapping[str, Any] | None) -> list[str]:
    """Return the names of the inputs of a model whose arguments are all tensors.

    Raises:
        ArgumentError: the arguments do not fit the model, or one of them is not a tensor.
    """
    examples = Examples()
    for argument in model_call(model, inputs, kwargs, examples).arguments:
        if not isinstance(argument.tree, str):
            raise ArgumentError(f"example_inputs: expected tensors only, but '{argument.name}' is none")
    return examples.names


def _forward_names(model: torch.nn.Module, count: int, keywords: list[str]) -> list[str]:
    """Name the arguments after the parameters of the model's forward."""
    try:
        signature = inspect.signature(model.forward)
        bound = signature.bind(*range(count), **dict.fromkeys(keywords))
    except ValueError:
        return [f"input{i}" for i in range(count)] + keywords
    except TypeError as error:
        what = f"{count} inputs" if not keywords else "these inputs"
        raise ArgumentError(f"example_inputs: the model's forward does not take {what}: {error}") from None
    names: list[str] = []
    for name, value in bound.arguments.items():
        if signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL:
            names += [f"{name}{i}" for i in range(len(value))]
        elif name not in keywords and signature.parameters[name].kind is not inspect.Parameter.VAR_KEYWORD:
            names.append(name)
    return names + keywords


def _ordered(program: ExportedProgram, inputs: Sequence[Any], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments in the program's order.

    Raises:
        ArgumentError: the program was exported with other arguments.
    """
    expected = program.call_spec.in_spec
    assert expected is not None
    order = expected.child(1).context or []
    kwargs = {key: kwargs[key] for key in sorted(kwargs, key=lambda k: order.index(k) if k in order else len(order))}
    found = pytree.tree_flatten((tuple(inputs), kwargs))[1]
    if found != expected:
        count, given = expected.num_leaves, found.num_leaves
        raise ArgumentError(
            f"example_inputs: the program has {count} inputs, but got {given}"
            if count != given
            else f"example_inputs: the program takes {expected}, but got {found}"
        )
    return kwargs


def _program_names(program: ExportedProgram, count: int, keywords: list[str]) -> list[str]:
    """Name positional arguments after the program's placeholders, if each of these is a whole argument."""
    positional = program.call_spec.in_spec.child(0)
    names = iter(program.graph_signature.user_inputs)
    result = []
    for index in range(count):
        child = positional.child(index)
        leaves = [next(names) for _ in range(child.num_leaves)]
        whole = child.is_leaf() and isinstance(leaves[0], str)
        result.append(leaves[0] if whole else f"input{index}")
    return result + keywords


def example_target(value: Any, taken: list[str], examples: Examples) -> tuple[Any, Argument]:
    """Extract the tensors from an example target.

    Returns:
        The target with holes, and the argument, which is named ``loss_target`` if the model has a ``target``.
    """
    name = "target" if "target" not in taken else "loss_target"
    hole, tree = examples.take(_TARGET, name, value)
    if not list(_tensor_names(tree)):
        raise ArgumentError(f"{_TARGET}: expected a torch.Tensor, but got {type(value).__name__}")
    return hole, Argument(name, tree)


def fill_target(hole: Any, tensors: Sequence[torch.Tensor]) -> Any:
    """Return a target with tensors in place of its holes."""
    return _fill(hole, tensors)


def _tensor_names(tree: Tree) -> Iterator[str]:
    if isinstance(tree, str):
        yield tree
    elif tree is not None:
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from _tensor_names(part)
