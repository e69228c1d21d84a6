"""Slater determinants of the lowest orbitals times a Jastrow factor."""

from __future__ import annotations

from typing import Any

from physgen.models.fermions import FermionModel
from physgen.spaces import Free, PeriodicBox
from physgen.systems import System


class SlaterJastrow(FermionModel):
    r"""Slater determinants of oscillator orbitals, or of plane waves in a box, times a Jastrow factor with the cusps.

    $\psi = e^{-a r^2/2} \det[\phi_j(r_i)]_\uparrow \det[\phi_j(r_i)]_\downarrow\, e^{U(x)}$; in a box without the
    Gaussian

    The nodes are those of the particles without interaction; the width a and the Jastrow factor U are trained. All
    derivatives are in closed form.

    Source: Hoegberget, "Quantum Monte-Carlo Studies of Generalized Many-body Systems", MSc thesis, Oslo 2013; Pedersen
    Lohne, Hagen, Hjorth-Jensen, Kvaal and Pederiva, doi:10.1103/PhysRevB.84.115302.

    Args:
        system: a quantum system whose particles fill shells in each spin; in a trap the last may be open.
        jastrow: in a trap `pade`, two denominators, or `spline`, cubic splines on top of them. In a periodic box
            `pade`, the factor of short distances that the interaction asks for and cosines, `none`: Hartree-Fock, with
            nothing to train, or of a `FermiGas` `pair`, the state of two particles, and cosines.
        **kwargs: arguments of the training, see `FermionModel` and `WavefunctionModel`.

    Raises:
        InputError: shells that must not stay open, or an argument out of its range.
    """

    spaces = (Free, PeriodicBox)
    virial_tolerance = 5e-3

    def __init__(self, system: System, jastrow: str = "pade", **kwargs: Any) -> None:
        super().__init__(system, **kwargs)
        self.note_cusps(self.place.cusped(jastrow))
        self.net = self.place.product(jastrow, self.scaled_coupling)
