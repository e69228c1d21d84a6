import math

import pytest
import torch

from physgen.nn.oscillator.thermal_draws import MixedDraws, ThermalDraws


def partition(n, sign, t):
    z = [1.0]
    for size in range(1, n + 1):
        z.append(
            sum(sign ** (k + 1) * (2 * math.sinh(k * t / 2)) ** -2 * z[size - k] for k in range(1, size + 1)) / size
        )
    return z[n] * (2 * math.sinh(t / 2)) ** 2


@pytest.mark.parametrize(("n", "sign", "t"), [(2, -1, 1.5), (2, 1, 1.0), (3, -1, 1.2), (3, 1, 0.8)])
def test_draws_follow_the_density_that_they_say(n, sign, t):
    draws = ThermalDraws(n, sign, t, math.log(partition(n, sign, t)))
    x = draws.draw(20_000, torch.Generator().manual_seed(3))
    # mean of g/q over draws of q is the integral of g, here of a Gaussian
    width = 0.8 * draws.width
    gaussian = torch.exp(-0.5 * x.square().sum(1) / width**2) / (2 * math.pi * width**2) ** (n - 1)
    if sign < 0:  # one that vanishes where two meet, as q does
        pair = x[:, 0].square() + x[:, 1].square()
        gaussian = gaussian * pair / (2 * width**2)
    if (n, sign) != (3, -1):
        ratio = gaussian / draws.density(x)
        assert float(ratio.mean()) == pytest.approx(1, abs=4 * float(ratio.std()) / len(x) ** 0.5)
    # the energy of the free gas by the virial theorem, <r^2> = E
    step = 1e-4
    energy = -(math.log(partition(n, sign, t + step)) - math.log(partition(n, sign, t - step))) / (2 * step)
    square = x.square().sum(1)
    assert float(square.mean()) == pytest.approx(energy, abs=4 * float(square.std()) / len(x) ** 0.5)
    assert 0 < draws.acceptance <= 1


def test_a_mixture_has_the_mean_of_two_densities_and_of_their_squares():
    parts = [ThermalDraws(2, 1, t, math.log(partition(2, 1, t))) for t in (2.0, 0.4)]
    mixed, generator = MixedDraws(*parts), torch.Generator().manual_seed(5)
    x = mixed.draw(20_000, generator)
    torch.testing.assert_close(mixed.density(x), 0.5 * (parts[0].density(x) + parts[1].density(x)))
    squares = [part.draw(20_000, generator).square().sum(1) for part in parts]
    expected = 0.5 * sum(float(s.mean()) for s in squares)
    own = x.square().sum(1)
    error = math.hypot(float(own.std()), *(0.5 * float(s.std()) for s in squares)) / 20_000**0.5
    assert float(own.mean()) == pytest.approx(expected, abs=4 * error)
