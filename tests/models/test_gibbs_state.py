import math

import pytest
import torch

from physgen.models.ensemble_sector import SectorEnsemble
from physgen.models.gibbs_state import GibbsState, sums, tail
from physgen.nn.flows.pair_gradient_flow import PairGradientFlow
from physgen.systems.thermal_gas import free_energies


def oscillator(image):
    return 0.5 * image.square().sum(-1)


def state_of(n, species, t, quanta, flow=()):
    parts = {"electrons": ((1, 1), (-1, 3)), "polarised": ((-1, 1),), "bosons": ((1, 1),)}[species]
    sectors = [SectorEnsemble(n, s, t, quanta, PairGradientFlow(n, 3, 0).double(), oscillator) for s, _ in parts]
    for sector in sectors:
        with torch.no_grad():
            sector.flow.pair += torch.tensor(flow or (0.0, 0.0, 0.0), dtype=torch.float64)
    return GibbsState(sectors, [g for _, g in parts], t)


@pytest.mark.parametrize(
    ("n", "species", "quanta"), [(2, "electrons", 3), (2, "bosons", 3), (3, "polarised", 2), (3, "bosons", 3)]
)
def test_the_free_gas_is_exact_at_every_draw_for_any_core(n, species, quanta):
    t = 1.1
    state = state_of(n, species, t, quanta)
    free, energy = free_energies(n, t, species)
    assert state.free_energy == pytest.approx(free, abs=1e-9)
    assert state.energy + state.centre_energy == pytest.approx(energy, abs=1e-7)
    assert sum(state.shares) == pytest.approx(1, abs=1e-12)
    generator = torch.Generator().manual_seed(0)
    points = [s.points(s.draws.draw(300, generator)) for s in state.sectors]
    found = sums(state, points, state.levels(2))
    torch.testing.assert_close(found.free_energy, torch.full_like(found.free_energy, free), rtol=0, atol=1e-8)
    assert float(found.energy.mean()) == pytest.approx(energy, abs=1e-6)


def test_a_flow_of_the_free_gas_is_an_upper_bound_within_errors_and_keeps_the_norm():
    t = 1.0
    state = state_of(2, "polarised", t, 2, (0.05, -0.05, 0.02))
    free, _ = free_energies(2, t, "polarised")
    generator = torch.Generator().manual_seed(1)
    points = [s.points(s.draws.draw(20_000, generator)) for s in state.sectors]
    found = sums(state, points)
    gap, error = float(found.free_energy.mean()) - free, float(found.free_energy.std()) / 20_000**0.5
    assert gap > 4 * error > 0
    norm = found.norm[0]
    assert float(norm.mean()) == pytest.approx(1, abs=4 * float(norm.std()) / 20_000**0.5)


def test_density_by_values_alone_is_that_of_the_sums():
    state = state_of(2, "electrons", 0.9, 4, (0.05, -0.05, 0.02))
    generator = torch.Generator().manual_seed(2)
    x = [s.draws.draw(50, generator) for s in state.sectors]
    points = [s.points(v) for s, v in zip(state.sectors, x, strict=True)]
    for i, norm in enumerate(sums(state, points).norm):
        torch.testing.assert_close(state.density(i, x[i]) / points[i].density, norm)
        share = norm.mean()
        assert float(share) == pytest.approx(state.shares[i], abs=5 * float(norm.std()) / 50**0.5)


def test_energy_answers_to_shifted_levels_as_their_gibbs_state():
    """E + sum p (1 - t (E_k - E)) d is the Gibbs energy at E_k + d to first order."""
    t, small = 1.3, 1e-4
    state = state_of(2, "bosons", t, 4)
    sector = state.sectors[0]
    moved = [small * math.cos(i) for i in range(len(sector.copies))]
    linear = sum(
        c * float((p * (1 - t * (sector.held("energy", i) - state.energy))).sum()) * d
        for i, (c, p, d) in enumerate(zip(sector.copies, state.weights[0], moved, strict=True))
    )
    for i, d in enumerate(moved):
        getattr(sector, f"energy_{i}").add_(d)
    after = GibbsState([sector], [1], t)
    assert after.energy - state.energy == pytest.approx(linear, abs=20 * small**2)


def test_the_tail_of_the_free_gas_has_no_energy_above_its_own():
    state = state_of(3, "polarised", 0.9, 2)
    sector = state.sectors[0]
    at = sector.points(sector.draws.draw(200, torch.Generator().manual_seed(3)))
    value, change = tail(sector, at, sector.parts(at))
    assert bool((value > 0).all())
    torch.testing.assert_close(change, torch.zeros_like(change), rtol=0, atol=1e-9)
