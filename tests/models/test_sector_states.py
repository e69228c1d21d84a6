import pytest
import torch

from physgen.models.sector_states import SectorStates
from physgen.nn.flows.pair_gradient_flow import PairGradientFlow
from physgen.nn.oscillator.thermal_draws import ThermalDraws
from physgen.systems.thermal_gas import log_partitions


def oscillator(image):
    return 0.5 * image.square().sum(-1)


def relative_partition(n, sign, t):
    import math

    return float(log_partitions(n, t, sign)[n]) + 2 * math.log(2 * math.sinh(t / 2))


@pytest.mark.parametrize(("n", "sign"), [(2, 1), (3, -1)])
def test_states_of_the_oscillator_without_a_flow(n, sign):
    """H Phi = E Phi at every point, and overlaps of flowed states stay 1 within their errors."""
    sector = SectorStates(n, sign, 4, PairGradientFlow(n, 3, 2).double(), oscillator)
    generator, t = torch.Generator().manual_seed(0), 0.9
    draws = ThermalDraws(n, sign, t, relative_partition(n, sign, t))
    x = draws.draw(3000, generator)
    at = sector.points_of(x, draws.density(x))
    for part in sector.parts(at):
        energy = torch.as_tensor(sector.states.blocks[part.block].quanta + n - 1.0)
        torch.testing.assert_close(part.image, part.value * energy)
    with torch.no_grad():
        sector.flow.pair += torch.tensor([0.05, -0.08, 0.03])
    at = sector.points_of(x, draws.density(x))
    for part in sector.parts(at, above=2, gradients=True):
        count = part.value.shape[1]
        assert part.gradient.shape == (len(x), 2 * (n - 1), count)
        products = part.value[:, :, None] * part.value[:, None] / at.density[:, None, None]
        error = 5 * products.std(0) / len(x) ** 0.5 + 1e-9
        assert bool(((products.mean(0) - torch.eye(count)).abs() < error).all())


def test_parts_of_few_quanta_are_the_first_of_all():
    sector = SectorStates(3, 1, 4, PairGradientFlow(3, 3, 2).double(), oscillator)
    x = torch.randn(3, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    at = sector.points_of(x, torch.ones(3))
    names = [[name for name in ("even", "odd") if getattr(b, name) is not None] for b in sector.states.blocks]
    every, few = sector.parts(at), sector.parts(at, above=2)
    assert len(every) == sum(map(len, names)) and len(few) < len(every)
    for part in few:
        match = [p for p in every if p.block == part.block]
        assert any(torch.allclose(part.value, p.value[:, : part.value.shape[1]]) for p in match)
    for (block, value), part in zip(sector.values(x), every, strict=True):
        assert block == part.block and torch.allclose(value, part.value)
