"""Errors name what is wrong; `compile` refuses bad arguments before it imports anything."""

import pytest
from pockmlir import (
    SGD,
    ArgumentError,
    CompileError,
    PockError,
    Scheme,
    SchemeError,
    Target,
    UnsupportedOp,
    UnsupportedOpsError,
    compile,
)
from pockmlir.api.resolve import read_scheme_error, resolve_scheme
from pockmlir.api.source import LOSSES
from pockmlir.compiler.runner import StageRunner
from pockmlir.core import ir_text, link
from pockmlir.core.stages import PLAN_STAGES
from pockmlir.frontends.torch.importer import import_model
from pockmlir.scheme import ParameterInfo
from pockmlir.support.c_names import c_identifier, require_c_identifier

torch = pytest.importorskip("torch")
X = torch.zeros(4, 3)


def attempt(**changes):
    arguments = {"model": torch.nn.Linear(3, 2), "inputs": (X,), "loss": "cross_entropy", "optimizer": SGD()}
    arguments |= {"scheme": Scheme.full(), "target": Target("host")} | changes
    return compile(arguments.pop("model"), arguments.pop("inputs"), **arguments)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"model": 3},
            "model: expected a torch.nn.Module, a torch.export.ExportedProgram, or an ImportedModel of another front end, but got int",
        ),
        ({"model": torch.nn.Linear}, "but got the class Linear"),
        ({"inputs": ()}, "inputs: expected a tuple of example inputs"),
        ({"inputs": 3}, "inputs: expected a tuple of example inputs, or a mapping .* but got int"),
        ({"inputs": (X, [1])}, r"example_inputs: the model's forward does not take 2 inputs"),
        ({"inputs": ({1},)}, r"example_inputs\[0\]: expected a torch.Tensor or numpy array .*, but got set"),
        ({"loss": "crossentropy"}, "loss: expected one of cross_entropy, mse, .* but got 'crossentropy'"),
        ({"optimizer": "sgd"}, "optimizer: expected SGD"),
        ({"scheme": 0.5}, "scheme: expected a pockmlir.Scheme or a mapping, but got 0.5"),
        ({"scheme": {}}, "scheme: empty, nothing to train"),
        ({"scheme": Scheme()}, "scheme: empty, nothing to train"),
        ({"scheme": {"a": 2}}, r"fraction of 'a' must be in \[0, 1\]"),
        ({"target": "tpu"}, "target: expected one of host, aarch64-linux, .*, but got 'tpu'"),
        ({"target": 3}, "target: expected a name or a pockmlir.Target, but got int"),
        ({"name": "my-net"}, "name: expected a C identifier"),
        ({"name": "int"}, "name: expected a C identifier"),
        ({"name": ""}, "name: expected a C identifier"),
        ({"name": "_net"}, "name: expected a C identifier"),
    ],
)
def test_bad_arguments(changes, message):
    with pytest.raises(ArgumentError, match=message):
        attempt(**changes)


PARAMETERS = [
    ParameterInfo("fc.weight", (2, 2)), ParameterInfo("fc.bias", (2,)), ParameterInfo("spare.weight", (2, 2)),
    ParameterInfo("spare.bias", (2,)), ParameterInfo("scale", (1,)), ParameterInfo("fixed", (2, 2), requires_grad=False),
]  # fmt: skip
GRADIENTS = {"fc.weight": True, "fc.bias": True, "scale": False}


def test_nothing_to_train():
    infos = [ParameterInfo("w", (2, 2), requires_grad=False)]
    with pytest.raises(SchemeError, match="nothing to train with frozen; 1 of 1 parameters have requires_grad=False"):
        resolve_scheme(Scheme.frozen(), infos, {})
    with pytest.raises(SchemeError, match="nothing to train with full"):
        resolve_scheme(Scheme.full(), infos, {})
    with pytest.raises(SchemeError, match="the loss does not depend on 1 of them"):
        resolve_scheme(Scheme.full(), [ParameterInfo("w", (2, 2))], {})


