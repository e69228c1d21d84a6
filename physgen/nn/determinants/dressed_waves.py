"""Plane waves times a complex factor that depends on all particles: neural backflow in a periodic cube."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.determinants.message_passing import normal
from physgen.nn.determinants.plane_waves import PlaneWaves
from physgen.nn.forward_laplacian import Jet, Values, linear


class DressedWaves(nn.Module):
    r"""Orbitals $1 + u_0(h_i)$ and Re, Im of $e^{i k r_i} (1 + u_k(h_i) + i v_k(h_i))$, u and v linear in h.

    Backflow $e^{i k (r_i + \delta_i)}$ is a special case. Rows keep their momentum, and orbitals stay real because k
    and -k share a pair.

    Args:
        count: number K of orbitals, a closed shell of plane waves.
        dim: dimensions.
        width: features of a particle.
        copies: sets of orbitals.
        gain: standard deviation of u and v to start with.
    """

    def __init__(self, count: int, dim: int, width: int, copies: int = 1, gain: float = 0.02) -> None:
        super().__init__()
        self.count, self.copies, self.dim = count, copies, dim
        self.waves = PlaneWaves(count, dim)
        self.weight = normal(copies * count, width, gain=gain)

    def forward(self, h: Values, x: Tensor) -> Values:
        """Return the orbitals `(*, copies, n, count)`, particles by orbitals.

        Args:
            h: features `(*, n, width)`, plain or a jet of all coordinates; a jet gives a jet.
            x: coordinates `(*, n, dim)` in units of the side.
        """
        pairs = (self.count - 1) // 2
        cosine, sine = (wave.unsqueeze(-3) for wave in self.waves.phases(x))
        if not isinstance(h, Jet):
            change = linear(h, self.weight).unflatten(-1, (self.copies, self.count)).transpose(-2, -3)
            constant, u, v = change.split([1, pairs, pairs], -1)
            constant, u = 1 + constant, 1 + u
            return torch.cat([constant, cosine * u - sine * v, sine * u + cosine * v], -1)
        change = linear(h, self.weight).stack.unflatten(-1, (self.copies, self.count)).transpose(2, 3)
        change[0, ..., : 1 + pairs] += 1
        u, v = change[..., 1 : 1 + pairs], change[..., 1 + pairs :]
        out = torch.empty_like(change)
        out[..., :1] = change[..., :1]
        real, imaginary = out[..., 1 : 1 + pairs], out[..., 1 + pairs :]
        torch.mul(cosine, u, out=real).sub_(sine * v)
        torch.mul(sine, u, out=imaginary).add_(cosine * v)
        # the waves vary with the particle itself: 2 grad wave . grad (u, v), and the wave's own derivatives
        momenta = self.waves.momenta
        by_particle = {"dim1": 0, "dim2": 4}  # of (n, dim, batch, copies, n, .)
        n = x.shape[-2]
        own = change[2:].unflatten(0, (n, self.dim)).diagonal(**by_particle)
        along = sum(own[c, ..., 1:, :] * _twice(momenta[:, c]) for c in range(self.dim))
        along = along.transpose(-1, -2)  # (batch, copies, n, 2 pairs): k . grad_i of u and v
        du, dv = along[..., :pairs], along[..., pairs:]
        square = momenta.square().sum(-1)
        c0, s0 = real[0].clone(), imaginary[0].clone()
        real[1] += -square * c0 - 2 * (sine * du + cosine * dv)
        imaginary[1] += -square * s0 + 2 * (cosine * du - sine * dv)
        diagonal = out[2:].unflatten(0, (n, self.dim)).diagonal(**by_particle)
        for c in range(self.dim):
            k = momenta[:, c]
            diagonal[c, ..., 1 : 1 + pairs, :] += (-k * s0).transpose(-1, -2)
            diagonal[c, ..., 1 + pairs :, :] += (k * c0).transpose(-1, -2)
        return Jet(out)


def _twice(k: Tensor) -> Tensor:
    """Return a component of the momenta of u and of v `(2 pairs, 1)`."""
    return torch.cat([k, k]).unsqueeze(-1)
