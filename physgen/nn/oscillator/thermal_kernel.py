"""The sum over all states of identical oscillators, weighed by exp(-t E), in closed form."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from physgen.nn.oscillator.jacobi_vectors import permutation_matrices


class ThermalKernel:
    r"""$K(\xi, \xi') = \sum_n e^{-t E_n} \Phi_n(\xi) \Phi_n(\xi')$ over all relative states of n identical particles.

    With Mehler's formula and all permutations P, which turn the relative vectors by $R_P$,

    $$K = \frac1{n!} \sum_P \epsilon_P \, (2\pi \sinh t)^{1-n}
      \exp\left( -\frac{(\xi^2 + \xi'^2) \cosh t - 2 \xi \cdot R_P \xi'}{2 \sinh t} \right)$$

    for two-dimensional vectors, $\epsilon_P = (\pm 1)^P$. Derivatives are those by the first argument, at equal ones.

    Args:
        n: number of particles.
        sign: 1 for states that are symmetric under exchanges, -1 for antisymmetric ones.
        t: inverse temperature in units of the quantum.

    Source: F. G. Mehler, Ueber die Entwicklung einer Function von beliebig vielen Variablen nach Laplaceschen
    Functionen hoeherer Ordnung, doi:10.1515/crll.1866.66.161.
    """

    def __init__(self, n: int, sign: int, t: float) -> None:
        self.n, self.sign, self.t = n, sign, t
        matrices, signs = permutation_matrices(n)
        self.turns = torch.as_tensor(matrices, dtype=torch.float64)
        self.signs = torch.as_tensor(signs if sign < 0 else signs**2, dtype=torch.float64)
        self.scale = (2 * math.pi * math.sinh(t)) ** (1 - n) / math.factorial(n)

    def overlaps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return $R_P \xi$ `(n!, batch, size)` and $\xi \cdot (1 - R_P) \xi$ `(n!, batch)`."""
        vectors = x.view(len(x), self.n - 1, 2)
        turned = torch.einsum("pkl,bla->pbka", self.turns.to(x), vectors).flatten(2)
        return turned, (x * (x - turned)).sum(-1)

    def exchange(self, x: Tensor) -> Tensor:
        r"""Return $\sum_P \epsilon_P e^{-\xi \cdot (1 - R_P) \xi / \sinh t}$ `(batch,)`; 0 or n! at contact."""
        _, distance = self.overlaps(x)
        return self.signs.to(x) @ torch.exp(-distance / math.sinh(self.t))

    def density(self, x: Tensor) -> Tensor:
        """Return K(x, x) `(batch,)` at relative vectors `(batch, 2 (n - 1))`."""
        gaussian = torch.exp(-math.tanh(self.t / 2) * x.square().sum(-1))
        return self.scale * gaussian * self.exchange(x)

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return K `(batch,)`, its gradient `(batch, size)` and Hessian `(batch, size, size)` by the first argument."""
        sinh, cosh = math.sinh(self.t), math.cosh(self.t)
        turned, distance = self.overlaps(x)
        gaussian = torch.exp(-math.tanh(self.t / 2) * x.square().sum(-1))
        weight = self.scale * self.signs.to(x)[:, None] * torch.exp(-distance / sinh) * gaussian
        slope = (turned - cosh * x) / sinh
        value = weight.sum(0)
        hessian = torch.einsum("pb,pbd,pbe->bde", weight, slope, slope)
        hessian = hessian - cosh / sinh * value[:, None, None] * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        return value, torch.einsum("pb,pbd->bd", weight, slope), hessian
