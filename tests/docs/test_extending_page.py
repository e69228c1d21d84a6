"""The page on extending does what it says, in files of at most 30 lines."""

import re
from pathlib import Path

import pytest
import torch

from physgen.models import Model
from physgen.systems import System

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def test_each_part_is_short():
    assert len(BLOCKS) == 7
    for block in BLOCKS:
        assert len([line for line in block.splitlines() if line.strip()]) <= 30


@pytest.mark.filterwarnings("ignore")  # what lightning says on a machine with or without a GPU
def test_the_code_of_the_page_runs(capsys):
    torch.manual_seed(1)
    space = {"__name__": "mine"}
    try:
        exec(compile("\n".join(BLOCKS), "extending.md", "exec"), space)
    finally:
        for registry, own in (
            (System.registry, "SquareIsing HarmonicWell"),
            (Model.registry, "LogisticChain DiagonalFlow"),
        ):
            for name in own.split():
                registry.pop(name, None)
    model, found = space["model"], space["found"]
    assert model.system.space.shape == (4, 4) and model.result.alarm() is None
    assert type(model.objective).__name__ == "VarGrad"
    binder = model.observe(observables=[space["BinderCumulant"]()])["binder"]
    x = space["torch"].tensor(list(space["product"]((-1.0, 1.0), repeat=16)), dtype=torch.float64).view(-1, 4, 4)
    weight = torch.softmax(-0.4 * model.system.energy(x), 0)
    m = x.flatten(1).mean(1)
    exact = float(1 - (weight * m**4).sum() / (3 * (weight * m**2).sum() ** 2))
    assert abs(binder.value - exact) < 4 * binder.error + 5e-3
    corner = float((weight * x[:, 0, 0] * x[:, -1, -1]).sum())
    assert abs(found["corner_importance"].value - corner) < 4 * found["corner_importance"].error
    assert len(capsys.readouterr().out.splitlines()) >= 3
