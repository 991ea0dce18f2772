"""Hashes Python objects by what code can see of them."""

from __future__ import annotations

import abc
import collections
import enum
import functools
import hashlib
import inspect
import logging
import re
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import torch

from .functions import code_facts, is_generated, references, variable
from .libraries import (
    Bindings,
    Unknown,
    is_in_library,
    is_installed,
    is_library_class,
    is_library_code,
    is_library_module,
    refuse,
    refuse_attribute,
)

__all__ = ["Hasher"]

_PLAIN = (type(None), bool, int, str, bytes, complex, type(Ellipsis), type(NotImplemented), range)
_DESCRIPTORS = (
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.GetSetDescriptorType,
    types.MemberDescriptorType,
    types.ClassMethodDescriptorType,
)
#: Builtin classes whose instances have contents, also those of derived classes.
_CONTAINERS: tuple[Any, ...] = (dict, list, tuple, set, frozenset, str, int, float, bytes)
_METACLASSES = (type, abc.ABCMeta, enum.EnumMeta)
#: Attributes of classes that code which only computes does not read.
_LEFT_OUT = frozenset(
    (
        "__dict__ __weakref__ __doc__ __module__ __annotations__ __annotate__ __abstractmethods__ _abc_impl __parameters__ "
        "__orig_bases__ __firstlineno__ __static_attributes__ __qualname__"
    ).split()
)
_OPERATORS = ("aten", "prims", "quantized_decomposed")
_SETTINGS = (torch.dtype, torch.device, torch.layout, torch.memory_format)