@pytest.mark.parametrize(
    ("scheme", "left_out"),
    [
        (Scheme.full(), ("spare.weight", "spare.bias", "scale")),
        (Scheme.last(3), ("spare.weight", "spare.bias", "scale")),
        (Scheme.bias_only(), ("spare.bias",)),
        (Scheme({"*.bias": 1}), ("spare.bias",)),
        (Scheme({"*.weight": 0.5}), ("spare.weight",)),
    ],
)
def test_rules_for_many_leave_out_what_has_no_gradient(scheme, left_out):
    with pytest.warns(UserWarning, match="parameters without gradient do not train.*" + left_out[0]) as caught:
        fractions, without = resolve_scheme(scheme, PARAMETERS, GRADIENTS)
    assert len(caught) == 1
    assert without == left_out
    assert all(fractions[name] == 0 for name in left_out)
    assert any(fractions.values())
    if "scale" in left_out:
        text = str(caught[0].message)
        assert "the loss does not depend on spare.weight, spare.bias" in text
        assert "scale: read only under torch.no_grad" in text


def test_all_that_is_wrong_with_a_scheme_at_once():
    scheme = {"fc.wieght": 1, "spare.*": 0.5, "fixed": 1, "scale": 1, "fc.bias": 1} | Scheme.last(9)
    with pytest.raises(SchemeError) as caught:
        resolve_scheme(scheme, PARAMETERS, GRADIENTS)
    assert len(caught.value.problems) == 5
    for what in ("'fc.wieght' matches no parameter; did you mean 'fc.weight'", "'fixed' = 1 matches only", "needs 9 layers",
                 "'spare.*': there is no gradient: the loss does not depend on spare.weight, spare.bias",
                 "'scale': there is no gradient: scale: read only under"):  # fmt: skip
        assert what in str(caught.value)
    # Frozen once more, it is fine.
    fractions, without = resolve_scheme(Scheme({"fc.*": 1, "scale": 1, "sc*": 0}), PARAMETERS, GRADIENTS)
    assert without == ()
    assert fractions["fc.weight"] == 1


def test_what_the_compiler_says_of_a_scheme():
    facts = [
        {
            "kind": "scheme",
            "parameter": "a.weight",
            "reason": "cannot train a fraction of 0.5",
            "reader": "net.py:3 (a)",
        },
        {"kind": "scheme", "parameter": "b", "reason": "is to be trained, but the loss does not read it"},
    ]
    error = read_scheme_error(facts)
    assert error.problems == (
        "'a.weight' cannot train a fraction of 0.5; one that does not: net.py:3 (a)",
        "'b' is to be trained, but the loss does not read it",
    )
    assert read_scheme_error([{"kind": "memory limit"}]) is None


class FakeCore:
    """A compiler whose third stage fails."""

    def run_stages(self, ir, stages, print_locations=False):
        ((stage, pipeline),) = stages
        if stage == "schedule":
            raise RuntimeError('model.py:7:3 (fc): error: "pock.foo" op went wrong')
        return [(stage, f"{ir}// {pipeline}\n", 0.25)]


def test_failing_stage_gives_a_reproducer(tmp_path):
    seen = []
    run = StageRunner("net", tmp_path / "dump dir", seen.append, FakeCore())
    run.record("import", "module {}\n")
    with pytest.raises(CompileError) as caught:
        run.run_pipelines(PLAN_STAGES, {})
    error = caught.value
    assert error.stage == "schedule"
    assert "model.py:7:3 (fc)" in error.diagnostics
    path = tmp_path / "dump dir" / "net-before-schedule.mlir"
    assert error.ir_path == str(path)
    assert path.read_text().endswith("// builtin.module(pock-training-pipeline)\n")
    assert error.reproducer == f"pock-opt --pass-pipeline='builtin.module(pock-schedule-pipeline)' '{path}'"
    assert str(path) in str(error)
    assert seen == ["graph", "training", "schedule"]
    names = ["00-import.mlir", "01-graph.mlir", "02-training.mlir", "net-before-schedule.mlir"]
    assert sorted(p.name for p in path.parent.iterdir()) == names
    assert run.timings == {"graph": 0.25, "training": 0.25}


