"""Schemes: resolution, combination, JSON, and what they refuse."""

import json

import pytest
from pockmlir import ParameterInfo, Scheme, SchemeError

PARAMETERS = (
    ParameterInfo("features.0.weight", (16, 3, 3, 3)),
    ParameterInfo("features.1.weight", (16,)),
    ParameterInfo("features.1.bias", (16,)),
    ParameterInfo("features.2.weight", (32, 16, 1, 1)),
    ParameterInfo("features.2.bias", (32,)),
    ParameterInfo("classifier.weight", (10, 32)),
    ParameterInfo("classifier.bias", (10,)),
)
FROZEN_HEAD = (*PARAMETERS[:5], ParameterInfo("classifier.weight", (10, 32), requires_grad=False), PARAMETERS[6])


def trained(scheme, parameters=PARAMETERS):
    return {name: fraction for name, fraction in scheme.resolve(parameters).items() if fraction}


def test_full_and_frozen():
    assert trained(Scheme.full()) == {info.name: 1.0 for info in PARAMETERS}
    assert trained(Scheme.frozen()) == {}
    assert list(Scheme.frozen().resolve(PARAMETERS)) == [info.name for info in PARAMETERS]


def test_last_takes_whole_layers():
    names = ["features.2.weight", "features.2.bias", "classifier.weight", "classifier.bias"]
    assert list(trained(Scheme.last(2))) == names


def test_last_counts_layers_in_order_of_the_parameters_not_of_names():
    parameters = (ParameterInfo("z.weight", (2, 2)), ParameterInfo("a.weight", (2, 2)))
    assert trained(Scheme.last(1), parameters) == {"a.weight": 1.0}


def test_bias_only_includes_normalisation():
    assert list(trained(Scheme.bias_only())) == ["features.1.bias", "features.2.bias", "classifier.bias"]


def test_bias_only_last_counts_layers_that_have_a_bias():
    assert list(trained(Scheme.bias_only(last=2))) == ["features.2.bias", "classifier.bias"]
    headless = (*PARAMETERS[:3], ParameterInfo("head.weight", (10, 16)))
    assert trained(Scheme.bias_only(last=1), headless) == {"features.1.bias": 1.0}


def test_bias_of_two_dimensions_is_no_bias():
    assert trained(Scheme.bias_only(), (ParameterInfo("attention.bias", (4, 4)), PARAMETERS[2])) == {
        "features.1.bias": 1.0
    }


def test_fraction_is_of_weights_and_whole_for_one_dimension():
    assert trained(Scheme({"features.2.*": 0.25})) == {"features.2.weight": 0.25, "features.2.bias": 1.0}


def test_later_entries_win():
    scheme = Scheme({"*": 1.0, "features.*": 0.0, "features.2.weight": 0.5})
    assert trained(scheme) == {"features.2.weight": 0.5, "classifier.weight": 1.0, "classifier.bias": 1.0}


def test_combination_keeps_what_the_right_side_does_not_mention():
    scheme = Scheme.bias_only(last=1) | {"classifier.weight": 0.5}
    assert trained(scheme) == {"classifier.weight": 0.5, "classifier.bias": 1.0}


def test_right_side_wins_and_either_side_may_be_a_mapping():
    assert trained(Scheme.full() | {"features.*": 0}) == {"classifier.weight": 1.0, "classifier.bias": 1.0}
    assert trained({"features.*": 0} | Scheme.full()) == trained(Scheme.full())
    assert trained(Scheme.full() | Scheme.frozen()) == {}
    assert trained(Scheme.full() | Scheme.frozen() | Scheme.last(1)) == trained(Scheme.last(1))


def test_combining_does_not_change_the_operands():
    scheme = Scheme.last(1)
    scheme | {"features.*": 1.0}
    assert scheme == Scheme.last(1)


def test_requires_grad_false_stays_frozen():
    assert "classifier.weight" not in trained(Scheme.full(), FROZEN_HEAD)
    assert trained(Scheme.last(1), FROZEN_HEAD) == {"classifier.bias": 1.0}
    assert trained(Scheme({"classifier.*": 1.0}), FROZEN_HEAD) == {"classifier.bias": 1.0}


def test_glob_for_only_frozen_parameters_is_refused():
    with pytest.raises(SchemeError, match=r"'\*\.weight' = 0.5 matches only .* requires_grad=False: classifier.weight"):
        Scheme({"*.weight": 0.5}).resolve([FROZEN_HEAD[5]])
    assert trained(Scheme({"classifier.weight": 0.0}), FROZEN_HEAD) == {}


def test_glob_without_match_names_close_ones():
    with pytest.raises(SchemeError, match=r"'clasifier.\*' matches no parameter; did you mean 'classifier\.\*'"):
        Scheme({"clasifier.*": 1.0}).resolve(PARAMETERS)
    with pytest.raises(SchemeError, match=r"'zzz' matches no parameter; there are features.0.weight"):
        Scheme({"zzz": 1.0}).resolve(PARAMETERS)


