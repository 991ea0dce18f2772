"""Checkpoints: round trip, atomic replacement, and everything that is refused."""

import dataclasses
import json
import os
import re
import signal
import stat
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy
from fake_step import MANIFEST, VALUES, X, Y, make_artifact, make_step
from pockmlir import SGD, Adam, CheckpointError, ParameterInfo, Scheme
from pockmlir.runtime import checkpoint


@pytest.fixture
def trained():
    step = make_step()
    for _ in range(3):
        step(X, Y)
    return step


@pytest.fixture
def saved(trained, tmp_path):
    trained.save(tmp_path / "ckpt.safetensors")
    return tmp_path / "ckpt.safetensors"


def snapshot(step):
    return {name: value.tobytes() for name, value in (step.state_dict() | step.optimizer_state_dict()).items()}


def refuse(step, path, message, **options):
    before = snapshot(step)
    with pytest.raises(CheckpointError, match=message):
        step.load(path, **options)
    assert snapshot(step) == before


def test_training_goes_on_as_if_nothing_had_happened(trained, saved):
    step = make_step()
    step.load(saved)
    assert snapshot(step) == snapshot(trained)
    assert [step(X, Y) for _ in range(5)] == [trained(X, Y) for _ in range(5)]


def test_file_has_torch_names_and_layout(trained, saved):
    tensors = safetensors.numpy.load_file(saved)
    assert np.array_equal(tensors["fc.weight"], trained.state_dict()["fc.weight"])
    assert tensors["fc.weight.momentum_buffer"].shape == (2, 3)
    assert tensors["optimizer.step"] == 3


def test_equal_content_gives_equal_bytes(trained, saved, tmp_path):
    trained.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == saved.read_bytes()


def test_save_leaves_no_other_file_and_respects_the_umask(trained, saved):
    trained.save(saved)
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(saved.stat().st_mode) == 0o666 & ~mask


