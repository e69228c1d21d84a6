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
        return self.jet(h, cosine.transpose(1, 2), sine.transpose(1, 2))

    def jet(self, h: Jet, cosine: Tensor, sine: Tensor) -> Jet:
        r"""Return the orbitals as a jet of all coordinates, of waves `(batch, n, 1, pairs)`.

        Weights that are turned by the waves of each particle give all derivatives by way of the features in one
        product. The waves vary with the particle itself, $\partial_c$ Re = -k_c Im and $\partial_c$ Im = k_c Re.
        """
        rows, batch, n, width = h.stack.shape
        pairs = cosine.shape[-1]
        constant, u, v = self.weight.view(self.copies, self.count, width).split([1, pairs, pairs], 1)
        c, s = cosine.unsqueeze(-1), sine.unsqueeze(-1)
        one = constant.expand(batch, n, *constant.shape)
        turned = torch.cat([one, c * u - s * v, s * u + c * v], 3).flatten(0, 1).flatten(1, 2)
        # a view of each particle's features; of an orbital all derivatives lie beside each other
        out = turned @ h.stack.view(rows, batch * n, width).permute(1, 2, 0)
        out = out.view(batch, n, self.copies, self.count, rows)
        value, laplacian = out[..., 0], out[..., 1]
        value += torch.cat([cosine.new_ones(*cosine.shape[:-1], 1), cosine, sine], -1)
        own = out[..., 2:].unflatten(-1, (n, self.dim)).diagonal(dim1=1, dim2=4).movedim(-1, 1)
        # by the features alone, (batch, n, copies, pairs, dim) of the particle's own coordinates
        _, real, imaginary = own.split([1, pairs, pairs], 3)
        momenta = self.waves.momenta
        square = momenta.square().sum(-1)
        _, re, im = value.split([1, pairs, pairs], -1)
        laplacian[..., 1 : 1 + pairs] -= square * re + 2 * (momenta * imaginary).sum(-1)
        laplacian[..., 1 + pairs :] -= square * im - 2 * (momenta * real).sum(-1)
        real -= momenta * im.unsqueeze(-1)
        imaginary += momenta * re.unsqueeze(-1)
        return Jet(out.permute(4, 0, 2, 1, 3))
