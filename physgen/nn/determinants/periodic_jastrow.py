"""Jastrow factors of pairs in a periodic cube: cusps, wells and cosines."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from physgen.nn.determinants.factor import Factor
from physgen.nn.determinants.plane_waves import box_momenta
from physgen.nn.parts import Parts


class PeriodicPairs(Factor):
    r"""$\ln J = \sum_{i<j} u_{ij}(s_{ij})$ of the periodic distance $s = \frac{1}{\pi} \sqrt{\sum_c \sin^2 \pi d_c}$.

    s = |d| + O(|d|^3), so cusps are those of the distance itself, and it is smooth where particles are half a side
    apart: the distance to the nearest image has a kink there, whose delta function no local energy would hold.
    Subclasses give u and its derivatives.

    Args:
        n: particles; the first `n_up` have spin up.
        n_up: particles with spin up.
    """

    first: Tensor
    second: Tensor
    parallel: Tensor

    def __init__(self, n: int, n_up: int) -> None:
        super().__init__()
        first, second = torch.triu_indices(n, n, offset=1)
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        self.register_buffer("parallel", ((first < n_up) == (second < n_up)).long(), persistent=False)

    @abstractmethod
    def factor(self, s: Tensor) -> Tensor:
        """Return u `(*, pairs)` of distances `(*, pairs)`."""

    @abstractmethod
    def slopes(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """Return u' and u'' `(*, pairs)`."""

    def differences(self, x: Tensor) -> Tensor:
        """Return r_i - r_j `(*, pairs, dim)` of `x` `(*, n, dim)`."""
        return x[..., self.first, :] - x[..., self.second, :]

    def forward(self, x: Tensor) -> Tensor:
        """Return ln J `(*)` of `x` `(*, n, dim)` in units of the side."""
        root = torch.sin(math.pi * self.differences(x)).square().sum(-1).sqrt()
        return self.factor(root / math.pi).sum(-1)

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln J in closed form."""
        angle = 2 * math.pi * self.differences(x)
        sine = torch.sin(angle)
        s = torch.sin(0.5 * angle).square().sum(-1).sqrt() / math.pi
        # s^2 = w/pi^2: s grad s = sin(2 pi d)/(2 pi), and s lap s + |grad s|^2 = sum cos(2 pi d)
        direction = sine / (2 * math.pi * s.unsqueeze(-1))
        square = direction.square().sum(-1)
        bend = (torch.cos(angle).sum(-1) - square) / s
        slope, curvature = self.slopes(s)
        force = slope.unsqueeze(-1) * direction
        gradient = torch.zeros_like(x).index_add(-2, self.first, force).index_add(-2, self.second, -force)
        return gradient, 2 * (curvature * square + slope * bend).sum(-1)


class PeriodicCusps(PeriodicPairs):
    r"""$u = a s/(1 + b s)$ with the exact cusps of charges in three dimensions, a = coupling/2 and coupling/4.

    The denominators b of unlike and like spins are trained. They start where $u(0) - u(\infty)$ is that of the random
    phase approximation, $a/b = \sqrt{A}$ and $\sqrt{A/2}$ with $A = \sqrt{r_s^3/3}$.

    Sources: Kato, "On the eigenfunctions of many-particle systems in quantum mechanics", doi:10.1002/cpa.3160100201;
    Gaskell, "The collective treatment of a Fermi gas: II", doi:10.1088/0370-1328/77/6/312.

    Args:
        n: particles; the first `n_up` have spin up.
        n_up: particles with spin up.
        coupling: strength of the repulsion in units of the side.
    """

    divisor: Tensor

    def __init__(self, n: int, n_up: int, coupling: float) -> None:
        super().__init__(n, n_up)
        self.coupling = coupling
        # exact in every dtype: the cusps survive `double()`
        self.register_buffer("divisor", 2.0 + 2.0 * self.parallel, persistent=False)
        radius = coupling * (3 / (4 * math.pi * n)) ** (1 / 3)
        strength = math.sqrt(math.sqrt(radius**3 / 3))
        start = torch.tensor([coupling / (2 * strength), coupling / (2 * 2**0.5 * strength)])
        #: softplus(raw) = b, of unlike and like spins
        self.raw = nn.Parameter(torch.where(start > 20, start, start.expm1().log()))

    @property
    def denominators(self) -> Tensor:
        """b `(pairs,)`."""
        return softplus(self.raw)[self.parallel]

    def factor(self, s: Tensor) -> Tensor:
        """Return u `(*, pairs)` of distances `(*, pairs)`."""
        return self.coupling / self.divisor * s / (1 + self.denominators * s)

    def slopes(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """Return u' and u'' `(*, pairs)`."""
        b = self.denominators
        inverse = 1 / (1 + b * s)
        slope = self.coupling / self.divisor * inverse.square()
        return slope, -2 * b * slope * inverse


