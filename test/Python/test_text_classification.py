"""The text example runs: every scheme learns, and the compiled steps do what PyTorch does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

pytest.importorskip("pockmlir._core")
pytest.importorskip("tokenizers")

EXAMPLE = Path(__file__).parents[2] / "examples" / "text_classification"


@pytest.fixture
def corpus(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    import corpus

    return corpus


def test_no_file_is_in_two_splits(corpus: ModuleType) -> None:
    packages = (corpus.Package("click", ("click",)), corpus.Package("networkx", ("networkx", "nx")))
    most = {"train": 60, "validation": 10, "test": 10}
    splits = corpus.read(packages, most)
    assert splits == corpus.read(packages, most)
    for name, sentences in splits.items():
        assert [sum(s.label == label for s in sentences) for label in (0, 1)] == [most[name]] * 2
        assert not any("networkx" in s.text.lower() or "click " in s.text.lower() for s in sentences)
    files = [{s.file for s in sentences} for sentences in splits.values()]
    assert sum(map(len, files)) == len(set.union(*files))
    begins = [" ".join(s.text.lower().split()[:8]) for sentences in splits.values() for s in sentences]
    assert len(set(begins)) == len(begins)


@pytest.mark.slow
def test_text_classification(tmp_path: Path) -> None:
    command = [sys.executable, str(EXAMPLE / "fine_tune.py"), "--quick", "--json", "--out", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
    assert run.returncode == 0, run.stderr
    figures = json.loads(run.stdout)
    schemes, tested = figures["schemes"], figures["sentences"]["test"]

    assert list(schemes) == ["last", "bias", "sparse", "full"]
    for name, found in schemes.items():
        assert found["accuracy_after"] > found["accuracy_before"] + 0.05, name
        assert sum(found["losses"][-50:]) < sum(found["losses"][:50]), name
    accuracy = {name: found["accuracy_after"] for name, found in schemes.items()}
    assert accuracy["full"] > accuracy["last"]
    assert accuracy["full"] > 0.35
    saved = {name: found["saved_bytes"] for name, found in schemes.items()}
    assert saved["last"] < saved["sparse"] < saved["bias"] < saved["full"]

    for name in ("sparse", "full"):
        pytorch = schemes[name]["pytorch"]
        assert pytorch["different_predictions"] <= 2, name
        assert abs(pytorch["accuracy_after"] - accuracy[name]) <= 2 / tested, name
        assert pytorch["losses"] == pytest.approx(schemes[name]["losses"], rel=1e-3), name
    assert (tmp_path / "losses.png").stat().st_size > 10_000
