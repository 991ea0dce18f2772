"""Accumulation, clipping, groups and dropout of `Step`, against a hand-written library."""

import functools
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pockmlir as pock
import pytest
from llvm_tools import find_program
from pockmlir.api.optimizer_groups import OptimizerGroups
from pockmlir.api.options import Training
from pockmlir.artifact.artifact import Artifact
from pockmlir.artifact.manifest import Manifest
from pockmlir.core import link

# Its gradient is its input; its loss the input's sum; `seen` are the last seed and step of dropout.
SOURCE = r"""
#include <math.h>
#include <stdint.h>
typedef struct { float w[2]; char p0[56]; float grad[2]; char p1[56]; int64_t seen[2]; } State;
int32_t acc_init(void *p) { State *s = p; s->grad[0] = s->grad[1] = 0; return 0; }
int32_t acc_prepare(const void *c, void *p, void *a) { return 0; }
int32_t acc_predict(const void *c, void *p, void *a, const float *x, float *out) { return 0; }
static int begin(State *s, const float *x, const int64_t *seed, const int64_t *step, float *loss) {
  s->seen[0] = *seed; s->seen[1] = *step; *loss = x[0] + x[1];
  for (int i = 0; i < 2; ++i) s->grad[i] += x[i];
  return *loss > 1000; }
int32_t acc_accumulate(const void *c, void *p, void *a, const float *x, const int64_t *seed, const int64_t *step,
                       float *loss) { return begin(p, x, seed, step, loss); }
int32_t acc_step(const void *c, void *p, void *a, const float *x, const int64_t *seed, const int64_t *step,
                 const float *lr, float *loss, float *norm) {
  State *s = p; if (begin(p, x, seed, step, loss)) return 1;
  for (int i = 0; i < 2; ++i) s->grad[i] /= 3;
  *norm = sqrtf(s->grad[0] * s->grad[0] + s->grad[1] * s->grad[1]);
  for (int i = 0; i < 2; ++i) { s->w[i] -= lr[i] * s->grad[i]; s->grad[i] = 0; }
  return 0; }
"""

X = {"name": "x", "shape": [2], "dtype": "f32"}
DROPOUT = [{"name": name, "shape": [], "dtype": "i64"} for name in ("random_seed", "random_step")]
LR = {"name": "lr", "shape": [2], "dtype": "f32"}
LOSS, NORM = ({"name": name, "shape": [], "dtype": "f32"} for name in ("loss", "grad_norm"))


def tensor(name, kind, offset, dtype="f32", of=None):
    return {
        "name": name, "kind": kind, "segment": "state", "offset": offset, "bytes": 16 if dtype == "i64" else 8,
        "shape": [2], "dtype": dtype, "permutation": None, "update": "full" if kind == "parameter" else "none", "of": of,
    }  # fmt: skip


MANIFEST = {
    "name": "acc", "alignment": 64, "segments": {"constants": 0, "state": 192, "arena": 0},
    "functions": {
        "step": {"inputs": [X, *DROPOUT, LR], "outputs": [LOSS, NORM], "arena": 0},
        "accumulate": {"inputs": [X, *DROPOUT], "outputs": [LOSS], "arena": 0},
        "predict": {"inputs": [X], "outputs": [X | {"name": "output"}], "arena": 0},
    },
    "tensors": [tensor("w", "parameter", 0), tensor("w.grad", "state", 64, of="w"), tensor("seen", "buffer", 128, "i64")],
}  # fmt: skip


@functools.cache
def library():
    directory = Path(tempfile.mkdtemp(prefix="pock-fake-"))
    (directory / "acc.c").write_text(SOURCE)
    compiler = find_program("clang-22", "clang", "gcc")
    subprocess.run([compiler, "-O1", "-fPIC", "-c", "acc.c", "-o", "acc.o"], cwd=directory, check=True)
    link.link_shared(directory / "acc.o", directory / "libacc.so")
    return directory / "libacc.so"


def make_step(training=None, **changes):
    infos = (pock.ParameterInfo("w", (2,)),)
    optimizer = pock.SGD(lr=0.5, groups=[{"params": "w", "lr": 0.25}])
    options = {
        "manifest": Manifest.from_json(json.dumps(MANIFEST)), "library": library(), "object_code": library().with_name("acc.o").read_bytes(),
        "optimizer": optimizer, "groups": OptimizerGroups.resolve(optimizer, infos, ["w"]),
        "scheme": pock.Scheme.full(), "fractions": {"w": 1.0}, "parameters": infos, "target": pock.Target("host"),
        "training": training or Training(accumulate=3, clip_grad_norm=1.0, seed=11), "dropout": ("net.drop",),
    }  # fmt: skip
    return pock.Step(Artifact(**(options | changes)), {"w": np.zeros(2, np.float32), "seen": np.zeros(2, np.int64)})


def x(first, second=0.0):
    return np.array([first, second], np.float32)


def test_every_third_call_updates():
    step = make_step()
    assert (step.micro_step, step.grad_norm) == (0, None)
    assert [step(x(1)), step(x(2))] == [1, 2]
    assert step.micro_step == 2
    assert np.array_equal(step.optimizer_state_dict()["w.grad"], x(3))
    assert not step.state_dict()["w"].any()
    assert step(x(3, 3)) == 6
    assert (step.micro_step, step.grad_norm) == (0, pytest.approx(5**0.5))
    assert np.array_equal(step.state_dict()["w"], x(-0.5 * 2, -0.25))