def test_failed_save_leaves_the_old_file_and_no_litter(trained, saved, monkeypatch):
    before = saved.read_bytes()
    trained(X, Y)

    def full_disk(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        trained.save(saved)
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
@pytest.mark.parametrize("unnamed", [True, False])
def test_killed_save_leaves_the_old_checkpoint_whole(trained, saved, moment, unnamed):
    before = saved.read_bytes()
    program = textwrap.dedent(f"""
        import os, signal, sys
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        from fake_step import X, Y, make_step
        step = make_step()
        step(X, Y)
        os.{moment} = lambda *arguments: os.kill(os.getpid(), signal.SIGKILL)
        if not {unnamed}:
            os.O_TMPFILE = os.O_CREAT | os.O_EXCL  # as where the file system has no such files
        step.save({str(saved)!r})
    """)
    killed = subprocess.run([sys.executable, "-c", program], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert saved.read_bytes() == before
    step = make_step()
    step.load(saved)
    assert snapshot(step) == snapshot(trained)
    if moment == "fsync" and unnamed:
        assert [path.name for path in saved.parent.iterdir()] == [saved.name]
    step.save(saved)
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_every_truncation_is_refused(saved):
    whole, step = saved.read_bytes(), make_step()
    for end in [*range(0, len(whole), 37), len(whole) - 1]:
        saved.write_bytes(whole[:end])
        refuse(step, saved, "truncated, or not a safetensors file")


def test_every_flipped_bit_is_refused(saved):
    whole, step = bytearray(saved.read_bytes()), make_step()
    for index in range(len(whole)):
        damaged = bytearray(whole)
        damaged[index] ^= 1 << index % 8
        saved.write_bytes(damaged)
        refuse(step, saved, re.escape(str(saved)))


def test_files_without_a_checksum_are_read(trained, saved):
    tensors, metadata = checkpoint.read(saved)
    del metadata["checksum"]
    text = json.dumps(metadata | {"format_version": 1})
    safetensors.numpy.save_file(tensors, saved, {"pockmlir": text})
    step = make_step()
    step.load(saved)
    assert snapshot(step) == snapshot(trained)
    safetensors.numpy.save_file(tensors, saved, {"pockmlir": json.dumps(metadata)})
    refuse(step, saved, "does not have its checksum")


def test_foreign_files_are_refused(tmp_path, saved):
    step = make_step()
    (tmp_path / "zip").write_bytes(b"PK\x03\x04" + bytes(100))
    refuse(step, tmp_path / "zip", "zip: truncated, or not a safetensors file")
    safetensors.numpy.save_file(VALUES, tmp_path / "weights")
    refuse(step, tmp_path / "weights", "not a checkpoint of pockmlir; load plain weights by load_state_dict")
    files = make_step().export(tmp_path / "export")
    refuse(step, files["parameters"], "parameters of an export")


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format_version": "1"}'])
def test_damaged_metadata_is_refused(tmp_path, text):
    safetensors.numpy.save_file(VALUES, tmp_path / "file", {"pockmlir": text})
    refuse(make_step(), tmp_path / "file", "damaged metadata")


def test_newer_format_is_refused(tmp_path):
    safetensors.numpy.save_file(VALUES, tmp_path / "file", {"pockmlir": '{"format_version": 99}'})
    refuse(make_step(), tmp_path / "file", "format version 99, but this pockmlir reads up to 2")


def test_missing_file_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        make_step().load(tmp_path / "nothing")


def test_another_model_is_refused(saved):
    tensors = [dict(entry) for entry in MANIFEST["tensors"]]
    tensors[0]["name"] = "gain"
    other = make_step_with(tensors, VALUES | {"gain": VALUES["scale"]})
    refuse(other, saved, "belongs to another model, 'net'; this one is 'net' and has other parameters or buffers")
    refuse(other, saved, "belongs to another model", optimizer_state=False)


def make_step_with(tensors, values):
    from pockmlir import Step

    artifact = make_artifact(manifest=MANIFEST | {"tensors": tensors}, state_names=tuple(values), aliases={})
    return Step(artifact, values)


def test_another_optimizer_is_refused_unless_only_parameters_are_wanted(trained, saved):
    other = make_step(optimizer=Adam())
    refuse(other, saved, "state of optimizer 'sgd', but this step uses 'adam'; load.path, optimizer_state=False")
    other.load(saved, optimizer_state=False)
    assert np.array_equal(other.state_dict()["fc.weight"], trained.state_dict()["fc.weight"])
    assert other.optimizer_state_dict()["optimizer.step"] == 0


def test_another_scheme_is_refused(saved):
    other = make_step(scheme=Scheme({"fc.bias": 1.0}), fractions={"fc.weight": 0.0, "fc.bias": 1.0, "unused.weight": 0})
    refuse(other, saved, "optimizer state for the scheme .*fc.*, but this step trains")


def test_an_equal_scheme_in_other_words_is_accepted(saved):
    make_step(scheme=Scheme.last(1)).load(saved)


def test_other_settings_of_the_same_optimizer_are_accepted_if_the_state_is_the_same(saved):
    make_step(optimizer=SGD(lr=1.0, momentum=0.8)).load(saved)


def test_other_state_of_the_same_optimizer_is_refused(saved):
    tensors = [entry for entry in MANIFEST["tensors"] if "momentum" not in entry["name"]]
    artifact = make_artifact(manifest=MANIFEST | {"tensors": tensors}, optimizer=SGD(lr=0.1))
    from pockmlir import Step

    refuse(Step(artifact, VALUES), saved, "its sgd keeps other state than this step's")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("fc.bias"), "missing fc.bias"),
        (lambda t: t.pop("fc.bias.momentum_buffer"), "missing fc.bias.momentum_buffer"),
        (lambda t: t.update(extra=X), "unexpected extra"),
        (lambda t: t.update({"fc.weight": t["fc.weight"].T}), "fc.weight: expected"),
        (lambda t: t.update({"optimizer.step": np.array(3.0)}), "optimizer.step: expected int64"),
        (lambda t: t.update({"optimizer.step": np.array(np.nan)}), "optimizer.step: expected int64"),
        (lambda t: t.update({"optimizer.step": np.array(-1)}), "optimizer.step: expected a count"),
        (lambda t: t.update({"optimizer.step": np.array(1 << 62)}), "optimizer.step: expected a count"),
    ],
)
def test_tampered_content_is_refused(trained, saved, change, message):
    tensors, metadata = checkpoint.read(saved)
    change(tensors)
    checkpoint.write(saved, tensors, metadata)
    refuse(make_step(), saved, message)


def test_metadata_says_what_it_belongs_to(saved):
    _, metadata = checkpoint.read(saved)
    assert metadata["model"] == "net"
    assert metadata["optimizer"]["kind"] == "sgd"
    assert Scheme.from_json(metadata["scheme"]) == Scheme({"fc.*": 1.0})
    assert metadata["format_version"] == 2
    assert json.dumps(metadata)


def test_fingerprint_depends_on_shapes():
    artifact = make_artifact()
    slots = dict(artifact.manifest.tensors)
    slots["fc.bias"] = dataclasses.replace(slots["fc.bias"], shape=(3,))
    manifest = dataclasses.replace(artifact.manifest, tensors=slots)
    assert dataclasses.replace(artifact, manifest=manifest).fingerprint() != artifact.fingerprint()
    assert ParameterInfo("a.b", (1,)).owner == "a"
