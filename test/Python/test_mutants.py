"""pock-opt does not die of IR that parses; see mutants.py."""

from __future__ import annotations

import random

import mutants
import pytest

#: Mutants of lit tests and of the modules of models, in chunks that run side by side.
CHUNK = 1000


def _check(sources: list[mutants.Source], seeds: range) -> None:
    found = [f"seed {crash.seed} of {crash.source.name}: {crash.kind}" for crash in mutants.crashes(sources, seeds)]
    assert not found, f"{len(found)} crashes; mutants.py --keep FOLDER writes the inputs:\n" + "\n".join(found)


def test_sources_are_accepted() -> None:
    """What is mutated is IR that the tool takes: else nothing but the parser would be tested."""
    sources = random.Random(1).sample(
        [s for s in mutants.lit_sources() if not any(word in s.name for word in ("errors", "invalid"))], 12
    )
    tool = mutants.find_tool()
    refused = [source.name for source in sources if mutants.run(tool, source, source.text)[0]]
    assert len(refused) < 3, refused


def test_mutants_differ() -> None:
    text = "func.func @f(%x: tensor<4x8xf32>) {\n  %0 = pock.add %x, %x : (tensor<4x8xf32>)\n}\n"
    mutated = {mutants.mutate(text, random.Random(seed)) for seed in range(100)}
    assert len(mutated) > 50


def test_few() -> None:
    _check(mutants.lit_sources(), range(100_000, 100_040))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(6))
def test_lit_tests(chunk: int) -> None:
    _check(mutants.lit_sources(), range(chunk * CHUNK, (chunk + 1) * CHUNK))


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(4))
def test_models(chunk: int) -> None:
    _check(mutants.model_sources(), range(chunk * CHUNK, (chunk + 1) * CHUNK))
