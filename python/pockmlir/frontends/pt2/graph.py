"""An allow-list for the JSON of an exported program, checked before PyTorch reads it.

PyTorch's reader looks up targets by dotted name, evaluates expressions of dynamic shapes and guards as Python,
imports the modules of enumerations, and writes the graph as Python source that contains names from the file.
Therefore all types must be those of PyTorch's schema, names must be identifiers, numbers must be numbers, and
targets must be operators of ATen or `_HIGHER_ORDER`. Unneeded parts are removed.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import keyword
import math
import re
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch._export.serde import schema
from torch._export.serde.serialize import deserialize_scalar_type
from torch._export.serde.union import _Union
from torch.ao.quantization.fx import _decomposed  # noqa: F401  (registers the operators of quantised graphs)

from ...errors import ArgumentError

__all__ = ["Meta", "checked_payloads", "checked_program", "example_leaves", "input_structure"]

#: Allowed operators that are not tensor operators.
_HIGHER_ORDER = frozenset({"torch.ops.higher_order.wrap_with_set_grad_enabled"})
#: Allowed operators that return no tensor: they only check a condition.
_CHECKS = frozenset({"_assert_async", "_assert_scalar", "_assert_tensor_metadata"})
#: Refused because it opens a file.
_REFUSED = frozenset({"from_file"})
_TARGET = re.compile(r"torch\.ops\.aten\.(\w+)\.(\w+)", re.ASCII)
#: Allowed operators of quantised graphs, which compute tensors.
_QUANTIZED = re.compile(
    r"torch\.ops\.quantized_decomposed\.((de)?quantize_per_tensor\.(default|tensor)|(de)?quantize_per_channel\.default)",
    re.ASCII,
)
_FRAME = re.compile(r'File "([^"\n\r]+)", line (\d{1,9})')
_DIALECTS = frozenset({"", "ATEN", "TRAINING"})
_STRUCTURES = frozenset({"builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"})
_MAX_BYTES = 1 << 46
_INT64 = 1 << 63


@dataclasses.dataclass(frozen=True)
class Meta:
    """The checked type and layout of a tensor."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    dtype: torch.dtype
    requires_grad: bool

    @classmethod
    def of(cls, meta: Mapping[str, Any]) -> Meta:
        """Read a checked ``TensorMeta``."""
        sizes = tuple(size["as_int"] for size in meta["sizes"])
        strides = tuple(stride["as_int"] for stride in meta["strides"])
        dtype = deserialize_scalar_type(schema.ScalarType(meta["dtype"]))
        return cls(sizes, strides, meta["storage_offset"]["as_int"], dtype, meta["requires_grad"])

    @property
    def elements(self) -> int:
        """The number of elements."""
        return math.prod(self.sizes)

    @property
    def extent(self) -> int:
        """The number of elements from the begin of the storage to the tensor's last element."""
        if not self.elements:
            return 0
        return self.offset + 1 + sum((n - 1) * stride for n, stride in zip(self.sizes, self.strides, strict=True))


def checked_program(data: Any) -> dict[str, Any]:
    """Check the program's JSON completely, and return it without unneeded parts.

    Raises:
        ArgumentError: it contains something that is not on the allow-list.
    """
    return typing.cast(dict[str, Any], _checked(schema.ExportedProgram, data, "program"))


def checked_payloads(data: Any) -> dict[str, Any]:
    """Check the table of contents of tensors, and return it: name → ``PayloadMeta``."""
    return typing.cast(dict[str, Any], _checked(schema.PayloadConfig, data, "tensors")["config"])


def input_structure(program: Mapping[str, Any]) -> str:
    """Return the structure of the arguments, serialized."""
    return str(program["graph_module"]["module_call_graph"][0]["signature"]["in_spec"])


def example_leaves(program: Mapping[str, Any]) -> Iterator[Any]:
    """The flattened arguments: a `Meta` for every tensor, and the constants that are compiled in."""
    values = program["graph_module"]["graph"]["tensor_values"]
    for spec in program["graph_module"]["signature"]["input_specs"]:
        ((kind, content),) = spec.items()
        if kind == "user_input":
            ((form, value),) = content["arg"].items()
            if form == "as_tensor":
                yield Meta.of(values[value["name"]])
            else:
                yield None if form == "as_none" else value
        elif kind == "constant_input":
            ((form, value),) = content["value"].items()
            yield None if form == "as_none" else value


