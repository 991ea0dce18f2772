"""`pock.compile` from end to end: the contract, determinism, memory, unchanged models."""

import ctypes
import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
from llvm_tools import find_program, find_tool

torch = pytest.importorskip("torch")
pytest.importorskip("pockmlir._core")
functional = torch.nn.functional


class ConvNet(torch.nn.Module):
    """A convolution with batch norm, and a head."""

    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.bn = torch.nn.BatchNorm2d(8)
        self.head = torch.nn.Linear(8, 4)

    def forward(self, x):
        return self.head(torch.relu(self.bn(self.conv(x))).mean((2, 3)))


def mlp():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))


def convnet():
    torch.manual_seed(0)
    return ConvNet()


def batch(*shape, classes=4, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator), torch.randint(0, classes, shape[:1], generator=generator)


def compiled(model=None, shape=(8, 6), **options):
    options = {"loss": "cross_entropy", "optimizer": pock.SGD(lr=0.1), "scheme": pock.Scheme.full()} | options
    return pock.compile(model or mlp(), (torch.zeros(*shape),), **options)


@pytest.fixture(scope="module")
def step():
    """A compiled MLP; tests that train it must not depend on its state."""
    return compiled(optimizer=pock.SGD(lr=0.1, momentum=0.9), name="net")


def test_equals_pytorch_and_goes_back():
    model, step = mlp(), compiled(optimizer=pock.SGD(lr=0.1, momentum=0.9))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    for index in range(20):
        x, y = batch(8, 6, seed=index)
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        assert step(x, y) == pytest.approx(loss.item(), rel=2e-4)
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(step.state_dict()[name], value.numpy(), rtol=2e-4, atol=1e-6)
    other = mlp()
    step.write_back(other)
    np.testing.assert_allclose(step.predict(x), other(x).detach().numpy(), rtol=1e-4, atol=1e-6)


def test_model_is_left_as_it_was():
    model = convnet()
    model.bn.eval()
    model.conv.weight.requires_grad_(False)
    model.head.weight.grad = torch.ones_like(model.head.weight)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    torch.manual_seed(7)
    random = torch.get_rng_state()
    step = compiled(model, (2, 3, 8, 8))
    step(*batch(2, 3, 8, 8))
    assert [module.training for module in model.modules()] == modes
    assert not model.conv.weight.requires_grad
    assert model.head.weight.requires_grad
    assert torch.equal(model.head.weight.grad, torch.ones_like(model.head.weight))
    assert torch.equal(torch.get_rng_state(), random)
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name


def test_report_states_the_contract():
    model = convnet()
    scheme = pock.Scheme({"head.*": 1.0, "conv.weight": 0.34})
    report = compiled(model.train(), (2, 3, 8, 8), scheme=scheme).report()
    found = {entry.name: entry for entry in report.parameters}
    assert {name: entry.trains for name, entry in found.items()} == {
        "conv.weight": "slice",
        "conv.bias": "frozen",
        "bn.weight": "frozen",
        "bn.bias": "frozen",
        "head.weight": "all",
        "head.bias": "all",
    }
    assert found["conv.weight"].slice == (1, 1)
    assert found["conv.weight"].trained_elements == 8 * 1 * 9
    assert report.norm_modes == {"bn": "training"}
    assert compiled(model.eval(), (2, 3, 8, 8)).report().norm_modes == {"bn": "inference"}
    assert report.arithmetic["element types"] == "float32"
    assert report.memory.arena >= report.memory.lower_bound > 0


def test_only_what_trains_changes():
    step = compiled(convnet(), (2, 3, 8, 8), scheme={"conv.weight": 0.34, "head.bias": 1.0})
    before = step.state_dict()
    step(*batch(2, 3, 8, 8))
    after = step.state_dict()
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    buffers = {"bn.running_mean", "bn.running_var", "bn.num_batches_tracked"}
    assert changed == {"conv.weight", "head.bias"} | buffers
    assert np.array_equal(before["conv.weight"][:, 1:], after["conv.weight"][:, 1:])
    assert not np.array_equal(before["conv.weight"][:, :1], after["conv.weight"][:, :1])


def test_libraries_are_byte_identical(tmp_path):
    steps = [compiled(convnet(), (2, 3, 8, 8)) for _ in range(2)]
    assert steps[0].library_path != steps[1].library_path
    assert steps[0].library_path.read_bytes() == steps[1].library_path.read_bytes()
    for index, step in enumerate(steps):
        step.export(tmp_path / str(index))
    for path in (tmp_path / "0").iterdir():
        assert path.read_bytes() == (tmp_path / "1" / path.name).read_bytes(), path.name