def test_glob_is_case_sensitive():
    with pytest.raises(SchemeError, match="matches no parameter"):
        Scheme({"Classifier.*": 1.0}).resolve(PARAMETERS)


@pytest.mark.parametrize("fraction", [-0.1, 1.5, float("nan"), float("inf"), "half", None, True])
def test_bad_fraction_is_refused_where_it_is_written(fraction):
    with pytest.raises(SchemeError, match=r"fraction of 'fc\.\*' must be"):
        Scheme({"fc.*": fraction})


@pytest.mark.parametrize("count", [0, -1, 1.5, True, None])
def test_bad_number_of_layers(count):
    with pytest.raises(SchemeError, match="last needs"):
        Scheme.last(count)


def test_more_layers_than_there_are():
    with pytest.raises(SchemeError, match=r"last\(9\) needs 9 layers, but the model has 4 with parameters"):
        Scheme.last(9).resolve(PARAMETERS)
    with pytest.raises(SchemeError, match=r"bias_only\(4\) needs 4 layers, but the model has 3 with a bias"):
        Scheme.bias_only(4).resolve(PARAMETERS)


@pytest.mark.parametrize("value", [3, "full", ["a"], {1: 1.0}, {"": 1.0}])
def test_what_is_no_scheme(value):
    with pytest.raises(SchemeError):
        Scheme.coerce(value)
    with pytest.raises(TypeError):
        Scheme.full() | 3


@pytest.mark.parametrize(
    "scheme",
    [
        Scheme(),
        Scheme.full(),
        Scheme.last(3) | Scheme.bias_only(last=8) | {"a.*": 0.1, "b": 1 / 3} | Scheme.bias_only(),
        Scheme.frozen() | {"fc.[wb]*": 1.0},
    ],
    ids=str,
)
def test_json_round_trip(scheme):
    again = Scheme.from_json(scheme.to_json())
    assert again == scheme
    assert hash(again) == hash(scheme)


def test_json_of_plain_globs():
    assert Scheme.from_json('{"fc.*": 0.5}') == Scheme({"fc.*": 0.5})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[1]", "expected a JSON object, but got list"),
        ('{"version": 2, "rules": []}', "expected version 1"),
        ('{"version": 1, "rules": 3}', "expected version 1"),
        ('{"version": 1, "rules": [{"rule": "first", "count": 1}]}', "unknown kind of rule 'first'"),
        ('{"version": 1, "rules": [{"rule": "last"}]}', "last needs the number"),
        ('{"version": 1, "rules": [{"glob": "a", "fraction": 2}]}', r"must be in \[0, 1\]"),
        ('{"version": 1, "rules": [{"glob": "a", "fraction": 1, "slice": 3}]}', "expected {glob, fraction}"),
        ('{"version": 1, "rules": [7]}', "expected {glob, fraction}"),
        ('{"version": 1, "rules": [{"rule": ["last"]}]}', "unknown kind"),
        ('{"fc.*": NaN}', r"must be in \[0, 1\]"),
    ],
)
def test_malformed_json_is_refused(text, message):
    with pytest.raises(SchemeError, match=message):
        Scheme.from_json(text)


def test_json_garbage_never_raises_anything_else():
    whole = (Scheme.last(3) | {"a.*": 0.5}).to_json()
    for end in range(len(whole)):
        with pytest.raises(SchemeError):
            Scheme.from_json(whole[:end])
    for value in (None, 1, "x", True, [], [[]], {"rules": None}, {"version": 1, "rules": [None, {}]}):
        text = json.dumps(value)
        if text != "{}":
            with pytest.raises(SchemeError):
                Scheme.from_json(text)


def test_digest_tells_meanings_apart_not_spellings():
    one = Scheme.digest(Scheme({"classifier.*": 1.0}).resolve(PARAMETERS))
    assert one == Scheme.digest(Scheme.last(1).resolve(PARAMETERS))
    assert one != Scheme.digest(Scheme({"classifier.weight": 0.5, "classifier.bias": 1}).resolve(PARAMETERS))


def test_str_is_short():
    assert str(Scheme.bias_only(last=8) | {"classifier.*": 1.0}) == "bias_only(8) | classifier.*=1"
    assert repr(Scheme.full()) == "Scheme(full)"


def test_globs_match_every_name_of_a_tied_parameter():
    infos = [ParameterInfo("embed.weight", (9, 4), aliases=("head.weight",)), ParameterInfo("head.bias", (9,))]
    assert Scheme({"head.*": 1.0}).resolve(infos) == {"embed.weight": 1.0, "head.bias": 1.0}
    assert Scheme({"embed.*": 1.0, "head.weight": 0.0}).resolve(infos)["embed.weight"] == 0.0
