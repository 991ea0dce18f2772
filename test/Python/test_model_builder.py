"""Models that are written with `pockmlir.frontends.common`: what the compiler reads, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import pockmlir as pock
import pytest
from pockmlir._ops import _pock_ops_gen as ops
from pockmlir.core.extension import load_core
from pockmlir.frontends.common import Builder, ModelBuilder, Unsupported, cross_entropy, linear, mse_loss, relu
from pockmlir.frontends.common.checks import check_finite


def read(model: ModelBuilder, **options: bool) -> str:
    """The module as the compiler prints it, verified, with locations."""
    return load_core().run_pipeline(model.build(**options).ir, "builtin.module()", True)


def begin(shape: tuple[int, ...] = (4, 3), dtype: str = "f32") -> tuple[ModelBuilder, Builder, object]:
    """A model with a parameter, and a loss with an input."""
    model = ModelBuilder("net")
    model.parameter("w", np.ones((2, 3), np.float32))
    b = model.function("loss")
    return model, b, b.add_input("x", shape, dtype)


def scalar(b: Builder, x: object) -> object:
    return b.mean(x, range(len(x.type.shape)))


def test_facts_beside_the_ir():
    model, b, x = begin()
    model.parameter("frozen.w", np.ones(3), trains=False)
    model.parameter("unread", np.ones(3, np.float32))
    model.buffer("average", np.zeros(2, np.float32))
    y = linear(b, x, b.load("w"))
    with b.at("layer.drop"):
        y = b.dropout(y, 0.5)
    b.store("average", b.mean(b.constant_to_gradients(y), [0]))
    b.returns({"loss": scalar(b, y)})
    found = model.build()
    assert [(info.name, info.module, info.requires_grad) for info in found.parameters] == [
        ("w", "", True), ("frozen.w", "frozen", False), ("unread", "", True),
    ]  # fmt: skip
    assert found.gradients == {"w": True}
    assert found.dropout_layers == ("layer.drop",)
    assert [spec.name for spec in found.inputs] == ["x"]
    assert (found.targets, found.outputs, found.name) == ([], [], "net")
    assert found.saved_names == ("w", "frozen.w", "unread", "average")
    text = read(model)
    assert 'pock.name = "random_seed"' in text
    assert "pock.store_param @average" in text


def test_gradients_stop_where_they_are_stopped():
    model, b, x = begin()
    model.parameter("v", np.ones((2, 3), np.float32))
    y = b.add(linear(b, x, b.load("w")), linear(b, x, b.constant_to_gradients(b.load("v"))))
    b.returns({"loss": scalar(b, y)})
    assert model.build().gradients == {"w": True, "v": False}


@pytest.mark.parametrize(
    ("array", "dtype"),
    [
        (np.float32([np.inf, -np.inf, np.nan, -0.0, 1e-45, 3.4e38, 0.1]), "f32"),
        (np.linspace(0, 1, 200).reshape(20, 10), "f64"),
        (np.int8([[-128, 127], [0, 1]]), "i8"),
        (np.array([2**63 - 1, -(2**63)]), "i64"),
        (np.array([True, False, True]), "i1"),
        (np.full((2, 2), -5, np.int32), "i32"),
        (np.zeros((0, 3), np.float32), "f32"),
        (np.arange(2000, dtype=np.float32), "f32"),
    ],
)
def test_constants_keep_every_bit(array: np.ndarray, dtype: str):
    model, b, x = begin()
    value = b.constant(array, dtype)
    np.testing.assert_array_equal(b.known(value), array)
    b.returns({"loss": scalar(b, linear(b, x, b.load("w")))})
    predict = model.function("predict")
    predict.returns({"output": predict.constant(array, dtype)})
    assert ("constant_0" in read(model)) == (array.size > Builder.INLINE_ELEMENTS)
    if array.size:
        step = pock.compile(model.build(), loss=None, optimizer=pock.SGD(lr=0.1), scheme={"w": 1})
        assert step.predict().tobytes() == array.tobytes()


def test_names_and_places_may_have_any_characters():
    model, b, x = begin()
    model.buffer('a "b"\\c\n.é', np.zeros(3, np.float32))
    with b.at('la"yer', "C:\\net\n.py", 7):
        y = b.add(x, b.load('a "b"\\c\n.é'))
    b.returns({"loss": scalar(b, y)})
    text = read(model)
    assert '@"a \\22b\\22\\\\c\\0A' in text
    assert re.search(r'loc\("la\\22yer"\(#loc\d+\)\)', text)
    assert 'loc("C:\\\\net\\0A.py":7:0)' in text


def test_operands_that_may_be_missing_are_counted():
    model, b, x = begin()
    model.buffer("scale", np.ones(3, np.float32))
    with_weight = b.emit(ops.BceWithLogitsOp, [b.type((), "f32")], x, x, pos_weight=b.load("scale"))[0]
    b.returns({"loss": with_weight})
    assert "pock.bce_with_logits" in read(model)


def test_what_the_compiler_refuses_names_the_place():
    model, b, x = begin()
    with b.at("layer", "net.py", 12):
        wrong = b.emit(ops.ReluOp, b.type((1,), "f32"), x)
    b.returns({"loss": scalar(b, wrong)})
    with pytest.raises(pock.CompileError, match=r"net\.py:12:0 \(layer\): error: 'pock\.relu'"):
        pock.plan(model.build(), loss=None, optimizer=pock.SGD(lr=0.1), scheme={"w": 1})


def test_what_the_builder_refuses():
    model, b, x = begin()
    with pytest.raises(pock.ArgumentError, match="two tensors are called 'w'"):
        model.buffer("w", np.zeros(3, np.float32))
    with pytest.raises(pock.ArgumentError, match="parameter 'h' has dtype float16"):
        model.parameter("h", np.zeros(3, np.float16))
    with pytest.raises(pock.ArgumentError, match="but got 'loss'"):
        model.function("loss")
    with pytest.raises(pock.ArgumentError, match="expected a function 'loss' with one result"):
        model.build()
    with pytest.raises(Unsupported, match="on operands of f32 and i64"):
        b.compare("lt", x, b.iota((3,), 0))
    with pytest.raises(pock.IndexRangeError, match=r"cross_entropy in \(model\): expected indices in .0, 3."):
        cross_entropy(b, x, b.constant(np.array([0, 1, 2, 3]), "i64"))
    b.returns({"loss": relu(b, x)})
    with pytest.raises(pock.ArgumentError, match="a floating-point scalar, but got tensor<4x3xf32>"):
        model.build()


def test_a_built_model_has_inputs_and_loss_in_it():
    model, b, x = begin()
    b.returns({"loss": mse_loss(b, linear(b, x, b.load("w")), b.add_input("target", (4, 2), "f32"))})
    built = model.build()
    settings = {"optimizer": pock.SGD(lr=0.1), "scheme": {"w": 1}}
    with pytest.raises(pock.ArgumentError, match=r"^inputs: an ImportedModel has its inputs"):
        pock.plan(built, (np.zeros((4, 3)),), loss=None, **settings)
    with pytest.raises(pock.ArgumentError, match=r"^loss: an ImportedModel has its inputs"):
        pock.plan(built, loss="mse", **settings)
    with pytest.raises(pock.ArgumentError, match="'skip' needs a model whose loss is checked"):
        pock.plan(built, loss=None, on_nan="skip", **settings)
    plan = pock.plan(built, loss=None, **settings)
    assert plan.memory.arena > 0


def test_a_checked_loss_can_be_skipped():
    model, b, x = begin((2, 3))
    loss = scalar(b, linear(b, x, b.load("w")))
    with b.doing("loss"):
        check_finite(b, loss)
    b.returns({"loss": loss})
    built = model.build(checks_loss=True)
    step = pock.compile(built, loss=None, optimizer=pock.SGD(lr=0.1), scheme={"w": 1}, on_nan="skip")
    before = step.state_dict()["w"].copy()
    step(np.full((2, 3), np.inf, np.float32))
    assert step.skipped == 1
    np.testing.assert_array_equal(step.state_dict()["w"], before)
