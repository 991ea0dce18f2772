"""The deepest stack, from frames and calls."""

import pockmlir as pock
import pytest
from pockmlir.artifact.stack import calls_of, deepest_stack

FRAMES = {"net_step": 16, "net_predict": 40, "pock_kernel_a": 8, "pock_kernel_b": 24, "fmaf": 12, "lmul": 4}
CALLS = {
    "net_step": {"pock_kernel_a", "pock_kernel_b"},
    "net_predict": {"pock_kernel_a"},
    "pock_kernel_a": {"fmaf", "memcpy"},
    "fmaf": {"lmul"},
}


def test_the_deepest_path_counts_not_the_largest_frames():
    assert deepest_stack(FRAMES, CALLS, "net_") == 40 + 8 + 12 + 4
    assert deepest_stack(FRAMES, CALLS | {"pock_kernel_b": {"fmaf"}}, "net_step") == 16 + 24 + 12 + 4
    assert deepest_stack(FRAMES, {}, "other_") == 0


def test_recursion_has_no_limit():
    with pytest.raises(pock.CompileError, match="fmaf calls itself"):
        deepest_stack(FRAMES, CALLS | {"lmul": {"fmaf"}}, "net_")


def test_calls_are_references_to_functions_or_to_their_sections():
    references = {".text.net_step": ["fmaf", ".text.pock_kernel_a"], ".ARM.exidx": [".text.net_step"]}
    assert calls_of(references) == {"net_step": {"fmaf", "pock_kernel_a"}}
