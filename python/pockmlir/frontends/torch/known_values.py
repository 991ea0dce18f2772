"""Tracks values that are known during export, so that indexing with a known mask has a static shape.

Export only knows shapes and types. The shape of ``x[mask]`` therefore depends on data, even if the
mask is a buffer or made of constants. This module also evaluates every function whose tensors are
all known: buffers, constants of the model, and values computed from these. A known mask becomes the
indices of its true entries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree
from torch.utils._python_dispatch import _disable_current_modes
from torch.utils.weak import WeakIdKeyDictionary

__all__ = ["KnownValues"]

_aten = torch.ops.aten
_GETITEM = (torch.Tensor.__getitem__, torch.Tensor.__setitem__)
_INDEX = (_aten.index.Tensor, _aten.index_put.default, _aten.index_put_.default)
_MASKED_SELECT = (torch.masked_select, torch.Tensor.masked_select, _aten.masked_select.default)
#: Functions that turn a mask into indices; their results are constants if their arguments are known.
_NONZERO = (
    torch.nonzero, torch.Tensor.nonzero, torch.argwhere, torch.Tensor.argwhere, torch.where,
    _aten.nonzero.default, _aten.argwhere.default, _aten.where.default,
)  # fmt: skip


@dataclass(frozen=True)
class _Known:
    """The value of a tensor, and the buffers that it was computed from."""

    value: torch.Tensor
    buffers: frozenset[str] = frozenset()


class KnownValues(TorchFunctionMode):
    """Evaluates functions on known values while they are traced.

    Args:
        buffers: values of the module's buffers by name.

    Attributes:
        used: names of the buffers on whose values a shape depends.
    """

    def __init__(self, buffers: Mapping[str, torch.Tensor]) -> None:
        super().__init__()
        self.used: set[str] = set()
        self._buffers = dict(buffers)
        self._known = WeakIdKeyDictionary()
        self._foreign = {_memory(value) for value in self._buffers.values()}

    def begin(self, module: torch.nn.Module) -> None:
        """Record the tensors that represent the module's buffers during tracing."""
        for name, traced in module.named_buffers(remove_duplicate=False):
            if name in self._buffers:
                self._known[traced] = _Known(self._buffers[name], frozenset([name]))

    def __torch_function__(
        self, func: Any, types: Sequence[Any], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call the function, with indices in place of known masks, and record its results."""
        kwargs = kwargs or {}
        known = self._evaluate(func, args, kwargs)
        if func in _NONZERO and known is not None and (func is not torch.where or len(args) + len(kwargs) == 1):
            self._note((args, kwargs))
            return pytree.tree_map_only(torch.Tensor, _constant, known)
        if func in _MASKED_SELECT and (selected := self._selected(*args, **kwargs)) is not None:
            return selected
        result = func(*self._with_indices(func, args), **kwargs)
        self._learn(result, known, (args, kwargs))
        return result

    # Values -------------------------------------------------------------------------

    def _find(self, tensor: torch.Tensor) -> _Known | None:
        found = self._known.get(tensor)
        if found is None and type(tensor) is torch.Tensor and not torch._is_functional_tensor(tensor):
            # A real tensor during tracing is a constant of the model.
            self._foreign.add(_memory(tensor))
            found = self._known[tensor] = _Known(tensor)
        return found  # type: ignore[no-any-return]

    def _evaluate(self, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Return the function's result for known arguments; None if any is not, or if it is random."""
        leaves, spec = pytree.tree_flatten((list(args), kwargs))
        found = [self._find(leaf) if isinstance(leaf, torch.Tensor) else None for leaf in leaves]
        unknown = any(
            isinstance(leaf, torch.Tensor) and known is None for leaf, known in zip(leaves, found, strict=True)
        )
        name = getattr(func, "__name__", "")
        if _is_inplace(name, kwargs) and found and found[0] is not None:
            if unknown or _memory(found[0].value) in self._foreign:
                self._forget(found[0])
                return None
        elif unknown or "empty" in name or name in _WITHOUT_VALUE:
            return None
        values = [leaf if known is None else known.value for leaf, known in zip(leaves, found, strict=True)]
        real_args, real_kwargs = pytree.tree_unflatten(values, spec)
        with _disable_current_modes(), torch._C.DisableTorchFunction(), torch.no_grad():
            before = torch.random.get_rng_state()
            try:
                result = func(*real_args, **real_kwargs)
            except Exception:  # Tracing raises the same error.
                return None
            if not torch.equal(before, torch.random.get_rng_state()):
                torch.random.set_rng_state(before)
                return None
        return result

    def _learn(self, result: Any, known: Any, arguments: Any) -> None:
        """Record the values of a result; both have the same nesting."""
        traced = [leaf for leaf in pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        values = [leaf for leaf in pytree.tree_leaves(known) if isinstance(leaf, torch.Tensor)]
        if len(traced) != len(values):
            return
        buffers = self._origin(arguments)
        for tensor, value in zip(traced, values, strict=True):
            if tensor.shape == value.shape:
                self._known[tensor] = _Known(value, buffers)

    def _origin(self, arguments: Any) -> frozenset[str]:
        found = [self._known.get(leaf) for leaf in pytree.tree_leaves(arguments) if isinstance(leaf, torch.Tensor)]
        return frozenset().union(*(known.buffers for known in found if known is not None))

    def _note(self, arguments: Any) -> None:
        self.used |= self._origin(arguments)

    def _forget(self, changed: _Known) -> None:
        """Forget a tensor and all views of the same memory."""
        memory = _memory(changed.value)
        for tensor in [key for key, known in self._known.items() if _memory(known.value) == memory]:
            del self._known[tensor]

    # Masks --------------------------------------------------------------------------

    def _indices(self, index: Any) -> list[Any]:
        """Return an index as a list; a known mask becomes one index per dimension."""
        if isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8) and index.dim():
            known = self._find(index)
            if known is not None:
                self.used |= known.buffers
                return [_constant(where) for where in _real(lambda: known.value.nonzero(as_tuple=True))]
        return [index]

    def _with_indices(self, func: Any, args: Sequence[Any]) -> Sequence[Any]:
        if len(args) < 2 or func not in (*_GETITEM, *_INDEX):
            return args
        given = args[1] if isinstance(args[1], tuple | list) else (args[1],)
        indices = [part for index in given for part in self._indices(index)]
        if len(indices) == len(given) and all(a is b for a, b in zip(indices, given, strict=True)):
            return args
        return [args[0], indices if func in _INDEX else tuple(indices), *args[2:]]

    def _selected(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor | None:
        known = self._find(mask)
        if known is None:
            return None
        self.used |= known.buffers
        shape = torch.broadcast_shapes(x.shape, mask.shape)
        where = _real(lambda: known.value.broadcast_to(shape).nonzero(as_tuple=True))
        if not shape:
            return x.reshape(1)[_constant(_real(lambda: known.value.reshape(1).nonzero()[:, 0]))]
        return x.broadcast_to(shape)[tuple(map(_constant, where))]


_OPERATORS_IN_PLACE = frozenset(
    f"__i{name}__"
    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift")
)
_WITHOUT_VALUE = frozenset(("__get__", "__set__", "item", "tolist", "__bool__", "__int__", "__float__", "__index__"))


def _is_inplace(name: str, kwargs: Mapping[str, Any]) -> bool:
    """Whether a function changes its first argument, by its name."""
    name = name.partition(".")[0]
    if name.startswith("__"):
        return name == "__setitem__" or name in _OPERATORS_IN_PLACE
    return name.endswith("_") or "out" in kwargs


def _memory(value: torch.Tensor) -> int:
    return int(_real(lambda: value.untyped_storage().data_ptr()))


def _real(function: Callable[[], Any]) -> Any:
    """Call a function on real tensors during tracing."""
    with _disable_current_modes(), torch._C.DisableTorchFunction(), torch.no_grad():
        return function()


def _constant(value: torch.Tensor) -> torch.Tensor:
    """Return a constant of the traced graph."""
    return torch.tensor(_real(value.tolist), dtype=value.dtype).reshape(value.shape)
