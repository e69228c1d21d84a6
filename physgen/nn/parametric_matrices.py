"""Functions defined by small trainable matrices: eigenvalues, phases, transitions between eigenvectors."""

from __future__ import annotations

from abc import abstractmethod

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
        # their sum has a radius of one, the unit of the energies: random phases beyond pi would never be unwound
        self.generators = self.matrices(factors, 0.5 * (size * factors) ** -0.5)

    def forward(self, c: Tensor) -> Tensor:
        """Return energies `(R, batch, levels)` at time steps `(batch, 1)`."""
        generators = hermitian(self.generators, True)
        step = torch.where(c == 0, 1.0, c)[:, 0]
        factors = torch.linalg.matrix_exp(-1j * step[:, None, None, None] * generators[:, None])  # (R, batch, L, n, n)
        unitary = factors[:, :, 0]
        for factor in factors.unbind(2)[1:]:
            unitary = unitary @ factor
        energies = (-normal_phases(unitary) / step[:, None]).sort(-1).values
        limit = torch.linalg.eigvalsh(generators.sum(1))[:, None]
        return torch.where(c == 0, limit, energies)[..., self.levels]


def normal_phases(unitary: Tensor) -> Tensor:
    """Return the phases `(..., n)` of the eigenvalues of unitary matrices, differentiable.

    d lambda = v^dagger dU v for a normal matrix: its eigenvectors can be held fixed.
    """
    _, vectors = torch.linalg.eig(unitary.detach())
    return torch.einsum("...ji,...jk,...ki->...i", vectors.conj(), unitary, vectors).angle()


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
