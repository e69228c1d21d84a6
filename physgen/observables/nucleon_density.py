"""Where protons and neutrons are about the centre of a nucleus."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from physgen.observables.base import Observable
from physgen.observables.chain_histogram import ChainHistogram, binned
from physgen.observables.structure import volumes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class NucleonDensity(Observable):
    r"""`proton_density` and `neutron_density` $\rho(r)$ about the centre of mass, per fm^3.

    $$\rho_p(r) = \sum_i \langle \Psi | \tfrac{1 + \tau_i^z}{2}\, \delta(r - |r_i - r_{cm}|) | \Psi \rangle
    \big/ 4 \pi r^2$$

    Isospins are summed over exactly, as the components of $\Psi$ at each place of the nucleons. Their integrals are Z
    and N, but for what lies beyond the last edge.

    Args:
        space: gives `positions`.
        reach: last edge in fm.
        bins: bins of the histograms.
    """

    def __init__(self, space: Any, reach: float = 6.0, bins: int = 48) -> None:
        self.space = space
        self.edges = torch.linspace(0, reach, bins + 1, dtype=torch.float64)
        self.begin()

    def begin(self) -> None:
        """Forget what was measured."""
        self.protons, self.neutrons = ChainHistogram(), ChainHistogram()

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Sort nucleons by distance, weighed by how much of a proton they are; no values of single configurations."""
        direction, _ = at.log_psi(at.x)
        basis = at.system.basis_of(direction)
        proton = torch.einsum("bc,icd,bd->bi", direction, basis.proton.to(direction), direction)
        distances, edges = self.space.positions(at.x).norm(dim=-1), self.edges.to(at.x)
        self.protons.add(binned(distances, proton, edges))
        self.neutrons.add(binned(distances, 1 - proton, edges))
        return {}

    def histograms(self, x: Tensor) -> dict[str, Tensor]:
        """Return both densities with their errors, and `nucleon_edges`."""
        scale = 1 / volumes(self.edges, 3)
        found = self.protons.with_error("proton_density", scale) | self.neutrons.with_error("neutron_density", scale)
        return {"nucleon_edges": self.edges, **found} if found else {}

    def figures(self, arrays: Mapping[str, np.ndarray], x: Tensor, title: str) -> dict[str, Figure]:
        """Return both densities over the distance from the centre."""
        from physgen.figures.nuclear import nucleon_density  # matplotlib is slow

        return {"nucleon_density": nucleon_density(arrays, title)} if "proton_density" in arrays else {}
