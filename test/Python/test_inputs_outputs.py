"""What models take and return, through the whole compiler: names, nesting, masks, losses."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pockmlir as pock
import pytest
import torch
from pockmlir.frontends.torch.importer import import_model
from torch import nn
from torch.nn import functional

pytest.importorskip("pockmlir._core")

N = 4


@dataclass
class ModelOutput:
    """What models of transformers return: a dataclass that tells fields by attribute."""

    logits: torch.Tensor | None = None
    loss: torch.Tensor | None = None
    past_key_values: Any = None


class Cache:
    """No tensor, and nothing that holds some openly."""


class Classifier(nn.Module):
    """Takes a mask, optional arguments, and labels if it is to compute its loss."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fc = nn.Linear(3, 2)

    def forward(self, x, mask=None, labels=None, *, scale=None, power=1.0, use_cache=False, mode="sum"):
        if mask is not None:
            x = torch.where(mask, x, 0.0)
        hidden = self.fc(x) * power
        if scale is not None:
            hidden = hidden * scale.to(hidden.dtype).unsqueeze(1)
        if mode == "double":
            hidden = hidden + hidden
        loss = None if labels is None else functional.cross_entropy(hidden, labels)
        return ModelOutput(hidden, loss, Cache() if use_cache else None)


def data(seed: int = 0) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {
        "x": torch.randn(N, 3, generator=generator),
        "mask": torch.rand(N, 3, generator=generator) > 0.3,
        "scale": torch.randint(1, 4, (N,), generator=generator),
        "labels": torch.randint(0, 2, (N,), generator=generator),
    }


def compiled(model: nn.Module, inputs: Any, kwargs: Any = None, **options: Any) -> pock.Step:
    options = {"loss": "cross_entropy", "optimizer": pock.SGD(lr=0.1), "scheme": pock.Scheme.full()} | options
    return pock.compile(model, inputs, kwargs, **options)


