"""Parameter groups, and learning rates that torch's schedulers set."""

import warnings

import pytest
from fake_step import X, Y, make_step
from pockmlir import SGD, Adam, AdamW, ArgumentError, ParameterInfo
from pockmlir.api.optimizer_groups import OptimizerGroups
from pockmlir.optim import ParamGroup
from pockmlir.runtime.learning_rates import LearningRates

torch = pytest.importorskip("torch")
schedulers = torch.optim.lr_scheduler

INFOS = [ParameterInfo(name, (2,)) for name in ("fc.weight", "fc.bias", "norm.weight", "norm.bias")]
NAMES = [info.name for info in INFOS]


def resolve(optimizer, trained=NAMES, tensors=()):
    return OptimizerGroups.resolve(optimizer, INFOS, trained, tensors)


def test_a_group_overrides_settings():
    optimizer = AdamW(lr=0.1, groups=[{"params": ["*.bias", "norm*"], "weight_decay": 0.0, "betas": [0.8, 0.9]}])
    assert optimizer.per_group() == (AdamW(lr=0.1), AdamW(lr=0.1, weight_decay=0.0, betas=(0.8, 0.9)))
    assert resolve(optimizer).of == {"fc.bias": 1, "norm.weight": 1, "norm.bias": 1}


def test_later_groups_win():
    optimizer = SGD(groups=[{"params": "*.bias", "lr": 1.0}, {"params": "norm.*", "lr": 2.0}])
    groups = resolve(optimizer)
    assert groups.of == {"fc.bias": 1, "norm.weight": 2, "norm.bias": 2}
    assert groups.members(NAMES) == [["fc.weight"], ["fc.bias"], ["norm.weight", "norm.bias"]]


def test_attributes():
    assert resolve(SGD()).attributes() == {"pock.optimizer": SGD().to_attr()}
    optimizer = SGD(groups=[{"params": "fc.bias", "momentum": 0.5}])
    assert resolve(optimizer).attributes() == {
        "pock.optimizer": f"[{SGD().to_attr()}, {SGD(momentum=0.5).to_attr()}]",
        "pock.optimizer_group": '{"fc.bias" = 1 : i64}',
    }


def test_optimizers_with_groups_are_values():
    groups = [{"params": ["a", "b"], "lr": 0.1}]
    assert SGD(groups=groups) == SGD(groups=[ParamGroup(("a", "b"), (("lr", 0.1),))])
    assert len({SGD(groups=groups), SGD(groups=groups), SGD()}) == 2
    assert SGD(groups=groups).to_dict()["groups"] == groups
    assert "groups" not in SGD().to_dict()


BAD_GROUPS = {
    "no list": ("x", r"Adam: groups is a list of mappings, but got 'x'"),
    "no mapping": ([3], r"Adam: a group is .*, but got 3"),
    "no params": ([{"lr": 0.1}], r"Adam: a group is \{\"params\": globs"),
    "params": ([{"params": 3}], r"Adam: params of a group are globs .*, but got 3"),
    "empty params": ([{"params": []}], r"Adam: params of a group are globs .*, but got \[\]"),
    "setting": ([{"params": "*", "momentum": 0.9}], r"Adam: a group may set lr, betas, .*, but got momentum"),
    "value": ([{"params": "*", "lr": -1}], r"Adam: lr must be a finite number >= 0, but got -1"),
}


@pytest.mark.parametrize("case", BAD_GROUPS)
def test_bad_groups(case):
    groups, message = BAD_GROUPS[case]
    with pytest.raises(ArgumentError, match=message):
        Adam(groups=groups)


def test_globs_match_every_name_of_a_tied_parameter():
    infos = [ParameterInfo("embed.weight", (9, 4), aliases=("head.weight",)), ParameterInfo("fc.weight", (2, 2))]
    optimizer = SGD(groups=[{"params": "head.*", "lr": 0.2}])
    assert OptimizerGroups.resolve(optimizer, infos, ["embed.weight"]).of == {"embed.weight": 1}


def test_glob_that_matches_nothing():
    with pytest.raises(ArgumentError, match=r"SGD: groups: 'fc.wieght' matches no parameter; did you mean 'fc.weight'"):
        resolve(SGD(groups=[{"params": "fc.wieght"}]))


def parameters():
    return {name: torch.nn.Parameter(torch.zeros(2)) for name in NAMES}


