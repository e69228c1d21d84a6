"""A pion between two nucleons and a contact force in the deuteron's channel, in closed form."""

from __future__ import annotations

import math

import numpy as np

from physgen.systems.nuclear_forces import HBAR2_OVER_MASS, HBAR_C
from physgen.systems.two_nucleons import TwoNucleonState, two_nucleons

#: masses and decay constant in MeV, the axial coupling, and the length in fm that regulates short distances
PION_MASS, PION_DECAY, AXIAL_COUPLING, REGULATOR = 138.03, 92.4, 1.29, 1.0
#: depth in MeV of the contact force, by which the deuteron has -2.2246 MeV
CONTACT = -22.05904515


def one_pion_force(r: np.ndarray, contact: float = CONTACT) -> np.ndarray:
    r"""Return the force between $^3S_1$ and $^3D_1$, `(points, 2, 2)` in MeV, at distances `(points,)` in fm.

    With $x = m_\pi r/\hbar c$, $f = 1 - e^{-(r/R)^4}$, R = 1 fm, and $Y = -\frac{m_\pi^3}{4 \pi} \big( \frac{g_A}{2
    f_\pi} \big)^2 \frac{e^{-x}}{x} f$, a tensor and a central part

    $V_T = \big(1 + \tfrac3x + \tfrac3{x^2}\big) Y, \quad V_C = Y + C\, e^{-(r/R)^4}, \quad V_{SS} = V_C, \quad V_{SD} =
    \sqrt8\, V_T, \quad V_{DD} = V_C - 2 V_T$

    Source: one-pion exchange as in Machleidt and Entem, Chiral effective field theory and nuclear forces,
    arXiv:1105.2919, section 4; the regulator and the contact force were chosen here.

    Args:
        r: distances.
        contact: C.
    """
    x, inner = PION_MASS * r / HBAR_C, np.exp(-((r / REGULATOR) ** 4))
    strength = PION_MASS**3 / (4 * math.pi) * (AXIAL_COUPLING / (2 * PION_DECAY)) ** 2
    yukawa = -strength * np.exp(-x) / x * -np.expm1(-((r / REGULATOR) ** 4))
    tensor, central = (1 + 3 / x + 3 / x**2) * yukawa, yukawa + contact * inner
    return np.stack(
        [
            np.stack([central, math.sqrt(8) * tensor], -1),
            np.stack([math.sqrt(8) * tensor, central - 2 * tensor], -1),
        ],
        -2,
    )


def one_pion_deuteron(points: int = 150) -> TwoNucleonState:
    """Return the deuteron of `one_pion_force` in coordinate space, -2.2246 MeV.

    Args:
        points: points of the mesh.
    """
    return two_nucleons(one_pion_force, (0, 2), HBAR2_OVER_MASS, points)
