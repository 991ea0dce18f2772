"""`Step` against a hand-written library: binding, layouts, argument checks, state."""

import gc
import json
import subprocess
import threading

import fake_step
import numpy as np
import pockmlir as pock
import pytest
from fake_step import VALUES, X, Y, make_step, reference
from llvm_tools import find_program


def test_training_equals_reference():
    step = make_step()
    losses, state = reference(20)
    assert np.allclose([step(X, Y) for _ in range(20)], losses, rtol=1e-5)
    assert np.allclose(step.state_dict()["fc.weight"], state["fc.weight"], rtol=1e-5)
    assert np.allclose(step.optimizer_state_dict()["fc.weight.momentum_buffer"], state["mw"], rtol=1e-4)
    assert step.optimizer_state_dict()["optimizer.step"] == 20


def test_returns_a_python_float():
    assert type(make_step()(X, Y)) is float


def test_permuted_weight_comes_back_in_torch_layout():
    weight = make_step().state_dict()["fc.weight"]
    assert weight.shape == (2, 3)
    assert weight.flags.c_contiguous
    assert np.array_equal(weight, VALUES["fc.weight"])


def test_stored_weight_is_permuted():
    step = make_step()
    stored = step._instance.state[:24].view(np.float32).reshape(3, 2)
    assert np.array_equal(stored, VALUES["fc.weight"].T)


def test_predict_uses_current_parameters():
    step = make_step()
    before = step.predict(X)
    assert np.allclose(before, X @ VALUES["fc.weight"].T + VALUES["fc.bias"], rtol=1e-6)
    step(X, Y)
    assert not np.array_equal(step.predict(X), before)


def test_predict_returns_memory_of_its_own():
    step = make_step()
    first = step.predict(X)
    copy = first.copy()
    step.predict(-X)
    assert np.array_equal(first, copy)


def test_learning_rate_is_per_call():
    step = make_step()
    step(X, Y, lr=0.0)
    assert np.array_equal(step.state_dict()["fc.weight"], VALUES["fc.weight"])
    step(X, Y, lr=0.5)
    _, state = reference(1)
    # The momentum of the first call counts: 0.5 m + g.
    assert not np.allclose(step.state_dict()["fc.weight"], state["fc.weight"])


def test_arguments_by_name():
    assert make_step()(X, target=Y) == make_step()(X, Y)
    assert make_step()(target=Y, x=X) == make_step()(X, Y)


def test_predict_by_name():
    step = make_step()
    assert np.array_equal(step.predict(x=X), step.predict(X))
    # A batch may be passed whole: what only the loss needs is not asked for.
    assert np.array_equal(step.predict(x=X, target=Y), step.predict(X))
    with pytest.raises(pock.ArgumentError, match="predict: no argument is called y; there are x"):
        step.predict(x=X, y=Y)


def test_named_outputs_come_back_as_a_mapping():
    assert list(make_step(named_outputs=True).predict(X)) == ["output"]


def test_torch_tensors_give_the_same():
    torch = pytest.importorskip("torch")
    assert make_step()(torch.from_numpy(X), torch.from_numpy(Y)) == make_step()(X, Y)


@pytest.mark.parametrize(
    "view",
    [lambda x: np.asfortranarray(x), lambda x: np.repeat(x, 2, axis=1)[:, ::2], lambda x: _misaligned(x)],
    ids=["fortran", "strided", "misaligned"],
)
def test_awkward_memory_gives_the_same(view):
    assert make_step()(view(X), Y) == make_step()(X, Y)


def _misaligned(x):
    raw = np.zeros(x.nbytes + 128, np.uint8)
    begin = -raw.ctypes.data % 64 + 4
    view = raw[begin : begin + x.nbytes].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


def test_aligned_input_is_not_copied():
    step = make_step()
    aligned = step._instance.output(step.inputs[0])
    assert step._step.bind(0, aligned) is aligned


def test_code_is_an_error_that_names_the_function():
    with pytest.raises(pock.StepError, match="net_step failed with error code 7"):
        make_step()(X, Y, lr=2000)