def trained(model: nn.Module, loss: Any, batches: list[Any]) -> list[float]:
    """PyTorch's losses; the model is changed."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        value = loss(model, batch)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses


BATCHES = [data(seed) for seed in range(5)]


def assert_same_parameters(step: pock.Step, model: nn.Module) -> None:
    for name, value in model.state_dict().items():
        np.testing.assert_allclose(step.state_dict()[name], value.numpy(), rtol=1e-4, atol=1e-6, err_msg=name)


@pytest.fixture(scope="module")
def masked() -> pock.Step:
    """Inputs by name: floats, a mask of bool, integers, constants."""
    batch = data()
    inputs = {"x": batch["x"], "mask": batch["mask"], "scale": batch["scale"], "power": 0.5, "mode": "double"}
    return compiled(Classifier(), inputs)


def test_keyword_inputs_masks_and_integers(masked):
    def loss(model, batch):
        output = model(batch["x"], batch["mask"], scale=batch["scale"], power=0.5, mode="double")
        return functional.cross_entropy(output.logits, batch["labels"])

    assert [str(spec) for spec in masked.inputs] == [
        "x: float32[4, 3]", "mask: bool[4, 3]", "scale: int64[4]", "target: int64[4]",
    ]  # fmt: skip
    model = Classifier()
    expected = trained(model, loss, BATCHES)
    found = [masked(x=b["x"], mask=b["mask"], scale=b["scale"], target=b["labels"]) for b in BATCHES]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert_same_parameters(masked, model)


def test_by_position_and_by_name_are_the_same(masked):
    b = BATCHES[0]
    first = masked(b["x"], b["mask"], b["scale"], b["labels"], lr=0.0)
    assert masked(b["x"], b["mask"], target=b["labels"], scale=b["scale"], lr=0.0) == first
    named = masked.predict(x=b["x"], mask=b["mask"], scale=b["scale"])
    assert list(named) == ["logits"]
    assert np.array_equal(masked.predict(b["x"], b["mask"], b["scale"])["logits"], named["logits"])


def test_what_is_compiled_in_cannot_be_given(masked):
    b = BATCHES[0]
    with pytest.raises(pock.ArgumentError, match=r"power is compiled in as 0\.5"):
        masked(b["x"], b["mask"], b["scale"], target=b["labels"], power=0.5)
    with pytest.raises(pock.ArgumentError, match=r"step: missing mask: bool\[4, 3\]"):
        masked(x=b["x"], scale=b["scale"], target=b["labels"])


def test_a_model_that_returns_its_loss_among_other_things():
    batch = data()
    model = Classifier()
    step = compiled(model, (batch["x"],), {"labels": batch["labels"]}, loss=None)
    expected = trained(model, lambda m, b: m(b["x"], labels=b["labels"]).loss, BATCHES)
    np.testing.assert_allclose([step(b["x"], labels=b["labels"]) for b in BATCHES], expected, rtol=1e-5)
    # Labels are for the loss only, and there may be wrong ones among them.
    x = BATCHES[0]["x"]
    assert list(step.predict(x)) == ["logits"]
    np.testing.assert_allclose(step.predict(x)["logits"], model(x).logits.detach().numpy(), rtol=1e-4, atol=1e-6)
    assert np.array_equal(step.predict(x=x, labels=batch["labels"])["logits"], step.predict(x)["logits"])
    with pytest.raises(pock.ArgumentError, match=r"labels: expected indices in \[0, 2\)"):
        step(x, batch["labels"] + 5)


def test_no_loss_in_the_output():
    with pytest.raises(pock.ArgumentError, match=r"loss=None.* its output has logits; give it its targets.*labels"):
        import_model(Classifier(), (data()["x"],), None)


def test_what_is_no_tensor_is_left_out_of_predict():
    with pytest.warns(UserWarning, match=r"predict leaves out past_key_values \(Cache\).*use_cache=False"):
        imported = import_model(Classifier(), {"x": data()["x"], "use_cache": True}, "cross_entropy")
    assert [spec.name for spec in imported.outputs] == ["logits"]


class TwoHeads(nn.Module):
    """Nested input and output."""

    def __init__(self, output: str = "dict") -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second = nn.Linear(3, 2), nn.Linear(3, 1)
        self.output = output

    def forward(self, pair, options):
        x, y = pair
        a, b = self.first(x * options["gain"]), self.second(y)
        if self.output == "dict":
            return {"classes": a, "boxes": [b, b * 2]}
        return namedtuple("Pair", "classes boxes")(a, b) if self.output == "named" else (a, (b, None, 3))


def test_nested_inputs_targets_and_outputs():
    batch = data()
    pair, options = [batch["x"], batch["x"] * 2], {"gain": torch.tensor(0.5), "unused": None}

    def loss(output, target):
        return functional.cross_entropy(output["classes"], target["label"]) + functional.mse_loss(
            output["boxes"][0], target["boxes"][0]
        )

    target = {"label": batch["labels"], "boxes": (torch.ones(N, 1),)}
    model = TwoHeads()
    step = compiled(model, (pair, options), loss=loss, example_target=target)
    assert [spec.name for spec in step.inputs] == [
        "pair0", "pair1", "options_gain", "target_label", "target_boxes0",
    ]  # fmt: skip
    expected = trained(model, lambda m, b: loss(m(pair, options), target), [None] * 3)
    found = [step(pair, options, target), step(options=options, target=target, pair=tuple(pair))]
    found.append(step(*pair, options["gain"], target["label"], target["boxes"][0]))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    predicted = step.predict(pair, options)
    assert list(predicted) == ["classes", "boxes_0", "boxes_1"]
    np.testing.assert_allclose(predicted["boxes_1"], model(pair, options)["boxes"][1].detach().numpy(), rtol=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1], {}, {}), r"pair: expected 2 values, but got list of 1"),
        (((1, 2), {"gain": 1, "other": 2}, {}), r"options: expected a mapping with gain, but got one with gain, other"),
        (((1, 2), 3, {}), r"options: expected a mapping with gain, but got int"),
        ((), r"step: expected 3 arguments \(pair0: .*, target_label: .*\), but got 0"),
    ],
)
def test_wrong_nesting(arguments, message):
    from pockmlir.artifact.arguments import Argument, Arguments
    from pockmlir.artifact.manifest import TensorSpec

    names = ["pair0", "pair1", "options_gain", "target_label"]
    trees = [Argument("pair", ("pair0", "pair1")), Argument("options", {"gain": "options_gain", "unused": None})]
    specs = [TensorSpec(name, (1,), "f32") for name in names]
    found = Arguments("step", specs, [*trees, Argument("target", {"label": "target_label"})])
    assert list(found.flatten(((1, 2), {"gain": 3, "unused": None}), {"target": {"label": 4}})) == [1, 2, 3, 4]
    assert list(found.flatten((1, 2, 3, 4), {})) == [1, 2, 3, 4]
    with pytest.raises(pock.ArgumentError, match=message):
        found.flatten(arguments, {})


@pytest.mark.parametrize(("kind", "names"), [("named", ["classes", "boxes"]), ("tuple", ["output0", "output1_0"])])
def test_tuples_come_back_as_tuples(kind, names):
    batch = data()
    inputs = ((batch["x"], batch["x"]), {"gain": torch.tensor(1.0)})
    imported = import_model(
        TwoHeads(kind), inputs, lambda o, t: functional.cross_entropy(o[0], t), target_example=batch["labels"]
    )
    assert [spec.name for spec in imported.outputs] == names
    assert not imported.named_outputs


def test_several_targets_in_a_tuple():
    loss = lambda output, target: functional.mse_loss(output * target[1], target[0])  # noqa: E731
    model, x = nn.Linear(3, 2), data()["x"]
    step = compiled(model, x, loss=loss, example_target=(torch.zeros(N, 2), torch.ones(N, 1)))
    weights = torch.rand(N, 1)
    expected = loss(model(x), (torch.ones(N, 2), weights)).item()
    assert step(x, (torch.ones(N, 2), weights)) == pytest.approx(expected, rel=1e-5)
    assert step.inputs[1].name == "target0"


class Reserved(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 3)

    def forward(self, seed, lr, target):
        return self.fc(seed) * lr + target


def test_names_that_the_step_needs_itself():
    x = data()["x"]
    imported = import_model(Reserved(), (x, x, x), "mse")
    assert [argument.name for argument in imported.arguments] == ["seed_input", "lr_input", "target", "loss_target"]
    step = compiled(Reserved(), (x, x, x), loss="mse")
    assert step(seed_input=x, lr_input=x, target=x, loss_target=x, lr=0.1) >= 0


def test_exported_program_with_keyword_inputs():
    batch = data()
    program = torch.export.export(Plain(), (batch["x"],), {"scale": batch["scale"], "mask": batch["mask"]})
    inputs = {"mask": batch["mask"], "scale": batch["scale"]}
    step = compiled(program, (batch["x"],), inputs)
    direct = compiled(Plain(), (batch["x"],), inputs)
    assert step(batch["x"], **inputs, target=batch["labels"]) == direct(batch["x"], **inputs, target=batch["labels"])
    with pytest.raises(pock.ArgumentError, match=r"example_inputs: the program has 3 inputs, but got 2"):
        import_model(program, (batch["x"],), "cross_entropy", kwargs={"mask": batch["mask"]})


class Plain(Classifier):
    """Returns the logits alone: export does not know dataclasses."""

    def forward(self, x, *, mask, scale):
        return super().forward(x, mask, scale=scale).logits


@pytest.mark.parametrize(
    ("inputs", "kwargs", "message"),
    [
        ((object(),), None, r"example_inputs\[0\]: expected a torch.Tensor or numpy array .* but got object"),
        ({"x": {1, 2}}, None, r"kwargs\['x'\]: expected a torch.Tensor .* but got set"),
        ((3,), None, r"example_inputs\[0\]: expected a torch.Tensor, but got int"),
        ((), {"y": torch.zeros(1)}, r"the model's forward does not take these inputs: .*'x'"),
        ((torch.zeros(N, 3),), 3, r"kwargs: expected a mapping of names to inputs, but got int"),
        ((torch.zeros(N, 3, dtype=torch.complex64),), None, r"example_inputs\[0\]: .*complex64"),
    ],
)
def test_bad_inputs(inputs, kwargs, message):
    with pytest.raises(pock.ArgumentError, match=message):
        import_model(Classifier(), inputs, "cross_entropy", kwargs=kwargs)


def test_a_loss_by_name_needs_logits():
    class Features(Classifier):
        def forward(self, x):
            return {"features": self.fc(x), "more": x}

    with pytest.raises(pock.ArgumentError, match=r"'cross_entropy' needs .* or one called logits.* features, more"):
        import_model(Features(), (data()["x"],), "cross_entropy")


def test_the_eager_step_passes_inputs_by_name():
    from pockmlir.loop.eager import eager_step

    class Optional(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x, skipped=None, scale=None):
            assert skipped is None
            return self.fc(x * scale)

    x, scale, y = torch.rand(N, 3), torch.rand(N, 3), torch.tensor([0, 1, 1, 0])
    model = Optional()
    step = pock.compile(model, {"x": x, "scale": scale}, loss="cross_entropy", optimizer=pock.SGD(), scheme={"*": 1.0})
    eager = eager_step(model, step, "cross_entropy", [x.numpy(), scale.numpy(), y.numpy()])
    assert eager() == pytest.approx(step(x=x, scale=scale, target=y), rel=1e-6)
