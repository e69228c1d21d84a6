"""The log-variance divergence against its gradient at a Gaussian."""

import torch

from physgen.objectives.log_variance import log_variance


def test_the_gradient_is_that_of_the_divergence(generator):
    """At p = q the gradient vanishes for every batch; elsewhere the variance of ln(p/q) is known for Gaussians."""
    x = torch.randn(200_000, generator=generator, dtype=torch.float64)
    a = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)

    def log_ratio(a):  # p = N(0, 1) against q = N(0, 1/a)
        return -0.5 * x.square() + 0.5 * a * x.square() - 0.5 * a.log()

    assert torch.autograd.grad(log_variance(log_ratio(a)), a)[0].abs() < 1e-12
    b = torch.tensor(1.5, dtype=torch.float64)
    assert abs(log_variance(log_ratio(b), limit=1e9) - 0.5 * 0.5**2) < 4e-3  # var((b - 1) x^2/2) = (b - 1)^2/2


def test_one_path_far_off_carries_no_step():
    log_ratio = torch.cat([torch.randn(500, dtype=torch.float64), torch.tensor([1e6], dtype=torch.float64)])
    log_ratio.requires_grad_(True)
    (slope,) = torch.autograd.grad(log_variance(log_ratio), log_ratio)
    assert slope[-1] == 0 and slope[:-1].any()