def _checked(cls: Any, data: Any, where: str) -> Any:
    """Check that JSON has the form of a type of PyTorch's schema; return it without unknown fields."""
    if isinstance(cls, str | typing.ForwardRef):
        cls = getattr(schema, cls if isinstance(cls, str) else cls.__forward_arg__)
    origin, arguments = typing.get_origin(cls), typing.get_args(cls)
    if origin is typing.Annotated:
        return _checked(arguments[0], data, where)
    if origin in (typing.Union, types.UnionType):
        return None if data is None else _checked(arguments[0], data, where)
    if origin is list:
        return [_checked(arguments[0], part, where) for part in _of(list, data, where)]
    if origin is dict:
        return {key: _checked(arguments[1], part, f"{where}: {key!r}") for key, part in _of(dict, data, where).items()}
    if isinstance(cls, type) and issubclass(cls, schema.IntEnum):
        try:
            return cls(_of(int, data, where)).value
        except ValueError as error:
            raise ArgumentError(f"{where}: {error}") from None
    if not dataclasses.is_dataclass(cls):
        return _of(cls, data, where)
    return _checked_class(cls, _of(dict, data, where), where)


def _checked_class(cls: Any, data: dict[str, Any], where: str) -> dict[str, Any]:
    hints = _hints(cls)
    if issubclass(cls, _Union):
        if len(data) != 1 or next(iter(data)) not in hints:
            raise ArgumentError(f"{where}: expected one of {', '.join(hints)}, but got {', '.join(map(str, data))}")
        ((kind, _),) = data.items()
        if kind in _REFUSED_KINDS:
            raise ArgumentError(f"{where}: {_REFUSED_KINDS[kind]}")
    fields = _prepared(cls, data)
    result = {}
    for field in dataclasses.fields(cls):
        if field.name in fields:
            inner = f"{where}.{field.name}" if not issubclass(cls, _Union) else where
            result[field.name] = _checked(hints[field.name], fields[field.name], inner)
        elif not issubclass(cls, _Union) and _required(field):
            raise ArgumentError(f"{where}: has no {field.name!r}")
    for check in _CHECKERS.get(cls, ()):
        check(result, where)
    return result


@functools.cache
def _hints(cls: Any) -> dict[str, Any]:
    return typing.get_type_hints(cls, globalns=vars(schema), include_extras=True)


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _of(cls: Any, data: Any, where: str) -> Any:
    if cls is float and isinstance(data, int | str) and not isinstance(data, bool):
        # Infinities and NaN are written as text.
        try:
            return float(data)
        except (ValueError, OverflowError):
            pass
    elif (
        isinstance(data, cls)
        and (cls is bool or not isinstance(data, bool))
        and (cls is not int or -_INT64 <= data < _INT64)
    ):
        return data
    raise ArgumentError(f"{where}: expected {cls.__name__}, but got {str(data)[:80]!r}")


#: Refused alternatives of unions → the reason.
_REFUSED_KINDS = {
    "as_expr": "the program has a dynamic shape, whose expressions may run code; export it without dynamic_shapes",
    "as_custom_obj": "the program has a custom object, which may run code",
    "custom_obj": "the program has a custom object, which may run code",
    "as_operator": "the program passes an operator as a value",
    "as_string_to_argument": "the program passes a dictionary to an operator",
    "token": "the program has side effects",
}


def _prepared(cls: Any, data: dict[str, Any]) -> dict[str, Any]:
    """Remove fields that are not needed and could be misused."""
    if cls is schema.ExportedProgram:
        return {**data, "guards_code": [], "range_constraints": {}, "opset_version": {}, "torch_version": ""}
    if cls is schema.GraphModule:
        calls = [entry for entry in _of(list, data.get("module_call_graph"), "module_call_graph") if not _fqn(entry)]
        return {**data, "metadata": {}, "treespec_namedtuple_fields": {}, "module_call_graph": calls}
    if cls is schema.Node:
        return {**data, "metadata": _metadata(data.get("metadata"))}
    if cls is schema.Graph:
        return {**data, "custom_obj_values": {}}
    return data


def _fqn(entry: Any) -> Any:
    return entry.get("fqn") if isinstance(entry, dict) else None