def test_failing_stage_without_dump_dir_still_leaves_a_file():
    run = StageRunner("net", core=FakeCore())
    run.record("import", "module {}\n")
    with pytest.raises(CompileError) as caught:
        run.run_pipelines(PLAN_STAGES, {})
    with open(caught.value.ir_path) as file:
        assert file.read().startswith("module {}")


def test_all_unsupported_ops_are_listed():
    error = UnsupportedOpsError(
        [("aten.fft", "encoder.1", "net.py:12"), UnsupportedOp("aten.svd", "", None, "no gradient")]
    )
    assert "2 unsupported operator(s), 2 time(s)" in str(error)
    assert "in encoder.1:\n    aten.fft at net.py:12" in str(error)
    assert "in (model):\n    aten.svd at (unknown line): no gradient" in str(error)
    assert error.ops[0].module == "encoder.1"
    assert isinstance(error, PockError)


def test_linker_failure_carries_its_words_and_command(tmp_path):
    (tmp_path / "bad.o").write_bytes(b"not an object")
    for _ in range(2):  # the linker is usable after a failure
        with pytest.raises(CompileError, match=r"bad\.o") as caught:
            link.link_shared(tmp_path / "bad.o", tmp_path / "lib.so")
    assert caught.value.reproducer.startswith("ld.lld -shared")
    with pytest.raises(CompileError, match=r"lib\.a: The file was not recognized"):
        link.archive({"bad.o": b"not an object"}, tmp_path / "lib.a")
    assert not (tmp_path / "lib.a").exists()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("MobileNetV2", "mobile_net_v2"),
        ("Net", "net"),
        ("LeNet5", "le_net5"),
        ("MLP", "mlp"),
        ("3d-Net", "m3d_net"),
        ("Int", "int_"),
        ("…", "model"),
    ],
)
def test_names_become_c_identifiers(text, name):
    assert c_identifier(text) == name
    assert require_c_identifier(name) == name


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("module {\n}", 'module attributes {pock.name = "a"} {\n}'),
        ("module @m {\n}", 'module @m attributes {pock.name = "a"} {\n}'),
        ("#loc = loc(unknown)\nmodule attributes {x.y = 1 : i64} {", 'attributes {pock.name = "a", x.y = 1 : i64} {'),
        ("module attributes {} {", 'module attributes {pock.name = "a"} {'),
    ],
)
def test_module_attributes_are_added(module, expected):
    assert ir_text.add_module_attributes(module, {"pock.name": '"a"'}).endswith(expected)


def test_scheme_attribute_leaves_out_frozen_parameters():
    text = ir_text.scheme_attr({"a.weight": 1.0, "b": 0.0, 'q"\\': 1e-5})
    assert text == '{"a.weight" = 1.0 : f64, "q\\22\\5C" = 1.0e-05 : f64}'


def test_counting_ops():
    text = '  %0 = pock.relu %x\n  pock.store_param @a, %0\n  %1:2 = pock.relu %y {n = "pock.no"}\n  pock.launch @k_0 ins(%a)'
    assert ir_text.op_counts(text) == {"pock.relu": 2, "pock.store_param": 1, "pock.launch": 1}
    assert ir_text.launch_counts(text) == {"k_0": 1}


def test_state_names_leave_out_what_pytorch_does_not_save():
    model = torch.nn.BatchNorm1d(2)
    model.register_buffer("table", torch.zeros(1), persistent=False)
    imported = import_model(model, (torch.zeros(3, 2),), "mse")
    assert imported.saved_names == ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


def test_every_named_loss_is_known_everywhere():
    from pockmlir.frontends.torch import losses

    for name in LOSSES:
        assert callable(losses.resolve_loss(name))
