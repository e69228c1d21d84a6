"""The deuteron in momentum space."""

from __future__ import annotations

import hashlib
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from physgen.core.archive import read_arrays
from physgen.core.errors import InputError, check, check_integer, check_positive
from physgen.core.paths import user_path
from physgen.spaces.momenta import Momenta
from physgen.systems.base import System, label_text
from physgen.systems.nuclear_forces import HBAR2_OVER_MASS
from physgen.systems.one_pion import one_pion_deuteron, one_pion_force
from physgen.systems.partial_waves import momentum_hamiltonian, momentum_mesh, partial_waves
from physgen.systems.references import Reference, closed_form

#: most points of a mesh, and the largest momentum in 1/fm that the quadrature of the force follows
MOST_POINTS, LARGEST = 400, 30.0


@lru_cache(maxsize=16)
def one_pion_waves(points: int, largest: float, orders: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return momenta and weights of a mesh and the partial waves of the one-pion force on it, found once, read-only."""
    momenta, weights = momentum_mesh(points, largest)
    waves = partial_waves(one_pion_force, momenta, orders)
    for part in (momenta, weights, waves):
        part.flags.writeable = False
    return momenta, weights, waves


class Deuteron(System):
    r"""Proton and neutron in coupled S and D waves of spin 1 on a mesh of relative momenta.

    $$\frac{\hbar^2 k^2}{m} \psi_L(k) + \sum_{L'} \int_0^\infty V_{LL'}(k, k')\, \psi_{L'}(k')\, k'^2 dk' = E
    \psi_L(k)$$

    Units: MeV and fm. The force is one-pion exchange with a contact, see `one_pion_force`, -2.2246 MeV; or any matrix
    of partial waves from a file: an .npz with `momenta` `(points,)` in 1/fm, `weights` `(points,)` of the mesh,
    `orders` `(channels,)`, L of the waves, `potential` `(channels, points, channels, points)` in MeV fm^3, and, if it
    is another, `hbar2_over_mass` in MeV fm^2. Configurations are momenta `(batch, 1)`.

    Args:
        points: momenta of the mesh.
        largest: largest momentum in 1/fm.
        matrix: path of a file with a force; none for the one-pion force.

    Raises:
        InputError: an argument out of its range or without an effect, or a file that holds no symmetric matrix of its
            mesh.

    Source: Keeble and Rios, Machine learning the deuteron, arXiv:1911.13092.

    Example:
        >>> Deuteron().label
        'deuteron-one-pion-64-k30'
    """

    energy_unit, length_unit = "MeV", "fm"

    statistics = "fermions"

    def __init__(self, points: int = 64, largest: float = 30.0, matrix: str = "") -> None:
        self.points = check_integer("points", points, 8, MOST_POINTS)
        self.largest = check_positive("largest", largest)
        check(self.largest <= LARGEST, "largest", self.largest, f"at most {LARGEST:g} in 1/fm, which the force follows")
        self.matrix = str(matrix)
        self.hbar2_over_mass = HBAR2_OVER_MASS
        if not self.matrix:
            self.orders: tuple[int, ...] = (0, 2)
            self.momenta, self.weights, self.waves = one_pion_waves(self.points, self.largest, self.orders)
        else:
            self._read(self.matrix)
        self.space = Momenta(float(self.momenta.max()))

    def _read(self, path: str) -> None:
        try:
            found = read_arrays(user_path(path))
        except (OSError, ValueError) as error:
            raise InputError(f"matrix {path} cannot be read: {type(error).__name__}: {error}") from None
        lacking = {"momenta", "weights", "orders", "potential"} - set(found)
        check(not lacking, f"matrix {path}", f"without {', '.join(sorted(lacking))}", "an .npz of a force and its mesh")
        self.momenta, self.weights = (np.atleast_1d(found[name]).astype(float) for name in ("momenta", "weights"))
        orders, potential = np.atleast_1d(found["orders"]), found["potential"].astype(float)
        channels, points = len(orders), len(self.momenta)
        shape = (channels, points, channels, points)
        check(self.weights.shape == (points,), f"weights of {path}", self.weights.shape, f"({points},), one a momentum")
        same = potential.shape == shape or potential.shape == (channels * points, channels * points)
        check(same, f"potential of {path}", potential.shape, f"{shape} for {channels} waves and {points} momenta")
        whole = bool(np.isin(orders, range(9)).all())
        check(whole, f"orders of {path}", orders.tolist(), "whole numbers from 0 to 8")
        numbers = all(np.isfinite(part).all() for part in (self.momenta, self.weights, potential))
        sound = numbers and (self.momenta > 0).all() and (self.weights > 0).all()
        check(bool(sound), f"arrays of {path}", "others", "finite, with momenta and weights > 0")
        self.orders, self.waves = tuple(int(order) for order in orders), potential.reshape(shape)
        off = np.abs(self.waves - self.waves.transpose(2, 3, 0, 1)).max() / max(np.abs(self.waves).max(), 1e-300)
        if off > 1e-6:
            raise InputError(f"potential of {path} must be symmetric, V and its transpose differ by {off:.3g} relative")
        if "hbar2_over_mass" in found:
            self.hbar2_over_mass = check_positive(f"hbar2_over_mass of {path}", float(found["hbar2_over_mass"]))

    def without_effect(self) -> dict[str, str]:
        """Return the mesh, where a file has its own."""
        return {} if not self.matrix else dict.fromkeys(("points", "largest"), "with a matrix, which has its mesh")

    @property
    def label(self) -> str:
        """Name such as `deuteron-one-pion-64-k30`, or of the file and a digest of its force."""
        if not self.matrix:
            return f"deuteron-one-pion-{self.points}-k{label_text(self.largest)}"
        digest = hashlib.sha256(self.waves.tobytes() + self.momenta.tobytes()).hexdigest()[:8]
        stem = "".join(c for c in Path(self.matrix).stem.lower() if c.isalnum())
        return f"deuteron-{stem[:40]}-{digest}"

    @property
    def spread(self) -> float:
        """Standard deviation of a first guess of momenta, in 1/fm."""
        return 0.3

    @property
    def energy_scale(self) -> float:
        """1 MeV."""
        return 1.0

    @cached_property
    def hamiltonian(self) -> tuple[Tensor, Tensor]:
        r"""Kinetic `(M,)` and potential energy `(M, M)` of amplitudes $\sqrt{w} k \psi_L(k)$, M = channels points."""
        parts = momentum_hamiltonian(self.momenta, self.weights, self.waves, self.hbar2_over_mass)
        return torch.tensor(parts[0]), torch.tensor(0.5 * (parts[1] + parts[1].T))

    @cached_property
    def ground_state(self) -> tuple[float, Tensor]:
        """Exact energy and normalised amplitudes `(channels, points)`, S positive at the smallest momentum."""
        kinetic, potential = self.hamiltonian
        energies, states = torch.linalg.eigh(torch.diag(kinetic) + potential)
        state = states[:, 0].view(len(self.orders), -1)
        return float(energies[0]), state * torch.sign(state[0, 0])

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return the kinetic energy `(*)` of momenta `(*, 1)`: partial waves have no potential at one momentum."""
        return {"kinetic": self.hbar2_over_mass * x[..., 0].square()}

    def references(self) -> list[Reference]:
        """Return what exact diagonalisation gives; the radius from coordinate space, where it is known."""
        energy, state = self.ground_state
        shares = state.square()
        kinetic = float(self.hamiltonian[0] @ shares.flatten())
        values = {"energy": energy, "kinetic": kinetic, "potential": energy - kinetic}
        if 2 in self.orders:
            values["d_state"] = float(shares[self.orders.index(2)].sum())
        if not self.matrix:
            values["rms_radius"] = one_pion_deuteron().radius
        return closed_form(values, "physgen: diagonalisation on the mesh")
