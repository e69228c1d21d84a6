"""Squared distances of relative vectors, with derivatives along the few directions in which they change."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.nn.forward_laplacian import Jet


def square_distances(x: Tensor, frame: Tensor) -> Tensor:
    r"""Return $|r_i - r_j|^2$ `(*, pairs)` of relative vectors `x` `(*, A - 1, dim)`.

    Args:
        x: orthonormal relative vectors.
        frame: $r_i - r_j = \sum_a F_{ij,a} x_a$, `(pairs, A - 1)`.
    """
    return (frame @ x).square().sum(-1)


def square_distance_jet(x: Tensor, frame: Tensor) -> tuple[Jet, Tensor]:
    r"""Return the squared distances of `x` `(batch, A - 1, dim)` as a jet, and the directions of its rows.

    Only products of gradients enter a Laplacian: the Jacobian J of all distances is reduced by J = QR to the rows of
    R, as many as there are pairs or coordinates, whichever are fewer. R exists also where nucleons lie on a line, where
    a Cholesky factor of J^T J would not. $\nabla^2 |r_i - r_j|^2 = 2 d \sum_a F_{ij,a}^2$.

    Returns:
        The jet `(2 + rows, batch, pairs)`, and Q `(batch, rows, A - 1, dim)`, orthonormal.
    """
    apart = frame @ x
    squares, dim = apart.square().sum(-1), x.shape[-1]
    if len(frame) == 1:  # one direction, along the vector
        length = squares.sqrt()
        rows = 2 * frame.norm() * length[None]
        directions = (frame.sign() * apart / length.unsqueeze(-1)).unsqueeze(1)
    else:
        jacobian = 2 * torch.einsum("ka,bkc->back", frame, apart).flatten(1, 2)
        found = torch.linalg.qr(jacobian)
        rows, directions = found.R.transpose(0, 1), found.Q.mT.unflatten(-1, x.shape[1:])
    laplacian = (2 * dim * frame.square().sum(-1)).expand_as(squares)
    return Jet(torch.cat([squares[None], laplacian[None], rows])), directions
