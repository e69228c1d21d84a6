import math

import pytest
import torch
from scipy import integrate

from physgen.samplers import MALA, Metropolis
from physgen.samplers.base import accept
from physgen.systems import ClassicalDot, two_charges

KINDS = [Metropolis, MALA]
COVARIANCE = torch.tensor(
    [[2.0, 0.6, -0.3, 0.1], [0.6, 1.0, 0.2, 0.0], [-0.3, 0.2, 0.5, 0.1], [0.1, 0.0, 0.1, 0.3]], dtype=torch.float64
)
MEAN = torch.tensor([1.0, -0.5, 0.0, 2.0], dtype=torch.float64)


def gaussian(x):
    v = x.flatten(1) - MEAN
    return -0.5 * (v * torch.linalg.solve(COVARIANCE, v.mT).mT).sum(1)


def gaussian_draws(num, generator):
    noise = torch.randn(num, 4, generator=generator, dtype=torch.float64)
    return (MEAN + noise @ torch.linalg.cholesky(COVARIANCE).mT).view(num, 2, 2)


def gamma(shape, num):
    """Gamma distributed numbers; torch has no generator for them."""
    with torch.random.fork_rng():
        torch.manual_seed(11)
        return torch._standard_gamma(torch.full((num,), shape, dtype=torch.float64))


@pytest.mark.parametrize("kind", KINDS)
def test_gaussian_of_known_covariance(kind, measure, agrees):
    def moments(x):
        v = x.flatten(1) - MEAN
        return torch.cat([v, (v[:, :, None] * v[:, None, :]).flatten(1)], 1)

    x = torch.zeros(500, 2, 2, dtype=torch.float64)
    found = measure(kind(walkers=500), gaussian, x, moments, samples=60, warm_up=300)
    agrees(found, torch.cat([torch.zeros(4), COVARIANCE.flatten()]))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [2, 3])
def test_coulomb_pair(kind, dim, measure, agrees, generator):
    system = ClassicalDot(2, dim, beta=2.0)
    x = system.initial(400, generator, dtype=torch.float64)
    found = measure(
        kind(walkers=400), lambda x: -2 * system.energy(x), x, lambda x: torch.stack(list(system.terms(x).values()), 1)
    )
    exact = two_charges(2.0, dim)
    agrees(found, [exact.trap, exact.coulomb])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [0.05, 0.6, 1.5, 3.0])
def test_exact_draws_stay_exact_at_any_width(kind, width, generator, agrees):
    num = 20_000
    sampler = kind(walkers=num)
    sampler.start(gaussian_draws(num, generator), generator, width)
    v = sampler.sample(gaussian, 5).flatten(1) - MEAN
    whitened = torch.linalg.solve_triangular(torch.linalg.cholesky(COVARIANCE), v.mT, upper=False).mT
    assert 0 < sampler.acceptance < 1
    agrees(
        torch.cat([whitened, whitened.square(), whitened**3, whitened**4], 1),
        [0.0] * 4 + [1.0] * 4 + [0.0] * 4 + [3.0] * 4,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [0.3, 1.0, 2.0])
def test_detailed_balance(kind, width, generator, agrees):
    """In equilibrium (x, x') and (x', x) have one law: a(x) b(x') - b(x) a(x') vanishes in the mean for any a, b."""
    num = 40_000
    x = 0.5 * gamma(1.5, num).mul(2).sqrt()[:, None, None]  # density of x^2 exp(-4 x^2/2) on x > 0
    sampler = kind(walkers=num)
    sampler.start(x, generator, width)

    def density(x):
        return torch.where(x > 0, 2 * x.log() - 2 * x.square(), -torch.inf).sum((-1, -2))

    there = sampler.sample(density, 1)
    assert 0.02 < sampler.acceptance < 0.98
    functions = [torch.sin, torch.log, torch.square, torch.reciprocal]
    pairs = [(a, b) for i, a in enumerate(functions) for b in functions[:i]]
    moved = torch.stack([a(x) * b(there) - b(x) * a(there) for a, b in pairs], 1).flatten(1)
    agrees(moved, [0.0] * len(pairs))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("power", "dim"), [(-1.0, 2), (-1.5, 2), (-2.0, 3)])
def test_density_with_a_pole(kind, power, dim, generator, agrees):
    """p = r^power exp(-r^2/2) has the gradient power/r, which drives walkers to the pole: <r^2> = power + dim."""
    num, shape = 20_000, power + dim
    direction = torch.nn.functional.normalize(
        torch.randn(num, 1, dim, generator=generator, dtype=torch.float64), dim=-1
    )
    x = direction * (2 * gamma(shape / 2, num)).sqrt()[:, None, None]

    def density(x):
        r2 = x.square().sum((-1, -2))
        return power / 2 * r2.log() - r2 / 2

    sampler = kind(walkers=num)
    sampler.start(x, generator, width=0.7)
    r = sampler.sample(density, 5).flatten(1).norm(dim=1)
    mean = 2**0.5 * math.gamma((shape + 1) / 2) / math.gamma(shape / 2)
    assert 0.1 < sampler.acceptance < 0.95
    agrees(torch.stack([r, r.square(), r**4], 1), [mean, shape, shape * (shape + 2)])


