"""Independence Metropolis chains out of weighted draws."""

import torch

from physgen.stats import blocked_error, independence_metropolis


def test_chain_of_gaussian_draws_follows_another_gaussian():
    draws = torch.Generator().manual_seed(0)
    x = 1.5 * torch.randn(400, 200, generator=draws, dtype=torch.float64)
    log_weight = -0.5 * (x - 0.5) ** 2 + 0.5 * (x / 1.5) ** 2  # target N(1/2, 1), normalisation is free
    states, acceptance = independence_metropolis(log_weight, draws)
    chain = x.gather(0, states)[80:]
    assert 0.3 < acceptance < 0.95
    for values, exact in ((chain, 0.5), ((chain - 0.5) ** 2, 1.0)):
        found = blocked_error(values)
        assert abs(float(found.mean) - exact) < 4 * float(found.error)


def test_equal_weights_accept_everything_and_zero_weights_nothing():
    log_weight = torch.zeros(50, 3, dtype=torch.float64)
    states, acceptance = independence_metropolis(log_weight, torch.Generator().manual_seed(0))
    assert acceptance == 1.0 and torch.equal(states[:, 0], torch.arange(50))
    log_weight[1::2] = -torch.inf
    states, _ = independence_metropolis(log_weight, torch.Generator().manual_seed(0))
    assert (states % 2 == 0).all()
