"""Ladders of noises, against Gaussians whose paths back are known."""

import math

import torch

from physgen.nn.flows.noise_ladder import NoiseLadder

BASIS = torch.eye(4, dtype=torch.float64).view(4, 2, 2)


def ladder(rungs=8):
    made = NoiseLadder(lambda x, time: torch.zeros_like(x), BASIS, 0.1, 3.0, rungs).double()
    below = torch.cat([made.sigma.new_zeros(1), made.sigma[:-1]]).square()
    square = made.sigma.square()
    exact = (1 + below) * (square - below) / (1 + square)  # of x_{k-1} given x_k where x_0 is a unit Gaussian
    ours = torch.where(below > 0, (square - below) * below / square, square)
    with torch.no_grad():
        made.widen.copy_((exact / ours).log())
    return made


def test_paths_of_a_gaussian_have_weights_without_variance(generator):
    """With the exact mean and variance of every step, path and noise have one law: ln w = ln Z for every path."""
    like = torch.zeros(1, dtype=torch.float64)
    x, log = ladder().paths(50, like, generator)
    log_weight = -0.5 * x.square().sum((1, 2)) - log.detach()
    torch.testing.assert_close(log_weight, torch.full_like(log_weight, 2 * math.log(2 * math.pi)), rtol=0, atol=1e-10)


def test_weights_of_paths_are_exact_whatever_the_steps(generator):
    made = ladder()
    with torch.no_grad():
        made.widen.add_(0.2)
    made.field = lambda x, time: 0.2 * torch.sin(x)
    x, log = made.paths(40_000, torch.zeros(1, dtype=torch.float64), generator)
    weight = (-0.6 * x.square().sum((1, 2)) - log.detach()).exp()
    assert abs(weight.mean() - (math.pi / 0.6) ** 2) < 4 * weight.std() / 200


def test_the_denoiser_of_a_gaussian_is_the_least_error(generator):
    """E |D - x|^2 of the exact denoiser is sigma^2/(1 + sigma^2) a direction; a wrong one has more."""
    made = ladder()
    x = torch.randn(20_000, 2, 2, generator=generator, dtype=torch.float64)
    least = made.score_loss(x, generator)
    error = least.std() / len(x) ** 0.5
    # (1 + s^2)/s^2 times the error is 1 a direction, then (4 + sum ln widen)/2 of the variances
    expected = 4 + 0.5 * 4 * (1 + made.widen.mean())
    assert abs(least.mean() - expected) < 4 * error
    made.field = lambda x, time: 0.3 * x
    assert made.score_loss(x, generator).mean() > least.mean() + 4 * error
