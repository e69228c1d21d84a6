"""ln Z by Bennett's acceptance ratio, against closed forms."""

import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.stats import bridge, deviation


def gaussian(x, width):
    return -0.5 * (x / width).square() - math.log(width) - 0.5 * math.log(2 * math.pi)


def weights(width, shift, draws, steps, chains, seed, correlation=0.0):
    """Log weights of f = 7 times a wider, shifted Gaussian against q = N(0, 1): draws of q, and chains of f."""
    generator = torch.Generator().manual_seed(seed)
    q = torch.randn(draws, generator=generator, dtype=torch.float64)
    noise = torch.randn(steps, chains, generator=generator, dtype=torch.float64)
    walk = [noise[0]]
    for row in noise[1:]:
        walk.append(correlation * walk[-1] + (1 - correlation**2) ** 0.5 * row)
    p = shift + width * torch.stack(walk)
    return [math.log(7) + gaussian(x - shift, width) - gaussian(x, 1.0) for x in (q, p)]


@pytest.mark.parametrize(("width", "shift"), [(1.0, 0.5), (1.5, 0.0), (0.6, 1.0)])
def test_normalisation_of_a_gaussian(width, shift):
    found = bridge(*weights(width, shift, 40_000, 2000, 10, seed=1))
    assert abs(deviation(found.log_z, found.error, math.log(7), 0.0)) < 3.5
    assert found.error < 0.02 and found.converged
    x = torch.linspace(-12, 12, 20_001, dtype=torch.float64)
    p, q = gaussian(x - shift, width).exp(), gaussian(x, 1.0).exp()
    assert found.overlap == pytest.approx(float(torch.trapezoid(2 * p * q / (p + q), x)), abs=0.02)


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_errors_cover_the_truth_with_correlated_chains(correlation):
    found = [bridge(*weights(1.3, 0.7, 3000, 800, 8, seed, correlation)) for seed in range(60)]
    pulls = torch.tensor([(b.log_z - math.log(7)) / b.error for b in found])
    assert 0.75 < float(pulls.square().mean().sqrt()) < 1.3 and abs(float(pulls.mean())) < 0.5


def test_better_than_importance_sampling_of_a_wider_target():
    forward, backward = weights(1.8, 0.0, 20_000, 2000, 10, seed=3)
    ratio = forward.exp()
    alone = float(ratio.std() / ratio.mean() / len(ratio) ** 0.5)
    assert bridge(forward, backward).error < 0.5 * alone


def test_equal_densities_have_no_error():
    found = bridge(torch.full((10,), 2.0), torch.full((5, 2), 2.0))
    assert (found.log_z, found.error, found.overlap) == (pytest.approx(2.0, abs=1e-12), 0.0, 1.0)


def test_draws_outside_of_the_target_count_as_zero():
    # q uniform on (0, 2), target 1 on (0, 1): Z = 1
    generator = torch.Generator().manual_seed(2)
    inside = torch.rand(4000, generator=generator) < 0.5
    forward = torch.where(inside, math.log(2), -math.inf)
    found = bridge(forward, torch.full((100, 4), math.log(2)))
    assert abs(deviation(found.log_z, found.error, 0.0, 0.0)) < 3 and found.error > 0


@pytest.mark.parametrize(
    ("forward", "backward", "words"),
    [
        (torch.zeros(3, 2), torch.zeros(4), "forward"),
        (torch.tensor([0.0, torch.nan]), torch.zeros(4), "forward"),
        (torch.zeros(3), torch.tensor([0.0, -torch.inf]), "backward"),
        (torch.zeros(3), torch.zeros(1), "backward"),
    ],
)
def test_bad_input(forward, backward, words):
    with pytest.raises(InputError, match=words):
        bridge(forward, backward)
