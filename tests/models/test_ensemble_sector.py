import pytest
import torch

from physgen.models.ensemble_sector import SectorEnsemble
from physgen.nn.flows.pair_gradient_flow import PairGradientFlow
from physgen.systems import pair_levels


def coulomb(image):
    """Two particles at relative vector xi = (z1 - z2) / sqrt 2, omega = 1."""
    return 0.5 * image.square().sum(-1) + 1 / (2**0.5 * image.norm(dim=-1))


@pytest.mark.parametrize(("sign", "species", "m"), [(-1, "polarised", 1), (1, "bosons", 2)])
def test_ritz_levels_lie_near_the_exact_ones(sign, species, m):
    """Without a flow, as in configuration interaction; above the exact ones but for noise."""
    sector = SectorEnsemble(2, sign, 1.0, 12, PairGradientFlow(2, 2, 0).double(), coulomb)
    sector.accumulate(20_000, torch.Generator().manual_seed(0))
    exact = [energy - 1 for energy, k, _ in pair_levels(1.0, 1.0, 10, species) if k == m]
    block = next(i for i, b in enumerate(sector.states.blocks) if b.m == m)
    for found, known in zip(sector.held("energy", block).tolist(), exact[:2], strict=False):
        assert -0.01 < found - known < 0.03
    rotation = sector.held("rotation", block)
    torch.testing.assert_close(rotation.mT @ rotation, torch.eye(len(rotation)).double(), rtol=0, atol=1e-6)


def test_the_tail_is_what_the_core_leaves():
    t = 0.8
    few, many = (SectorEnsemble(2, -1, t, q, PairGradientFlow(2, 2, 0).double(), coulomb) for q in (2, 40))
    weights = many.core_sum(lambda e: torch.exp(-t * e)), few.core_sum(lambda e: torch.exp(-t * e))
    assert few.tail_share == pytest.approx(1 - weights[1] / weights[0], rel=1e-9)
    energies = many.core_sum(lambda e: e * torch.exp(-t * e)), few.core_sum(lambda e: e * torch.exp(-t * e))
    mean = (energies[0] - energies[1]) / (weights[0] - weights[1])
    assert few.tail_energy == pytest.approx(mean, rel=1e-5)
    assert few.has_tail and not many.has_tail


def test_states_that_were_not_measured_are_shifted_and_a_new_flow_forgets():
    sector = SectorEnsemble(2, 1, 1.0, 6, PairGradientFlow(2, 2, 0).double(), coulomb)
    generator = torch.Generator().manual_seed(1)
    at = sector.points(sector.draws.draw(4000, generator))
    sector.rotate(sector.measured(sector.parts(at, 2), at.density))
    shift = float(sector.shift)
    assert 0.2 < shift < 1.0
    for i, block in enumerate(sector.states.blocks):
        count = sector.kept(i, 2)
        torch.testing.assert_close(
            sector.held("energy", i)[count:], (sector.held("free", i) + shift)[count:], rtol=1e-6, atol=0
        )
        assert count < len(block.quanta)
    sector.accumulate(2000, generator)
    assert float(sector.held("overlap", 0).abs().sum()) > 0
    sector.forget()
    assert float(sector.held("overlap", 0).abs().sum()) == 0