BAD_CALLS = {
    "shape": ((X[:3], Y), {}, r"x: float32\[4, 3\], but got float32\[3, 3\]"),
    "dtype": ((X.astype(np.float64), Y), {}, r"x: float32\[4, 3\], but got float64\[4, 3\]"),
    "label dtype": ((X, Y.astype(np.float32)), {}, r"target: int64\[4\], but got float32\[4\]"),
    "label too large": (
        (X, np.array([0, 1, 2, 0])),
        {},
        r"target: .* \[0, 2\) or ignore_index -100, but got 2 at \[2\]",
    ),
    "label negative": ((X, np.array([0, -1, 1, 0])), {}, r"target: .* but got -1 at \[1\]"),
    "too few": ((X,), {}, r"expected 2 arguments \(x: .*, target: .*\), but got 1"),
    "too many": ((X, Y, Y), {}, r"expected 2 arguments .* but got 3"),
    "target twice": ((X, Y), {"target": Y}, r"step: target is given twice"),
    "unknown name": ((X,), {"label": Y}, r"step: no argument is called label; there are x, target"),
    "name missing": ((), {"target": Y}, r"step: missing x: float32\[4, 3\]"),
    "seed": ((X, Y), {"seed": 0.5}, r"seed: expected an integer of 64 bits, but got 0.5"),
    "list": ((X.tolist(), Y), {}, r"x: expected a numpy array or a torch tensor, but got list"),
    "NaN lr": ((X, Y), {"lr": float("nan")}, r"lr: expected a finite number >= 0, but got nan"),
    "negative lr": ((X, Y), {"lr": -0.1}, r"lr: .* but got -0.1"),
    "infinite lr": ((X, Y), {"lr": float("inf")}, r"lr: .* but got inf"),
    "text lr": ((X, Y), {"lr": "fast"}, r"lr: expected a number, but got 'fast'"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_bad_call_is_refused_and_changes_nothing(case):
    arguments, keywords, message = BAD_CALLS[case]
    step = make_step()
    with pytest.raises(pock.ArgumentError, match=message):
        step(*arguments, **keywords)
    assert step.optimizer_state_dict()["optimizer.step"] == 0
    assert np.array_equal(step.state_dict()["fc.weight"], VALUES["fc.weight"])


def test_argument_errors_are_value_errors():
    with pytest.raises(ValueError, match="lr"):
        make_step()(X, Y, lr=-1)


def test_codes_become_errors():
    failures = make_step()._instance.manifest.failures
    inputs = {"target": np.array([0, -100, 7, 9])}
    error = failures[1].error(inputs)
    assert str(error) == (
        "target: expected indices in [0, 2) or ignore_index -100, but got 7 at [2] "
        "(aten.cross_entropy_loss in (loss) at net.py:7)"
    )
    assert isinstance(error, IndexError)
    division = failures[2].error(inputs)
    assert str(division) == "aten.remainder.Tensor in (model): expected no zero to divide by"
    assert isinstance(division, ZeroDivisionError)


def test_predict_checks_its_arguments():
    step = make_step()
    with pytest.raises(pock.ArgumentError, match=r"predict: expected 1 arguments \(x: .*\), but got 2"):
        step.predict(X, Y)
    with pytest.raises(pock.ArgumentError, match=r"x: float32\[4, 3\], but got float32\[4, 2\]"):
        step.predict(X[:, :2].copy())


def test_model_without_predict():
    functions = {"step": fake_step.MANIFEST["functions"]["step"]}
    with pytest.raises(pock.ArgumentError, match="only its loss"):
        make_step(manifest=fake_step.MANIFEST | {"functions": functions}).predict(X)


def test_state_dict_has_the_models_keys_in_order():
    state = make_step().state_dict()
    assert list(state) == ["fc.weight", "fc.bias", "scale", "unused.weight", "tied.weight"]
    assert np.array_equal(state["tied.weight"], state["fc.weight"])
    assert state["unused.weight"] == 7.0


def test_load_state_dict_and_back():
    step, other = make_step(), make_step()
    step(X, Y)
    other.load_state_dict(step.state_dict())
    for name, value in step.state_dict().items():
        assert np.array_equal(other.state_dict()[name], value), name


def test_load_state_dict_prepares_again():
    step = make_step()
    state = step.state_dict()
    state["scale"] = np.array([1, 1, 1], np.float32)
    step.load_state_dict(state)
    assert np.allclose(step.predict(X), 3 * X @ VALUES["fc.weight"].T + VALUES["fc.bias"], rtol=1e-6)


BAD_STATES = {
    "missing": (lambda s: s.pop("fc.bias"), "missing fc.bias"),
    "unexpected": (lambda s: s.update(extra=X), "unexpected extra"),
    "shape": (lambda s: s.update({"fc.weight": s["fc.weight"].T.copy()}), r"fc.weight: .*\[2, 3\], but got .*\[3, 2\]"),
    "dtype": (lambda s: s.update({"fc.bias": s["fc.bias"].astype(np.float64)}), "fc.bias: .*float32.* got float64"),
    "tied": (lambda s: s.update({"tied.weight": s["fc.weight"] + 1}), "tied.weight and fc.weight are one tensor"),
    "type": (lambda s: s.update({"fc.bias": [0, 0]}), "fc.bias: expected a numpy array"),
}


@pytest.mark.parametrize("case", BAD_STATES)
def test_bad_state_dict_changes_nothing(case):
    change, message = BAD_STATES[case]
    step = make_step()
    state = {name: value + 1 for name, value in step.state_dict().items()}
    change(state)
    with pytest.raises(pock.ArgumentError, match=message):
        step.load_state_dict(state)
    for name in VALUES:
        assert np.array_equal(step.state_dict()[name], VALUES[name]), name


def test_optimizer_state_goes_in_and_out():
    step, other = make_step(), make_step()
    step(X, Y)
    other.load_state_dict(step.state_dict())
    other.load_optimizer_state_dict(step.optimizer_state_dict())
    assert [step(X, Y) for _ in range(3)] == [other(X, Y) for _ in range(3)]
    other.reset_optimizer()
    assert not other.optimizer_state_dict()["fc.weight.momentum_buffer"].any()
    with pytest.raises(pock.ArgumentError, match=r"missing fc\.bias\.momentum_buffer"):
        other.load_optimizer_state_dict(
            {"fc.weight.momentum_buffer": VALUES["fc.weight"], "optimizer.step": np.array(1)}
        )


def test_write_back_into_a_torch_model():
    torch = pytest.importorskip("torch")
    model = torch.nn.Module()
    model.fc, model.unused, model.tied = torch.nn.Linear(3, 2), torch.nn.Module(), torch.nn.Module()
    model.unused.weight = torch.nn.Parameter(torch.zeros(1))
    model.tied.weight = model.fc.weight
    model.register_buffer("scale", torch.zeros(3))
    step = make_step()
    step(X, Y)
    step.write_back(model)
    assert np.array_equal(model.fc.weight.detach().numpy(), step.state_dict()["fc.weight"])


def test_initial_values_are_checked():
    with pytest.raises(pock.ArgumentError, match=r"no initial value of fc.bias"):
        pock.Step(fake_step.make_artifact(), {name: VALUES[name] for name in ("fc.weight", "scale")})


def test_two_steps_run_in_two_threads():
    expected = make_step()
    losses = [expected(X, Y) for _ in range(500)]
    results = {}

    def train(key):
        step = make_step()
        results[key] = [step(X, Y) for _ in range(500)]

    threads = [threading.Thread(target=train, args=(key,)) for key in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(results[key] == losses for key in range(4))


def test_one_step_used_by_threads_loses_no_update():
    step = make_step()
    threads = [threading.Thread(target=lambda: [step(X, Y) for _ in range(300)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert step.optimizer_state_dict()["optimizer.step"] == 1200


def test_calls_keep_no_reference_to_inputs():
    step = make_step()
    freed = []

    class Watched(np.ndarray):
        def __del__(self):
            freed.append(True)

    step(X.view(Watched), Y)
    gc.collect()
    assert freed


def test_ir_of_unknown_stage():
    step = make_step()
    assert step.stages == ("schedule", "kernels")
    assert "pock.linear" in step.ir("schedule")
    with pytest.raises(pock.ArgumentError, match="expected one of schedule, kernels, but got 'plan'"):
        step.ir("plan")


C_MAIN = r"""
#include "net.h"
#include <stdalign.h>
#include <stdio.h>
static alignas(NET_ALIGNMENT) unsigned char constants[NET_CONSTANTS_IMAGE_BYTES];
static alignas(NET_ALIGNMENT) unsigned char state[NET_STATE_IMAGE_BYTES], arena[NET_ARENA_BYTES];
static alignas(64) float x[12]; static alignas(64) int64_t y[4];
static int load(const char *path, void *to, size_t size) {
  FILE *f = fopen(path, "rb"); return f && fread(to, 1, size, f) == size && fgetc(f) == EOF ? 0 : 1; }
int main(void) {
  if (load("net.constants.bin", constants, sizeof constants) || load("net.state.bin", state, sizeof state) ||
      load("x.bin", x, sizeof x) || load("y.bin", y, sizeof y)) return 1;
  if (net_check_constants(constants, sizeof constants) || net_check_state(state, sizeof state)) return 3;
  for (int i = 0; i < 5; ++i) {
    float lr = 0.1f, loss;
    if (net_step(constants, state, arena, x, y, &lr, &loss)) return 2;
    printf("%a\n", loss); }
  return 0; }
"""


def test_export_runs_from_c_without_python(tmp_path):
    step = make_step()
    step(X, Y)
    files = step.export(tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {path.name for path in files.values()}
    (tmp_path / "out" / "main.c").write_text(C_MAIN)
    (tmp_path / "out" / "x.bin").write_bytes(X.tobytes())
    (tmp_path / "out" / "y.bin").write_bytes(Y.tobytes())
    compiler = find_program("clang-22", "clang", "gcc")
    command = [compiler, "-std=c11", "-Wall", "-Wextra", "-Werror", "main.c", "libnet.a", "-lm", "-o", "main"]
    subprocess.run(command, cwd=tmp_path / "out", check=True)
    printed = subprocess.run(["./main"], cwd=tmp_path / "out", check=True, capture_output=True, text=True).stdout
    assert [float.fromhex(line) for line in printed.split()] == [step(X, Y) for _ in range(5)]


def test_export_twice_is_byte_identical(tmp_path):
    for name in ("a", "b"):
        make_step().export(tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_exported_header_documents_arguments(tmp_path):
    header = make_step().export(tmp_path)["header"].read_text()
    assert "#define NET_STATE_BYTES 384" in header
    assert "#define NET_PREDICT_ARENA_BYTES 0" in header
    assert "target: int64_t[4]" in header
    place = "target of aten.cross_entropy_loss in (loss) at net.py:7"
    assert f"#define NET_ERROR_1 1 /* {place}: expected indices in [0, 2) or ignore_index -100 */" in header
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest == manifest | fake_step.MANIFEST