def test_library_needs_no_allocation_and_has_no_globals(step):
    names = subprocess.run(
        [find_program("llvm-nm-22", "llvm-nm", "nm"), "-D", "--undefined-only", str(step.library_path)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    needed = {line.split()[-1].partition("@")[0] for line in names.splitlines()}
    assert needed <= {"memcpy", "memmove", "memset"}
    symbols = subprocess.run(
        [find_program("llvm-nm-22", "llvm-nm", "nm"), str(step.library_path)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    written = [line for line in symbols.splitlines() if line.split()[-2] in "bBdD" and "_DYNAMIC" not in line]
    assert not written


def test_step_stays_within_the_promised_bytes(step):
    """Guards on both sides of every segment survive."""
    manifest, guard = step.artifact.manifest, 4096
    buffers = {}
    for name, size in manifest.segments.items():
        raw = np.full(size + 2 * guard + 64, 0xA5, np.uint8)
        begin = guard + -(raw.ctypes.data + guard) % 64
        raw[begin : begin + size] = 0
        buffers[name] = (raw, begin, size)
    pointers = [raw.ctypes.data + begin for raw, begin, _ in buffers.values()]
    library = ctypes.CDLL(str(step.library_path))
    x, y = (np.ascontiguousarray(value.numpy()) for value in batch(8, 6))
    arrays = [x, y, np.float32([0.1]), np.zeros(1, np.float32)]
    aligned = []
    for array in arrays:
        raw = np.zeros(array.nbytes + 64, np.uint8)
        view = raw[-raw.ctypes.data % 64 :][: array.nbytes].view(array.dtype).reshape(array.shape)
        view[...] = array
        aligned.append(view)
    pointers += [array.ctypes.data for array in aligned]
    assert library.net_init(ctypes.c_void_p(pointers[1])) == 0
    assert library.net_prepare(*map(ctypes.c_void_p, pointers[:3])) == 0
    assert library.net_step(*map(ctypes.c_void_p, pointers)) == 0
    assert aligned[3][0] == pytest.approx(np.log(4))  # all parameters are zero
    for raw, begin, size in buffers.values():
        assert (raw[:begin] == 0xA5).all()
        assert (raw[begin + size :] == 0xA5).all()


def test_arena_content_does_not_matter():
    losses = []
    for fill in (0, 0xFF):
        step = compiled(convnet(), (2, 3, 8, 8), optimizer=pock.Adam(lr=0.01))
        run = []
        for index in range(3):
            step._instance.arena[:] = fill
            run.append(step(*batch(2, 3, 8, 8, seed=index)))
        losses.append(run)
    assert losses[0] == losses[1]


def test_two_steps_in_two_threads():
    def train(step):
        return [step(*batch(8, 6, seed=index)) for index in range(200)]

    expected, results = train(compiled()), {}
    steps = [compiled() for _ in range(2)]
    threads = [threading.Thread(target=lambda key=key: results.update({key: train(steps[key])})) for key in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {0: expected, 1: expected}


def test_parameter_without_gradient_does_not_train():
    class Unused(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.spare = torch.nn.Linear(6, 4), torch.nn.Linear(6, 4)

        def forward(self, x):
            return self.used(x)

    with pytest.warns(UserWarning, match=r"do not train: .* spare\.weight, spare\.bias"):
        step = compiled(Unused())
    assert {entry.name: entry.trains for entry in step.report().parameters}["spare.weight"] == "without gradient"
    with pytest.raises(pock.SchemeError, match=r"spare\.weight"):
        compiled(Unused(), scheme={"used.*": 1.0, "spare.weight": 1.0})
    step = compiled(Unused(), scheme={"used.*": 1.0})
    assert "spare.weight" in step.state_dict()
    assert {entry.name: entry.trains for entry in step.report().parameters}["spare.weight"] == "frozen"


def test_equal_parameters_stay_apart():
    model = torch.nn.Sequential(torch.nn.Linear(6, 6), torch.nn.ReLU(), torch.nn.Linear(6, 6))
    model[2].load_state_dict(model[0].state_dict())
    step = compiled(model)
    step(*batch(8, 6))
    state = step.state_dict()
    assert not np.array_equal(state["0.weight"], state["2.weight"])


def test_tied_parameters_stay_tied():
    model = torch.nn.Sequential(torch.nn.Linear(6, 6), torch.nn.ReLU(), torch.nn.Linear(6, 6))
    model[2].weight = model[0].weight
    reference = torch.optim.SGD(model.parameters(), lr=0.1)
    step = compiled(model)
    x, y = batch(8, 6)
    functional.cross_entropy(model(x), y).backward()
    step(x, y)
    reference.step()
    state = step.state_dict()
    assert np.array_equal(state["0.weight"], state["2.weight"])
    np.testing.assert_allclose(state["0.weight"], model[0].weight.detach().numpy(), rtol=1e-4, atol=1e-6)
    step.load_state_dict(state)


def test_all_unsupported_ops_are_listed_and_nothing_changes():
    class Exotic(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = torch.nn.Sequential(torch.nn.Linear(6, 6), Sorter())

        def forward(self, x):
            return torch.fft.rfft(self.inner(x)).tanh().abs()

    class Sorter(torch.nn.Module):
        def forward(self, x):
            return torch.linalg.svdvals(x)[:, None] * x[:6]

    model = Exotic()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(pock.UnsupportedOpsError) as caught:
        compiled(model)
    assert {"svd" in op.op or "tanh" in op.op for op in caught.value.ops} == {True}
    assert any(op.module == "inner.1" for op in caught.value.ops)
    assert all(Path(__file__).name in (op.source or "") for op in caught.value.ops)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize(("label", "given"), [(4, "4"), (-1, "-1"), (2**40, str(2**40))])
def test_labels_out_of_range_are_refused(step, label, given):
    x, y = batch(8, 6)
    y[3] = label
    with pytest.raises(pock.ArgumentError, match=rf"target: .*\[0, 4\) or ignore_index -100, but got {given} at \[3\]"):
        step(x, y)


def test_ignored_labels_do_not_count(step):
    x, y = batch(8, 6)
    y[::2] = -100
    expected = functional.cross_entropy(torch.from_numpy(step.predict(x)), y)
    assert step(x, y) == pytest.approx(expected.item(), rel=1e-4)


def test_callable_loss_and_returned_loss():
    def loss(output, target):
        return functional.cross_entropy(output, target, label_smoothing=0.1, ignore_index=2)

    class WithLoss(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = mlp()

        def forward(self, x, y):
            return loss(self.net(x), y)

    x, y = batch(8, 6)
    expected = loss(mlp()(x), y).item()
    given = compiled(loss=loss, example_target=y)
    assert given(x, y) == pytest.approx(expected, rel=1e-5)
    inside = pock.compile(WithLoss(), (x, y), loss=None, optimizer=pock.SGD(lr=0.1), scheme=pock.Scheme.full())
    assert inside(x, y) == pytest.approx(expected, rel=1e-5)
    bad = y.clone()
    bad[0] = 9
    with pytest.raises(pock.ArgumentError, match=r"\[0, 4\) or ignore_index 2, but got 9"):
        given(x, bad)


def test_exported_program_gives_the_same_step():
    x, y = batch(8, 6)
    program = torch.export.export(mlp(), (x,))
    assert compiled(program)(x, y) == compiled()(x, y)


def test_ir_of_every_stage_parses(step):
    from pockmlir import _core

    assert step.stages == pock.STAGES
    for stage in step.stages:
        text = step.ir(stage)
        assert not re.search(r"\bloc\(", text)
        assert _core.parse_check(text) == text, stage
    assert "pock.sparse_update" in step.ir("training")
    assert "pock.launch" in step.ir("kernels")
    assert "llvm.func" in step.ir("llvm")


def test_dumps_are_one_file_per_stage(tmp_path):
    step = compiled(dump_ir_dir=tmp_path / "ir")
    names = sorted(path.name for path in (tmp_path / "ir").iterdir())
    assert names == [f"{index:02}-{stage}.mlir" for index, stage in enumerate(pock.STAGES)]
    assert set(step.timings) == {*pock.STAGES, "object", "link"}


def test_failure_carries_a_command_that_shows_it(tmp_path, monkeypatch):
    from pockmlir.compiler import runner

    pipelines = runner.PIPELINES | {"schedule": "pock-no-such-pipeline"}
    monkeypatch.setattr(runner, "PIPELINES", pipelines)
    with pytest.raises(pock.CompileError, match="stage 'schedule' failed") as caught:
        compiled(dump_ir_dir=tmp_path)
    command = caught.value.reproducer.replace("pock-opt", str(find_tool()), 1)
    shown = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert shown.returncode != 0
    assert "pock-no-such-pipeline" in shown.stderr
    repaired = command.replace("pock-no-such-pipeline", "pock-schedule-pipeline")
    assert subprocess.run(repaired, shell=True, capture_output=True, check=False).returncode == 0


def test_checkpoint_of_a_compiled_step(tmp_path):
    step, other = (compiled(convnet(), (2, 3, 8, 8), optimizer=pock.AdamW(lr=0.01)) for _ in range(2))
    for index in range(3):
        step(*batch(2, 3, 8, 8, seed=index))
    step.save(tmp_path / "ckpt")
    other.load(tmp_path / "ckpt")
    data = [batch(2, 3, 8, 8, seed=index) for index in range(3, 8)]
    assert [step(*pair) for pair in data] == [other(*pair) for pair in data]
    with pytest.raises(pock.CheckpointError, match="belongs to another model"):
        compiled().load(tmp_path / "ckpt")


def test_optimizer_state_is_that_of_pytorch():
    model, step = mlp(), compiled(optimizer=pock.Adam(lr=0.01))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for index in range(5):
        x, y = batch(8, 6, seed=index)
        step(x, y)
        optimizer.zero_grad()
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    state = step.optimizer_state_dict()
    assert state["optimizer.step"] == 5
    for name, parameter in model.named_parameters():
        for moment in ("exp_avg", "exp_avg_sq"):
            expected = optimizer.state[parameter][moment].numpy()
            np.testing.assert_allclose(state[f"{name}.{moment}"], expected, rtol=2e-4, atol=1e-7)


C_MAIN = r"""
#include "net.h"
#include <stdalign.h>
#include <stdio.h>
#include <string.h>
static alignas(NET_ALIGNMENT) unsigned char constants[NET_CONSTANTS_BYTES + 1], state[NET_STATE_BYTES], arena[NET_ARENA_BYTES];
static alignas(64) float x[48]; static alignas(64) int64_t y[8]; static alignas(64) float lr = 0.1f, loss;
static int load(const char *path, void *to, size_t size) {
  FILE *f = fopen(path, "rb"); return f && fread(to, 1, size, f) == size ? 0 : 1; }
int main(void) {
  if (load("net.constants.bin", constants, NET_CONSTANTS_BYTES) || load("net.state.bin", state, sizeof state) ||
      load("x.bin", x, sizeof x) || load("y.bin", y, sizeof y)) return 1;
  for (int i = 0; i < 5; ++i) {
    if (net_step(constants, state, arena, x, y, &lr, &loss)) return 2;
    printf("%a\n", loss); }
  // A label out of range: a code, and no byte of what was learnt is another.
  static unsigned char before[NET_STATE_BYTES];
  memcpy(before, state, sizeof state);
  y[7] = 99;
  if (net_step(constants, state, arena, x, y, &lr, &loss) != NET_ERROR_1 || memcmp(before, state, sizeof state)) return 3;
  return 0; }
"""


def test_export_runs_from_c_with_the_same_bits(tmp_path):
    step = compiled(name="net", optimizer=pock.SGD(lr=0.1, momentum=0.9))
    x, y = batch(8, 6)
    step(x, y)
    step.export(tmp_path)
    (tmp_path / "main.c").write_text(C_MAIN)
    (tmp_path / "x.bin").write_bytes(x.numpy().tobytes())
    (tmp_path / "y.bin").write_bytes(y.numpy().tobytes())
    compiler = find_program("clang-22", "clang", "gcc")
    command = [compiler, "-std=c11", "-Wall", "-Werror", "main.c", "libnet.a", "-lm", "-o", "main"]
    subprocess.run(command, cwd=tmp_path, check=True)
    printed = subprocess.run(["./main"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert [float.fromhex(line) for line in printed.split()] == [step(x, y) for _ in range(5)]


def test_command_line_end_to_end(tmp_path):
    (tmp_path / "net.py").write_text(
        "import torch\n"
        "def net():\n"
        "    torch.manual_seed(0)\n"
        "    return torch.nn.Sequential(torch.nn.Linear(6, 16), torch.nn.ReLU(), torch.nn.Linear(16, 4))\n"
    )
    x, _ = batch(64, 6)
    np.savez(tmp_path / "data.npz", x=x.numpy(), y=(x[:, :4].argmax(1)).numpy())

    def run(command, *arguments):
        line = [sys.executable, "-m", "pockmlir.cli", command, "net.py:net", *arguments, "--input", "8x6", "--json"]
        result = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        return json.loads(result.stdout)

    trained = run("train", "data.npz", "--epochs", "30", "--lr", "0.2", "--save", "ckpt")
    assert trained["after"]["train"] > 0.9 > trained["before"]["train"]
    assert run("inspect", "--picture", "memory.png")["kernel_launches"]
    assert (tmp_path / "memory.png").exists()
    assert run("compile", "-o", "out")["memory"]["arena"] > 0
    assert (tmp_path / "out" / "manifest.json").exists()
    assert run("bench", "--steps", "3")["speedup"] > 0
