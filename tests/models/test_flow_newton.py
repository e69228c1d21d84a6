import pytest
import torch

from physgen.models.ensemble_sector import SectorEnsemble
from physgen.models.flow_newton import energy_curvature, flow_step
from physgen.nn.flows.pair_gradient_flow import PairGradientFlow
from physgen.optim.metric_newton import MetricNewton


def coulomb(image):
    return 0.5 * image.square().sum(-1) + 1 / (2**0.5 * image.norm(dim=-1))


def sector_of(sign=-1, above=2):
    return SectorEnsemble(2, sign, 2.0, above, PairGradientFlow(2, 3, 0).double(), coulomb)


def energy(sector, at, weights):
    """sum_k p_k <H>_k of rotated states by their squared gradients, at fixed draws."""
    _, jacobian, inverse, slope = sector.flow.with_slope(at.x)
    total = 0
    for part in (sector.rotated(p) for p in sector.parts(at, gradients=True)):
        p = weights[part.block] / at.density[:, None]
        moved = inverse @ (part.gradient - 0.5 * slope[..., None] * part.value[:, None])
        potential = sector.potential(sector.flow(at.x)[0])[:, None] * part.value.square()
        total = total + ((0.5 * moved.square().sum(1) + potential) * p).sum(1).mean()
    return total


def test_gradient_and_curvature_are_those_of_the_energy():
    sector = sector_of()
    with torch.no_grad():
        sector.flow.pair += torch.tensor([0.02, -0.03, 0.01], dtype=torch.float64)
    at = sector.points(sector.draws.draw(30_000, torch.Generator().manual_seed(0)))
    step = flow_step(sector, at, 2)
    energies = [sector.held("energy", i) for i in range(len(sector.copies))]
    norm = torch.cat([-2.0 * e for e, c in zip(energies, sector.copies, strict=True) for _ in range(c)]).logsumexp(0)
    weights = [torch.exp(-2.0 * e - norm) for e in energies]
    slopes, h = [], 1e-4
    for k in range(3):
        sides = []
        for sign in (1, -1):
            with torch.no_grad():
                sector.flow.pair[k] += sign * h
                sides.append(float(energy(sector, at, weights)))
                sector.flow.pair[k] -= sign * h
        slopes.append((sides[0] - sides[1]) / (2 * h))
    # one by local energies, one by squared gradients: equal but for noise
    torch.testing.assert_close(step.gradient, torch.tensor(slopes, dtype=torch.float64), rtol=0.15, atol=0.05)
    assert bool((torch.linalg.eigvalsh(step.metric) > -1e-9).all())
    torch.testing.assert_close(step.curvature, step.curvature.mT, rtol=1e-6, atol=1e-8)
    assert float(torch.linalg.eigvalsh(step.curvature).min()) > 0


def test_curvature_is_the_second_derivative_at_these_draws():
    sector = sector_of(1)
    at = sector.points(sector.draws.draw(200, torch.Generator().manual_seed(1)))
    weights = [torch.ones(len(b.quanta), dtype=torch.float64) for b in sector.states.blocks]
    stress, slope, density = torch.zeros_like(at.jacobian), torch.zeros_like(at.x), torch.zeros_like(at.density)
    for part in (sector.rotated(p) for p in sector.parts(at, gradients=True)):
        q = at.density[:, None]
        density = density + (part.value.square() / q).sum(1)
        slope = slope + torch.einsum("bdk,bk->bd", part.gradient, part.value / q)
        stress = stress + torch.einsum("bdk,bek->bde", part.gradient, part.gradient / q[:, None])
    found = energy_curvature(sector, at, stress, slope, density)
    h = 1e-3
    for k in range(3):
        values = []
        for move in (h, 0, -h):
            with torch.no_grad():
                sector.flow.pair[k] += move
                values.append(float(energy(sector, at, weights)))
                sector.flow.pair[k] -= move
        second = (values[0] + values[2] - 2 * values[1]) / h**2
        assert float(found[k, k]) == pytest.approx(second, rel=1e-3)


def test_a_few_steps_make_the_cusp():
    """The spread of local energies of bosons, 1/r at contact at first, falls by much."""
    sector, generator = sector_of(1, 4), torch.Generator().manual_seed(2)
    optimizer, spreads = MetricNewton(sector.flow.parameters()), []
    for _ in range(6):
        step = flow_step(sector, sector.points(sector.draws.draw(1500, generator)), 4)
        spreads.append(float(step.values.std()))
        optimizer.step(lambda step=step: [(step.gradient, step.curvature, step.metric)])
    assert spreads[-1] < 0.5 * spreads[0]
