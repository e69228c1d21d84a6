import numpy as np
import pytest
import torch

from physgen.models import QuantumEnsemble
from physgen.runs.evaluation import Evaluation
from physgen.systems import ThermalQuantumDot


@pytest.fixture(scope="module", params=["electrons", "polarised"])
def model(request):
    """An ensemble away from its start, in float64."""
    made = QuantumEnsemble(ThermalQuantumDot(2, omega=0.5, beta=4.0, species=request.param), quanta=6, pair_terms=3)
    made = made.double().eval()
    for sector in made.ensembles:
        with torch.no_grad():
            sector.flow.pair += torch.tensor([0.03, -0.05, 0.02])
            sector.accumulate(3000, torch.Generator().manual_seed(0))
    return made


def test_the_density_is_normalised_and_symmetric(model):
    """Integral over draws of a wide Gaussian of four coordinates."""
    generator, num, width = torch.Generator().manual_seed(1), 20_000, 2.2
    x = width * torch.randn(num, 2, 2, generator=generator, dtype=torch.float64)
    log_gaussian = -0.5 * x.square().sum((1, 2)) / width**2 - 4 * np.log(width * (2 * np.pi) ** 0.5)
    log_prob = model.log_prob(x).detach()
    ratio = torch.exp(log_prob - log_gaussian)
    assert float(ratio.mean()) == pytest.approx(1, abs=4 * float(ratio.std()) / num**0.5)
    torch.testing.assert_close(model.log_prob(x[:50].flip(1)).detach(), log_prob[:50])


def test_draws_follow_their_density(model):
    """The mean of Gaussian/p over draws of p is the integral of the Gaussian, off contact where p may vanish."""
    x, log_prob = model.sample(3000, torch.Generator().manual_seed(2))
    torch.testing.assert_close(log_prob[:20], model.log_prob(x[:20]))
    width = 0.9
    log_gaussian = -0.5 * x.square().sum((1, 2)) / width**2 - 4 * np.log(width * (2 * np.pi) ** 0.5)
    ratio = torch.exp(log_gaussian - log_prob) * (x[:, 0] - x[:, 1]).square().sum(1) / (4 * width**2)
    assert float(ratio.mean()) == pytest.approx(1, abs=4 * float(ratio.std()) / len(x) ** 0.5)


def test_arrays_and_seeds(model):
    x, log_prob = model.sample(5, 7, numpy=True)
    again, _ = model.sample(5, 7)
    assert isinstance(x, np.ndarray) and x.shape == (5, 2, 2) and np.array_equal(x, again.numpy())
    assert isinstance(model.log_prob(x), np.ndarray) and log_prob.shape == (5,)


def test_evaluation_says_what_is_known(model):
    result = model.evaluate(Evaluation(samples=600, batch=200))
    e, system = result.estimates, model.system
    assert result.quantity == "free_energy" and result.guarantee == "checked" and result.is_bound
    assert e["kinetic"].value + e["trap"].value + e["coulomb"].value == pytest.approx(e["energy"].value)
    assert model.evaluated.shape == (3, 200, 2, 2)
    levels = [name for name in e if name.startswith("level_")]
    assert levels and ("spin_square" in e) == (system.species == "electrons")
    assert 0 <= e["angular_momentum_square"].value < 50
    assert {"states", "tail_weight", "least_jacobian", "acceptance", "variance"} <= set(result.diagnostics)


def test_a_map_that_folds_is_no_bound(model):
    kept = model.ensembles[0].flow.pair.data.clone()
    with torch.no_grad():
        model.ensembles[0].flow.pair.copy_(torch.tensor([-0.7, 0.0, 0.0]))
    result = model.evaluate(Evaluation(samples=200, batch=100))
    model.ensembles[0].flow.pair.data.copy_(kept)
    assert result.guarantee == "violated" and not result.is_bound
    assert result.notes[0].startswith("NOT A BOUND")
