"""Exported programs of unknown origin: nothing in them runs, and damage is an error of ours."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import pickle
import random
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pockmlir as pock
import pytest
import torch
from pockmlir import load_exported
from torch import nn

PROGRAM = "models/model.json"
WEIGHTS = "data/weights/model_weights_config.json"
CONSTANTS = "data/constants/model_constants_config.json"


class Model(nn.Module):
    """Has what an archive can have: parameters, buffers, constants, a region without gradient, structure."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2)
        self.register_buffer("scale", torch.arange(4.0), persistent=False)

    def forward(self, x: Any, flag: Any = None, *, mode: str = "a") -> Any:
        with torch.no_grad():
            y = self.conv(x["image"])
        y = self.norm(y).mean((2, 3)) * self.scale + torch.tensor([1.0, 2, 3, 4])
        first, second = torch.split(y, 2, 1)
        return {"logits": self.head(torch.cat([second, first], 1)), "flag": flag}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a saved program."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("pt2") / "clean.pt2"
    program = torch.export.export(Model(), ({"image": torch.randn(2, 3, 8, 8)},), {"flag": None, "mode": "a"})
    torch.export.save(program, path)
    with zipfile.ZipFile(path) as file:
        return {entry.filename.partition("/")[2]: file.read(entry) for entry in file.infolist()}