def test_rates_of_the_updating_call_count():
    step = make_step()
    for lr in (7, 7, [1, 2]):
        step(x(1, 1), lr=lr)
    assert np.array_equal(step.state_dict()["w"], x(-1, -2))


def test_a_failed_call_is_not_counted():
    step = make_step()
    with pytest.raises(pock.StepError, match="acc_accumulate failed with error code 1"):
        step(x(2000))
    assert step.micro_step == 0
    assert step.optimizer_state_dict()["dropout.step"] == 0


def test_dropout_sees_seed_and_number_of_the_call():
    step = make_step()
    seen = []
    for seed in (None, 5, None, -1):
        step(x(0), seed=seed)
        seen.append(step.state_dict()["seen"].tolist())
    assert seen == [[11, 0], [5, 1], [11, 2], [-1, 3]]


def test_reset_begins_a_new_accumulation_but_no_new_masks():
    step = make_step()
    step(x(1))
    step.reset_optimizer()
    state = step.optimizer_state_dict()
    assert (state["optimizer.micro_step"], state["dropout.step"]) == (0, 1)
    assert not state["w.grad"].any()


@pytest.mark.parametrize("calls", [1, 2, 3, 4])
def test_a_resumed_run_goes_on_identically(calls, tmp_path):
    step, other = make_step(), make_step(Training(accumulate=3, clip_grad_norm=1.0, seed=99))
    for index in range(calls):
        step(x(index, 1))
    step.save(tmp_path / "ckpt")
    other.load(tmp_path / "ckpt")
    for index in range(5):
        assert step(x(index)) == other(x(index))
        for name, value in (step.state_dict() | step.optimizer_state_dict()).items():
            assert np.array_equal(value, (other.state_dict() | other.optimizer_state_dict())[name]), name


def test_optimizer_state_goes_in_and_out():
    step, other = make_step(), make_step()
    step(x(1))
    other.load_optimizer_state_dict(step.optimizer_state_dict())
    assert other.micro_step == 1
    state = step.optimizer_state_dict()
    assert set(state) == {"w.grad", "optimizer.micro_step", "dropout.step", "dropout.seed"}
    del state["dropout.step"]
    with pytest.raises(pock.ArgumentError, match=r"missing dropout\.step"):
        other.load_optimizer_state_dict(state)


def test_checkpoint_of_another_accumulation(tmp_path):
    make_step().save(tmp_path / "ckpt")
    other = make_step(Training(accumulate=2))
    with pytest.raises(pock.CheckpointError, match=r"accumulates 3 call\(s\), but this step 2"):
        other.load(tmp_path / "ckpt")
    other.load(tmp_path / "ckpt", optimizer_state=False)


def test_report_tells():
    report = make_step().report()
    assert report.training == {"accumulate": 3, "clip_grad_norm": 1.0}
    assert report.dropout == {"seed": 11, "layers": ["net.drop"]}
    assert [(group["lr"], group["parameters"]) for group in report.groups] == [(0.5, []), (0.25, ["w"])]
    text = str(report)
    for part in ("accumulate=3, clip_grad_norm=1.0", "dropout, seed 11: net.drop", "parameter groups"):
        assert part in text
    json.dumps(report.to_dict())


def test_header_tells_how_to_accumulate(tmp_path):
    # Nothing is linked: the header alone is of interest.
    from pockmlir.artifact.image import Identity
    from pockmlir.export.header import header

    text = header(make_step().artifact, Identity(layout=1, frozen=2))
    assert "int32_t acc_accumulate(" in text
    assert "Of 3 calls, the last one is acc_step" in text
    assert "count the calls" in text
    assert "lr: float[2]" in text
    assert "Parameter group 1: SGD(lr=0.25" in text


def test_export_leaves_out_an_unfinished_accumulation():
    from pockmlir.export.folder import _state_image

    step = make_step()
    step(x(3))
    assert np.array_equal(step._instance.view("w.grad"), x(3))
    assert not _state_image(step._instance)[64:72].any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"accumulate": 0}, "accumulate: expected a number of calls >= 1, but got 0"),
        ({"accumulate": 2.0}, "accumulate: expected a number of calls"),
        ({"clip_grad_norm": 0}, "clip_grad_norm: expected a finite number > 0, but got 0"),
        ({"clip_grad_value": float("nan")}, "clip_grad_value: expected a finite number > 0, but got nan"),
        ({"clip_grad_norm": True}, "clip_grad_norm: .* but got True"),
        ({"seed": "a"}, "seed: expected an integer of 64 bits, but got 'a'"),
        ({"seed": 2**63}, "seed: expected an integer of 64 bits"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(pock.ArgumentError, match=message):
        Training(**options)


def test_attributes_of_what_is_used():
    assert Training().attributes() == {}
    assert Training(4, 1, 0.5).attributes() == {
        "pock.accumulate": "4 : i64", "pock.clip_grad_norm": "1.0 : f64", "pock.clip_grad_value": "0.5 : f64",
    }  # fmt: skip
