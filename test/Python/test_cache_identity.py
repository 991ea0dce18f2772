"""The identity of a model: equal models have it in common, and everything that an import depends on changes it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from pockmlir.api.source import TorchSource
from pockmlir.frontends.torch.identity.model import identity_of
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

HERE = Path(__file__).parent
FOLDER = HERE / "cached_model"


@dataclass
class Subject:
    """A model from files of its own, with the arguments of its import."""

    module: types.ModuleType
    model: Any
    inputs: tuple[Any, ...]
    loss: Any
    target: Any
    on_nan: str = "ignore"

    def identity(self) -> tuple[str | None, str]:
        return identity_of(
            TorchSource.check(
                self.model, self.inputs, None, loss=self.loss, example_target=self.target, on_nan=self.on_nan
            )
        )


def load(folder: Path) -> Subject:
    """Run the files of a folder as if for the first time."""
    for name in ("numerics", "network"):
        spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    module = sys.modules["network"]
    torch.manual_seed(0)
    return Subject(module, module.Network(), (torch.zeros(3, 6),), module.loss, torch.zeros(3, 4))


@pytest.fixture
def subject() -> Iterator[Subject]:
    yield load(FOLDER)
    for name in ("numerics", "network"):
        sys.modules.pop(name, None)


class Half(nn.Module):
    def forward(self, x):
        return x / 2


def set_attribute(path: str, value: Any) -> Callable[[Subject], None]:
    """Set an attribute of the model or its parts."""

    def edit(subject: Subject) -> None:
        *owners, name = path.split(".")
        owner = subject
        for part in owners:
            owner = getattr(owner, part)
        setattr(owner, name, value)

    return edit


def patch_method(subject: Subject) -> None:
    subject.model.moved = types.MethodType(lambda self, x: x - self.offset, subject.model)


def patch_class(subject: Subject) -> None:
    subject.module.Base.moved = lambda self, x: x - self.offset


def patch_property(subject: Subject) -> None:
    subject.module.Base.slope = property(lambda self: 0.5)


def change_constant_in_code(subject: Subject) -> None:
    code = subject.module.Base.moved.__code__
    subject.module.Base.moved.__code__ = (lambda self, x: x + 2 * self.offset).__code__.replace(
        co_filename=code.co_filename, co_firstlineno=code.co_firstlineno, co_name=code.co_name
    )


def change_table(subject: Subject) -> None:
    subject.module.TABLE["gain"] = 0.75


def change_function_in_table(subject: Subject) -> None:
    subject.module.TABLE["activation"] = F.gelu


def change_closure(subject: Subject) -> None:
    subject.model.scale.__closure__[0].cell_contents = 4.0


def change_default(subject: Subject) -> None:
    subject.module.shifted.__defaults__ = (0.5,)


def change_keyword_default(subject: Subject) -> None:
    subject.module.shifted.__kwdefaults__ = {"factor": 2.0}


def change_partial(subject: Subject) -> None:
    subject.model.partial.keywords["by"] = 1.0


def change_other_file(subject: Subject) -> None:
    sys.modules["numerics"].DIVISOR = 4


def patch_other_file(subject: Subject) -> None:
    sys.modules["numerics"].quarter = lambda x: x / 8


def add_hook(subject: Subject) -> None:
    subject.model.first.register_forward_hook(lambda module, args, output: output * 2)


def add_pre_hook(subject: Subject) -> None:
    subject.model.first.register_forward_pre_hook(lambda module, args: (args[0] * 2,))


def add_gradient_hook(subject: Subject) -> None:
    subject.model.first.weight.register_hook(lambda gradient: gradient * 2)


def add_parametrization(subject: Subject) -> None:
    parametrize.register_parametrization(subject.model.first, "weight", Half())


def add_step(subject: Subject) -> None:
    subject.model.steps.append(3)


def change_settings(subject: Subject) -> None:
    subject.model.settings = replace(subject.model.settings, powers=(1, 3))


def change_nested_settings(subject: Subject) -> None:
    subject.model.settings.names["a"] = 2.5


def change_constant_tensor(subject: Subject) -> None:
    subject.model.weights[0] = 5.0


def tie_weights(subject: Subject) -> None:
    subject.model.last.bias = subject.model.first.bias


def evaluate_norm(subject: Subject) -> None:
    subject.model.norm.eval()


def freeze(subject: Subject) -> None:
    subject.model.first.bias.requires_grad_(False)


def change_class(subject: Subject) -> None:
    subject.model.activation.__class__ = nn.GELU


def to_double(subject: Subject) -> None:
    subject.model.double()


def transpose_memory(subject: Subject) -> None:
    subject.model.first.weight.data = subject.model.first.weight.data.T.contiguous().T


EDITS: dict[str, Callable[[Subject], None]] = {
    "a method patched on the instance": patch_method,
    "a method patched on the class": patch_class,
    "a property patched": patch_property,
    "the code of a method replaced": change_constant_in_code,
    "a global number changed": set_attribute("module.SCALE", 3.0),
    "a global function replaced": set_attribute("module.shifted", lambda x, by=0.25: x * by),
    "an entry of a global table changed": change_table,
    "a function in a global table replaced": change_function_in_table,
    "a variable of an enclosing function changed": change_closure,
    "a default argument changed": change_default,
    "a keyword's default changed": change_keyword_default,
    "an argument of a partial function changed": change_partial,
    "a global of another file changed": change_other_file,
    "a function of another file replaced": patch_other_file,
    "an attribute of a base class changed": set_attribute("module.Base.offset", 2.0),
    "a number of the model changed": set_attribute("model.offset", 2.0),
    "a list of the model extended": add_step,
    "a setting changed": change_settings,
    "an entry within a setting changed": change_nested_settings,
    "a constant tensor changed": change_constant_tensor,
    "a forward hook added": add_hook,
    "a forward pre-hook added": add_pre_hook,
    "a hook on a gradient added": add_gradient_hook,
    "a parametrization added": add_parametrization,
    "weights tied": tie_weights,
    "a layer in eval mode": evaluate_norm,
    "the model in eval mode": lambda subject: subject.model.eval(),
    "a parameter frozen": freeze,
    "a layer's class changed": change_class,
    "a layer replaced": set_attribute("model.activation", nn.Tanh()),
    "a rate of dropout changed": set_attribute("model.drop.p", 0.5),
    "an epsilon changed": set_attribute("model.norm.eps", 1e-3),
    "parameters in float64": to_double,
    "strides of a parameter changed": transpose_memory,
    "a batch of another size": set_attribute("inputs", (torch.zeros(4, 6),)),
    "inputs of another type": set_attribute("inputs", (torch.zeros(3, 6, dtype=torch.float64),)),
    "inputs with other strides": set_attribute("inputs", (torch.zeros(6, 3).T,)),
    "a target of another shape": set_attribute("target", torch.zeros(1, 4)),
    "a named loss": set_attribute("loss", "mse"),
    "another loss function": set_attribute("loss", lambda output, target: (output - target).abs().mean()),
    "a check of the loss": set_attribute("on_nan", "error"),
}


@pytest.mark.parametrize("edit", EDITS)
def test_edit_changes_the_identity(edit, subject):
    before, reason = subject.identity()
    assert before, reason
    EDITS[edit](subject)
    after, reason = subject.identity()
    assert after != before
    assert after or reason


@pytest.mark.parametrize("name", ["relu", "linear"])
def test_replaced_function_of_pytorch_changes_the_identity(name, subject, monkeypatch):
    before, reason = subject.identity()
    assert before, reason
    monkeypatch.setattr(F, name, lambda *args, **kwargs: args[0])
    assert subject.identity()[0] != before


def test_replaced_method_of_a_layer_changes_the_identity(subject, monkeypatch):
    before, _ = subject.identity()
    monkeypatch.setattr(nn.Linear, "forward", lambda self, x: x)
    assert subject.identity()[0] != before


def test_global_settings_change_the_identity(subject):
    before, _ = subject.identity()
    handle = torch.nn.modules.module.register_module_forward_hook(lambda module, args, output: output)
    try:
        assert subject.identity()[0] != before
    finally:
        handle.remove()
    assert subject.identity()[0] == before
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert subject.identity()[0] != before
    torch.set_default_dtype(torch.float64)
    try:
        assert subject.identity()[0] != before
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("DIVISOR = 2", "DIVISOR = 3"),
        lambda text: text.replace("x / DIVISOR", "x * DIVISOR"),
        lambda text: "\n" + text,
    ],
    ids=["a global", "an operator", "a line"],
)
def test_edit_of_a_file_changes_the_identity(change, subject, tmp_path):
    # The files keep their names, as in an editor.
    for name in ("network", "numerics"):
        (tmp_path / f"{name}.py").write_text((FOLDER / f"{name}.py").read_text())
    before, reason = load(tmp_path).identity()
    assert before, reason
    assert load(tmp_path).identity()[0] == before
    (tmp_path / "numerics.py").write_text(change((FOLDER / "numerics.py").read_text()))
    assert load(tmp_path).identity()[0] != before


def test_values_of_parameters_and_buffers_do_not_change_the_identity(subject):
    before, reason = subject.identity()
    assert before, reason
    with torch.no_grad():
        for tensor in (*subject.model.parameters(), *subject.model.buffers()):
            tensor.copy_(tensor.logical_not() if tensor.dtype == torch.bool else tensor + 1)
    subject.inputs = (torch.ones(3, 6),)
    assert subject.identity()[0] == before


def test_identity_is_the_same_in_another_process(subject):
    program = "import sys; sys.path.insert(0, sys.argv[1]); import test_cache_identity as t; print(t.load(t.FOLDER).identity()[0])"
    found = {
        subprocess.run(
            [sys.executable, "-c", program, str(HERE)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert len(found.pop()) == 64


ENVIRONMENT = {"threads": 1}


def forward_of(code: str) -> nn.Module:
    """Return a model with a line of code in its forward."""
    names: dict[str, Any] = {"torch": torch, "nn": nn, "os": os, "F": F, "threading": threading}
    exec(f"class Model(nn.Module):\n    def forward(self, x):\n        {code}\n        return x", names)
    return names["Model"]()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("x = x * float(os.environ.get('SCALE', 1))", "the module os"),
        ("x = x * float(open('/proc/version').read(1) == 'L')", "open"),
        ("x = x + torch.load('weights.pt')", "load"),
        ("x = x * eval('2')", "eval"),
        ("x = x * globals()['SCALE']", "globals"),
        ("import random; x = x * random.random()", "random"),
        ("x = x * torch.initial_seed()", "initial_seed"),
        ("x = x * id(self)", "id"),
        ("x = x * x.grad", "grad"),
    ],
)
def test_code_that_reads_more_than_the_model_has_no_identity(code, reason):
    model = forward_of(code)
    found = identity_of(
        TorchSource.check(model, (torch.zeros(2),), None, loss="mse", example_target=None, on_nan="ignore")
    )
    assert found[0] is None
    assert reason in found[1]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (threading.Lock(), "lock"),
        (torch.Generator(), "Generator"),
        (iter([1]), "iterator"),
        ({object()}, "a set of objects"),
        (torch, "module torch"),
    ],
)
def test_attributes_that_cannot_be_read_have_no_identity(value, reason, subject):
    subject.model.extra = value
    found, text = subject.identity()
    assert found is None
    assert reason in text


def test_exported_program_has_no_identity():
    program = torch.export.export(nn.Linear(2, 2), (torch.zeros(1, 2),))
    source = TorchSource.check(program, (torch.zeros(1, 2),), None, loss="mse", example_target=None, on_nan="ignore")
    assert identity_of(source) == (None, "a ExportedProgram")