class PeriodicWell(PeriodicPairs):
    r"""$u = \ln\frac{\tanh \kappa s}{\kappa s} + \frac12 \ln(1 + s^2/\xi^2)$ between unlike spins.

    The first part is the s wave at zero energy in the well $-2 \kappa^2/\cosh^2 \kappa r$, whose depth it cancels; the
    second heals it beyond the length xi, which is trained.

    Args:
        n: particles; the first `n_up` have spin up.
        n_up: particles with spin up.
        momentum: kappa in units of the inverse side.
        healing: xi to start with.
    """

    unlike: Tensor

    def __init__(self, n: int, n_up: int, momentum: float, healing: float = 0.2) -> None:
        super().__init__(n, n_up)
        self.momentum = momentum
        self.log_healing = nn.Parameter(torch.tensor(math.log(healing)))

    def factor(self, s: Tensor) -> Tensor:
        """Return u `(*, pairs)` of distances `(*, pairs)`."""
        y = self.momentum * s
        # tanh(y)/y loses no digits but at y = 0 itself, where it is 1 - y^2/3
        small = y < 1e-3
        ratio = torch.where(small, 1 - y.square() / 3, torch.tanh(y) / torch.where(small, 1.0, y))
        healed = 0.5 * torch.log1p(s.square() * torch.exp(-2 * self.log_healing))
        return (1 - self.parallel) * (ratio.log() + healed)

    def slopes(self, s: Tensor) -> tuple[Tensor, Tensor]:
        """Return u' and u'' `(*, pairs)`."""
        k, y = self.momentum, self.momentum * s
        # of 2/sinh(2y) - 1/y the first terms of the series, where the difference would lose its digits
        small = y < 0.05
        far = torch.where(small, 1.0, y)
        decay = torch.exp(-2 * far)
        sinh = 2 * decay / (1 - decay * decay)  # 1/sinh(2y), which does not overflow
        slope = torch.where(small, -2 * y / 3 + 14 * y**3 / 45, 2 * sinh - 1 / far)
        cosh = sinh * (1 + decay * decay) / (1 - decay * decay)  # cosh/sinh^2
        curvature = torch.where(small, -2 / 3 + 14 * y.square() / 15, 1 / far.square() - 4 * cosh)
        square = torch.exp(2 * self.log_healing)
        sum_of_squares = square + s.square()
        unlike = 1 - self.parallel
        slope = k * slope + s / sum_of_squares
        curvature = k * k * curvature + (square - s.square()) / sum_of_squares.square()
        return unlike * slope, unlike * curvature


class PeriodicCosines(Factor):
    r"""$\ln J = \sum_{i<j} \sum_G c_G^{ij} \sum_{k \in G} \cos 2\pi k d_{ij}$ over shells G of plane waves.

    The coefficients, one for like and one for unlike spins in each shell, are trained and start at 0.

    Source: Drummond, Towler and Needs, "Jastrow correlation factor for atoms, molecules, and solids",
    arXiv:0801.0378.

    Args:
        n: particles; the first `n_up` have spin up.
        n_up: particles with spin up.
        waves: plane waves that fill shells.
        dim: dimensions.
    """

    first: Tensor
    second: Tensor
    k: Tensor
    shell: Tensor
    parallel: Tensor

    def __init__(self, n: int, n_up: int, waves: int = 33, dim: int = 3) -> None:
        super().__init__()
        k = box_momenta(waves, dim)
        _, shell = k.square().sum(-1).unique(return_inverse=True)
        first, second = torch.triu_indices(n, n, offset=1)
        self.register_buffer("first", first, persistent=False)
        self.register_buffer("second", second, persistent=False)
        self.register_buffer("k", k.to(torch.get_default_dtype()), persistent=False)
        self.register_buffer("shell", shell, persistent=False)
        self.register_buffer("parallel", ((first < n_up) == (second < n_up)).long(), persistent=False)
        self.coefficients = nn.Parameter(torch.zeros(2, int(shell.max()) + 1))

    def phases(self, x: Tensor) -> Tensor:
        """Return the phases `(*, pairs, k)` of `x` `(*, n, dim)`."""
        phase = 2 * math.pi * (x @ self.k.T)
        return phase[..., self.first, :] - phase[..., self.second, :]

    def forward(self, x: Tensor) -> Tensor:
        """Return ln J `(*)` of `x` `(*, n, dim)` in units of the side."""
        return (self.coefficients[self.parallel][:, self.shell] * self.phases(x).cos()).sum((-1, -2))

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln J in closed form."""
        weight, phase, k = self.coefficients[self.parallel][:, self.shell], self.phases(x), 2 * math.pi * self.k
        force = -(weight * phase.sin()) @ k
        gradient = torch.zeros_like(x).index_add(-2, self.first, force).index_add(-2, self.second, -force)
        return gradient, -2 * (weight * phase.cos() * k.square().sum(-1)).sum((-1, -2))


class JastrowProduct(Factor):
    """Product of Jastrow factors, 1 of none.

    Args:
        factors: each gives ln J and `derivatives(x)`.
    """

    def __init__(self, factors: Sequence[Factor]) -> None:
        super().__init__()
        self.factors = Parts(factors)

    def forward(self, x: Tensor) -> Tensor:
        """Return ln J `(*)` of `x` `(*, n, dim)`."""
        return sum((factor(x) for factor in self.factors), x.new_zeros(x.shape[:-2]))

    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln J."""
        gradient, laplacian = torch.zeros_like(x), x.new_zeros(len(x))
        for factor in self.factors:
            more, curvature = factor.derivatives(x)
            gradient, laplacian = gradient + more, laplacian + curvature
        return gradient, laplacian
