"""Five steps of the zoo's architectures equal PyTorch's, full and sparse."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from architectures import ARCHITECTURES
from architectures.compare import compare
from vulkan_cases import needs_device

pytest.importorskip("pockmlir._core")
pytestmark = pytest.mark.usefixtures("one_thread")

#: What runs always, in about a minute together; one of each family that differs in its operators.
FAST = {
    ("bert", "sparse"),
    ("conv-lstm", "full"),
    ("dlrm", "full"),
    ("gpt2", "full"),
    ("lstm", "full"),
    ("qwen2", "sparse"),
    ("swin", "sparse"),
    ("vae", "sparse"),
}


def _cases() -> list[Any]:
    return [
        pytest.param(name, scheme, id=f"{name}-{scheme}", marks=() if (name, scheme) in FAST else pytest.mark.slow)
        for name in sorted(ARCHITECTURES)
        for scheme in ("full", "sparse")
    ]


@pytest.mark.parametrize(("name", "scheme"), _cases())
def test_five_steps_equal_pytorch(name: str, scheme: str) -> None:
    require_equal(name, scheme, "host")


@needs_device
@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["full", "sparse"])
@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_five_steps_on_a_vulkan_device_equal_pytorch(name: str, scheme: str) -> None:
    require_equal(name, scheme, "vulkan")


def require_equal(name: str, scheme: str, target: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # transformers talks about kernels that it lacks
        figures = compare(ARCHITECTURES[name].at("small"), scheme, target=target)
    assert figures.verdict == "equal", (
        f"losses off by {figures.loss_error:.1e}, parameters by {figures.parameter_error:.1e}, "
        f"updates by {figures.update_error:.1e} (worst: {figures.worst}); float64: {figures.double}"
    )
    # A rate so low that nothing moves would make wrong gradients look right.
    assert figures.update_error < 1e-2, figures.worst