class Hasher:
    """Hashes objects, and what they refer to, each once; equal digests stand for equal graphs of objects.

    Args:
        variable: the ``id`` of tensors whose values do not matter.
    """

    def __init__(self, variable: Iterable[int] = ()) -> None:
        self._hash = hashlib.sha256()
        self._variable = frozenset(variable)
        self._numbers: dict[int, int] = {}
        self._storages: dict[int, int] = {}
        #: Objects that were made on the way: without them, others could have the same `id`.
        self._kept: list[object] = []
        self._modules: set[tuple[str, frozenset[str] | None]] = set()
        self._with_content = True

    def digest(self) -> str:
        """Return the hash of everything so far."""
        return self._hash.hexdigest()

    def examples(self, value: object) -> None:
        """Hash a value, but only shapes and types of the tensors that are not known yet."""
        self._with_content = False
        self.visit(value)
        self._with_content = True

    def visit(self, value: Any) -> None:
        """Hash a value.

        Raises:
            Unknown: the value, or something that it refers to, cannot be hashed.
        """
        kind = type(value)
        if kind in _PLAIN:
            self._put(kind.__name__, repr(value))
            return
        if kind is float:
            self._put("float", value.hex())
            return
        number = self._numbers.get(id(value))
        if number is not None:
            self._put("again", str(number))
            return
        self._numbers[id(value)] = len(self._numbers)
        self._kept.append(value)
        visit = _CONTAINER_VISITORS.get(kind) or next(
            (visit for types_, visit in _VISITORS if isinstance(value, types_)), Hasher._instance
        )
        visit(self, value)

    def _put(self, *texts: str | bytes) -> None:
        for text in texts:
            data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
            self._hash.update(len(data).to_bytes(4, "little"))
            self._hash.update(data)

    # Containers and objects ---------------------------------------------------------------

    def _sequence(self, values: Any) -> None:
        self._put(type(values).__name__, str(len(values)))
        for value in values:
            self.visit(value)

    def _mapping(self, values: Mapping[Any, Any]) -> None:
        self._put(type(values).__name__, str(len(values)))
        for key, value in values.items():
            self.visit(key)
            self.visit(value)

    def _set(self, values: Any) -> None:
        if not all(type(value) in (*_PLAIN, float) for value in values):
            raise Unknown("a set of objects")
        # The order of a set depends on addresses and on the process.
        self._put("set", *sorted(f"{type(value).__name__} {value!r}" for value in values))

    def _instance(self, value: Any) -> None:
        cls = type(value)
        if not _is_made_in_python(cls):
            raise Unknown(f"an object of type {cls.__module__}.{cls.__qualname__}")
        self._put("object")
        self.visit(cls)
        for container in _CONTAINERS:
            if isinstance(value, container):
                self._content(container, value)
        for base in cls.__mro__:
            slots = vars(base).get("__slots__", ())
            for name in (slots,) if isinstance(slots, str) else slots:
                if name not in ("__dict__", "__weakref__"):
                    self._put(name)
                    private = name.startswith("__") and not name.endswith("__")
                    self.visit(getattr(value, f"_{base.__name__.lstrip('_')}{name}" if private else name, "(missing)"))
        if hasattr(value, "__dict__"):
            self._mapping(vars(value))

    def _content(self, container: Any, value: Any) -> None:
        if container is dict:
            self._mapping(dict(value.items()))
        elif container in (list, tuple):
            self._sequence(container(value))
        elif container in (set, frozenset):
            self._set(value)
        else:
            # A class may print its instances in its own way.
            self._put(container.__repr__(value))

    # Classes, modules and functions -------------------------------------------------------

    def _class(self, cls: type) -> None:
        self._put("class", cls.__module__, cls.__qualname__)
        if is_library_class(cls):
            self._bindings(Bindings(vars(cls)))
            return
        if not _is_made_in_python(cls):
            raise Unknown(f"the class {cls.__module__}.{cls.__qualname__}")
        if type(cls) not in _METACLASSES:
            self.visit(type(cls))
        for base in cls.__bases__:
            self.visit(base)
        for name, value in vars(cls).items():
            # What `dataclass` writes here depends on the fields alone.
            generated = name == "__hash__" and isinstance(value, types.FunctionType) and is_generated(value.__code__)
            if name not in _LEFT_OUT and not generated:
                self._put(name)
                self.visit(value)

    def _module(self, module: types.ModuleType, names: frozenset[str] | None = None) -> None:
        """Hash the attributes of a module with certain names, all if None."""
        name = module.__name__
        if (name, names) in self._modules:
            return
        self._modules.add((name, names))
        self._put("module", name)
        is_library = is_library_module(name)
        if is_library and names is None:
            raise Unknown(f"the module {name} as an object")
        for attribute, value in list(vars(module).items()):
            if names is not None and attribute not in names:
                continue
            self._put(attribute)
            if is_library:
                refuse_attribute(name, attribute)
            if isinstance(value, types.ModuleType):
                self._module(value, names)
            elif is_library:
                self._binding(value)
            elif not attribute.startswith("__"):
                self.visit(value)

    def _function(self, function: types.FunctionType) -> None:
        code = function.__code__
        self._put("function", str(function.__module__), function.__qualname__)
        if is_library_code(code):
            self._put(code.co_filename, str(code.co_firstlineno))
            # Decorators of libraries call a function of the user.
            for value in (*_cells(function), *vars(function).values()):
                if isinstance(value, types.FunctionType | type | functools.partial):
                    self.visit(value)
            return
        self.visit(code)
        self.visit(function.__defaults__)
        self.visit(function.__kwdefaults__)
        self._sequence(_cells(function))
        self._mapping(vars(function))
        found = references(code)
        refuse(found)
        for name in found.imports:
            if not is_library_module(name):
                raise Unknown(f"code that imports {name}")
        for name in found.variables:
            exists, value = variable(function, name)
            self._put(name, str(exists))
            if isinstance(value, types.ModuleType):
                is_library = is_library_module(value.__name__)
                self._module(value, found.names if is_library or not found.reads_by_name else None)
            elif exists:
                self.visit(value)

    def _facts(self, code: types.CodeType) -> None:
        for fact in code_facts(code):
            self._put(fact if isinstance(fact, bytes) else repr(fact))

    def _code(self, code: types.CodeType) -> None:
        self._facts(code)
        for constant in code.co_consts:
            self.visit(constant)

    def _builtin(self, function: Any) -> None:
        self._put("builtin", str(function.__module__), function.__qualname__)
        if function.__self__ is not None and not isinstance(function.__self__, types.ModuleType):
            self.visit(function.__self__)

    def _method(self, method: types.MethodType) -> None:
        self._put("method")
        self.visit(method.__func__)
        self.visit(method.__self__)

    def _descriptor(self, value: Any) -> None:
        self._put("descriptor", value.__objclass__.__module__, value.__objclass__.__qualname__, value.__name__)

    def _bindings(self, namespace: Bindings) -> None:
        """Hash what the names of a library are bound to; what is not the library's is hashed with its content."""
        for name, value in sorted(namespace.names.items()):
            if isinstance(value, types.ModuleType) or name in _LEFT_OUT:
                continue
            self._put(name)
            self._binding(value)

    def _binding(self, value: Any) -> None:
        while isinstance(value, staticmethod | classmethod):
            value = value.__func__
        if isinstance(value, property):
            for part in (value.fget, value.fset):
                self._binding(part)
        elif isinstance(value, types.FunctionType):
            code = value.__code__
            if is_in_library(code):
                self._put(code.co_filename, code.co_qualname, str(code.co_firstlineno))
            elif is_generated(code) or is_installed(code):
                # A package that adds functions to PyTorch: what these call changes with the package only.
                self._facts(code)
                self._put(repr([constant for constant in code.co_consts if type(constant) in (*_PLAIN, float)]))
            else:
                self.visit(value)
        elif isinstance(value, type):
            self._put(value.__module__, value.__qualname__)
        elif type(value) in (*_PLAIN, float):
            self._put(repr(value))
        elif isinstance(value, types.BuiltinFunctionType):
            self._put(str(value.__module__), value.__qualname__)
        else:
            self._put(type(value).__module__, type(value).__qualname__)

    # PyTorch and numpy --------------------------------------------------------------------

    def _tensor(self, tensor: torch.Tensor) -> None:
        kind = type(tensor)
        if kind not in (torch.Tensor, torch.nn.Parameter, torch.nn.Buffer):
            raise Unknown(f"a tensor of type {kind.__module__}.{kind.__qualname__}")
        facts = [kind.__name__, tensor.dtype, tuple(tensor.shape), tensor.device, tensor.layout, tensor.requires_grad]
        if tensor.layout is not torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
            raise Unknown(f"a tensor on {tensor.device} with layout {tensor.layout}")
        storage = self._storages.setdefault(tensor.untyped_storage().data_ptr(), len(self._storages))
        facts += [tensor.stride(), tensor.storage_offset(), tensor.is_conj(), tensor.is_neg(), storage]
        self._put("tensor", repr(facts))
        self.visit(tensor._backward_hooks)
        self.visit(tensor._post_accumulate_grad_hooks)
        self._mapping(vars(tensor))
        if id(tensor) in self._variable or not self._with_content:
            return
        if tensor.grad_fn is not None:
            raise Unknown("a tensor that a differentiable function has computed")
        self._put(tensor.detach().contiguous().view(-1).view(torch.uint8).numpy().tobytes())

    def _array(self, array: np.ndarray[Any, Any]) -> None:
        if type(array) is not np.ndarray or array.dtype.hasobject:
            raise Unknown(f"an array of type {type(array).__qualname__} of {array.dtype}")
        self._put("array", str(array.dtype), repr((array.shape, array.strides)))
        if self._with_content:
            self._put(array.tobytes())

    def _operator(self, value: Any) -> None:
        name = str(value)
        if not name.startswith(tuple(f"{namespace}." for namespace in _OPERATORS)):
            raise Unknown(f"the operator {name}")
        self._put("operator", name)

    def _named(self, value: Any) -> None:
        self._put(type(value).__name__, str(value))


