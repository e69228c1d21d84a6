"""Exact ln Z of a scalar field on a small torus by a transfer matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

#: functions of a bond that are kept on a torus of this side
RANKS = {2: 16, 3: 9, 4: 8}
#: points of the quadrature of one site, and weight beyond which it is left out
POINTS, NOTHING = 160, 1e-18
#: largest share of a bond that may be left out, squared, which is about the error of ln Z
LEFT_OUT = 1e-9
#: relative step of the derivative by lambda
STEP = 0.02


@dataclass(frozen=True)
class FieldThermodynamics:
    """Exact values of a field at the action S, in nats.

    Args:
        log_z: ln Z.
        action: mean of S.
        quartic: mean of the part of S with the fourth power.
    """

    log_z: float
    action: float
    quartic: float

    @property
    def entropy(self) -> float:
        """Entropy, the least mean of -ln p of any density p."""
        return self.log_z + self.action


@lru_cache(maxsize=32)
def field_thermodynamics(size: int, mass2: float, coupling: float) -> FieldThermodynamics | None:
    r"""Return exact values of $S = \sum_x [(4 + m^2) \phi_x^2 - 2 \sum_\mu \phi_x \phi_{x+\mu} + \lambda \phi_x^4]$.

    Without coupling the field is Gaussian, $\ln Z = -\tfrac12 \sum_k \ln[(m^2 + \hat k^2) / \pi]$ with
    $\hat k^2 = \sum_\mu (2 - 2 \cos k_\mu)$. With it ln Z is that of `log_partition`; <lambda phi^4> is its derivative
    by lambda, and the theorem $\langle \phi \cdot \partial S \rangle = L^2$ gives the rest of <S>.

    Args:
        size: L, sites along a side.
        mass2: m^2.
        coupling: lambda.

    Returns:
        the values, or None where they are not known to 1e-6.
    """
    sites = size**2
    if coupling == 0:
        k = 2 - 2 * torch.cos(2 * math.pi * torch.arange(size, dtype=torch.float64) / size)
        log_z = -0.5 * float(((mass2 + k[:, None] + k) / math.pi).log().sum())
        return FieldThermodynamics(log_z, 0.5 * sites, 0.0)
    if size not in RANKS:
        return None
    shares = (-2, -1, 0, 1, 2)
    found = [log_partition(size, mass2, coupling * (1 + STEP * share)) for share in shares]
    if any(left**2 > LEFT_OUT for _, left in found):
        return None
    low2, low, log_z, high, high2 = (value for value, _ in found)
    quartic = -(low2 - 8 * low + 8 * high - high2) / (12 * STEP)
    return FieldThermodynamics(log_z, 0.5 * sites - quartic, quartic)


def log_partition(size: int, mass2: float, coupling: float) -> tuple[float, float]:
    r"""Return ln Z of a torus of side 2, 3 or 4, and the share of a bond that is left out.

    A bond $e^{2 \phi \phi'}$, with a quarter of the weight of both its sites, is a sum over its eigenfunctions, of
    which the first few are kept; a site is then a tensor of its four bonds, a row of sites a matrix between the bonds
    below and above, and Z the trace of its power. The matrix is taken apart by parity and by the momentum along the
    row. The error of ln Z is of second order in what is left out.

    Source: H. A. Kramers and G. H. Wannier, "Statistics of the Two-Dimensional Ferromagnet. Part I",
    doi:10.1103/PhysRev.60.252, for the method.

    Args:
        size: L.
        mass2: m^2.
        coupling: lambda > 0.
    """
    rank = RANKS[size]
    # the widest field of any weight: lambda phi^4 + m^2 phi^2 is the least that S can be
    square = (-mass2 + math.sqrt(mass2**2 - 4 * coupling * math.log(NOTHING))) / (2 * coupling)
    x = math.sqrt(square) * torch.linspace(-1, 1, POINTS, dtype=torch.float64)
    half = -0.25 * ((4 + mass2) * x.square() + coupling * x**4)
    bond = torch.exp(2 * x[:, None] * x + half[:, None] + half)
    values, vectors = torch.linalg.eigh(bond)
    values, vectors = values.flip(0), vectors.flip(1)
    left = float((values[rank] / values[0]).clamp_min(0))
    kept = vectors[:, :rank] * values[:rank].clamp_min(0).sqrt()
    site = torch.einsum("xu,xd,xl,xr->udlr", kept, kept, kept, kept) * float(x[1] - x[0])
    scale = float(site.abs().max())
    trace = sum(_trace(block, size) for block in _blocks(site / scale, size))
    return float(torch.as_tensor(trace).log()) + size**2 * math.log(scale), left


def _blocks(site: Tensor, size: int) -> list[Tensor]:
    """Return the matrix of a row by parity and momentum, complex, so that traces add up."""
    rank = len(site)
    states = torch.cartesian_prod(*[torch.arange(rank)] * size)  # (states, size)
    place = rank ** torch.arange(size - 1, -1, -1)
    images = torch.stack([(states.roll(s, 1) * place).sum(1) for s in range(size)])  # (shifts, states)
    first = images.min(0).values == images[0]
    blocks = []
    for parity in (0, 1):
        rows = (first & (states.sum(1) % 2 == parity)).nonzero()[:, 0]
        orbit = images[:, rows]
        # shifts that leave a state as it is; momenta that it has are those of which all of them are periods
        still = orbit == rows
        matrix = _rows(site, states[rows], size)
        for momentum in range(size):
            wave = torch.exp(2j * math.pi * momentum * torch.arange(size) / size).to(torch.complex128)
            norm = (still * wave[:, None]).sum(0).real
            has = norm > 0.5
            own, norm = orbit[:, has], norm[has]
            block = torch.zeros(len(norm), len(norm), dtype=torch.complex128)
            for shift in range(size):
                block += wave[shift] * matrix[has][:, own[shift]]
            blocks.append(block / (norm[:, None] * norm).sqrt())
    return blocks


def _rows(site: Tensor, states: Tensor, size: int) -> Tensor:
    """Return rows of the matrix `(rows, rank^size)` for the given bonds below, of two segments that make a ring."""
    half = size // 2
    first, second = _segments(site, states[:, :half]), _segments(site, states[:, half:])
    rank = len(site)
    turned = second.view(*second.shape[:2], rank, rank).mT.flatten(2)
    return (first @ turned.mT).flatten(1)


def _segments(site: Tensor, states: Tensor) -> Tensor:
    """Return one or two neighbours `(rows, above, ends)` for the given bonds below."""
    chain = site[states[:, 0]]  # (rows, above, left, right)
    if states.shape[1] == 2:
        chain = torch.einsum("bdlm,bumr->bdulr", chain, site[states[:, 1]]).flatten(1, 2)
    return chain.flatten(2)


def _trace(block: Tensor, power: int) -> Tensor:
    """Return the trace of the power of a Hermitian matrix."""
    if power == 2:
        return block.abs().square().sum()
    square = block @ block
    other = square if power == 4 else block
    trace: Tensor = (square * other.mT).sum().real
    return trace
