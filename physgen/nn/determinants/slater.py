"""Sums of products of Slater determinants, spin up times spin down."""

from __future__ import annotations

from collections.abc import Sequence
from typing import overload

import torch
from torch import Tensor, nn

from physgen.nn.forward_laplacian import Jet, Values, square_sum


def sign_and_log(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Return sign and ln|det| `(*)` of matrices `(*, m, m)`; in closed form for m = 1 and 3, which is faster.

    A singular matrix gives (0, -inf), at which every sampler rejects a move.
    """
    m = matrix.shape[-1]
    if m not in (1, 3):
        found = torch.linalg.slogdet(matrix)
        return found.sign, found.logabsdet
    rows = matrix.unbind(-2)
    det = rows[0][..., 0] if m == 1 else (rows[0] * torch.linalg.cross(rows[1], rows[2])).sum(-1)
    return det.sign(), det.abs().log()


def inverse(matrix: Tensor) -> Tensor:
    """Return the inverses of matrices `(*, m, m)`; in closed form for m = 1 and 3."""
    m = matrix.shape[-1]
    if m == 1:
        return 1 / matrix
    if m != 3:
        found: Tensor = torch.linalg.inv_ex(matrix).inverse
        return found
    r0, r1, r2 = matrix.unbind(-2)
    columns = [torch.linalg.cross(r1, r2), torch.linalg.cross(r2, r0), torch.linalg.cross(r0, r1)]
    det: Tensor = (r0 * columns[0]).sum(-1)
    return torch.stack(columns, -1) / det[..., None, None]


@overload
def log_sum(matrices: Sequence[Tensor], weights: Tensor) -> tuple[Tensor, Tensor]: ...
@overload
def log_sum(matrices: Sequence[Jet], weights: Tensor) -> Jet: ...
def log_sum(matrices: Sequence[Tensor] | Sequence[Jet], weights: Tensor) -> tuple[Tensor, Tensor] | Jet:
    r"""Return sign and logarithm of $\psi = \sum_k w_k \prod_s \det M_{sk}$, one matrix a spin s.

    For jets with $J_d = M^{-1} \partial_d M$: $\partial_d \ln\det M = \mathrm{tr} J_d$ and
    $\nabla^2 \ln\det M = \mathrm{tr}(M^{-1} \nabla^2 M) - \sum_d \mathrm{tr} J_d^2$.

    Args:
        matrices: plain `(*, K, m, m)` or jets of all coordinates with stacks `(2 + n dim, batch, K, m, m)`.
        weights: w `(K,)`.

    Returns:
        sign and ln|psi|, `(*)` each; for jets the jet of ln|psi| alone.
    """
    jets = [matrix for matrix in matrices if isinstance(matrix, Jet)]
    values = [matrix.value if isinstance(matrix, Jet) else matrix for matrix in matrices]
    sign, logs = sign_and_log(values[0])
    for value in values[1:]:
        s, log = sign_and_log(value)
        sign, logs = sign * s, logs + log
    # finite also where every determinant vanishes, so that psi = 0 has the logarithm -inf and not NaN
    top = logs.amax(-1, keepdim=True).clamp_min(torch.finfo(logs.dtype).min)
    terms = weights * sign * torch.exp(logs - top)
    total = terms.sum(-1)
    log = total.abs().log() + top[..., 0]
    if not jets:
        return total.sign(), log
    found = zip(*map(log_determinant_derivatives, jets), strict=True)
    slopes, curvatures = (sum(parts[1:], parts[0]) for parts in found)
    share = terms / total.unsqueeze(-1)
    rows = (share * slopes).sum(-1)
    laplacian = (share * (curvatures + square_sum(slopes))).sum(-1) - square_sum(rows)
    return Jet(torch.cat([log[None], laplacian[None], rows]))


class SlaterSum(nn.Module):
    r"""A sum of products of Slater determinants, $\sum_k w_k \prod_s \det M_{sk}$, with weights that are trained.

    Args:
        start: w `(K,)` to start with.
    """

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.weights = nn.Parameter(start.clone())

    def forward(self, matrices: Sequence[Values]) -> tuple[Tensor, Tensor] | Jet:
        """Return sign and logarithm, `(*)` each, of one matrix `(*, K, m, m)` a spin; of jets the logarithm's jet."""
        return log_sum(matrices, self.weights)


def log_determinant_derivatives(matrix: Jet) -> tuple[Tensor, Tensor]:
    """Return rows `(n dim, batch, K)` and Laplacian `(batch, K)` of ln|det M|."""
    m = matrix.value.shape[-1]
    if m == 1:
        found = matrix.stack[1:, ..., 0, 0] / matrix.value[..., 0, 0]
        return found[1:], found[0] - square_sum(found[1:])
    inverted = inverse(matrix.value)
    slopes, curvatures = [], []
    for stack, inv in zip(matrix.stack.unbind(2), inverted.unbind(1), strict=True):
        # one product of each matrix with all derivatives beside each other, in the order in which they lie
        if stack.stride(0) == 1:
            j = (inv @ stack.permute(1, 2, 3, 0).flatten(2)).view(-1, m, m, len(stack))
        else:
            j = (inv @ stack.permute(1, 2, 0, 3).flatten(2)).view(-1, m, len(stack), m).transpose(2, 3)
        trace, rows = j.diagonal(dim1=1, dim2=2).sum(-1), j[..., 2:]
        slopes.append(trace[:, 2:].T)
        curvatures.append(trace[:, 1] - (rows * rows.transpose(1, 2)).sum((1, 2, 3)))
    return torch.stack(slopes, -1), torch.stack(curvatures, -1)


def log_product_of_orbitals(orbitals: Jet) -> tuple[Tensor, Tensor]:
    r"""Return gradient `(batch, m, dim)` and Laplacian `(batch,)` of ln|det| of orbitals that each see one particle.

    Args:
        orbitals: `own` jet with a stack `(2 + dim, batch, m, m)`, particles by orbitals. Each row of the matrix varies
            with one particle only, so that tr J_d^2 = (tr J_d)^2.
    """
    inverted = inverse(orbitals.value)
    found = (orbitals.stack[1:] * inverted.mT).sum(-1)
    return found[1:].permute(1, 2, 0), (found[0] - square_sum(found[1:])).sum(-1)


def log_sum_of_orbitals(spins: Sequence[Tensor], weights: Tensor) -> tuple[Tensor, Tensor]:
    r"""Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of the logarithm of $\sum_k w_k \prod_s \det M_{sk}$.

    With $g_k$ and $l_k$ those of the product k, and its share $p_k$ of the sum: $\nabla \ln\psi = \sum_k p_k g_k$ and
    $\nabla^2 \ln\psi = \sum_k p_k (l_k + g_k^2) - (\nabla \ln\psi)^2$.

    Args:
        spins: stacks `(2 + dim, batch, K, m, m)` of `own` jets of orbitals, or with 1 in place of K.
        weights: w `(K,)`.
    """
    sets = [[log_product_of_orbitals(Jet(own)) for own in stack.unbind(2)] for stack in spins]
    products = [[found[k if len(found) > 1 else 0] for found in sets] for k in range(len(weights))]
    slopes = [torch.cat([slope for slope, _ in parts], 1) for parts in products]
    curvatures = [sum((bend for _, bend in parts[1:]), parts[0][1]) for parts in products]
    if len(weights) == 1:
        return slopes[0], curvatures[0]
    sign, logs = (sum_of_logs := [sign_and_log(stack[0]) for stack in spins])[0]
    for s, log in sum_of_logs[1:]:
        sign, logs = sign * s, logs + log
    terms = weights * sign * torch.exp(logs - logs.amax(-1, keepdim=True))
    share = (terms / terms.sum(-1, keepdim=True)).unbind(-1)
    gradient = torch.stack([p[:, None, None] * g for p, g in zip(share, slopes, strict=True)]).sum(0)
    bends = [bend + g.square().sum((-1, -2)) for g, bend in zip(slopes, curvatures, strict=True)]
    curvature = torch.stack([p * bend for p, bend in zip(share, bends, strict=True)]).sum(0)
    return gradient, curvature - gradient.square().sum((-1, -2))
