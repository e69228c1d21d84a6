"""The Ising model and a spin glass on a square lattice."""

from __future__ import annotations

import numpy as np
import torch

from physgen.core.errors import check_choice, check_integer
from physgen.systems.base import label_text
from physgen.systems.kaufman import HIGHEST, IsingThermodynamics, kaufman
from physgen.systems.spin_lattice import SpinLattice

LAWS = ("normal", "signs")


class Ising2D(SpinLattice):
    r"""The ferromagnet on a square lattice, a bond of 1 between neighbours.

    On a torus ln Z, energy and entropy are exact for any size by Kaufman's formula; with open edges by a transfer
    matrix up to 16 x 16. In the infinite lattice beta_c = ln(1 + sqrt 2)/2 = 0.44069. A side of 2 on a torus has double
    bonds.

    Args:
        size: spins along a side.
        beta: inverse temperature, per unit of J.
        boundary: `periodic` or `open`.

    Raises:
        InputError: an argument out of its range.

    Source: B. Kaufman, "Crystal Statistics. II. Partition Function Evaluated by Spinor Analysis",
    doi:10.1103/PhysRev.76.1232.

    Example:
        >>> Ising2D(16, beta=0.44).label
        'ising-2d-l16-beta0.44'
    """

    def __init__(self, size: int = 8, beta: float = 0.44, boundary: str = "periodic") -> None:
        self.prepare(size, beta, boundary)
        self.couplings = self.opened(torch.ones(2, self.size, self.size, dtype=torch.float64))

    def thermodynamics(self) -> IsingThermodynamics | None:
        """Return Kaufman's values on a torus, those of a transfer matrix with open edges."""
        if self.boundary == "open" or self.beta > HIGHEST:
            return super().thermodynamics()
        return kaufman(self.size, self.size, self.beta)

    @property
    def symmetries(self) -> tuple[str, ...]:  # type: ignore[override]
        """All spins may flip, the square may turn, a torus may move."""
        return ("spin flip", "square", *(("translation",) if self.boundary == "periodic" else ()))

    @property
    def source(self) -> str:
        """How the exact values are found."""
        return "physgen: Kaufman's formula" if self.boundary == "periodic" else super().source

    @property
    def label(self) -> str:
        """Name such as `ising-2d-l16-beta0.44`; open edges are named."""
        return f"ising-2d-l{self.size}-beta{label_text(self.beta)}" + ("-open" if self.boundary == "open" else "")


class SpinGlass(SpinLattice):
    r"""The Edwards-Anderson spin glass: couplings of neighbours drawn once, from a seed.

    F and energy are exact by a transfer matrix up to 8 x 8 on a torus and 16 x 16 with open edges.

    Args:
        size: spins along a side.
        beta: inverse temperature, per unit of J.
        boundary: `periodic` or `open`.
        law: of the couplings, `normal` with variance 1 or `signs`, -1 and +1 alike.
        seed: of the couplings.

    Raises:
        InputError: an argument out of its range.

    Source: S. F. Edwards and P. W. Anderson, "Theory of spin glasses", doi:10.1088/0305-4608/5/5/017.

    Example:
        >>> SpinGlass(8, beta=1, seed=2).label
        'spin-glass-2d-l8-beta1-seed2'
    """

    def __init__(
        self, size: int = 8, beta: float = 1.0, boundary: str = "periodic", law: str = "normal", seed: int = 0
    ) -> None:
        self.prepare(size, beta, boundary)
        self.law = check_choice("law", law, LAWS)
        self.seed = check_integer("seed", seed, 0)
        draws, shape = np.random.default_rng(self.seed), (2, self.size, self.size)
        drawn = draws.standard_normal(shape) if self.law == "normal" else draws.choice([-1.0, 1.0], shape)
        self.couplings = self.opened(torch.from_numpy(drawn))

    @property
    def label(self) -> str:
        """Name such as `spin-glass-2d-l8-beta1-seed0`; signs and open edges are named."""
        label = f"spin-glass-2d-l{self.size}-beta{label_text(self.beta)}-seed{self.seed}"
        return label + ("-signs" if self.law == "signs" else "") + ("-open" if self.boundary == "open" else "")
