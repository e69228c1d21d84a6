"""Maps in a few Runge-Kutta steps, against matrix exponentials and autograd."""

import math

import torch
from torch.func import jacrev, vmap

from physgen.nn.flows.runge_kutta_map import RungeKuttaMap

BASIS = torch.eye(6, dtype=torch.float64).view(6, 3, 2)


def curved(x, time):
    return 0.8 * torch.sin(x) * x.square().sum((1, 2), keepdim=True).rsqrt() + 0.3 * time[:, None, None] * x


def test_a_linear_field_gives_the_exponential():
    def field(x, time):
        return -0.7 * x

    x = torch.randn(5, 3, 2, dtype=torch.float64)
    y, log_det, sign = RungeKuttaMap(field, BASIS, 0.0, 2.0, 20).forward(x)
    torch.testing.assert_close(y, math.exp(-1.4) * x, rtol=1e-6, atol=0)
    torch.testing.assert_close(log_det, torch.full((5,), -8.4, dtype=torch.float64), rtol=1e-6, atol=0)
    assert bool((sign == 1).all())


def test_a_gaussian_carried_by_its_exact_field_stays_gaussian():
    """x_t = (1 - t) z + t x of two Gaussians: v = (s2' / 2 s2) x carries N(0, 1) to N(0, 1/4)."""

    def field(x, time):
        t = time[:, None, None]
        return (-(1 - t) + 0.25 * t) / ((1 - t).square() + 0.25 * t.square()) * x

    x = 0.5 * torch.randn(7, 3, 2, dtype=torch.float64)
    z, log_det = RungeKuttaMap(field, BASIS, 0.0, 1.0, 24).inverse(x)
    found = -0.5 * z.square().sum((1, 2)) - log_det
    torch.testing.assert_close(found, -2 * x.square().sum((1, 2)) + 6 * math.log(2), rtol=0, atol=1e-5)


def test_the_determinant_is_that_of_the_map_and_the_inverse_undoes_it(generator):
    flow = RungeKuttaMap(curved, BASIS, 0.0, 1.0, 3)
    z = torch.randn(8, 3, 2, generator=generator, dtype=torch.float64)
    x, log_det, sign = flow.forward(z)
    full = vmap(jacrev(lambda one: flow.carry(one[None])[0].flatten()))(z).flatten(2)
    torch.testing.assert_close(torch.linalg.slogdet(full), (sign, log_det))
    back, again = flow.inverse(x)
    torch.testing.assert_close(back, z, rtol=0, atol=1e-10)
    torch.testing.assert_close(again, log_det, rtol=0, atol=1e-9)
    # parts of a batch are as the whole, and a row that is not finite spoils itself alone
    flow.rows = 3
    torch.testing.assert_close(flow.forward(z)[1], log_det)
    x[2] = math.nan
    spoiled = flow.inverse(x)[1]
    assert spoiled[2].isnan() and torch.equal(spoiled[3:], again[3:].detach())


def test_gradients_of_the_inverse_are_those_of_the_preimage(generator):
    strength = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    x = torch.randn(4, 3, 2, generator=generator, dtype=torch.float64, requires_grad=True)

    def value(s, x):
        z, log_det = RungeKuttaMap(lambda y, t: s * curved(y, t), BASIS, 0.0, 1.0, 2).inverse(x)
        return (z.square().sum((1, 2)) + log_det).sum()

    slopes = torch.autograd.grad(value(strength, x), (strength, x))
    step = 1e-6
    with torch.no_grad():
        ahead, behind = (value(strength + s * step, x) for s in (1, -1))
        direction = torch.randn_like(x)
        along = [value(strength, x + s * step * direction) for s in (1, -1)]
    torch.testing.assert_close(slopes[0], (ahead - behind) / (2 * step), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close((slopes[1] * direction).sum(), (along[0] - along[1]) / (2 * step), rtol=1e-6, atol=1e-6)
