"""A hand-written C library with the ABI of a compiled step, and its manifest: a linear classifier.

The weight is stored transposed, there is momentum, one buffer is constant, and one value is prepared.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pockmlir as pock
from llvm_tools import find_program
from pockmlir.artifact.artifact import Artifact, StageDump
from pockmlir.artifact.manifest import Manifest
from pockmlir.core import link

SOURCE = r"""
#include <math.h>
#include <stdint.h>
#include <string.h>
typedef struct { float w[3][2]; char p0[40]; float b[2]; char p1[56]; float mw[3][2]; char p2[40];
                 float mb[2]; char p3[56]; int64_t step; char p4[56]; float sum; char p5[60]; } State;
typedef struct { float scale[3]; char p[52]; } Constants;
int32_t net_init(void *p) { State *s = p; memset(s->mw, 0, sizeof s->mw); memset(s->mb, 0, sizeof s->mb); s->step = 0; return 0; }
int32_t net_prepare(const void *c, void *p, void *a) {
  const Constants *k = c; ((State *)p)->sum = k->scale[0] + k->scale[1] + k->scale[2]; return 0; }
static void forward(const State *s, const float *x, float *out) {
  for (int n = 0; n < 4; ++n) for (int f = 0; f < 2; ++f) {
    float v = s->b[f];
    for (int c = 0; c < 3; ++c) v += x[n * 3 + c] * s->sum * s->w[c][f];
    out[n * 2 + f] = v; } }
int32_t net_predict(const void *c, void *p, void *a, const float *x, float *out) { forward(p, x, out); return 0; }
int32_t net_step(const void *c, void *p, void *a, const float *x, const int64_t *y, const float *lr, float *loss) {
  State *s = p; float *logits = a; float gw[3][2] = {{0}}, gb[2] = {0};
  if (((uintptr_t)x | (uintptr_t)y | (uintptr_t)c | (uintptr_t)p | (uintptr_t)a) % 64) return 9;
  if (*lr > 1000) return 7;
  for (int n = 0; n < 4; ++n) if ((y[n] < 0 || y[n] > 1) && y[n] != -100) return 1;
  forward(s, x, logits); *loss = 0;
  for (int n = 0; n < 4; ++n) {
    float *l = logits + 2 * n, m = fmaxf(l[0], l[1]), z = expf(l[0] - m) + expf(l[1] - m);
    *loss -= (l[y[n]] - m - logf(z)) / 4;
    for (int f = 0; f < 2; ++f) {
      float g = (expf(l[f] - m) / z - (y[n] == f)) / 4;
      gb[f] += g;
      for (int k = 0; k < 3; ++k) gw[k][f] += g * x[n * 3 + k] * s->sum; } }
  for (int f = 0; f < 2; ++f) {
    s->mb[f] = 0.5f * s->mb[f] + gb[f]; s->b[f] -= *lr * s->mb[f];
    for (int k = 0; k < 3; ++k) { s->mw[k][f] = 0.5f * s->mw[k][f] + gw[k][f]; s->w[k][f] -= *lr * s->mw[k][f]; } }
  s->step += 1; return 0; }