def test_mala_on_a_hard_wall(measure, agrees, generator):
    """p = exp(-1/x^4 - x^2) on the line: far from the wall the gradient is one, at x = 0.01 it is 4e10."""

    def density(x):
        return (-(x**-4) - x.square()).sum((-1, -2))

    def weight(x):
        return math.exp(-(x**-4) - x * x)

    z = integrate.quad(weight, 0.05, 8, epsabs=1e-13)[0]
    second = integrate.quad(lambda x: x * x * weight(x), 0.05, 8, epsabs=1e-13)[0] / z
    fourth = integrate.quad(lambda x: x**-4 * weight(x), 0.05, 8, epsabs=1e-13)[0] / z
    x = 0.01 + torch.rand(400, 1, 1, generator=generator, dtype=torch.float64)
    found = measure(MALA(walkers=400), density, x, lambda x: torch.cat([x.square(), x**-4], 1).flatten(1), warm_up=400)
    agrees(found, [second, fourth])


def test_walkers_in_a_narrow_hole_come_out(generator):
    """A Gaussian of twenty particles with a hole of depth 25 and width 0.01, where 5 of 200 walkers start.

    In the hole all drifts are at their limit; the way back from where they lead costs three nats a particle, more than
    the 25 that are won, so that MALA alone would stay there, and the other walkers set the width.
    """
    x = torch.randn(200, 20, 2, generator=generator, dtype=torch.float64)
    place = x[0].clone()

    def density(x):
        hole = torch.exp(-0.5 * (x - place).square().sum((-1, -2)) / 0.01**2)
        return -0.5 * x.square().sum((-1, -2)) - 25 * hole

    x[:5] = place + 0.01 * torch.randn(5, 20, 2, generator=generator, dtype=torch.float64) / 40**0.5
    sampler = MALA(walkers=200)
    sampler.start(x, generator, 0.3)
    away = (sampler.warm_up(density, 200)[:5] - place).norm(dim=(-1, -2))
    assert (away > 1).all()


def test_drift_is_limited_where_the_gradient_diverges():
    sampler = MALA()
    sampler.width = 0.3
    gradient = torch.tensor([[[1e-6, 0.0]], [[3.0, -4.0]], [[1e80, 1e80]]], dtype=torch.float64)
    drift = sampler.drift(gradient)
    torch.testing.assert_close(drift[0], 0.045 * gradient[0], rtol=1e-12, atol=0)
    # t v = t g (sqrt(1 + 2 a t g^2) - 1)/(a t g^2) with t = 0.045, g = 5, a = 1/4
    torch.testing.assert_close(drift[1], gradient[1] * (math.sqrt(1 + 0.5 * 0.045 * 25) - 1) / (0.25 * 25))
    assert drift[2].norm().item() == pytest.approx(2 * 0.3)
    # every particle has its own limit
    pair = sampler.drift(torch.tensor([[[1e9, 0.0], [0.1, 0.0]]], dtype=torch.float64))
    assert pair[0, 1, 0].item() == pytest.approx(0.0045, rel=1e-3)


def test_mala_takes_the_gradient_of_a_density_that_has_one(generator):
    class Density:
        def __call__(self, x):
            raise AssertionError("asked for the value alone")

        def with_gradient(self, x):
            return -0.5 * x.square().sum((-1, -2)), -x

    sampler, plain = MALA(walkers=50), MALA(walkers=50)
    x = torch.randn(50, 2, 2, generator=generator, dtype=torch.float64)
    sampler.start(x, torch.Generator().manual_seed(1))
    plain.start(x, torch.Generator().manual_seed(1))
    expected = plain.sample(lambda x: -0.5 * x.square().sum((-1, -2)))
    torch.testing.assert_close(sampler.sample(Density()), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("outside", [torch.nan, -torch.inf])
def test_forbidden_regions_are_never_entered(kind, outside, measure, agrees, generator):
    def box(x):
        inside = (x.abs() < 0.5).all(-1).all(-1)
        return torch.where(inside, 0.0 * x.sum((-1, -2)), outside)

    x = torch.rand(400, 1, 2, generator=generator, dtype=torch.float64) - 0.5
    found = measure(kind(walkers=400), box, x, lambda x: torch.cat([x, x.square(), x.abs().amax(-1, True)], 2))
    assert (found[..., -1] < 0.5).all()
    agrees(found[..., :4].flatten(1), [0.0, 0.0, 1 / 12, 1 / 12])


@pytest.mark.parametrize("log_u", [0.0, -1e38, -torch.inf])
def test_proposals_without_density_are_rejected_whatever_the_uniform_number(log_u):
    state = {"x": torch.zeros(3, 1, 1), "log_density": torch.zeros(3)}
    there = {"x": torch.ones(3, 1, 1), "log_density": torch.tensor([-torch.inf, torch.nan, 0.5])}
    ratio = there["log_density"] - state["log_density"]
    new, acceptance = accept(state, there, ratio, torch.full((3,), log_u))
    assert new["x"].flatten().tolist() == [0, 0, 1] and new["log_density"].tolist() == [0, 0, 0.5]
    assert acceptance.item() == pytest.approx(1 / 3)


def test_a_walker_without_density_leaves_at_once(generator):
    sampler = Metropolis(walkers=2)
    sampler.start(torch.zeros(2, 1, 1, dtype=torch.float64), generator)
    x = sampler.sample(lambda x: x.abs().log().sum((-1, -2)) - x.square().sum((-1, -2)), 1)
    assert x.all()


def test_a_changed_density_is_asked_anew(generator):
    sampler = Metropolis(walkers=400)
    sampler.start(torch.zeros(400, 1, 2, dtype=torch.float64), generator)
    sampler.warm_up(lambda x: -0.5 * x.square().sum((-1, -2)))
    far = sampler.sample(lambda x: -0.5 * (x - 3).square().sum((-1, -2)), 200)
    assert far.mean().item() == pytest.approx(3, abs=0.2)