def test_torch_groups_hold_parameters_by_identity():
    held = parameters()
    optimizer = torch.optim.SGD(
        [{"params": [held["fc.weight"]]}, {"params": [held["fc.bias"], held["norm.bias"]], "lr": 0.5}], lr=0.1
    )
    # A tied parameter is listed under its first name.
    tensors = [*held.items(), ("tied", held["fc.bias"])]
    groups = resolve(optimizer, ["fc.weight", "norm.bias"], tensors)
    assert groups.of == {"fc.bias": 1, "norm.bias": 1}
    assert groups.optimizers == (SGD(lr=0.1), SGD(lr=0.5))
    with pytest.raises(ArgumentError, match=r"the scheme trains norm.weight, but no parameter group of the SGD holds"):
        resolve(optimizer, NAMES, tensors)


@pytest.mark.parametrize(
    ("lr", "expected"),
    [(None, [0.1, 0.2]), (0.5, [0.5, 0.5]), ([0.3, 0.4], [0.3, 0.4]), (torch.tensor(0.5), [0.5] * 2)],
)
def test_rates_of_a_call(lr, expected):
    assert LearningRates((SGD(lr=0.1), SGD(lr=0.2))).of_call(lr) == expected


@pytest.mark.parametrize(
    ("lr", "message"),
    [([0.1], "one for each of the 2 groups, but got 1"), ([0.1, -1], r"lr\[1\]: expected a finite number >= 0")],
)
def test_bad_rates(lr, message):
    with pytest.raises(ArgumentError, match=message):
        LearningRates((SGD(), SGD())).of_call(lr)


SCHEDULES = {
    "one cycle": lambda o: schedulers.OneCycleLR(o, [0.1, 0.3], total_steps=12, cycle_momentum=False),
    "cosine": lambda o: schedulers.CosineAnnealingLR(o, T_max=10),
    "lambda": lambda o: schedulers.LambdaLR(o, [lambda step: 0.5**step, lambda step: 1 / (1 + step)]),
}


def two_groups(**settings):
    held = parameters()
    groups = [{"params": [held["fc.weight"]], "lr": 0.1}, {"params": [held["fc.bias"]], "lr": 0.01}]
    return torch.optim.SGD(groups, momentum=0.9, **settings)


@pytest.mark.parametrize("name", SCHEDULES)
def test_torch_schedulers_tell_the_rates(name):
    ours, theirs = two_groups(), two_groups()
    schedule, reference = SCHEDULES[name](ours), SCHEDULES[name](theirs)
    rates = LearningRates((SGD(momentum=0.9), SGD(momentum=0.9)), ours)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(10):
            assert rates.of_call(None) == [group["lr"] for group in theirs.param_groups]
            rates.mark_stepped()
            theirs.step()
            schedule.step()
            reference.step()


def test_a_given_rate_wins_over_the_scheduler():
    assert LearningRates((SGD(momentum=0.9), SGD(momentum=0.9)), two_groups()).of_call(0.5) == [0.5, 0.5]


def test_what_is_compiled_in_may_not_change():
    optimizer = two_groups()
    rates = LearningRates((SGD(momentum=0.9), SGD(momentum=0.9)), optimizer)
    optimizer.param_groups[1]["momentum"] = 0.8
    with pytest.raises(ArgumentError, match=r"momentum of group 1 is 0.8 now, but 0.9 is .* cycle_momentum=False"):
        rates.of_call(None)
    optimizer.param_groups[1]["momentum"] = 0.9
    optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))]})
    with pytest.raises(ArgumentError, match="has 3 parameter groups now, but 2 are compiled in"):
        rates.of_call(None)


def test_cycled_momentum_is_found_at_the_next_call():
    parameter = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.SGD([parameter], lr=0.1, momentum=0.5)
    step = make_step(torch_optimizer=optimizer)
    schedule = schedulers.OneCycleLR(optimizer, 0.1, total_steps=10, base_momentum=0.4, max_momentum=0.5)
    step(X, Y)
    schedule.step()
    with pytest.raises(ArgumentError, match=r"momentum of group 0 is 0\.4\d* now, but 0\.5 is compiled in"):
        step(X, Y)
    assert step.optimizer_state_dict()["optimizer.step"] == 1


def test_a_step_follows_its_scheduler():
    def optimizer():
        return torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))], lr=0.2, momentum=0.5)

    ours, theirs = optimizer(), optimizer()
    step, reference = make_step(torch_optimizer=ours), make_step()
    schedule, expected = (schedulers.CosineAnnealingLR(o, T_max=8) for o in (ours, theirs))
    for _ in range(8):
        assert step(X, Y) == reference(X, Y, lr=theirs.param_groups[0]["lr"])
        theirs.step()
        schedule.step()
        expected.step()
