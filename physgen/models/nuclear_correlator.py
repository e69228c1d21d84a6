"""A network as the correlator of light nuclei."""

from __future__ import annotations

from typing import Any

import torch

from physgen.core.errors import check_choice, check_integer
from physgen.models.nuclear_wavefunction import NuclearWavefunction
from physgen.nn.correlators.pair_correlator import PairCorrelator
from physgen.objectives import ComponentEnergy, Objective
from physgen.systems import System

#: width in fm of the narrowest feature, also where forces reach farther
NARROW = 0.5


class NuclearCorrelator(NuclearWavefunction):
    r"""A network of pairs as correlation factor and as strength of spin operators.

    $\Psi = e^{U} \big[ 1 + \sum_{i<j} u_{ij}\, \sigma_i \cdot \sigma_j \big] |\Phi\rangle$

    U is symmetric and $u_{ij}$ moves with the nucleons, so $\Psi$ is antisymmetric without determinants; see
    `PairCorrelator`. Rows of the natural gradient are per sample and component, see `component_rows`.

    Sources: Adams, Carleo, Lovato and Rocco, arXiv:2007.14282, and Gnech et al., arXiv:2108.06836, for networks as
    correlators of nuclei; the network and its operators are physgen's.

    Args:
        system: a `LightNucleus`.
        width: features of a pair.
        layers: exchanges of messages between pairs.
        **kwargs: arguments of the training, see `NuclearWavefunction`.

    Raises:
        InputError: an argument out of its range, or Adam as the optimizer.
    """

    def __init__(self, system: System, width: int = 24, layers: int = 2, **kwargs: Any) -> None:
        super().__init__(system, **kwargs)
        # Adam follows ln|psi|, which does not know the directions of components
        check_choice("optimizer", self.optimizer_name, ("spring", "sr", "minsr"))
        width, layers = check_integer("width", width, 1), check_integer("layers", layers, 0)
        space, basis = self.system.space, self.system.basis
        sigma = 2 * basis.spin_exchanges - torch.eye(basis.components, dtype=torch.float64)
        shortest = min(self.system.forces.shortest, NARROW)
        self.net = PairCorrelator(space.frame, space.pairs, basis.first, sigma @ basis.first, shortest, width, layers)

    def make_objective(self) -> Objective:
        """Return the energy of all components."""
        return ComponentEnergy(self.clip)
