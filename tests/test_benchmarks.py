"""The loop and the measurement that the tables of peers and of scaling rest on."""

import math
from pathlib import Path

import pytest
import torch

from physgen.systems import ClassicalDot

ROOT = Path(__file__).resolve().parent.parent
SYSTEM = ClassicalDot(2, beta=2.0, coupling=0.0)
EXACT = next(r.value for r in SYSTEM.references() if r.quantity == "free_energy")


class Gaussian(torch.nn.Module):
    """x = e^a z for particles that do not interact; exact where e^a is the thermal width."""

    def __init__(self, factor):
        super().__init__()
        self.system, self.start = SYSTEM, math.log(factor * SYSTEM.thermal_width)
        self.log_width = torch.nn.Parameter(torch.full((4,), self.start))

    def latent(self, num_samples, generator):
        return torch.randn(num_samples, 4, generator=generator, dtype=self.log_width.dtype)

    def draw(self, z):
        log_prob = -0.5 * z.square().sum(-1) - 2 * math.log(2 * math.pi) - self.log_width.sum()
        return (self.log_width.exp() * z).view(-1, 2, 2), log_prob

    def sample(self, num_samples, generator=None):
        return self.draw(self.latent(num_samples, generator))


@pytest.fixture
def budgeted(monkeypatch):
    """The module of the benchmarks."""
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks import budgeted

    return budgeted


@pytest.mark.parametrize("factor", [0.9, 1.0, 1.2])
def test_a_gaussian_is_measured_as_in_closed_form(factor, budgeted):
    found = {k: float(v) for k, v in budgeted.measure(Gaussian(factor), EXACT, 0.0, 5, 20_000, 1).items()}
    kl = 4 * ((factor**2 - 1) / 2 - math.log(factor))
    assert found["kl"] == pytest.approx(kl, abs=4 * found["kl_error"] + 1e-4)  # four digits are kept
    assert found["kl_lowest"] <= found["kl_median"] <= found["kl_highest"]
    ess = ((2 * factor**2 - 1) ** 0.5 / factor**2) ** 4  # <w>^2 / <w^2>, a factor for each coordinate
    assert found["ess_median"] == pytest.approx(ess, rel=0.05)
    error = 4 * found["free_energy_importance_error"] + 1e-5
    assert found["free_energy_importance"] == pytest.approx(EXACT, abs=error)


def test_a_training_reaches_the_exact_density_and_repeats(budgeted):
    models = [Gaussian(1.5), Gaussian(1.5)]
    costs = [budgeted.train(m, budgeted.Recipe(0.03, batch=64), 1.0, seed=3, steps=300) for m in models]
    assert torch.equal(models[0].log_width, models[1].log_width)
    assert [c.steps for c in costs] == [300, 300] and all(c.skipped == 0 for c in costs)
    assert float(budgeted.measure(models[0], EXACT, 0.0, 2, 5_000, 1)["kl"]) < 1e-3
