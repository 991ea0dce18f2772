"""The command line on the hand-written library: what it takes, prints, writes and refuses."""

import inspect
import json
import sys
import textwrap

import fake_step
import numpy as np
import pockmlir
import pytest
from click.testing import CliRunner
from pockmlir import SGD, AdamW, ArgumentError, Scheme, cli
from pockmlir.api.keywords import keywords
from pockmlir.artifact.manifest import TensorSpec
from pockmlir.cli import parsing
from pockmlir.loop import eager
from pockmlir.loop.batches import random_batch, step_arrays

torch = pytest.importorskip("torch")

MODEL = """
import torch
from helper import SIZE

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(SIZE, 2)
        self.register_buffer("scale", torch.ones(SIZE))
    def forward(self, x):
        return self.fc(x * self.scale.sum())

def with_inputs():
    return Net(), (torch.zeros(4, 3),)

def bare():
    return Net()

def triple():
    return 1, 2, 3

def my_loss(output, target):
    return ((output - target) ** 2).mean()
"""


@pytest.fixture
def model_file(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "helper.py").write_text("SIZE = 3\n")
    (tmp_path / "net_for_cli.py").write_text(MODEL)
    yield tmp_path / "net_for_cli.py"
    for name in ("net_for_cli", "helper"):
        sys.modules.pop(name, None)


