"""Models of transformers as their users call them: by name, with labels, caches and adapters."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch

transformers = pytest.importorskip("transformers")
pytest.importorskip("pockmlir._core")

BATCH, LENGTH, WORDS = 4, 8, 50


def bert() -> torch.nn.Module:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=WORDS, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=LENGTH, num_labels=3,
    )  # fmt: skip
    return transformers.BertForSequenceClassification(config).eval()


def gpt2() -> torch.nn.Module:
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=WORDS, n_embd=32, n_layer=1, n_head=2, n_positions=LENGTH, bos_token_id=0, eos_token_id=0
    )
    return transformers.GPT2LMHeadModel(config).eval()


def words(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mask = torch.ones(BATCH, LENGTH, dtype=torch.int64)
    mask[1, 5:] = 0
    ids = torch.randint(0, WORDS, (BATCH, LENGTH), generator=generator)
    return {"input_ids": ids, "attention_mask": mask}


def trained(model: torch.nn.Module, loss: Callable[[Any], torch.Tensor], steps: int = 4) -> list[float]:
    """PyTorch's losses on a copy of the model."""
    model = copy.deepcopy(model)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3, eps=1e-6)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(model)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses


def compiled(model: torch.nn.Module, inputs: Any, loss: Any) -> pock.Step:
    optimizer = pock.AdamW(lr=1e-3, eps=1e-6)
    return pock.compile(model, inputs, loss=loss, optimizer=optimizer, scheme=pock.Scheme.full())


def test_a_classifier_by_name_and_with_its_own_loss() -> None:
    model, inputs, labels = bert(), words(), torch.tensor([0, 1, 2, 0])
    expected = trained(model, lambda m: m(**inputs, labels=labels).loss)
    step = compiled(model, inputs, "cross_entropy")
    assert [step(**inputs, target=labels) for _ in range(4)] == pytest.approx(expected, rel=1e-4)
    own = compiled(model, {**inputs, "labels": labels}, None)
    np.testing.assert_allclose(
        own.predict(**inputs)["logits"], model(**inputs).logits.detach().numpy(), rtol=1e-4, atol=1e-5
    )
    assert [own(**inputs, labels=labels) for _ in range(4)] == pytest.approx(expected, rel=1e-4)
    with pytest.raises(pock.ArgumentError, match=r"input_ids: expected indices in \[0, 50\), but got 99"):
        step(torch.full((BATCH, LENGTH), 99), inputs["attention_mask"], labels)


def test_a_language_model_with_cache_and_ignored_labels() -> None:
    model, ids = gpt2(), words()["input_ids"]
    labels = ids.clone()
    labels[0, 3:] = -100
    with pytest.warns(UserWarning, match=r"past_key_values \(DynamicCache\)"):
        step = compiled(model, {"input_ids": ids, "labels": labels}, None)
    assert list(step.predict(ids)) == ["logits"]
    expected = trained(model, lambda m: m(input_ids=ids, labels=labels).loss)
    assert [step(ids, labels) for _ in range(4)] == pytest.approx(expected, rel=1e-4)
    with pytest.raises(
        pock.ArgumentError, match=r"aten\.cross_entropy_loss in .*: expected indices in \[0, 50\) or ignore_index -100"
    ):
        step(ids, torch.full((BATCH, LENGTH), 77))
    state = step.state_dict()
    assert np.array_equal(state["lm_head.weight"], state["transformer.wte.weight"])


@pytest.mark.slow
def test_adapters_of_peft_in_a_language_model() -> None:
    peft = pytest.importorskip("peft")
    ids = words()["input_ids"]
    config = peft.LoraConfig(r=2, target_modules=["c_attn"], task_type="CAUSAL_LM", fan_in_fan_out=True)
    model = peft.get_peft_model(gpt2(), config)
    step = compiled(model, {"input_ids": ids, "labels": ids, "use_cache": False}, None)
    expected = trained(model, lambda m: m(input_ids=ids, labels=ids).loss)
    assert [step(ids, ids) for _ in range(4)] == pytest.approx(expected, rel=1e-4)
    changed = [entry.name for entry in step.report().parameters if entry.trains != "frozen"]
    assert len(changed) == 2
    assert all("lora" in name for name in changed)


@pytest.mark.slow
def test_a_mixture_of_experts() -> None:
    """Its loop over the experts that got tokens depends on data; `batched_mm` computes the same without."""
    torch.manual_seed(0)
    config = transformers.MixtralConfig(
        vocab_size=WORDS, hidden_size=16, intermediate_size=24, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, num_local_experts=4, num_experts_per_tok=2, use_cache=False,
        max_position_embeddings=LENGTH,
    )  # fmt: skip
    model, ids = transformers.MixtralForCausalLM(config).eval(), words()["input_ids"]
    model.set_experts_implementation("batched_mm")
    step = compiled(model, {"input_ids": ids, "labels": ids}, None)
    expected = trained(model, lambda m: m(input_ids=ids, labels=ids).loss)
    assert [step(ids, ids) for _ in range(4)] == pytest.approx(expected, rel=1e-4)
