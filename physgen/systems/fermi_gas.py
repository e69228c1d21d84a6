"""Ultracold fermions of two kinds with a short-range attraction."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from physgen.core.errors import check, check_number
from physgen.observables.base import Observable
from physgen.observables.pair_condensate import PairCondensate
from physgen.systems.base import label_text
from physgen.systems.coulomb import check_scale
from physgen.systems.periodic_matter import PeriodicMatter

#: largest size of 1/(a k_F)
STRONGEST = 1.0
#: from 0 to which effective range over scattering length one bound state, or none, has both: that of lambda = 3
MOST_RANGE = 4 / 9
#: smallest lambda that is looked at: an attraction of 1e-9
WEAKEST = 1 + 1e-9
EULER = 0.5772156649015329


@dataclass(frozen=True)
class PoeschlTeller:
    r"""The potential $v(r) = -2 v_0 \mu^2/\cosh^2(\mu r)$ of two particles with hbar = m = 1, with $\mu = 1$.

    With $\lambda (\lambda - 1) = 2 v_0$ the phase shift of the s wave is $\delta = \arg \Gamma(1 + i k) - k \ln 2 -
    \arg \Gamma(\tfrac{\lambda + 1 + i k}{2}) - \arg \Gamma(\tfrac{2 - \lambda + i k}{2})$, from which
    $k \cot \delta = -1/a + r_e k^2/2$ has, with $s = \gamma + \psi(\lambda)$ and $t = \tan(\pi \lambda/2)$,

    $$\frac1a = \frac{t}{\pi/2 + s t}, \qquad r_e = \frac{\pi^2 s/2 + t\,(\pi s^2 - \pi^3/12) + t^2\,[\tfrac23 s^3 +
    \tfrac13 (\psi''(1) - \psi''(\lambda))]}{(\pi/2 + s t)^2}$$

    At unitarity $\lambda = 2$, $v_0 = 1$ and $r_e = 2$. In units of $1/\mu$.

    Source of the solutions: S. Fluegge, Practical Quantum Mechanics, doi:10.1007/978-3-642-61995-3, problem 39.

    Args:
        order: lambda, from 1 (no potential) over 2 (unitarity) to 3.
    """

    order: float

    @property
    def depth(self) -> float:
        """v_0."""
        return self.order * (self.order - 1) / 2

    @property
    def _parts(self) -> tuple[float, float]:
        order = torch.tensor(self.order, dtype=torch.float64)
        # the tangent vanishes at 2, exactly so too
        return EULER + float(torch.digamma(order)), math.tan(math.pi * (self.order - 2) / 2)

    @property
    def inverse_length(self) -> float:
        """1/a."""
        s, t = self._parts
        return t / (math.pi / 2 + s * t)

    @property
    def effective_range(self) -> float:
        """r_e."""
        (s, t), order = self._parts, torch.tensor([1.0, self.order], dtype=torch.float64)
        first, second = torch.special.polygamma(2, order).tolist()
        linear = math.pi * s**2 - math.pi**3 / 12
        quadratic = 2 / 3 * s**3 + (first - second) / 3
        return float((math.pi**2 * s / 2 + t * linear + t**2 * quadratic) / (math.pi / 2 + s * t) ** 2)


def poeschl_teller(ratio: float) -> PoeschlTeller:
    """Return the potential with r_e/a = `ratio`, of at most one bound state; below 4/9, where it is unique."""
    low, high = WEAKEST, 3.0
    for _ in range(200):
        middle = (low + high) / 2
        found = PoeschlTeller(middle)
        low, high = (middle, high) if found.effective_range * found.inverse_length < ratio else (low, middle)
    return PoeschlTeller((low + high) / 2) if ratio else PoeschlTeller(2.0)


class FermiGas(PeriodicMatter):
    r"""Ultracold fermions: opposite spins attract each other, with a given scattering length and effective range.

    $$H = -\tfrac12 \sum_i \nabla_i^2 - \sum_{i \uparrow, j \downarrow} \frac{2 v_0 \mu^2}{\cosh^2(\mu r_{ij})}$$

    Units: hbar = m = 1 and energies in $E_{FG} = \tfrac35 k_F^2/2$, the energy of a free particle in an infinite
    system, so that $k_F = (3 \pi^2 n/L^3)^{1/3} = \sqrt{10/3}$; energies are those of all particles. The nearest images
    of two particles interact. v_0 and mu follow from k_F r_e and 1/(a k_F), see `PoeschlTeller`; at unitarity v_0 = 1
    and mu = 2/r_e. The terms are `two_body`, and `kinetic` in `local_energy`.

    Args:
        n: number of particles, in closed shells.
        kf_re: k_F r_e.
        inverse_akf: 1/(a k_F), from -1 (BCS) over 0 (unitarity) to 1 (BEC).

    Raises:
        InputError: open shells, with a list of the closed ones, or a range or scattering length beyond those of a
            potential with at most one bound state.

    Source: Kim et al., Neural-network quantum states for ultra-cold Fermi gases, arXiv:2305.08831.

    Example:
        >>> gas = FermiGas(14, kf_re=0.4)
        >>> gas.label, gas.v0, round(gas.mu / gas.fermi_momentum, 12)
        ('fermi-gas-n14-kfre0.4', 1.0, 5.0)
    """

    #: whether opposite spins attract each other, so that pairs of them are what psi is made of
    paired = True

    def __init__(self, n: int = 14, kf_re: float = 0.4, inverse_akf: float = 0.0) -> None:
        self.kf_re = check_scale("kf_re", kf_re)
        allowed = f"1/(a k_F) from {-STRONGEST:g} to {STRONGEST:g}"
        self.inverse_akf = check_number("inverse_akf", inverse_akf, -STRONGEST, STRONGEST, allowed)
        ratio = self.kf_re * self.inverse_akf
        most = f"less than 4/9 of a, as in potentials with one bound state, at 1/(a k_F) = {self.inverse_akf:g}"
        check(ratio < MOST_RANGE, "kf_re", kf_re, most)
        fermi = math.sqrt(10 / 3)
        super().__init__(n, fermi**3 / (3 * math.pi**2))
        well = poeschl_teller(ratio)
        #: depth and inverse length of the attraction
        self.v0, self.mu = well.depth, well.effective_range * fermi / self.kf_re
        #: gamma of the molecule of two particles, whose energy is -gamma^2; below 0 without one, of the virtual state
        self.pair_decay = (well.order - 2) * self.mu

    @property
    def coulomb_coupling(self) -> float:
        """0: no charges."""
        return 0.0

    @property
    def energy_scale(self) -> float:
        """10, of the kinetic energies of pairs."""
        return 10.0

    def observables(self) -> list[Observable]:
        """Return what is measured of all matter in a cube, and the condensate of pairs."""
        return [*super().observables(), PairCondensate(self.space)]

    @property
    def well_momentum(self) -> float:
        r"""$\kappa = \mu \sqrt{v_0}$: two particles close to each other have $\psi \sim \tanh(\kappa r)/(\kappa r)$."""
        return self.mu * math.sqrt(self.v0)

    @property
    def label(self) -> str:
        """Name such as `fermi-gas-n14-kfre0.4`; 1/(a k_F) follows away from unitarity."""
        label = f"fermi-gas-n{self.n}-kfre{label_text(self.kf_re)}"
        return label + (f"-inverse-akf{label_text(self.inverse_akf)}" if self.inverse_akf else "")

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `two_body` `(*)` of `x` `(*, n, 3)`."""
        apart = self.space.nearest(x[..., : self.n_up, None, :] - x[..., None, self.n_up :, :])
        squares = apart.square().sum(-1)
        # 1/cosh^2 = 4 e/(1 + e)^2 with e = exp(-2 mu r), which never overflows
        decay = torch.exp(-2 * self.mu * squares.sqrt())
        attraction = -8 * self.v0 * self.mu**2 * decay / (1 + decay).square()
        return {"two_body": attraction.sum((-1, -2))}

    @property
    def plane_wave_potential(self) -> float:
        r"""$\tfrac{n_\uparrow n_\downarrow}{L^3} \int v\, d^3r = -\tfrac{\pi^3}{3 \mu} \tfrac{n^2 v_0}{2 L^3}$.

        The tail beyond the walls, a share of $e^{-\mu L}$, is left in.
        """
        return -(self.n**2) * self.v0 * math.pi**3 / (6 * self.mu * self.space.volume)