@pytest.fixture
def run(model_file, monkeypatch, tmp_path):
    """Runs `pock` with a fake compiler; returns the result and the arguments of the import and the last scheme."""
    requests = []

    class FakeImported:
        def __init__(self, *arguments):
            self.arguments = arguments

        def compile(self, scheme, *, on_stage, **changed):
            model, inputs, options = self.arguments
            requests.append((model, inputs, options | changed | {"scheme": scheme}))
            on_stage("graph")
            return fake_step.make_step()

        plan = compile

    def fake_import(model, inputs, kwargs, *, on_stage, **options):
        on_stage("import")
        return FakeImported(model, inputs, options)

    monkeypatch.setattr(cli.options, "import_model", fake_import)
    monkeypatch.chdir(tmp_path)

    def call(command, *arguments):
        result = CliRunner().invoke(cli.pock, [command, f"{model_file}:with_inputs", *map(str, arguments)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result, requests[-1] if requests else None

    return call


@pytest.fixture
def data(tmp_path):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((50, 3)).astype(np.float32)
    y = (x @ [1, -2, 0.5] > 0).astype(np.int64)
    np.savez(tmp_path / "data.npz", x=x[:30], y=y[:30], x_test=x[30:], y_test=y[30:])
    return tmp_path / "data.npz"


def test_compile_exports_and_reports(run, tmp_path):
    result, (_, inputs, options) = run("compile", "-o", tmp_path / "out", "--scheme", "bias_only", "--lr", 0.5)
    assert result.exit_code == 0
    assert (tmp_path / "out" / "libnet.a").exists()
    assert "trains 8 of 9 parameters" in result.stdout
    assert "libnet.so" in result.stdout
    assert inputs[0].shape == (4, 3)
    assert options["scheme"] == Scheme.bias_only()
    assert options["optimizer"] == SGD(lr=0.5)
    assert options["loss"] == "cross_entropy"


def test_compile_json_is_json_only(run, tmp_path):
    result, _ = run("compile", "--json", "-o", tmp_path / "out")
    assert json.loads(result.stdout)["memory"]["arena"] == 128
    assert json.loads(result.stdout)["files"]["header"].endswith("net.h")


def test_schemes_combine_in_order(run):
    _, (_, _, options) = run("inspect", "--scheme", "last:2", "--scheme", "fc.*=0.25", "--scheme", '{"a": 0}')
    assert options["scheme"] == Scheme.last(2) | {"fc.*": 0.25} | {"a": 0}


def test_inspect_shows_operators_kernels_and_timeline(run, tmp_path):
    result, _ = run("inspect", "--picture", tmp_path / "memory.png")
    for part in ("pock.linear", "linear_0", "largest moments", "cross_entropy", "inference", "arena"):
        assert part in result.stdout
    assert (tmp_path / "memory.png").read_bytes().startswith(b"\x89PNG")


def test_inspect_shows_memory_by_kind_and_layer(run):
    text = run("inspect")[0].stdout
    for part in ("memory by kind", "saved activations", "5 largest of 5 layers", "2 largest of 2 values live"):
        assert part in text, part


def test_inspect_compares_schemes(run, tmp_path):
    result, (_, _, options) = run("inspect", "--compare", "last:1", "--picture", tmp_path / "arena.html")
    assert options["scheme"] == Scheme.last(1)
    assert "bytes when most of the arena is live" in result.stdout
    page = (tmp_path / "arena.html").read_text()
    assert "<h2>full</h2>" in page
    assert "<h2>last:1</h2>" in page


def test_inspect_compares_as_json(run):
    figures = json.loads(run("inspect", "--compare", "last:1", "--compare", "frozen", "--json")[0].stdout)
    assert list(figures["compared"]) == ["full", "last:1", "frozen"]
    assert figures["compared"]["full"] == figures["memory"]
    assert "compared" not in json.loads(run("inspect", "--json")[0].stdout)


def test_inspect_json(run):
    figures = json.loads(run("inspect", "--json")[0].stdout)
    assert figures["operators"] == {"pock.linear": 1, "pock.sparse_update": 1}
    assert figures["kernel_launches"] == {"linear_0": 2}
    assert figures["memory"]["timeline"][0] == ["linear forward", 32]
    assert {"kind": "saved", "peak": 32, "most": 32} in figures["memory"]["by_kind"]


def test_inspect_stage_prints_ir_only(run):
    assert run("inspect", "--stage", "kernels")[0].stdout.startswith("pock.launch @linear_0")


def test_train_learns_and_saves(run, data, tmp_path):
    result, _ = run("train", data, "--epochs", 20, "--save", tmp_path / "ckpt", "--json")
    figures = json.loads(result.stdout)
    assert figures["after"]["test"] > 0.8
    assert figures["epochs"][-1]["loss"] < figures["epochs"][0]["loss"] / 2
    assert len(figures["epochs"]) == 20
    resumed = json.loads(run("train", data, "--resume", tmp_path / "ckpt", "--json")[0].stdout)
    assert resumed["before"] == figures["after"]


def test_train_is_reproducible_and_depends_on_the_seed(run, data):
    losses = [
        [epoch["loss"] for epoch in json.loads(run("train", data, "--seed", seed, "--json")[0].stdout)["epochs"]]
        for seed in (1, 1, 2)
    ]
    assert losses[0] == losses[1] != losses[2]


def test_train_prints_accuracies(run, data):
    text = run("train", data)[0].stdout
    assert "accuracy on test: " in text
    assert "ms/step" in text


def test_accuracy_counts_each_sample_once():
    from pockmlir.loop.epochs import evaluate

    step = fake_step.make_step()
    x = np.tile(fake_step.X, (2, 1))[:5]
    guesses = np.concatenate([step.predict(fake_step.X), step.predict(fake_step.X)[:1]]).argmax(1)
    assert evaluate(step, {"x": x, "y": guesses}) == {"train": 1.0}
    guesses[4] = 1 - guesses[4]
    assert evaluate(step, {"x": x, "y": guesses}) == {"train": 0.8}


def test_train_on_too_few_samples(run, tmp_path):
    np.savez(tmp_path / "few.npz", x=fake_step.X[:3], y=fake_step.Y[:3])
    with pytest.raises(ArgumentError, match="expected at least 4 samples, one batch, but got 3"):
        run("train", tmp_path / "few.npz")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros(3)}, "expected the arrays x, target, but it has x"),
        ({"x": np.zeros(3), "y": np.zeros(2)}, "equal numbers of samples, but x has 3, y has 2"),
        ({"x": np.array([{}]), "y": np.zeros(1)}, r"expected an \.npz file"),
    ],
)
def test_bad_data(run, tmp_path, arrays, message):
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(ArgumentError, match=message):
        run("train", tmp_path / "bad.npz")


def test_data_may_be_called_as_the_inputs(data):
    arrays = parsing.load_data(data)
    step = fake_step.make_step()
    assert step_arrays(step, arrays) == ["x", "y"]
    assert step_arrays(step, {"x": arrays["x"], "target": arrays["y"]}) == ["x", "target"]
    assert step_arrays(step, arrays, "_test") == ["x_test", "y_test"]


def test_data_that_is_no_npz(tmp_path):
    (tmp_path / "bad.npz").write_text("nothing")
    with pytest.raises(ArgumentError, match=r"expected an \.npz file"):
        parsing.load_data(tmp_path / "bad.npz")


def test_accumulation_clipping_and_seed(run, data):
    _, (_, _, options) = run("train", data, "--accumulate", 4, "--clip-grad-norm", 1, "--seed", 7)
    assert {key: options[key] for key in ("accumulate", "clip_grad_norm", "clip_grad_value", "seed")} == {
        "accumulate": 4, "clip_grad_norm": 1.0, "clip_grad_value": None, "seed": 7,
    }  # fmt: skip


