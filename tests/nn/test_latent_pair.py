"""Encoders and decoders, against sums over states, quadrature of the latent and a linear Gaussian in closed form."""

import math

import pytest
import torch

from physgen.core.enumeration import every_state
from physgen.nn.machines.latent_pair import LatentPair


def made(values, even=False, latent=1, sites=3):
    torch.manual_seed(3)
    pair = LatentPair(sites, latent, 6, values, even).double()
    with torch.no_grad():
        for parameter in pair.parameters():
            parameter.add_(0.5 * torch.randn_like(parameter))
    return pair


def marginal(pair, x):
    """p(x) by a sum over a fine grid of one latent."""
    z = torch.linspace(-8, 8, 4001, dtype=torch.float64)
    log = torch.stack([pair.log_decoder(row, z[:, None]) for row in x]) - 0.5 * z.square()
    return log.logsumexp(1) + math.log(16 / 4000) - 0.5 * math.log(2 * math.pi)


@pytest.mark.parametrize(("values", "even"), [((-1.0, 1.0), True), ((-1.0, 1.0), False), ((0.0, 1.0), False)])
def test_sites_of_two_values_are_normalised_and_drawn_by_their_law(values, even, generator, agrees):
    pair = made(values, even)
    states = every_state(3, values).double()
    with torch.no_grad():
        log_p = marginal(pair, states)
        assert abs(log_p.logsumexp(0)) < 1e-6
        if even:
            torch.testing.assert_close(log_p, marginal(pair, -states))
        x, log = pair.draw(40_000, generator)
    agrees((x[:, None] == states).all(-1), log_p.exp())
    # weights by the latents that were drawn are unbiased: the mean of f(x) r(z|x)/p(x, z) is the sum of f
    target = torch.softmax(0.7 * states.prod(1), 0)
    row = (x[:, None] == states).all(-1).double().argmax(1)
    agrees((target[row].log() - log).exp(), 1.0)


def test_bounds_in_the_mean_lie_below_the_marginal_and_rise(generator):
    pair = made((-1.0, 1.0))
    states = every_state(3, (-1.0, 1.0)).double()
    with torch.no_grad():
        exact = marginal(pair, states)
        ratio = pair.log_ratio(states, torch.randn(20_000, 8, 1, generator=generator, dtype=torch.float64))
    one = ratio.mean(0)
    ten = (ratio.unflatten(0, (-1, 10)).logsumexp(1) - math.log(10)).mean(0)
    error = ratio.std(0) / 20_000**0.5
    assert bool((one <= ten + 4 * error).all()) and bool((ten <= exact + 4 * error).all())
    everything = ratio.logsumexp(0) - math.log(20_000)
    torch.testing.assert_close(everything, exact, rtol=0, atol=0.1)


def test_a_linear_gaussian_has_the_marginal_of_probabilistic_pca(generator):
    """x = W z + m + s noise is normal with covariance W W^T + s^2, and its exact encoder has bounds without scatter."""
    pair = made(None, sites=3)
    weight = torch.randn(3, 1, generator=generator, dtype=torch.float64)
    mean, width = torch.tensor([0.2, -0.1, 0.4], dtype=torch.float64), 0.6
    pair.decode = lambda z: (z @ weight.T + mean, torch.full((*z.shape[:-1], 3), math.log(width), dtype=z.dtype))
    precision = 1 + float(weight.square().sum()) / width**2
    pair.encode = lambda x: (
        (x - mean) @ weight / width**2 / precision,
        torch.full((*x.shape[:-1], 1), -0.5 * math.log(precision), dtype=x.dtype),
    )
    covariance = weight @ weight.T + width**2 * torch.eye(3, dtype=torch.float64)
    law = torch.distributions.MultivariateNormal(mean, covariance)
    x = law.sample((5,))
    ratio = pair.log_ratio(x, torch.randn(4, 5, 1, generator=generator, dtype=torch.float64))
    torch.testing.assert_close(ratio, law.log_prob(x).expand(4, 5))
    x, log = pair.draw(6, generator)
    torch.testing.assert_close(log, law.log_prob(x))
