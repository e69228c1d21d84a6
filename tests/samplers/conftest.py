import itertools

import pytest
import torch

from physgen.nn.machines.gaussian_binary import GaussianBinary


class Machine:
    """Marginal of a Gaussian-binary machine as log-density: all samplers can draw from it, and its moments are sums."""

    has_conditionals = True

    def __init__(self, n=2, dim=2, hidden=3, dtype=torch.float64):
        generator = torch.Generator().manual_seed(5)
        self.net = GaussianBinary(n, dim, hidden, power=1.0, train_sigma=False, symmetric=False).to(torch.float64)
        with torch.no_grad():
            for parameter in (self.net.a, self.net.b, self.net.weight):
                parameter.copy_(0.7 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
            self.net.log_sigma.fill_(-0.2)
        self.net.to(dtype)
        self.draw_hidden, self.draw_visible = self.net.draw_hidden, self.net.draw_visible

    def __call__(self, x):
        return self.net(x)

    def moments(self):
        """Mean `(M,)` and second moments `(M, M)` of the mixture of Gaussians, one for every hidden state."""
        a, b, weight = self.net.units()
        variance = torch.exp(2 * self.net.log_sigma)
        states = torch.tensor(list(itertools.product((0.0, 1.0), repeat=len(b))), dtype=a.dtype)
        centres = a + states @ weight.mT
        logits = states @ b + (centres.square().sum(1) - a.square().sum()) / (2 * variance)
        probability = logits.softmax(0)
        second = centres.mT @ (probability[:, None] * centres) + variance * torch.eye(len(a), dtype=a.dtype)
        return (probability @ centres).detach(), second.detach()


@pytest.fixture
def machine():
    return Machine


@pytest.fixture
def measure(generator):
    """Time averages of an observable, one row for every chain: rows are independent, whatever the autocorrelation."""

    def run(sampler, log_density, x, observable, samples=40, warm_up=200, width=0.5):
        sampler.start(x, generator, width)
        sampler.warm_up(log_density, warm_up)
        values = [observable(sampler.sample(log_density)) for _ in range(samples)]
        return torch.stack(values).mean(0)

    return run
