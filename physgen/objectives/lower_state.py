"""A state that does not change, such as a ground state, and the overlap of others with it."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

#: gives direction Psi/|Psi| `(batch, components)` and ln|Psi| `(batch,)` of configurations
LogPsi = Callable[[Tensor], tuple[Tensor, Tensor]]


class LowerState:
    r"""A state $\Phi$ with components, and configurations drawn from $|\Phi|^2$.

    The overlap $s = \langle\Phi|\Psi\rangle/\sqrt{\langle\Phi|\Phi\rangle \langle\Psi|\Psi\rangle}$ is summed over the
    configurations of both states together, each with the weight of the mixture p of both densities:

    $s = \frac{\sum_z \Phi \cdot \Psi/p}{\sqrt{\sum_z |\Phi|^2/p\; \sum_z |\Psi|^2/p}}$

    No term is larger than 2, while means of $\Psi/\Phi$ over one state's configurations have tails where the other one
    reaches further, and no variance next to its nodes. The ratio of both norms in p is the one by which as many
    configurations belong to each state as were drawn from it.

    Source: Bennett, "Efficient estimation of free energy differences from Monte Carlo data",
    doi:10.1016/0021-9991(76)90078-4, for the ratio of norms.

    Args:
        log_psi: gives $\Phi$; see `LogPsi`.
        x: configurations `(walkers, *shape)`, in the precision that $\Phi$ is taken in.
    """

    def __init__(self, log_psi: LogPsi, x: Tensor) -> None:
        self.log_psi, self.x = log_psi, x
        with torch.no_grad():
            self.direction, self.log = log_psi(x)

    def overlap(self, log_psi: LogPsi, x: Tensor) -> Tensor:
        r"""Return s `()`, whose derivative by the parameters of $\Psi$ autograd may follow.

        Args:
            log_psi: gives $\Psi$.
            x: configurations `(batch, *shape)` drawn from $|\Psi|^2$.
        """
        with torch.no_grad():
            here = [part.to(x) for part in self.log_psi(x.to(self.x))]
        vector, other = (torch.cat([a, b.to(x)]) for a, b in zip(here, (self.direction, self.log), strict=True))
        direction, log = log_psi(torch.cat([x, self.x.to(x)]))
        with torch.no_grad():
            norms = log_ratio_of_norms(2 * (log - other), len(x))
            drawn = len(x) / len(log)
            mixture = torch.logaddexp(2 * log - norms + math.log(drawn), 2 * other + math.log(1 - drawn))
        psi, phi = torch.exp(log - 0.5 * (norms + mixture)), torch.exp(other - 0.5 * mixture)
        cross = (psi * phi * (direction * vector).sum(-1)).mean()
        found: Tensor = cross / (psi.square().mean() * phi.square().mean()).sqrt()
        return found


def log_ratio_of_norms(log_ratio: Tensor, drawn: int, bisections: int = 60) -> Tensor:
    r"""Return $c = \ln(Z_1/Z_2)$ `()` of two densities, from configurations of which the first ones follow the first.

    By Bennett's condition $\sum_z \frac{n_1 p_1 e^{-c}}{n_1 p_1 e^{-c} + n_2 p_2} = n_1$.

    Args:
        log_ratio: $\ln(p_1/p_2)$ `(n_1 + n_2,)` without the norms.
        drawn: $n_1$.
        bisections: halvings of the interval that holds c.
    """
    counts = math.log(drawn / (len(log_ratio) - drawn))
    low, high = log_ratio.min() - 40, log_ratio.max() + 40
    for _ in range(bisections):
        middle = 0.5 * (low + high)
        many = torch.sigmoid(log_ratio - middle + counts).sum() > drawn
        low, high = torch.where(many, middle, low), torch.where(many, high, middle)
    return 0.5 * (low + high)
