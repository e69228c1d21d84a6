"""A scalar field with a quartic interaction on a square lattice."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from physgen.core.errors import InputError, check_integer, check_number
from physgen.spaces import FieldLattice
from physgen.systems.base import ClassicalSystem, label_text
from physgen.systems.field_transfer import field_thermodynamics
from physgen.systems.references import Reference, closed_form

#: sides of a lattice
SMALLEST, LARGEST = 2, 128


class ScalarPhi4(ClassicalSystem):
    r"""A real field phi on a torus of L x L sites with the density exp(-S)/Z, beta = 1.

    $$S = \sum_x \Big[ (4 + m^2)\, \phi_x^2 - 2 \sum_\mu \phi_x \phi_{x+\mu} + \lambda \phi_x^4 \Big]
        = \sum_x \Big[ \sum_\mu (\phi_{x+\mu} - \phi_x)^2 + m^2 \phi_x^2 + \lambda \phi_x^4 \Big]$$

    Units: those of the lattice; S has no factor 1/2. Configurations are `(batch, L, L)`. The terms are `quadratic` and
    `quartic`. ln Z, <S> and the entropy are exact for lambda = 0, and by a transfer matrix for L = 2, 3, 4.

    Args:
        size: L, sites along a side; of 2 every bond is double.
        mass2: m^2, above 0 without coupling.
        coupling: lambda, not below 0.

    Raises:
        InputError: an argument out of its range, or a field that nothing holds.

    Source: M. S. Albergo, G. Kanwar and P. E. Shanahan, "Flow-based generative models for Markov chain Monte Carlo in
    lattice field theory", arXiv:1904.12072.

    Example:
        >>> ScalarPhi4(4).label
        'scalar-phi4-l4-mass2-4-coupling6.975'
    """

    symmetries = ("spin flip", "square", "translation")
    beta = 1.0

    def __init__(self, size: int = 8, mass2: float = -4.0, coupling: float = 6.975) -> None:
        self.size = check_integer("size", size, SMALLEST, LARGEST)
        self.mass2 = check_number("mass2", mass2)
        self.coupling = check_number("coupling", coupling, 0, allowed="a finite number >= 0: the action has no bottom")
        if self.coupling == 0 and self.mass2 <= 0:
            raise InputError(f"mass2 must be above 0 without coupling, which alone holds the field, got {mass2!r}")
        self.space = FieldLattice((self.size, self.size))

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `quadratic` and `quartic`, `(*)` each, of `x` `(*, L, L)`."""
        square = x.square()
        bonds = x * (x.roll(-1, -1) + x.roll(-1, -2))
        quadratic = ((4 + self.mass2) * square - 2 * bonds).sum((-1, -2))
        return {"quadratic": quadratic, "quartic": self.coupling * square.square().sum((-1, -2))}

    def virial(self, terms: Mapping[str, Tensor]) -> Tensor:
        """Return 2 quadratic + 4 quartic - L^2, whose mean vanishes in equilibrium."""
        return 2 * terms["quadratic"] + 4 * terms["quartic"] - self.size**2

    @property
    def spread(self) -> float:
        """Standard deviation of a first guess, that of one site in the mean field of none."""
        return float((2 * (max(self.mass2, 0.0) + 1 + self.coupling**0.5)) ** -0.5)

    @property
    def label(self) -> str:
        """Name such as `scalar-phi4-l8-mass2-4-coupling6.975`."""
        return f"scalar-phi4-l{self.size}-mass2{label_text(self.mass2)}-coupling{label_text(self.coupling)}"

    def references(self) -> list[Reference]:
        """Return F = -ln Z, <S> with its terms and the entropy in nats, where they are known."""
        found = field_thermodynamics(self.size, self.mass2, self.coupling)
        if found is None:
            return []
        values = {"free_energy": -found.log_z, "energy": found.action, "quartic": found.quartic}
        values["quadratic"] = found.action - found.quartic
        source = "physgen: Gaussian integral" if self.coupling == 0 else "physgen: transfer matrix"
        return closed_form({**values, "entropy": found.entropy}, source)
