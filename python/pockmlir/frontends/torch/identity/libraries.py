"""The libraries whose code has the identity of their version, and what they read that is in no model."""

from __future__ import annotations

import os
import platform
import sys
import sysconfig
import types
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
import typing_extensions

from .functions import References

__all__ = [
    "Bindings",
    "Unknown",
    "is_in_library",
    "is_installed",
    "is_library_class",
    "is_library_code",
    "is_library_module",
    "refuse",
    "refuse_attribute",
    "settings",
    "versions",
]


class Unknown(Exception):
    """The identity of an object cannot be determined; the text says which object."""


#: PyTorch and numpy, and the module with which PyTorch decorates its functions.
_FOLDERS = (
    os.path.dirname(os.path.abspath(torch.__file__)) + os.sep,
    os.path.dirname(os.path.abspath(np.__file__)) + os.sep,
    os.path.abspath(typing_extensions.__file__),
)
_STANDARD_FOLDER = os.path.dirname(os.path.abspath(os.__file__)) + os.sep
_SITE_PACKAGES = tuple(sysconfig.get_path(kind) + os.sep for kind in ("purelib", "platlib"))
#: Py_TPFLAGS_HEAPTYPE: other classes cannot be changed.
_MADE_AT_RUN_TIME = 1 << 9
#: Modules of the standard library whose functions depend on their arguments only. `logging` and `warnings` have no
#: influence on a graph.
_PURE = frozenset(
    (
        "__future__ _collections _collections_abc _functools _operator abc builtins cmath collections collections.abc copy "
        "dataclasses enum fractions functools itertools logging math numbers operator re string textwrap types typing "
        "typing_extensions warnings _typing _warnings contextlib"
    ).split()
)
#: Builtins that read what no hash covers: files, other code, addresses.
_REFUSED_BUILTINS = frozenset("__import__ breakpoint compile eval exec globals hash id input open".split())
#: Attributes that lead to the same.
_REFUSED_ATTRIBUTES = frozenset(
    (
        "__builtins__ __closure__ __code__ __globals__ __subclasses__ _version data_ptr f_back f_globals f_locals grad "
        "grad_fn import_module untyped_storage"
    ).split()
)
#: Attributes of the libraries that read files, generators of random numbers, or the machine.
_REFUSED_OF_LIBRARIES = frozenset(
    (
        "cuda distributed from_file fromfile get_rng_state genfromtxt hub initial_seed load loadtxt memmap mps random "
        "seed xpu get_num_threads"
    ).split()
)


def versions() -> list[str]:
    """Return the versions of all libraries that `is_library_code` trusts."""
    return [
        sys.version,
        platform.machine(),
        str(torch.__version__),
        str(torch.version.git_version),
        np.__version__,
        version("typing_extensions"),
        *_FOLDERS,
        _STANDARD_FOLDER,
    ]


def is_library_module(name: str) -> bool:
    """Return whether a module belongs to a library with a version.

    Raises:
        Unknown: it belongs to the standard library, and does more than compute.
    """
    root = name.partition(".")[0]
    if root in ("torch", "numpy") or name in _PURE:
        return True
    if root in sys.stdlib_module_names:
        raise Unknown(f"the module {name}")
    return False


def is_in_library(code: types.CodeType) -> bool:
    """Return whether the source of a function is in the folder of a library, not in somebody else's."""
    file = code.co_filename
    if file.startswith(_FOLDERS):
        return True
    return file.startswith(("<frozen ", _STANDARD_FOLDER)) and "site-packages" not in file


def is_installed(code: types.CodeType) -> bool:
    """Return whether the source of a function was installed with a package."""
    return code.co_filename.startswith(_SITE_PACKAGES)


def is_library_code(code: types.CodeType) -> bool:
    """Return whether a function's code is that of a library, and not replaced by somebody else's.

    Raises:
        Unknown: it belongs to the standard library, and does more than compute.
    """
    if not is_in_library(code):
        return False
    file = code.co_filename
    if not file.startswith(_FOLDERS):
        # Not `__module__`: decorators set it to that of the decorated function.
        path = file.removeprefix(_STANDARD_FOLDER).removeprefix("<frozen ").removesuffix(">").removesuffix(".py")
        name = path.removesuffix("/__init__").replace(os.sep, ".")
        if name not in _PURE:
            raise Unknown(f"a function of the module {name}")
    return True


def is_library_class(cls: type) -> bool:
    """Return whether a class is found under its name in a library, or is built into Python.

    Raises:
        Unknown: it belongs to the standard library, and does more than compute.
    """
    if not cls.__flags__ & _MADE_AT_RUN_TIME:
        return True
    module = sys.modules.get(cls.__module__)
    if module is None or not is_library_module(cls.__module__):
        return False
    found: Any = module
    for part in cls.__qualname__.split("."):
        found = getattr(found, part, None)
    return found is cls


def refuse(found: References) -> None:
    """Refuse code that reads what no hash covers.

    Raises:
        Unknown: it does.
    """
    for used in sorted(_REFUSED_BUILTINS.intersection(found.variables) | (_REFUSED_ATTRIBUTES & found.names)):
        raise Unknown(f"code with the name {used}")


def refuse_attribute(module: str, name: str) -> None:
    """Refuse an attribute of a library's module that depends on more than its arguments.

    Raises:
        Unknown: it does.
    """
    if name in _REFUSED_OF_LIBRARIES:
        raise Unknown(f"code with the name {name}, which may be {module}.{name}")


def settings() -> Iterator[tuple[str, object]]:
    """Yield PyTorch's global settings, with their names.

    Raises:
        Unknown: a mode is active that intercepts functions or operators.
    """
    if torch._C._len_torch_function_stack() or torch._C._len_torch_dispatch_stack():
        raise Unknown("a mode that intercepts functions of PyTorch")
    yield "dtype", torch.get_default_dtype()
    yield "device", str(torch.get_default_device())
    yield "gradients", (torch.is_grad_enabled(), torch.is_inference_mode_enabled())
    yield "autocast", (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu"))
    yield "deterministic", (torch.are_deterministic_algorithms_enabled(), torch.get_float32_matmul_precision())
    attention = torch.backends.cuda
    yield (
        "attention",
        (attention.flash_sdp_enabled(), attention.mem_efficient_sdp_enabled(), attention.math_sdp_enabled()),
    )
    yield "backends", bool(torch.backends.mkldnn.enabled)
    hooks = torch.nn.modules.module
    yield "hooks", [value for name, value in sorted(vars(hooks).items()) if name.startswith("_global_")]
    yield from _namespaces()


class Bindings:
    """The names in a library's namespace, with what they are bound to: not what that contains.

    Attributes:
        names: the namespace.
    """

    def __init__(self, names: Mapping[str, object]) -> None:
        self.names = names


def _namespaces() -> Iterator[tuple[str, Bindings]]:
    """Yield the namespaces in which a program could replace functions that PyTorch's layers call."""
    functional = torch.nn.functional
    modules = [torch, torch.functional, torch.nn, functional, torch.linalg, torch.special, torch.fft]
    modules += [module for name, module in vars(torch.nn.modules).items() if isinstance(module, types.ModuleType)]
    for module in modules:
        yield module.__name__, Bindings(vars(module))
        for name, value in vars(module).items():
            if isinstance(value, type) and value.__module__ == module.__name__:
                yield f"{module.__name__}.{name}", Bindings(vars(value))
    yield "Tensor", Bindings(vars(torch.Tensor))
    yield "Function", Bindings(vars(torch.autograd.Function))
