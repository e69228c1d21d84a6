"""Functions defined by small trainable matrices: eigenvalues, phases, transitions between eigenvectors."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap


def hermitian(packed: Tensor, imaginary: bool) -> Tensor:
    """Return Hermitian matrices of any real ones `(..., n, n)`: the upper triangle is the real part.

    The strictly lower triangle is the imaginary part, or of no effect without one.
    """
    real = packed.triu() + packed.triu(1).mT
    if not imaginary:
        return real
    lower = packed.tril(-1)
    return torch.complex(real, lower.mT - lower)


class ParametricMatrices(nn.Module):
    """A function of features by matrices; `restarts` independent copies are evaluated, and trained, at once.

    Args:
        restarts: R.
        size: n of all matrices.
        imaginary: whether they are complex; real symmetric ones otherwise.
    """

    def __init__(self, restarts: int, size: int, imaginary: bool) -> None:
        super().__init__()
        self.restarts, self.size, self.imaginary = restarts, size, imaginary

    def matrices(self, count: int, scale: float) -> nn.Parameter:
        """Return packed trainable matrices `(R, count, n, n)` to start with."""
        return nn.Parameter(scale * torch.randn(self.restarts, count, self.size, self.size))

    def steeper(self, factor: float) -> Self:
        """Multiply the Hamiltonians of all features but the first one, the constant, by a factor; return the module."""
        if factor != 1:
            with torch.no_grad():
                self.get_parameter("hamiltonian")[:, 1:] *= factor
        return self

    @abstractmethod
    def forward(self, c: Tensor) -> Tensor:
        """Return outputs `(R, batch, outputs)` at features `(batch, features)`."""

    def jacobian(self, c: Tensor) -> Tensor:
        """Return derivatives `(R, batch, outputs, p)` of the outputs in the p parameters of a restart."""
        parameters = {name: p.detach() for name, p in self.named_parameters()}

        def one(own: dict[str, Tensor], features: Tensor) -> Tensor:
            found: Tensor = functional_call(self, {k: v[None] for k, v in own.items()}, (features[None],))
            return found[0, 0]

        derivatives = vmap(vmap(jacrev(one), in_dims=(None, 0)), in_dims=(0, None))
        parts: dict[str, Tensor] = derivatives(parameters, c)
        return torch.cat([parts[name].flatten(3) for name in parameters], -1)


class EigenvalueMatrices(ParametricMatrices):
    r"""Eigenvalues of a Hermitian matrix that is linear in the features, and expectation values in its ground state.

    $$M(c) = \sum_k c_k M_k, \qquad M(c) v_l = E_l(c) v_l, \qquad o_q(c) = v_0^\dagger O_q v_0$$

    Source: P. Cook, D. Jammooa, M. Hjorth-Jensen, D. D. Lee and D. Lee, "Parametric Matrix Models", arXiv:2401.11694.

    Args:
        features: number of c_k.
        levels: numbers l of the eigenvalues that are outputs, from below.
        observables: number of O_q, further outputs.
        restarts: R.
        size: n of all matrices.
        imaginary: whether they are complex.
    """

    def __init__(
        self, features: int, levels: tuple[int, ...], observables: int, restarts: int, size: int, imaginary: bool
    ) -> None:
        super().__init__(restarts, size, imaginary)
        self.levels = levels
        self.hamiltonian = self.matrices(features, size**-0.5)
        self.operators = self.matrices(observables, size**-0.5)

    def forward(self, c: Tensor) -> Tensor:
        """Return `levels`, then observables, `(R, batch, outputs)` at features `(batch, K)`."""
        family = hermitian(self.hamiltonian, self.imaginary)
        matrix = torch.einsum("bk,rkij->rbij", c.to(family.dtype), family)
        if not self.operators.shape[1]:
            levels: Tensor = torch.linalg.eigvalsh(matrix)
            return levels[..., self.levels]
        energies, vectors = torch.linalg.eigh(matrix)
        ground = vectors[..., 0]
        operators = hermitian(self.operators, self.imaginary)
        means = torch.einsum("rbi,rqij,rbj->rbq", ground.conj(), operators, ground)
        return torch.cat([energies[..., self.levels], means.real], -1)


class UnitaryMatrices(ParametricMatrices):
    r"""Energies of a product of exponentials, as a simulation in finite time steps has them.

    $$U(t) = \prod_l e^{-i t M_l}, \qquad U v_k = e^{-i t E_k(t)} v_k, \qquad E_k(0): \text{eigenvalues of}
      \sum_l M_l$$

    Phases are taken in (-pi, pi), so |t E| must stay below pi.

    Source: P. Cook et al., "Parametric Matrix Models", arXiv:2401.11694.

    Args:
        factors: number of exponentials.
        levels: numbers k of the energies that are outputs, from below.
        restarts: R.
        size: n of all matrices.
    """

    def __init__(self, factors: int, levels: tuple[int, ...], restarts: int, size: int) -> None:
        super().__init__(restarts, size, imaginary=True)
        self.levels = levels
        # their sum has a radius of a half in units of the energies: random phases beyond pi would never be unwound, and
        # with small commutators little is left open at steps that no pair has
        self.generators = self.matrices(factors, 0.25 * (size * factors) ** -0.5)

    def forward(self, c: Tensor) -> Tensor:
        """Return energies `(R, batch, levels)` at time steps `(batch, 1)`."""
        generators = hermitian(self.generators, True)
        step = torch.where(c == 0, 1.0, c)[:, 0]
        energies, _ = ordered_energies(products(exponentials(torch.linalg.eigh(generators), step))[-1], step)
        limit = torch.linalg.eigvalsh(generators.sum(1))[:, None]
        return torch.where(c == 0, limit, energies)[..., self.levels]

    @torch.no_grad()
    def jacobian(self, c: Tensor) -> Tensor:
        r"""Return derivatives `(R, batch, levels, p)` of the energies in closed form, far faster than automatic ones.

        $dE_k = \mathrm{Re}\, \sum_l v_k^\dagger A_l\, D_l[dM_l]\, B_l v_k / \lambda_k$ with the exponentials before and
        after the one of M_l, A_l and B_l, and $D_l$ the derivative of its own, divided by -i t,
        $D_{ab} = e^{-i t (m_a + m_b)/2}\, \mathrm{sinc}(t (m_a - m_b)/2)$ between its eigenvectors.
        """
        generators = hermitian(self.generators, True)
        step = torch.where(c == 0, 1.0, c)[:, 0]
        values, basis = torch.linalg.eigh(generators)  # (R, L, n), (R, L, n, n)
        factors = exponentials((values, basis), step)
        unitary = products(factors)[-1]
        energies, vectors = ordered_energies(unitary, step)
        limit, still = torch.linalg.eigh(generators.sum(1))
        zero = (c == 0)[:, :, None]
        vectors = torch.where(zero, still[:, None], vectors)[..., self.levels]
        energies = torch.where(c == 0, limit[:, None], energies)[..., self.levels]
        step = c[:, 0]
        factors = torch.where(zero[..., None], torch.eye(self.size, dtype=factors.dtype), factors)
        before, after = products(factors), products(factors.flip(2).mH)
        time = step[:, None, None, None]
        mean, apart = values[..., :, None] + values[..., None, :], values[..., :, None] - values[..., None, :]
        divided = torch.exp(-0.5j * time * mean[:, None]) * torch.sinc(time * apart[:, None] / (2 * torch.pi))
        found, phases = [], torch.exp(1j * step[:, None] * energies)[..., None, None]
        for k in range(factors.shape[2]):
            own = basis[:, None, k]
            left = own.mH @ before[k].mH @ vectors
            right = own.mH @ after[factors.shape[2] - 1 - k].mH @ vectors
            middle = torch.einsum("rbik,rbij,rbjk->rbkij", left.conj(), divided[:, :, k], right)
            own = own[:, :, None]
            slope = phases * (own.conj() @ middle @ own.mT)  # dE = Re sum_ij slope_ij dM_ij
            diagonal = torch.diag_embed(slope.real.diagonal(dim1=-2, dim2=-1))
            found.append((slope + slope.mT).real.triu(1) + diagonal + (slope.mT - slope).imag.triu(1).mT)
        return torch.stack(found, 3).flatten(3)


def exponentials(diagonal: tuple[Tensor, Tensor], step: Tensor) -> Tensor:
    """Return exp(-i t M) `(R, batch, L, n, n)` at steps t `(batch,)` by eigenvalues and eigenvectors of M."""
    values, basis = diagonal
    turns = torch.exp(-1j * step[:, None, None] * values[:, None])
    return (basis[:, None] * turns[..., None, :]) @ basis[:, None].mH


def products(factors: Tensor) -> list[Tensor]:
    """Return 1, F_1, F_1 F_2, ... `(R, batch, n, n)` of factors `(R, batch, L, n, n)`."""
    found = [torch.eye(factors.shape[-1], dtype=factors.dtype, device=factors.device).expand_as(factors[:, :, 0])]
    for factor in factors.unbind(2):
        found.append(found[-1] @ factor)
    return found


def ordered_energies(unitary: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """Return energies `(R, batch, n)` of exp(-i t E), from below, and their vectors `(R, batch, n, n)`, as columns.

    i (U - 1)/(U + 1) is Hermitian, with the vectors of U and tan(t E/2) as eigenvalues.
    """
    one = torch.eye(unitary.shape[-1], dtype=unitary.dtype, device=unitary.device)
    turned = 1j * torch.linalg.solve(unitary + one, unitary - one)
    tangents, vectors = torch.linalg.eigh((turned + turned.mH) / 2)
    energies = 2 * tangents.atan() / step[:, None]
    order = energies.argsort(-1)
    return energies.gather(-1, order), vectors.gather(-1, order[..., None, :].expand_as(vectors))


class TransitionMatrices(ParametricMatrices):
    r"""A regression by transition amplitudes between eigenvectors of largest modulus of their eigenvalue.

    $$M(c) = \sum_k c_k M_k, \qquad z_q(c) = g_q + \sum_{i \le j \le r} |v_i^\dagger D_{qij} v_j|^2
      - \tfrac12 \|D_{qij}\|_2^2$$

    Source: P. Cook et al., "Parametric Matrix Models", arXiv:2401.11694.

    Args:
        features: number of c_k.
        outputs: number of z_q.
        vectors: r.
        restarts: R.
        size: n of all matrices.
        imaginary: whether they are complex.
    """

    def __init__(self, features: int, outputs: int, vectors: int, restarts: int, size: int, imaginary: bool) -> None:
        super().__init__(restarts, size, imaginary)
        self.vectors, self.outputs = vectors, outputs
        self.pairs = torch.triu_indices(vectors, vectors).tolist()
        self.hamiltonian = self.matrices(features, size**-0.5)
        self.transitions = self.matrices(outputs * len(self.pairs[0]), size**-0.5)
        self.constant = nn.Parameter(torch.zeros(restarts, outputs))

    def forward(self, c: Tensor) -> Tensor:
        """Return z `(R, batch, outputs)` at features `(batch, K)`."""
        family = hermitian(self.hamiltonian, self.imaginary)
        energies, vectors = torch.linalg.eigh(torch.einsum("bk,rkij->rbij", c.to(family.dtype), family))
        order = energies.abs().argsort(-1, descending=True)[..., : self.vectors]
        chosen = vectors.gather(-1, order[..., None, :].expand(*vectors.shape[:-1], -1))
        operators = hermitian(self.transitions, self.imaginary).unflatten(1, (self.outputs, -1))
        left, right = (chosen[..., index] for index in self.pairs)  # (R, batch, n, pairs)
        amplitudes = torch.einsum("rbip,rqpij,rbjp->rbqp", left.conj(), operators, right)
        size: Tensor = torch.linalg.matrix_norm(operators, 2).square()
        return self.constant[:, None] + (amplitudes.abs().square() - 0.5 * size[:, None]).sum(-1)