def test_memory_limit(run):
    _, (_, _, options) = run("inspect", "--memory-limit", "64MB")
    assert options["memory_limit"] == "64MB"


def test_bench_prints_a_ratio(run):
    result, _ = run("bench", "--steps", 3, "--warmup", 1, "--json")
    figures = json.loads(result.stdout)
    assert figures["speedup"] == figures["eager"]["median_ms"] / figures["compiled"]["median_ms"]
    assert figures["steps"] == 3


def test_eager_step_does_the_same_training(model_file):
    model, *_ = parsing.load_model(f"{model_file}:with_inputs", [])
    step = fake_step.make_step()
    model.load_state_dict(
        {name: torch.from_numpy(fake_step.VALUES[name]) for name in ("fc.weight", "fc.bias", "scale")}
    )
    before = model.fc.weight.detach().clone()
    run_eager = eager.eager_step(model, step, "cross_entropy", [fake_step.X, fake_step.Y])
    assert np.allclose([run_eager() for _ in range(10)], [step(fake_step.X, fake_step.Y) for _ in range(10)], rtol=1e-4)
    assert torch.equal(model.fc.weight, before)


def test_measure_leaves_out_the_warm_up():
    calls = []
    times = eager.measure({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, steps=4, warmup=2)
    assert calls == ["a", "b"] * 6
    assert times["a"]["min_ms"] <= times["a"]["median_ms"] <= times["a"]["p90_ms"]


def test_model_forms(model_file):
    model, inputs, _ = parsing.load_model(f"{model_file}:bare", ["4x3", "2:int64"])
    assert isinstance(model, torch.nn.Module)
    assert [(tuple(value.shape), value.dtype) for value in inputs] == [((4, 3), torch.float32), ((2,), torch.int64)]
    _, inputs, named = parsing.load_model(f"{model_file}:bare", ["x=4x3"])
    assert (inputs, named["x"].shape) == ((), (4, 3))


class WithLoss(torch.nn.Module):
    """Computes its loss of a positional and a keyword input."""

    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(6, 3)

    def forward(self, x, *, y):
        return torch.nn.functional.cross_entropy(self.fc(x), y)


def test_exported_programs_run_through_the_commands(tmp_path):
    pytest.importorskip("pockmlir._core")
    x, y = torch.randn(8, 6), torch.zeros(8, dtype=torch.long)
    torch.export.save(torch.export.export(torch.nn.Linear(6, 3), (x,)), tmp_path / "plain.pt2")
    torch.export.save(torch.export.export(WithLoss(), (x,), {"y": y}), tmp_path / "loss.pt2")
    (tmp_path / "broken.pt2").write_bytes((tmp_path / "plain.pt2").read_bytes()[:1000])
    np.savez(tmp_path / "data.npz", x=np.random.randn(24, 6).astype(np.float32), y=np.arange(24) % 3)

    def call(command, model, *arguments):
        return CliRunner().invoke(cli.pock, [command, str(tmp_path / model), *map(str, arguments)])

    result = call("bench", "plain.pt2", "--steps", 2, "--warmup", 1)
    assert "speed-up over PyTorch eager" in result.stdout, result
    result = call("bench", "loss.pt2", "--loss", "none", "--steps", 2, "--warmup", 1)
    assert "speed-up over PyTorch eager" in result.stdout, result
    result = call("train", "loss.pt2", tmp_path / "data.npz", "--loss", "none", "--epochs", 1)
    assert "epoch 1: mean loss" in result.stdout, result
    # What such a model returns is its loss: no accuracy.
    assert "accuracy" not in result.stdout
    with pytest.raises(ArgumentError, match=r"broken\.pt2: .*not an exported program"):
        raise call("train", "broken.pt2", tmp_path / "data.npz").exception


def test_exported_program_comes_with_its_inputs(model_file, tmp_path):
    model, inputs, _ = parsing.load_model(f"{model_file}:with_inputs", [])
    torch.export.save(torch.export.export(model, inputs), tmp_path / "net.pt2")
    program, examples, _ = parsing.load_model(str(tmp_path / "net.pt2"), [])
    assert type(program).__name__ == "ExportedProgram"
    assert examples[0].shape == (4, 3)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("nothing.py:net", "expected an existing file.py:name, but got 'nothing.py:net'"),
        ("{}", "expected an existing file.py:name"),
        ("{}:nothing", "has no 'nothing'; it has .*with_inputs"),
        ("{}:bare", "comes without example inputs; say --input 8x3x32x32"),
        ("{}:triple", "must return a model or .* not 3 values"),
    ],
)
def test_bad_model_reference(model_file, reference, message):
    with pytest.raises(ArgumentError, match=message):
        parsing.load_model(reference.format(model_file), [])


