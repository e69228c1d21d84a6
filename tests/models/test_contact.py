"""Energies of densities where two particles meet: an infinite variance is said, and nothing where p vanishes."""

import math

import pytest
import torch

from physgen.models import MLPFlow
from physgen.models.contact import divergent_terms
from physgen.runs.evaluation import Evaluation
from physgen.stats import tail_index
from physgen.systems import ClassicalDot


class _Cloud:
    """Pairs in a Gaussian cloud with the density r^power at contact, by rejection."""

    def __init__(self, dim, power):
        self.system, self.power = ClassicalDot(2, dim=dim), power

    def log_prob(self, x):
        apart = (x[:, 0] - x[:, 1]).square().sum(-1)
        return -x.square().sum((-1, -2)) + self.power / 2 * apart.log()

    def draw(self, number):
        generator = torch.Generator().manual_seed(1)
        x = torch.randn(40 * number, 2, self.system.dim, generator=generator, dtype=torch.float64) * 0.5**0.5
        apart = (x[:, 0] - x[:, 1]).square().sum(-1) / 2
        bound = (apart ** (self.power / 2)) * torch.exp(-apart / 2)
        most = (self.power / math.e) ** (self.power / 2) if self.power else 1.0
        return x[torch.rand(len(x), generator=generator, dtype=torch.float64) * most < bound][:number]


@pytest.mark.parametrize("dim, power, infinite", [(2, 0, True), (2, 2, False), (3, 0, False), (3, 1, False)])
def test_the_mean_of_one_over_r_squared_decides(dim, power, infinite):
    cloud = _Cloud(dim, power)
    x = cloud.draw(5000)
    assert divergent_terms(cloud, x, cloud.system.energy(x)) == (["coulomb"] if infinite else [])


def test_the_tail_index_is_that_of_a_power_law():
    u = torch.rand(100_000, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    for index in (1.0, 1.5, 2.0):
        assert tail_index(u ** (-1 / index), 200) == pytest.approx(index, rel=0.2)
    assert tail_index(u) > 20 and tail_index(torch.ones(50)) == math.inf


def evaluated(system):
    torch.manual_seed(0)
    model = MLPFlow(system, hidden=[8, 8])
    return model.evaluate(Evaluation(samples=4000, batch=1000))


def test_a_flow_in_the_plane_says_so_instead_of_a_plain_error():
    result = evaluated(ClassicalDot(2, beta=1.0))
    assert "infinite variance" in str(result.headline) and "infinite variance" in str(result.estimates["kl"])
    assert any("does not vanish where two particles meet" in note for note in result.notes)
    assert result.estimates["trap"].error < 0.1 and result.estimates["free_energy_importance"].error < 0.1


@pytest.mark.parametrize("system", [ClassicalDot(2, dim=3), ClassicalDot(2, coupling=0.0), ClassicalDot(1)])
def test_a_flow_whose_energies_have_a_variance_keeps_its_errors(system):
    result = evaluated(system)
    assert math.isfinite(result.headline.error)
    assert not any("meet" in note for note in result.notes)
