"""Parameters that the loss does not depend on: as with a gradient of None in PyTorch."""

from __future__ import annotations

import pockmlir as pock
import pytest
import torch
from pockmlir.errors import SchemeError
from torch import nn
from torch.nn import functional as F


class Partly(nn.Module):
    """One layer is not read, one only under no_grad, one through a function that is flat, one beside what is read,
    one for its type and shape."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.spare, self.detached = nn.Linear(4, 3), nn.Linear(4, 3), nn.Linear(4, 3)
        self.flat = nn.Parameter(torch.full((3,), 1.5))
        self.beside, self.like = nn.Parameter(torch.ones(5, 3)), nn.Parameter(torch.ones(5, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            fixed = self.detached(x)
        flat, _ = torch.broadcast_tensors(torch.round(self.flat), self.beside)
        used = self.used(x).type_as(self.like).view_as(self.like).expand_as(self.like)
        return used * fixed + flat


def test_no_update_no_decay_no_state() -> None:
    torch.manual_seed(0)
    model = Partly().double()
    x, target = torch.randn(5, 4).double(), torch.randn(5, 3).double()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.5)
    scheme = pock.Scheme.full() | {"*.bias": 1.0}
    with pytest.warns(
        UserWarning, match=r"do not train: the loss does not depend on spare.weight, spare.bias; .*detached"
    ) as seen:
        step = pock.compile(model, (x,), loss="mse", optimizer=optimizer, scheme=scheme)
    assert len([w for w in seen if "do not train" in str(w.message)]) == 1
    assert seen[0].filename == __file__
    for _ in range(3):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), target)
        loss.backward()
        optimizer.step()
        assert step(x, target) == pytest.approx(loss.item(), rel=1e-12)
    for name, value in model.state_dict().items():
        torch.testing.assert_close(torch.from_numpy(step.state_dict()[name]), value, rtol=1e-11, atol=1e-13)
    states = step.optimizer_state_dict()
    # A gradient of zeros is a gradient.
    assert "flat.exp_avg" in states
    assert not any(name.startswith(("spare", "detached", "beside", "like")) for name in states)
    report = {entry.name: entry.trains for entry in step.report().parameters}
    assert report["spare.bias"] == report["detached.weight"] == "without gradient"
    assert report["flat"] == report["used.weight"] == "all"


def test_errors_of_a_scheme_are_scheme_errors() -> None:
    model = Partly()

    def attempt(scheme) -> None:
        pock.compile(model, (torch.randn(5, 4),), loss="mse", optimizer=pock.SGD(), scheme=scheme)

    with pytest.raises(
        SchemeError, match=r"(?s)'spare\.weight': there is no gradient.*'typo' matches no|'typo' matches no.*'spare"
    ):
        attempt({"used.*": 1, "spare.weight": 0.5, "typo": 1})
    tied = nn.Sequential(nn.Embedding(6, 4), nn.Linear(4, 6, bias=False))
    tied[1].weight = tied[0].weight
    with pytest.raises(SchemeError, match=r"'0.weight' cannot train a fraction of 5.*one that does not: .*\(0\)"):
        pock.compile(
            tied, (torch.tensor([1, 2]),), loss="cross_entropy", optimizer=pock.SGD(), scheme={"0.weight": 0.5}
        )
