"""A user's file: the Ising model on a square lattice, and an autoregressive network on its spins."""

from itertools import product

import torch

from physgen.core.errors import check_integer, check_positive
from physgen.models import DensityModel
from physgen.spaces import Lattice
from physgen.systems import ClassicalSystem, Reference


class PeriodicIsing(ClassicalSystem):
    """H = -sum over neighbours of s_i s_j on a periodic square lattice of spins."""

    symmetries = ("reflection",)

    def __init__(self, size: int = 4, beta: float = 0.4) -> None:
        self.size = check_integer("size", size, 3)
        self.beta = check_positive("beta", beta)
        self.space = Lattice((size, size))

    def terms(self, x):
        return {"bonds": -(x * x.roll(1, -1) + x * x.roll(1, -2)).sum((-1, -2))}

    def references(self):
        if self.size > 4:
            return []
        spins = torch.tensor(list(product((-1.0, 1.0), repeat=self.size**2)), dtype=torch.float64)
        log_weight = -self.beta * self.energy(spins.view(-1, self.size, self.size))
        value = -float(log_weight.logsumexp(0)) / self.beta
        return [Reference("free_energy", value, 0.0, "exact", "enumeration", exact=True)]


class SigmoidChain(DensityModel):
    """p(s) = prod_i sigmoid(s_i (b_i + sum_{j<i} W_ij s_j)), site after site."""

    reparameterised = False

    def __init__(self, system, gradient: str = "score", **kwargs) -> None:
        super().__init__(system, gradient=gradient, **kwargs)
        sites = self.system.n
        self.weight = torch.nn.Parameter(torch.zeros(sites, sites))
        self.bias = torch.nn.Parameter(torch.zeros(sites))

    def sample(self, num_samples, generator=None):
        with torch.no_grad():
            s = self.bias.new_zeros(num_samples, self.system.n)
            for i in range(self.system.n):
                up = torch.sigmoid(self.bias[i] + s @ self.weight[i])
                draw = torch.rand(num_samples, generator=generator, dtype=s.dtype, device=s.device)
                s[:, i] = 2.0 * (draw < up) - 1
            x = s.view(-1, *self.system.shape)
            return x, self.log_prob(x)

    def log_prob(self, x):
        s = x.flatten(1)
        return torch.nn.functional.logsigmoid(s * (self.bias + s @ self.weight.tril(-1).T)).sum(1)