def _metadata(data: Any) -> dict[str, str]:
    """Keep the origin of a node: module path and source lines."""
    metadata = _of(dict, data, "metadata")
    kept = {}
    if frames := _FRAME.findall(str(metadata.get("stack_trace", ""))):
        kept["stack_trace"] = "\n".join(f'  File "{file}", line {line}, in forward' for file, line in frames)
    stack = [part.split(",") for part in str(metadata.get("nn_module_stack", "")).split(";")]
    if all(len(part) == 3 and all(map(_harmless, part)) for part in stack):
        kept["nn_module_stack"] = ";".join(",".join(part) for part in stack)
    return kept


def _harmless(text: str) -> bool:
    """Whether a text may be quoted in source code, and is not nested."""
    return text.isprintable() and not set(text) & set("\"'\\`(){}[]#")


def _identifier(name: str, where: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name == "self":
        raise ArgumentError(f"{where}: expected a name, but got {name[:80]!r}")


def _identifiers(*keys: str, optional: bool = False) -> Callable[[dict[str, Any], str], None]:
    def check(data: dict[str, Any], where: str) -> None:
        for key in keys:
            if key in data and not (optional and not data[key]):
                _identifier(data[key], where)

    return check


def _check_argument_name(data: dict[str, Any], where: str) -> None:
    """Check an argument's name; ATen has arguments called ``self`` and ``from``."""
    if data["name"] and not data["name"].isidentifier():
        _identifier(data["name"], where)


def _tensor_name(key: str) -> Callable[[dict[str, Any], str], None]:
    """Check the path of a parameter or buffer, which becomes an attribute of a module and part of source text."""

    def check(data: dict[str, Any], where: str) -> None:
        _check_path(data[key], where)

    return check


def _check_path(path: str, where: str) -> None:
    for part in path.split("."):
        if not part or not _harmless(part) or hasattr(torch.nn.Module, part) or part in vars(_plain_module()):
            raise ArgumentError(f"{where}: {path[:80]!r} cannot be the name of a tensor")


@functools.cache
def _plain_module() -> torch.nn.Module:
    return torch.nn.Module()


def _check_target(node: dict[str, Any], where: str) -> None:
    target = node["target"]
    if _QUANTIZED.fullmatch(target):
        return
    if target in _HIGHER_ORDER or ((match := _TARGET.fullmatch(target)) and _is_tensor_operator(match[1], match[2])):
        return
    raise ArgumentError(
        f"{where}: {target[:80]!r} is not an operator that may be loaded from a file: expected tensor operators of ATen"
    )


@functools.cache
def _is_tensor_operator(name: str, overload: str) -> bool:
    """Whether ATen has an operator that computes tensors."""
    if name in _REFUSED:
        return False
    wanted = "" if overload == "default" else overload
    for found in torch._C._jit_get_schemas_for_operator(f"aten::{name}"):
        if found.overload_name == wanted:
            returned = [str(value.type) for value in found.returns]
            return name in _CHECKS or (bool(returned) and all(kind in ("Tensor", "List[Tensor]") for kind in returned))
    return False


def _check_device(device: dict[str, Any], where: str) -> None:
    if device["type"] != "cpu" or device.get("index"):
        raise ArgumentError(
            f"{where}: expected tensors on the CPU, but got {device['type'][:20]!r}; before saving, "
            "use torch.export.passes.move_to_device_pass(program, 'cpu')"
        )


def _check_meta(data: dict[str, Any], where: str) -> None:
    if data["dtype"] == schema.ScalarType.UNKNOWN or data["layout"] != schema.Layout.Strided:
        raise ArgumentError(f"{where}: expected a dense tensor of a known dtype")
    meta = Meta.of(data)
    smallest = min((*meta.sizes, *meta.strides, meta.offset, 0))
    bytes_of = max(meta.elements, meta.extent) * meta.dtype.itemsize
    if smallest < 0 or len(meta.sizes) != len(meta.strides) or len(meta.sizes) > 64 or bytes_of > _MAX_BYTES:
        raise ArgumentError(f"{where}: impossible shape {list(meta.sizes)} with strides {list(meta.strides)}")


def _check_calls(data: dict[str, Any], where: str) -> None:
    calls = data["module_call_graph"]
    if len(calls) != 1 or not calls[0]["signature"]:
        raise ArgumentError(f"{where}: has no signature")


def _check_structures(data: dict[str, Any], where: str) -> None:
    for key in ("in_spec", "out_spec"):
        try:
            version, tree = json.loads(data[key])
        except (ValueError, TypeError) as error:
            raise ArgumentError(f"{where}.{key}: {error}") from None
        if version != 1:
            raise ArgumentError(f"{where}.{key}: unknown version {version!r}")
        data[key] = json.dumps((1, _structure(tree, f"{where}.{key}")))
    for name in data["forward_arg_names"] or ():
        _identifier(name, where)
    arguments = json.loads(data["in_spec"])[1]
    parts = arguments["children_spec"]
    if arguments["type"] != "builtins.tuple" or [part["type"] for part in parts] != ["builtins.tuple", "builtins.dict"]:
        raise ArgumentError(f"{where}.in_spec: expected positional and keyword arguments")
    for name in json.loads(parts[1]["context"]):
        _identifier(str(name), where)


def _structure(tree: Any, where: str) -> dict[str, Any]:
    """Check the nested structure of arguments or results; results of other classes with named fields become dicts."""
    node = _of(dict, tree, where)
    kind, context, children = node.get("type"), node.get("context"), _of(list, node.get("children_spec"), where)
    if kind is None:
        if context is not None or children:
            raise ArgumentError(f"{where}: malformed leaf")
        return {"type": None, "context": None, "children_spec": []}
    try:
        keys = json.loads(_of(str, context, where))
    except ValueError as error:
        raise ArgumentError(f"{where}: {error}") from None
    named = isinstance(keys, list) and len(keys) == len(children) and all(map(_is_key, keys))
    if kind in ("builtins.tuple", "builtins.list"):
        keys = None
    elif not named or len(set(map(str, keys))) != len(keys):
        raise ArgumentError(f"{where}: expected tuples, lists and dicts, but got {str(kind)[:80]!r}")
    parts = [_structure(child, where) for child in children]
    return {
        "type": kind if kind in _STRUCTURES else "builtins.dict",
        "context": json.dumps(keys),
        "children_spec": parts,
    }


def _is_key(key: Any) -> bool:
    return isinstance(key, int) or (isinstance(key, str) and _harmless(key))


def _check_verifiers(data: dict[str, Any], where: str) -> None:
    for dialect in data.get("verifiers", ()):
        if dialect not in _DIALECTS:
            raise ArgumentError(f"{where}: expected a program of torch.export, but got the dialect {dialect[:80]!r}")


def _check_names(key: str, check: Callable[[str, str], None]) -> Callable[[dict[str, Any], str], None]:
    def check_all(data: dict[str, Any], where: str) -> None:
        for name in data[key]:
            check(name, where)

    return check_all


_NAMED = _identifiers("name")
_CHECKERS: dict[Any, tuple[Callable[[dict[str, Any], str], None], ...]] = {
    schema.TensorArgument: (_NAMED,),
    schema.GraphArgument: (_NAMED,),
    schema.NamedArgument: (_check_argument_name,),
    schema.SymIntArgument: (_identifiers("as_name"),),
    schema.SymFloatArgument: (_identifiers("as_name"),),
    schema.SymBoolArgument: (_identifiers("as_name"),),
    schema.InputToConstantInputSpec: (_identifiers("name", optional=True),),
    schema.Node: (_check_target, _identifiers("name", optional=True)),
    schema.Graph: (_check_names("tensor_values", _identifier),),
    schema.GraphModule: (_check_calls,),
    schema.ModuleCallSignature: (_check_structures,),
    schema.InputToParameterSpec: (_tensor_name("parameter_name"),),
    schema.InputToBufferSpec: (_tensor_name("buffer_name"),),
    schema.InputToTensorConstantSpec: (_tensor_name("tensor_constant_name"),),
    schema.BufferMutationSpec: (_tensor_name("buffer_name"),),
    schema.ParameterMutationSpec: (_tensor_name("parameter_name"),),
    schema.GradientToParameterSpec: (_tensor_name("parameter_name"),),
    schema.PayloadConfig: (_check_names("config", _check_path),),
    schema.TensorMeta: (_check_meta,),
    schema.Device: (_check_device,),
    schema.ExportedProgram: (_check_verifiers,),
}