def write(path: Path, files: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """Write an archive."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in files.items():
            file.writestr(f"root/{name}", data)
    return path


class Evil:
    """Runs a command when it is unpickled."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> Any:
        return (os.system, (f"touch {self.proof}",))


def test_loads_what_torch_loads(archive: dict[str, bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "clean.pt2", archive)
    ours, theirs = load_exported(path), torch.export.load(path)
    assert str(ours.graph) == str(theirs.graph)
    assert ours.graph_signature == theirs.graph_signature
    assert ours.call_spec == theirs.call_spec
    for name, tensor in {**theirs.state_dict, **theirs.constants}.items():
        own = {**ours.state_dict, **ours.constants}[name]
        assert torch.equal(own, tensor)
        assert (own.requires_grad, type(own)) == (tensor.requires_grad, type(tensor))
    (args, kwargs), (their_args, their_kwargs) = ours.example_inputs, theirs.example_inputs
    assert kwargs == their_kwargs
    assert args[0]["image"].shape == their_args[0]["image"].shape
    x = {"image": torch.randn(2, 3, 8, 8)}
    ours_out, theirs_out = (p.module()(x, flag=None, mode="a") for p in (ours, theirs))
    assert torch.equal(ours_out["logits"], theirs_out["logits"])
    where = [n.meta["nn_module_stack"] for n in ours.graph.nodes if n.name == "linear"]
    assert where == [n.meta["nn_module_stack"] for n in theirs.graph.nodes if n.name == "linear"]


def program_of(files: dict[str, bytes]) -> Any:
    """The graph's JSON."""
    return json.loads(files[PROGRAM])


Edit = Callable[[dict[str, bytes], Path], None]


def _json(name: str, change: Callable[[Any, str], None]) -> Edit:
    """An edit of a JSON file; `change` also gets Python source that would leave a proof."""

    def edit(files: dict[str, bytes], proof: Path) -> None:
        data = json.loads(files[name])
        change(data, f"__import__('os').system('touch {proof}')")
        files[name] = json.dumps(data).encode()

    return edit


def _graph(change: Callable[[Any, str], None]) -> Edit:
    return _json(PROGRAM, lambda data, code: change(data["graph_module"]["graph"], code))


def _signature(change: Callable[[Any, str], None]) -> Edit:
    return _json(PROGRAM, lambda data, code: change(data["graph_module"]["module_call_graph"][0]["signature"], code))


def _payload(name: str, change: Callable[[Any, str], None]) -> Edit:
    return _json(name, lambda data, code: change(next(iter(data["config"].values())), code))


def _pickled(place: str) -> Edit:
    def edit(files: dict[str, bytes], proof: Path) -> None:
        buffer = io.BytesIO()
        torch.save(Evil(proof), buffer)
        files[place] = buffer.getvalue()

    return edit


def _both(*edits: Edit) -> Edit:
    def edit(files: dict[str, bytes], proof: Path) -> None:
        for part in edits:
            part(files, proof)

    return edit


def _target(target: str, *inputs: Any) -> Edit:
    def change(graph: Any, code: str) -> None:
        node = graph["nodes"][-1]
        node["target"] = target
        if inputs:
            node["inputs"] = [{"name": "", "arg": value, "kind": 1} for value in inputs]

    return _graph(change)


def _opaque(files: dict[str, bytes], proof: Path) -> None:
    files["data/constants/opaque_obj_0"] = pickle.dumps(Evil(proof))
    _payload(CONSTANTS, lambda entry, _: entry.update(path_name="opaque_obj_0", use_pickle=True))(files, proof)


def _names(old: str, new: str) -> Edit:
    """Rename a value everywhere to a piece of Python source."""

    def edit(files: dict[str, bytes], proof: Path) -> None:
        code = json.dumps(new.replace("CODE", f"__import__('os').system('touch {proof}')"))
        files[PROGRAM] = files[PROGRAM].replace(json.dumps(old).encode(), code.encode())

    return edit


def _enum(spec: Any, code: str) -> None:
    context = json.dumps([{"__enum__": True, "fqn": "antigravity:geohash", "name": "x"}, "flag"])
    version, tree = json.loads(spec["out_spec"])
    tree["context"] = context
    spec["out_spec"] = json.dumps([version, tree])


def _guards(data: Any, code: str) -> None:
    data["guards_code"] = [code]


def _keyword(spec: Any, code: str) -> None:
    version, tree = json.loads(spec["in_spec"])
    tree["children_spec"][1]["context"] = json.dumps(["flag", f"mode={code}"])
    spec["in_spec"] = json.dumps([version, tree])


#: Where code could run → an edit of the archive, and what the error says; None if the file loads without it.
HOSTILE: dict[str, tuple[Edit, str | None]] = {
    "pickled example inputs": (_pickled("data/sample_inputs/model.pt"), None),
    "pickled weight": (
        _both(_pickled("data/weights/weight_0"), _payload(WEIGHTS, lambda entry, _: entry.update(use_pickle=True))),
        "is a pickled object",
    ),
    "pickled constant": (
        _both(_pickled("data/constants/tensor_0"), _payload(CONSTANTS, lambda entry, _: entry.update(use_pickle=True))),
        "is a pickled object",
    ),
    "pickled weights of old versions": (_pickled("data/weights/model.pt"), "is a pickle"),
    "pickled constants of old versions": (_pickled("data/constants/model.pt"), "is a pickle"),
    "pickled object": (_opaque, "is a pickled object"),
    "size as an expression": (
        _graph(lambda graph, code: graph["tensor_values"]["linear"]["sizes"].append({"as_expr": {"expr_str": code}})),
        "dynamic shape",
    ),
    "weight's size as an expression": (
        _payload(
            WEIGHTS, lambda entry, code: entry["tensor_meta"].update(storage_offset={"as_expr": {"expr_str": code}})
        ),
        "dynamic shape",
    ),
    "symbol as an expression": (
        _graph(lambda graph, code: graph["sym_int_values"].update(s0={"as_expr": {"expr_str": code, "hint": None}})),
        "dynamic shape",
    ),
    "guards": (_json(PROGRAM, _guards), None),
    "function of torch": (_target("torch.hub.os.system", {"as_string": "true"}), "not an operator"),
    "function of torch that unpickles": (_target("torch.load", {"as_string": "x.pt"}), "not an operator"),
    "function of operator": (_target("_operator.attrgetter", {"as_string": "__class__"}), "not an operator"),
    "function of math": (_target("math.factorial", {"as_int": 10**8}), "not an operator"),
    "registered extension": (_target("#evil:op"), "not an operator"),
    "attribute of an operator": (_target("torch.ops.aten.__class__.__init__"), "not an operator"),
    "other namespace": (_target("torch.ops.mylib.op.default"), "not an operator"),
    "library loaded": (_target("torch.ops.load_library", {"as_string": "x.so"}), "not an operator"),
    "operator that opens a file": (
        _target("torch.ops.aten.from_file.default", {"as_string": "/etc/passwd"}),
        "not an operator",
    ),
    "higher-order operator": (_target("torch.ops.higher_order.triton_kernel_wrapper_mutation"), "not an operator"),
    "operator as a value": (
        _graph(lambda graph, _: graph["nodes"][-1]["inputs"][0].update(arg={"as_operator": "torch.hub.os.system"})),
        "operator as a value",
    ),
    "function in metadata": (
        _graph(lambda graph, _: graph["nodes"][-1]["metadata"].update(source_fn_stack="a,torch.hub.os.system")),
        None,
    ),
    "source in a stack trace": (
        _graph(lambda graph, code: graph["nodes"][-1]["metadata"].update(stack_trace=f'File "x", line 1\n{code}')),
        None,
    ),
    "name of a value": (_names("linear", "linear = CODE; y"), "expected a name"),
    "name of an input": (_names("x_image", "x, y=CODE"), "expected a name"),
    "name of a region": (_names("submod_1", "submod_1; CODE"), "expected a name"),
    "name of a parameter": (_names("head.weight", 'head.w", CODE) and ("'), "cannot be the name"),
    "name of a parameter that modules have": (_names("head.weight", "head.forward"), "cannot be the name"),
    "name of a keyword argument of an operator": (
        _graph(lambda graph, code: graph["nodes"][0]["inputs"][0].update(name=f"x={code}", kind=2)),
        "expected a name",
    ),
    "name of a keyword argument": (_signature(_keyword), "expected tuples, lists and dicts"),
    "name of an argument": (
        _signature(lambda spec, code: spec.update(forward_arg_names=["x", f"y={code}"])),
        "expected a name",
    ),
    "import of an enumeration": (_signature(_enum), "expected tuples, lists and dicts"),
    "custom object": (
        _graph(lambda graph, _: graph["inputs"][0].update(as_custom_obj={"name": "x", "class_fqn": "y"})),
        "expected one of",
    ),
    "compiled code": (
        lambda files, _: files.update({"data/aotinductor/model/evil.so": b"\x7fELF"}),
        "compiled code",
    ),
    "path outside": (
        _payload(WEIGHTS, lambda entry, _: entry.update(path_name="../../../../etc/passwd")),
        "has no file",
    ),
    "tensor larger than its file": (
        _payload(
            WEIGHTS, lambda entry, _: entry["tensor_meta"].update(sizes=[{"as_int": 1 << 20}] + [{"as_int": 1}] * 3)
        ),
        "needs .* elements",
    ),
    "tensor before its file": (
        _payload(WEIGHTS, lambda entry, _: entry["tensor_meta"].update(storage_offset={"as_int": -8})),
        "impossible shape",
    ),
    "huge tensor of one element": (
        _payload(
            WEIGHTS, lambda entry, _: entry["tensor_meta"].update(sizes=[{"as_int": 1 << 40}], strides=[{"as_int": 0}])
        ),
        "elements are made of",
    ),
    "overflow": (
        _graph(lambda graph, _: graph["tensor_values"]["linear"].update(sizes=[{"as_int": 1 << 62}] * 2)),
        "impossible shape",
    ),
    "other device": (
        _graph(lambda graph, _: graph["tensor_values"]["linear"].update(device={"type": "cuda", "index": 0})),
        "move_to_device_pass",
    ),
    "unknown verifier": (_json(PROGRAM, lambda data, _: data.update(verifiers=["EVIL"])), "dialect"),
    "deep nesting": (
        lambda files, _: files.update({PROGRAM: b"[" * 200_000 + b"]" * 200_000}),
        "nested too deeply|damaged",
    ),
    "other byte order": (lambda files, _: files.update(byteorder=b"big"), "little-endian"),
    "old format": (lambda files, _: files.pop("archive_format"), "save it again"),
}


@pytest.mark.parametrize("way", HOSTILE)
def test_nothing_runs(archive: dict[str, bytes], tmp_path: Path, way: str) -> None:
    edit, message = HOSTILE[way]
    proof = tmp_path / "proof"
    files = dict(archive)
    edit(files, proof)
    path = write(tmp_path / "evil.pt2", files)
    if message is None:
        load_exported(path).module()
    else:
        with pytest.raises(pock.ArgumentError, match=message) as caught:
            load_exported(path)
        assert str(path) in str(caught.value)
    assert not proof.exists()


@pytest.mark.parametrize("way", ["pickled example inputs", "pickled object", "size as an expression", "guards"])
def test_the_way_in_is_real(archive: dict[str, bytes], tmp_path: Path, way: str) -> None:
    """torch.export.load runs the code: else the cases above would test nothing."""
    files, proof = dict(archive), tmp_path / "proof"
    HOSTILE[way][0](files, proof)
    with contextlib.suppress(Exception):
        program = torch.export.load(write(tmp_path / "evil.pt2", files))
        program.module()({"image": torch.zeros(2, 3, 8, 8)}, flag=None, mode="a")
    assert proof.exists()


def test_archive_limits(archive: dict[str, bytes], tmp_path: Path) -> None:
    bomb = write(tmp_path / "bomb.pt2", {**archive, "extra/zeros": bytes(1 << 24)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(pock.ArgumentError, match="compressed"):
        load_exported(bomb)
    path = write(tmp_path / "twice.pt2", archive)
    with zipfile.ZipFile(path, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr(f"root/{PROGRAM}", archive[PROGRAM])
    with pytest.raises(pock.ArgumentError, match="two entries"):
        load_exported(path)
    # The central directory claims that an entry is larger than the file.
    plain = {name: data for name, data in archive.items() if "sample_inputs" not in name}  # a zip file, too
    data = bytearray(write(tmp_path / "lie.pt2", plain).read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 24 : entry + 28] = (0x7FFFFFFF).to_bytes(4, "little")
    (tmp_path / "lie.pt2").write_bytes(data)
    with pytest.raises(pock.ArgumentError, match="larger than the file"):
        load_exported(tmp_path / "lie.pt2")


def _damaged(data: bytes, generator: random.Random, count: int) -> Iterator[bytes]:
    """Truncated, and with bytes changed."""
    for _ in range(count):
        yield data[: generator.randrange(len(data))]
        changed = bytearray(data)
        for _ in range(generator.choice((1, 1, 4, 64))):
            changed[generator.randrange(len(data))] ^= 1 << generator.randrange(8)
        yield bytes(changed)


def test_damaged_files(archive: dict[str, bytes], tmp_path: Path) -> None:
    path = write(tmp_path / "damaged.pt2", archive)
    data = path.read_bytes()
    refused = 0
    for damaged in _damaged(data, random.Random(0), 100):
        path.write_bytes(damaged)
        try:
            load_exported(path)
        except pock.ArgumentError:
            refused += 1  # else no byte was changed that means anything
    assert refused > 150


def _places(data: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key) of JSON."""
    for key, value in list(data.items() if isinstance(data, dict) else enumerate(data)):
        yield data, key
        if isinstance(value, dict | list):
            yield from _places(value)


def test_well_formed_nonsense(archive: dict[str, bytes], tmp_path: Path) -> None:
    generator = random.Random(0)
    for name in (PROGRAM, WEIGHTS, CONSTANTS):
        original = json.loads(archive[name])
        for _ in range(120 if name == PROGRAM else 30):
            data = copy.deepcopy(original)
            places = list(_places(data))
            container, key = generator.choice(places)
            other, other_key = generator.choice(places)
            values = [None, True, -1, 1 << 70, 0.5, "", "linear", [], {}, other[other_key]]
            if generator.random() < 0.3:
                del container[key]
            else:
                container[key] = copy.deepcopy(generator.choice(values))
            path = write(tmp_path / "nonsense.pt2", {**archive, name: json.dumps(data).encode()})
            with contextlib.suppress(pock.ArgumentError):
                load_exported(path)
