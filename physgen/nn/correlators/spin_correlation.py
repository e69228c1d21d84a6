"""Wavefunctions of spin-isospin components that depend on distances: values and derivatives of every component."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor, nn

from physgen.nn.correlators.square_distances import square_distance_jet, square_distances
from physgen.nn.forward_laplacian import Jet, Values


class SpinCorrelation(nn.Module):
    r"""$\Psi_c(x) = e^{U(x)}\, a_c(x)$, with a symmetric factor and components `a` of squared distances.

    Args:
        frame: $r_i - r_j = \sum_a F_{ij,a} x_a$ of the pairs, `(pairs, A - 1)`.
    """

    frame: Tensor

    def __init__(self, frame: Tensor) -> None:
        super().__init__()
        self.register_buffer("frame", frame.to(torch.get_default_dtype()), persistent=False)

    @abstractmethod
    def amplitudes(self, squares: Values) -> tuple[Values, Values]:
        """Return U `(*)` and a `(*, components)` of squared distances `(*, pairs)`."""

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return $\Psi/|\Psi|$ `(*, components)` and $\ln|\Psi|$ `(*)` of relative vectors `x` `(*, A - 1, dim)`."""
        factor, components = self.amplitudes(square_distances(x, self.frame))
        norm = components.norm(dim=-1)
        return components / norm.unsqueeze(-1), factor + norm.log()

    @torch.no_grad()
    def component_derivatives(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        r"""Return $\Psi$, its gradients and its Laplacian, all divided by $|\Psi|$, of `x` `(batch, A - 1, dim)`.

        `(batch, components)`, `(rows, batch, components)` and `(batch, components)`; the rows are derivatives along
        orthonormal directions that hold all changes of the distances. $\nabla^2 \Psi_c / e^U = (\nabla^2 U + |\nabla
        U|^2)\, a_c + 2 \nabla U \cdot \nabla a_c + \nabla^2 a_c$.
        """
        factor, components = self.amplitudes(square_distance_jet(x, self.frame)[0])
        assert isinstance(factor, Jet) and isinstance(components, Jet)
        a, slopes = components.value, factor.rows.unsqueeze(-1)
        curvature = factor.laplacian + factor.rows.square().sum(0)
        laplacian = curvature.unsqueeze(-1) * a + 2 * (slopes * components.rows).sum(0) + components.laplacian
        norm = a.norm(dim=-1, keepdim=True)
        return a / norm, (slopes * a + components.rows) / norm, laplacian / norm

    @torch.no_grad()
    def derivatives(self, x: Tensor) -> tuple[Tensor, Tensor]:
        r"""Return gradient `(batch, A - 1, dim)` and Laplacian `(batch,)` of $\ln|\Psi|$.

        $\nabla^2 \ln|\Psi| = \sum_c (v_c \nabla^2 \Psi_c/|\Psi| + |\nabla \Psi_c|^2/|\Psi|^2) - 2 |\nabla
        \ln|\Psi||^2$.
        """
        direction, rows, laplacian = self.component_derivatives(x)
        slopes = (rows * direction).sum(-1)
        curvature = (direction * laplacian).sum(-1) + rows.square().sum((0, -1)) - 2 * slopes.square().sum(0)
        return torch.einsum("rb,brac->bac", slopes, square_distance_jet(x, self.frame)[1]), curvature
