"""The page of the classical dot: how many particles are near the middle, where that is known."""

import math

import torch

from benchmarks.pages.comparison import RADIUS, inner, within


def test_independent_particles_are_counted_as_the_binomial_law_says():
    generator, n, draws = torch.Generator().manual_seed(1), 20, 40_000
    x = torch.randn(draws, n, 2, generator=generator, dtype=torch.float64)
    p = 1 - math.exp(-(RADIUS**2) / 2)
    held = within(x)
    assert abs(float(held.mean()) - n * p) < 4 * (n * p * (1 - p) / draws) ** 0.5
    assert abs(float(held.var()) / (n * p * (1 - p)) - 1) < 4 * (2 / draws) ** 0.5
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in inner({"Monte Carlo": held, "a": held})]
    assert rows[-2][:3] == ["Monte Carlo", *rows[-1][1:3]] and rows[-1][3].startswith("1.000(")