"""

MANIFEST = {
    "name": "net",
    "alignment": 64,
    "segments": {"constants": 64, "state": 384, "arena": 128},
    "functions": {
        "step": {
            "inputs": [
                {"name": "x", "shape": [4, 3], "dtype": "f32"},
                {"name": "target", "shape": [4], "dtype": "i64"},
                {"name": "lr", "shape": [], "dtype": "f32"},
            ],
            "outputs": [{"name": "loss", "shape": [], "dtype": "f32"}],
            "arena": 128,
        },
        "predict": {
            "inputs": [{"name": "x", "shape": [4, 3], "dtype": "f32"}],
            "outputs": [{"name": "output", "shape": [4, 2], "dtype": "f32"}],
            "arena": 0,
        },
    },
    "failures": [
        {
            "code": 1, "kind": "index", "by": "aten.cross_entropy_loss", "module": "(loss)", "source": "net.py:7",
            "expected": "indices in [0, 2) or ignore_index -100", "input": "target", "range": [0, 2], "ignored": -100,
        },
        {
            "code": 2, "kind": "division", "by": "aten.remainder.Tensor", "module": "", "source": None,
            "expected": "no zero to divide by", "input": None, "range": None, "ignored": None,
        },
    ],
    "tensors": [],
    "memory": {
        "arena": 128, "lower_bound": 96, "saved": 32, "gradients": 32, "workspace": 0, "parameters": 44,
        "optimizer_state": 40, "timeline": [["linear forward", 32], ["cross_entropy", 96], ["update fc.weight", 64]],
        # Logits; exponentials, which the loss alone reads; their gradient, in the same bytes.
        "loss": 1, "places": [
            {"offset": 0, "bytes": 32, "begin": 0, "end": 2, "overwritten": False, "shape": [4, 2], "dtype": "f32"},
            {"offset": 64, "bytes": 64, "begin": 1, "end": 1, "overwritten": False, "shape": [4, 4], "dtype": "f32"},
            {"offset": 64, "bytes": 32, "begin": 2, "end": 2, "overwritten": False, "shape": [4, 2], "dtype": "f32"},
        ],
    },
    "kernels": {"launches": 5, "distinct": 4},
}  # fmt: skip


def _tensor(name, kind, segment, offset, shape, permutation=None, update="none", dtype="f32", of=None):
    size = int(np.prod(shape)) * (8 if dtype == "i64" else 4)
    return {
        "name": name, "kind": kind, "segment": segment, "offset": offset, "bytes": size, "shape": shape,
        "dtype": dtype, "permutation": permutation, "update": update, "of": of,
    }  # fmt: skip


MANIFEST["tensors"] = [
    _tensor("scale", "buffer", "constants", 0, [3]),
    _tensor("fc.weight", "parameter", "state", 0, [3, 2], [1, 0], "full"),
    _tensor("fc.bias", "parameter", "state", 64, [2], None, "full"),
    _tensor("fc.weight.momentum_buffer", "state", "state", 128, [3, 2], [1, 0], of="fc.weight"),
    _tensor("fc.bias.momentum_buffer", "state", "state", 192, [2], of="fc.bias"),
    _tensor("optimizer.step", "state", "state", 256, [], dtype="i64"),
    _tensor("$prepared_0", "prepared", "state", 320, [1]),
]

#: The initial values of the fake model.
VALUES = {
    "fc.weight": np.array([[0.5, -0.25, 1.0], [0.0, 2.0, -1.5]], np.float32),
    "fc.bias": np.array([0.1, -0.2], np.float32),
    "scale": np.array([0.5, 0.25, 0.25], np.float32),
    "unused.weight": np.array([7.0], np.float32),
}
X = np.array([[1, 2, 3], [0, -1, 1], [2, 0, 0.5], [-1, 1, 0]], np.float32)
Y = np.array([0, 1, 1, 0], np.int64)


@functools.cache
def library() -> Path:
    """The C library, compiled once."""
    directory = Path(tempfile.mkdtemp(prefix="pock-fake-"))
    (directory / "net.c").write_text(SOURCE)
    compiler = find_program("clang-22", "clang", "gcc")
    command = [compiler, "-O1", "-fPIC", "-ffp-contract=off"]
    subprocess.run([*command, "-c", "net.c", "-o", "net.o"], cwd=directory, check=True)
    link.link_shared(directory / "net.o", directory / "libnet.so")
    return directory / "libnet.so"


def make_artifact(**changes) -> Artifact:
    """Return the artifact that `compile` would return; `manifest` may be a changed dictionary."""
    manifest = changes.pop("manifest", MANIFEST)
    infos = (
        pock.ParameterInfo("fc.weight", (2, 3), "fc"),
        pock.ParameterInfo("fc.bias", (2,), "fc"),
        pock.ParameterInfo("unused.weight", (1,), "unused"),
    )
    scheme = pock.Scheme({"fc.*": 1.0})
    artifact = Artifact(
        manifest=Manifest.from_json(json.dumps(manifest)),
        library=library(),
        object_code=library().with_name("net.o").read_bytes(),
        optimizer=pock.SGD(lr=0.1, momentum=0.5),
        scheme=scheme,
        fractions=scheme.resolve(infos),
        parameters=infos,
        target=pock.Target("host"),
        loss="cross_entropy",
        norm_modes={"bn": "inference"},
        arithmetic={"element types": "float32"},
        state_names=("fc.weight", "fc.bias", "scale", "unused.weight", "tied.weight"),
        aliases={"tied.weight": "fc.weight"},
        dumps=(
            StageDump("schedule", '%0 = pock.linear %x\npock.sparse_update @"fc.weight"\n', 0.1),
            StageDump("kernels", "pock.launch @linear_0 ins(%a)\npock.launch @linear_0 ins(%b)\n", 0.1),
        ),
        timings={"import": 0.5, "graph": 0.1},
    )
    return dataclasses.replace(artifact, **changes)


def make_step(torch_optimizer=None, **changes) -> pock.Step:
    """Return a step with memory of its own."""
    return pock.Step(make_artifact(**changes), VALUES, torch_optimizer)


def reference(steps: int, lr: float = 0.1, x=X, y=Y):
    """Run the same training in numpy float64; return losses and the final state."""
    weight, bias = VALUES["fc.weight"].astype(np.float64), VALUES["fc.bias"].astype(np.float64)
    mw, mb, losses = np.zeros_like(weight), np.zeros_like(bias), []
    for _ in range(steps):
        logits = x @ weight.T + bias
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        losses.append(-np.log(p[np.arange(4), y]).mean())
        g = (p - np.eye(2)[y]) / 4
        mw, mb = 0.5 * mw + g.T @ x, 0.5 * mb + g.sum(0)
        weight, bias = weight - lr * mw, bias - lr * mb
    return losses, {"fc.weight": weight, "fc.bias": bias, "mw": mw, "mb": mb}