@pytest.mark.parametrize("text", ["", "axb", "4x0", "4x3:float99", "4x-3", "4x3:nn"])
def test_bad_input_shape(model_file, text):
    with pytest.raises(ArgumentError, match="--input: expected a shape"):
        parsing.load_model(f"{model_file}:bare", [text])


def test_scheme_texts(tmp_path):
    (tmp_path / "scheme.json").write_text(Scheme.last(3).to_json())
    texts = ["full", "frozen", "bias_only", "bias_only:4", f"@{tmp_path / 'scheme.json'}", "a.[=]b=0.5"]
    expected = Scheme.full() | Scheme.frozen() | Scheme.bias_only() | Scheme.bias_only(4) | Scheme.last(3)
    assert parsing.parse_scheme(texts) == expected | {"a.[=]b": 0.5}


@pytest.mark.parametrize("text", ["last", "last:x", "full:2", "some", "a=b", "a=2", "last:0", "{", "", "last:-1"])
def test_bad_scheme_text(text):
    with pytest.raises(ArgumentError, match="scheme"):
        parsing.parse_scheme([text])


def test_optimizer_texts():
    settings = ["betas=[0.8, 0.9]", "amsgrad=true"]
    assert parsing.parse_optimizer("adamw", 0.1, settings) == AdamW(lr=0.1, betas=(0.8, 0.9), amsgrad=True)
    assert parsing.parse_optimizer("sgd", None, []) == SGD()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["momentum"], "expected key=value"),
        (["momentum=fast"], "expected key=value"),
        (["speed=3"], "sgd has the settings lr, .*momentum, .* but got speed"),
        (["momentum=-1"], "SGD: momentum must be"),
    ],
)
def test_bad_optimizer_text(settings, message):
    with pytest.raises(ArgumentError, match=message):
        parsing.parse_optimizer("sgd", None, settings)


def test_loss_texts(model_file):
    assert parsing.load_loss("none") is None
    assert parsing.load_loss("mse") == "mse"
    assert parsing.load_loss(f"{model_file}:my_loss").__name__ == "my_loss"
    with pytest.raises(ArgumentError, match="--loss: expected cross_entropy"):
        parsing.load_loss("hinge")


def test_random_batch_has_the_right_kinds():
    batch = random_batch([TensorSpec("x", (2, 3), "f32"), TensorSpec("y", (5,), "i64")])
    assert [(array.shape, array.dtype) for array in batch] == [((2, 3), np.float32), ((5,), np.int64)]
    assert set(batch[1]) <= {0, 1}


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["inspect", "nothing.py:net"], 1, "pock: model: expected an existing file.py:name"),
        (["inspect"], 2, "Missing argument 'MODEL'"),
        (["inspect", "a", "--optimizer", "rprop"], 2, "'rprop' is not one of"),
        (["inspect", "a.py:b", "--scheme", "x"], 1, "pock: --scheme: expected full"),
        (["inspect", "a.py:b", "--compare", "x"], 1, "pock: --scheme: expected full"),
        (["inspect", "a.py:b", "--scheme", "@/no.json"], 1, "pock: --scheme: cannot read /no.json: No such file"),
    ],
)
def test_errors_are_one_message_and_a_code(monkeypatch, capsys, arguments, code, message):
    monkeypatch.setattr(sys, "argv", ["pock", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    assert caught.value.code == code
    error = capsys.readouterr().err
    assert message in error
    assert "Traceback" not in error


def test_keywords_of_compile_are_options_with_the_same_defaults():
    signature = inspect.signature(pockmlir.compile).parameters
    assert keywords().keys() <= signature.keys()
    for name, (_, keyword) in keywords().items():
        assert signature[name].default == keyword.default, name
    with_option = {parameter.name for parameter in cli.pock.commands["compile"].params}
    # Switches for measurements, what only training has, and a function.
    assert signature.keys() - with_option == {"kwargs", "example_target", "seed", "memory", "on_stage"}


def test_help_says_type_default_and_meaning_of_keywords():
    text = " ".join(CliRunner().invoke(cli.pock, ["compile", "--help"]).stdout.split())
    assert "--accumulate N Update on every n-th step. [default: 1; x>=1]" in text
    assert "--arithmetic [fast|portable] The target's if not given." in text
    assert "--memory-limit BYTES Of parameters, optimizer state and arena, e.g. 64MB." in text


def test_help_explains_the_model():
    for command in ("compile", "inspect", "train", "bench"):
        text = textwrap.dedent(CliRunner().invoke(cli.pock, [command, "--help"]).stdout)
        assert "file.py:factory" in text
        assert "--json" in text