def _cells(function: types.FunctionType) -> list[Any]:
    """Return the values of the variables of enclosing functions."""
    found = []
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # It is not set.
            found.append("(empty)")
    return found


def _is_made_in_python(cls: type) -> bool:
    """Return whether instances have no contents but attributes and those of a builtin container."""
    first = [base for base in cls.__mro__ if base.__base__ in (object, *_CONTAINERS) and base not in _CONTAINERS]
    made = {"__weakref__", "__dict__", "__slots__"}
    return bool(first) and all(base is collections.OrderedDict or made & vars(base).keys() for base in first)


def _default_mapping(self: Hasher, value: collections.defaultdict[Any, Any]) -> None:
    self.visit(value.default_factory)
    self._mapping(value)


def _parts(*names: str) -> Callable[[Hasher, Any], None]:
    """Return a visitor of certain attributes."""

    def visit(self: Hasher, value: Any) -> None:
        self._put(type(value).__name__)
        for name in names:
            self.visit(getattr(value, name))

    return visit


def _ignored(self: Hasher, value: Any) -> None:
    self._put(type(value).__name__)


#: Types and how their own instances are hashed, not those of derived classes.
_CONTAINER_VISITORS: dict[type, Callable[[Hasher, Any], None]] = {
    **dict.fromkeys((list, tuple, collections.deque), Hasher._sequence),
    **dict.fromkeys((dict, collections.OrderedDict), Hasher._mapping),
    **dict.fromkeys((set, frozenset), Hasher._set),
    collections.defaultdict: _default_mapping,
}
#: Types and how their instances are hashed; the first that fits counts.
_VISITORS: tuple[tuple[Any, Callable[[Hasher, Any], None]], ...] = (
    (torch.Tensor, Hasher._tensor),
    (torch.Size, Hasher._sequence),
    (_SETTINGS, Hasher._named),
    (type, Hasher._class),
    (types.FunctionType, Hasher._function),
    (types.MethodType, Hasher._method),
    (types.BuiltinFunctionType, Hasher._builtin),
    (types.ModuleType, Hasher._module),
    (types.CodeType, Hasher._code),
    (_DESCRIPTORS, Hasher._descriptor),
    (property, _parts("fget", "fset", "fdel")),
    ((staticmethod, classmethod), _parts("__func__")),
    (functools.partial, _parts("func", "args", "keywords")),
    (functools.partialmethod, _parts("func", "args", "keywords")),
    (functools.cached_property, _parts("func", "attrname")),
    (slice, _parts("start", "stop", "step")),
    (weakref.ReferenceType, lambda self, value: self.visit(value())),
    (re.Pattern, _parts("pattern", "flags")),
    (types.GenericAlias, _parts("__origin__", "__args__")),
    (types.UnionType, _parts("__args__")),
    (types.MappingProxyType, Hasher._mapping),
    (np.ndarray, Hasher._array),
    ((np.generic, np.dtype, np.ufunc), Hasher._named),
    ((torch._ops.OpOverload, torch._ops.OpOverloadPacket), Hasher._operator),
    (logging.Logger, _ignored),
    (inspect.Signature, Hasher._named),
    (Bindings, Hasher._bindings),
)
