"""What a state on a mesh of momenta is worth, without a sample."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.func import jvp

from physgen.observables.base import Findings, Observable
from physgen.stats.estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class MomentumState(Observable):
    r"""Energy, D-state probability, radius and infidelity of waves on a mesh, sums without a statistical error.

    `excess_kev` is the energy above exact diagonalisation on the same mesh, in keV.

    With $u_L = k \psi_L$, $\langle r^2 \rangle = \sum_L \int_0^\infty [u_L'^2 + L(L+1)\, u_L^2/k^2]\, dk$ and
    `rms_radius` is $\tfrac12 \sqrt{\langle r^2 \rangle}$, of a nucleon about the centre of mass.

    Args:
        system: a `Deuteron`.
        waves: gives $\psi_L$ `(channels, points)` of momenta `(points,)`.
    """

    def __init__(self, system: Any, waves: Callable[[Tensor], Tensor]) -> None:
        self.system, self.waves = system, waves

    def measure(self, at: object) -> dict[str, Tensor]:
        """Return nothing: nothing is drawn."""
        return {}

    def amplitudes(self) -> tuple[Tensor, Tensor, Tensor]:
        r"""Return momenta and weights `(points,)` and normalised $\psi_L$ `(channels, points)`, S positive."""
        momenta, weights = torch.tensor(self.system.momenta), torch.tensor(self.system.weights)
        waves = self.waves(momenta).detach().double().cpu()
        norm = (weights * momenta.square() * waves.square()).sum().sqrt()
        return momenta, weights, waves * torch.sign(waves[0, 0]) / norm

    def finish(self, found: Findings) -> None:
        """Add all values, with an error of zero."""
        momenta, weights, waves = self.amplitudes()
        kinetic, potential = self.system.hamiltonian
        state = (weights.sqrt() * momenta * waves).flatten()
        shares = state.square().view(waves.shape).sum(1)
        parts = {"kinetic": float(kinetic @ state.square()), "potential": float(state @ potential @ state)}
        values = {"energy": sum(parts.values()), **parts, "rms_radius": self.radius(momenta, weights, waves)}
        if 2 in self.system.orders:
            values["d_state"] = float(shares[self.system.orders.index(2)])
        lowest, exact = self.system.ground_state
        image = kinetic * state + potential @ state
        variance = float(image @ image) - values["energy"] ** 2
        found.diagnostics |= {"variance": variance, "infidelity": float(1 - (state @ exact.flatten()).square())}
        found.diagnostics["excess_kev"] = 1e3 * (values["energy"] - lowest)
        found.estimates |= {name: Estimate(value, 0.0) for name, value in values.items()}

    def radius(self, momenta: Tensor, weights: Tensor, waves: Tensor) -> float:
        """Return the rms radius of normalised waves."""
        moved = jvp(lambda k: k * self.waves(k).double(), (momenta,), (torch.ones_like(momenta),))
        raw, slopes = moved[0], moved[1]
        scale = (waves * momenta).norm() / raw.norm()
        orders = torch.tensor(self.system.orders, dtype=waves.dtype).unsqueeze(-1)
        square = (slopes * scale).square() + orders * (orders + 1) * waves.square()
        return 0.5 * float((weights * square).sum().sqrt())

    def histograms(self, x: Tensor) -> dict[str, Tensor]:
        """Return the waves beside the exact ones, with `momenta` and `orders`."""
        momenta, weights, waves = self.amplitudes()
        exact = self.system.ground_state[1] / (weights.sqrt() * momenta)
        orders = torch.tensor(self.system.orders)
        return {"momenta": momenta, "orders": orders, "waves": waves, "exact": exact}

    def figures(self, arrays: Mapping[str, np.ndarray], x: Tensor, title: str) -> dict[str, Figure]:
        """Return the waves beside the exact ones."""
        from physgen.figures.nuclear import momentum_waves  # matplotlib is slow

        return {"waves": momentum_waves(arrays, title)}
