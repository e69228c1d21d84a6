"""A density of clusters that sees pair potentials: normalisation, symmetries and exact values."""

import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import ClusterAutoregressive, Model
from physgen.runs.evaluation import Evaluation
from physgen.systems import DoubleWellCluster, LennardJonesCluster


def moved(n, **arguments):
    torch.manual_seed(0)
    model = ClusterAutoregressive(DoubleWellCluster(n), **{"knots": 40, "hidden": 8, "batch_size": 64, **arguments})
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    return model.double().eval()


@pytest.mark.parametrize("n", [2, 3, 4])
def test_draws_have_the_density_that_is_said(n):
    model = moved(n)
    x, log_prob = model.sample(40, torch.Generator().manual_seed(1))
    torch.testing.assert_close(model.log_prob(x).detach(), log_prob)
    assert x.shape == (40, n - 1, 2)


@pytest.mark.parametrize("n", [3, 4])
def test_p_is_normalised(n):
    """The mean of exp(-U)/p over draws of p is the exact Z."""
    system = DoubleWellCluster(n)
    model = ClusterAutoregressive(system, knots=32, hidden=4).double()
    x, log_prob = model.sample(400, torch.Generator().manual_seed(2))
    weight = torch.exp(-system.energy(x) - log_prob + system.references()[0].value)
    error = float(weight.std()) / len(weight) ** 0.5
    assert abs(float(weight.mean()) - 1) < 4 * error < 0.25


def test_symmetries():
    model = moved(4)
    space = model.system.space
    x, log_prob = model.sample(20, torch.Generator().manual_seed(3))
    turn = torch.tensor([[0.6, -0.8], [0.8, 0.6]], dtype=torch.float64)
    exchanged = space.vectors @ space.positions(x)[:, [1, 0, 2, 3]]
    for image in (x @ turn.T, x * torch.tensor([-1.0, 1.0], dtype=torch.float64), exchanged):
        torch.testing.assert_close(model.log_prob(image).detach(), log_prob)


def test_the_untrained_density_of_a_pair_is_exact_but_for_its_knots():
    model = ClusterAutoregressive(DoubleWellCluster(2), knots=200).double()
    result = model.evaluate(Evaluation(samples=2000, batch=500))
    kl = result.estimates["kl"]
    assert abs(kl.value) < 4 * kl.error < 2e-4
    exact = model.system.references()[0].value
    assert result.estimates["free_energy_importance"].value == pytest.approx(exact, abs=1e-4)


def test_p_is_zero_out_of_reach():
    model = moved(3)
    far = 8.0 * torch.ones(1, 2, 2, dtype=torch.float64)
    assert float(model.log_prob(far).detach()) == -math.inf


def test_a_training_lowers_the_free_energy(trainer, tmp_path):
    torch.manual_seed(0)
    model = ClusterAutoregressive(
        DoubleWellCluster(3), knots=32, hidden=16, batch_size=128, steps_per_epoch=40, learning_rate=0.02
    )
    before = model.evaluate(Evaluation(samples=1000, batch=500, seed=1)).estimates["kl"]
    run = trainer("32-true")
    run.fit(model)
    after = model.evaluate(Evaluation(samples=1000, batch=500, seed=1)).estimates["kl"]
    assert after.value < before.value - 2 * before.error
    run.save_checkpoint(tmp_path / "model.ckpt")
    loaded = Model.load_from_checkpoint(tmp_path / "model.ckpt")
    x = loaded.sample(5, torch.Generator().manual_seed(0))[0]
    assert torch.equal(loaded.log_prob(x), model.log_prob(x))


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ({"system": LennardJonesCluster(3)}, "system must be a cluster in the plane"),
        ({"knots": 2}, "knots must be"),
        ({"hidden": 0}, "hidden must be"),
        ({"gradient": "path"}, "gradient must be"),
        ({"forward_fraction": 0.5}, "forward_fraction must be 0"),
    ],
)
def test_bad_arguments(arguments, name):
    with pytest.raises(InputError, match=name) as refusal:
        ClusterAutoregressive(**{"system": DoubleWellCluster(3), **arguments})
    assert "\n" not in str(refusal.value)
