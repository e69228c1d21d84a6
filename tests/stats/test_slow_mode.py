"""Errors of means that hide a slow mode, on a sum of fast noise and a slow walk between two levels."""

import torch

from physgen.stats import BlockedMean
from physgen.stats.slow_mode import error_with_slow_mode


def test_a_hidden_slow_mode_is_counted():
    """A mode with chains that hardly change: the error of its mean comes from the chains, and so does that of v."""
    torch.manual_seed(3)
    steps, chains, slope, noise = 400, 50, 0.02, 1.0
    mode = torch.randint(0, 2, (1, chains), dtype=torch.float64).expand(steps, chains).clone()  # frozen chains
    values = slope * mode + noise * torch.randn(steps, chains, dtype=torch.float64)
    v, m = BlockedMean(), BlockedMean()
    v.update(values)
    m.update(mode)
    exact = ((slope * 0.5) ** 2 / chains + noise**2 / (steps * chains)) ** 0.5
    assert abs(float(error_with_slow_mode(v, m)) / exact - 1) < 0.25
    free = ((noise**2) / (steps * chains)) ** 0.5
    constant = BlockedMean()
    constant.update(torch.ones(steps, chains, dtype=torch.float64))
    noisy = BlockedMean()
    noisy.update(torch.randn(steps, chains, dtype=torch.float64))
    assert abs(float(error_with_slow_mode(noisy, constant)) / free - 1) < 0.25
