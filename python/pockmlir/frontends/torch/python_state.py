"""Finds attributes of modules that a forward pass changes, which a compiled step does not change.

Buffers are part of the graph and change with every step. Numbers, lists and other tensors are not
part of it. This module compares them before and after the traced forward pass.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from ...errors import ArgumentError
from ...support.warning import warn_user
from .source import strip_model

__all__ = ["Change", "PythonState", "report_changes", "store_assigned_buffers"]

#: Attributes of PyTorch's own: those of every module, and of recurrent ones.
_OWN = frozenset(vars(torch.nn.Module())) | {"_flat_weights", "_flat_weight_refs"}
#: Limits for the comparison of containers and objects: nesting depth, and number of entries.
_DEPTH, _ENTRIES = 4, 1000


@dataclass(frozen=True)
class Change:
    """An attribute that the forward pass changed.

    Attributes:
        name: the name of the attribute, with the path of its module.
        what: the values before and after, shortened.
        tensors: the tensors in its value before.
    """

    name: str
    what: str
    tensors: tuple[torch.Tensor, ...]


class PythonState:
    """A snapshot of the attributes of the modules of an exported wrapper.

    Args:
        wrapper: the modules' root.
    """

    def __init__(self, wrapper: torch.nn.Module) -> None:
        self._wrapper = wrapper
        self._known: dict[int, Any] = {}
        #: ``id`` of each visited container or object → itself, and a copy of its contents.
        self._contents: dict[int, tuple[Any, Any]] = {}
        self._saved = {
            (path, name): (value, self._print(value, _DEPTH), _short(value))
            for path, module in wrapper.named_modules()
            if path
            for name, value in _attributes(module)
        }

    def changes(self) -> list[Change]:
        """Return the attributes that have changed since."""
        found = []
        self._known = {}
        saved = dict(self._contents)
        for path, module in self._wrapper.named_modules():
            for name, value in _attributes(module) if path else ():
                inside = strip_model(path)
                full = ".".join(filter(None, [path if inside is None else inside, name]))
                if (path, name) not in self._saved:
                    found.append(Change(full, f"new: {_short(value)}", ()))
                    continue
                old, printed, short = self._saved[path, name]
                if printed != self._print(value, _DEPTH):
                    tensors = tuple(t for t in (old, *_parts(saved.get(id(old)))) if isinstance(t, torch.Tensor))
                    found.append(Change(full, f"{short} → {_short(value)}", tensors))
        self._contents = saved
        return found

    def restore(self) -> None:
        """Restore the attributes, and the contents of nested containers and objects."""
        for path, module in self._wrapper.named_modules():
            for name, value in list(_attributes(module)) if path else ():
                if (path, name) not in self._saved:
                    delattr(module, name)
                elif value is not self._saved[path, name][0]:
                    setattr(module, name, self._saved[path, name][0])
        for container, contents in self._contents.values():
            _refill(container, contents)

    def _print(self, value: Any, depth: int) -> Any:
        """A fingerprint of a value, which differs after a change of the value."""
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            return type(value), value
        if isinstance(value, torch.Tensor | torch.nn.Module) or depth == 0:
            return id(value)
        if id(value) not in self._known:
            self._known[id(value)] = id(value)  # for a value that contains itself
            self._known[id(value)] = self._print_parts(value, depth - 1)
        return self._known[id(value)]

    def _print_parts(self, value: Any, depth: int) -> Any:
        if isinstance(value, Mapping):
            items = list(value.items())[:_ENTRIES]
            self._contents.setdefault(id(value), (value, dict(value)))
            return id(value), len(value), tuple((self._print(k, 1), self._print(v, depth)) for k, v in items)
        if isinstance(value, list | tuple | deque):
            # A tuple may be replaced by another one with the same entries.
            kept = tuple if isinstance(value, tuple) else id(value)
            self._contents.setdefault(id(value), (value, list(value)))
            return kept, len(value), tuple(self._print(entry, depth) for entry in list(value)[:_ENTRIES])
        if isinstance(value, set):
            self._contents.setdefault(id(value), (value, set(value)))
            return id(value), len(value)
        if _is_plain(value):
            self._contents.setdefault(id(value), (value, dict(vars(value))))
            return id(value), self._print(vars(value), depth)
        return id(value)


def _attributes(module: torch.nn.Module) -> Iterator[tuple[str, Any]]:
    made = _OWN | _made_by_hooks(module)
    return ((name, value) for name, value in vars(module).items() if name not in made)


def _made_by_hooks(module: torch.nn.Module) -> set[str]:
    """The weights that `torch.nn.utils` recomputes from parameters before every forward pass."""
    return {
        str(getattr(hook, "_tensor_name", None) or getattr(hook, "name", ""))
        for hook in module._forward_pre_hooks.values()
        if type(hook).__module__.startswith("torch.nn.utils.")
    }


def _is_plain(value: Any) -> bool:
    """Whether a value is an object of a user-defined class, which may hold numbers or tensors."""
    kind = type(value)
    return hasattr(value, "__dict__") and not callable(value) and not kind.__module__.startswith(("torch.", "builtins"))


def _parts(saved: tuple[Any, Any] | None) -> Iterable[Any]:
    """The saved entries of a container."""
    if saved is None:
        return ()
    return saved[1].values() if isinstance(saved[1], dict) else saved[1]


def _refill(container: Any, contents: Any) -> None:
    """Restore the contents of a mutable container or object if they have changed."""
    if isinstance(container, list | deque):
        if [id(entry) for entry in container] != [id(entry) for entry in contents]:
            container.clear()
            container.extend(contents)
        return
    target = container if isinstance(container, dict | set) else getattr(container, "__dict__", None)
    if isinstance(target, dict | set) and _differs(target, contents):
        target.clear()
        target.update(contents)


def _differs(now: Any, before: Any) -> bool:
    if isinstance(now, set):
        return bool(now != before)
    return len(now) != len(before) or any(key not in now or now[key] is not value for key, value in before.items())


def _short(value: Any) -> str:
    if isinstance(value, torch.Tensor):
        return f"a tensor {list(value.shape)}"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)[:40]
    size = f" of {len(value)}" if hasattr(value, "__len__") else ""
    return f"{type(value).__name__}{size}"


def report_changes(changes: Iterable[Change], constants: Iterable[Any]) -> None:
    """Warn about attributes that the forward pass changes but a step will not.

    Args:
        changes: the changes by the forward pass.
        constants: the constant tensors of the graph.

    Raises:
        ArgumentError: a changed attribute is a tensor that the graph reads; every step would read its first value.
    """
    held = {tensor.data_ptr() for tensor in constants if isinstance(tensor, torch.Tensor)}
    read = [change for change in changes if any(tensor.data_ptr() in held for tensor in change.tensors)]
    if read:
        listed = ", ".join(f"'{change.name}' ({change.what})" for change in read)
        raise ArgumentError(
            f"model: its forward reads and changes {listed}: a compiled step would have the first value for ever; make it "
            "a buffer (register_buffer), which a step carries from call to call"
        )
    if listed := ", ".join(f"'{change.name}' ({change.what})" for change in changes):
        warn_user(
            f"model: its forward changes {listed}: a compiled step does not, it has been compiled with what was there; "
            "make a number that counts steps a buffer, or an input"
        )


def store_assigned_buffers(wrapper: torch.nn.Module, before: Mapping[str, torch.Tensor]) -> None:
    """Turn assignments ``self.buffer = value`` into changes in place, which export keeps.

    Args:
        wrapper: the modules' root.
        before: the buffers of the wrapper before the forward pass.
    """
    for name, old in before.items():
        path, _, attribute = name.rpartition(".")
        module = wrapper.get_submodule(path)
        new = module._buffers.get(attribute)
        if isinstance(new, torch.Tensor) and new is not old:
            if new.shape != old.shape or new.dtype != old.dtype:
                inside = strip_model(name)
                raise ArgumentError(
                    f"model: its forward sets the buffer '{name if inside is None else inside}' to {_short(new)} of "
                    f"{new.dtype}, but it is {_short(old)} of {old.dtype}; shapes and dtypes are fixed"
                )
            with torch.no_grad():
                old.copy_(new)
            module._buffers[attribute] = old
