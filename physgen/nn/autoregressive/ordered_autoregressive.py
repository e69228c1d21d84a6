"""Autoregressive density of particles in the plane, one after another in a chosen order."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from physgen.nn.autoregressive import log_linear
from physgen.nn.autoregressive.particle_order import TWO_PI, ParticleOrder
from physgen.nn.autoregressive.placed_particles import PlacedParticles
from physgen.nn.parts import Parts


class BatchedLinear(nn.Module):
    """One affine map for every position: `(positions, batch, inputs) -> (positions, batch, outputs)`."""

    def __init__(self, positions: int, inputs: int, outputs: int, gain: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(positions, inputs, outputs) * gain / math.sqrt(inputs))
        self.bias = nn.Parameter(torch.zeros(positions, 1, outputs))

    def forward(self, h: Tensor, rows: slice) -> Tensor:
        """Return the outputs of the positions in `rows`."""
        return torch.baddbmm(self.bias[rows], h, self.weight[rows])


class OrderedAutoregressive(PlacedParticles):
    r"""Normalised density of n particles in the plane: radius, then angle, of one particle after another.

    ln p(x) = ln p_gas(x) + sum_i ln c(s_i | before) + sum_{i>0} ln c(t_i | s_i, before)

    with the coordinates of a `ParticleOrder`. Every factor is a density on (0, 1) with a piecewise linear logarithm,
    normalised and sampled in closed form, positive everywhere; nothing is cut off. The angular logits contain the
    repulsive potential that the placed particles make along the arc, -c_i sum_j 1/sqrt(d_j^2 + softening^2), with
    trained strengths c_i, so that the correlation hole is there from the start. With strength 0 the untrained density
    is exactly the gas. One residual MLP for every position, all evaluated together; they see the placed particles in
    the frame of the last one, and the potential on a grid of radii and angles ahead.

    Geometry is float64; the networks have the precision of the module.

    Args:
        order: the order, with its gas.
        strength: starting value of c_i.
        hidden: units of every layer.
        depth: residual layers before the radius.
        angular_depth: residual layers after the radius is known.
        radial_cells: cells of the density of s.
        angular_cells: cells of the density of t.
        radii_ahead: radii of the grid ahead, 0 for none.
        angles_ahead: angles of the grid ahead.
        softening: of the potential, in units of length.
    """

    def __init__(
        self,
        order: ParticleOrder,
        strength: float,
        hidden: int,
        depth: int,
        angular_depth: int,
        radial_cells: int,
        angular_cells: int,
        radii_ahead: int,
        angles_ahead: int,
        softening: float,
    ) -> None:
        super().__init__(order, softening, radii_ahead, angles_ahead)
        n = order.n
        self.radial_cells, self.angular_cells = radial_cells, angular_cells
        self.inputs = BatchedLinear(n, 3 * (n - 1) + 6 + radii_ahead * angles_ahead, hidden)
        self.trunk = Parts(BatchedLinear(n, hidden, hidden) for _ in range(depth))
        self.radial = BatchedLinear(n, hidden, radial_cells + 1, gain=0.05)
        if n > 1:
            self.given = BatchedLinear(n - 1, hidden + radial_cells + 1 + angular_cells + 1, hidden)
            self.branch = Parts(BatchedLinear(n - 1, hidden, hidden) for _ in range(angular_depth))
            self.angular = BatchedLinear(n - 1, hidden, angular_cells + 1, gain=0.05)
            self.strength = nn.Parameter(torch.full((n - 1, 1, 1), float(strength)))

    def hidden_matrices(self) -> list[nn.Parameter]:
        """Return the weights between hidden layers, those that gain from orthogonalised updates."""
        layers = [self.inputs, *self.trunk]
        if self.order.n > 1:
            layers += [self.given, *self.branch]
        return [layer.weight for layer in layers]

    # ---- networks

    def radial_logits(self, placed: dict[str, Tensor], rows: slice) -> tuple[Tensor, Tensor]:
        """Return the logits of s `(positions, batch, cells + 1)` and the last hidden layer."""
        features = placed["features"]
        if self.radii_ahead * self.angles_ahead > 0:
            features = torch.cat([features, 0.3 * self.ahead(placed, rows)], -1)
        h = silu(self.inputs(features, rows))
        for layer in self.trunk:
            h = h + silu(layer(h, rows))
        return self.radial(h, rows).to(self.radial.weight.dtype), h

    def angular_logits(self, placed: dict[str, Tensor], h: Tensor, r: Tensor, s: Tensor, rows: slice) -> Tensor:
        """Return the logits of t `(positions, batch, cells + 1)` given r and s; rows start at 1."""
        dtype = self.inputs.weight.dtype
        below = slice(rows.start - 1, None if rows.stop is None else rows.stop - 1)
        corners = torch.arange(self.angular_cells + 1, dtype=torch.float64, device=h.device)
        survival = 1.0 - corners / self.angular_cells
        gap = self.order.gaps(placed["previous"], self.power[rows], survival).to(dtype)
        r = r.to(dtype)[..., None]
        potential = self.potential(placed, r * gap.cos(), r * gap.sin())
        knots = torch.arange(self.radial_cells + 1, dtype=dtype, device=h.device)
        hat = torch.relu(1.0 - (s.to(dtype)[..., None] * self.radial_cells - knots).abs())
        g = silu(self.given(torch.cat([h.to(dtype), hat, 0.3 * potential], -1), below))
        for layer in self.branch:
            g = g + silu(layer(g, below))
        logits: Tensor = self.angular(g, below).to(dtype) - self.strength[below] * potential
        return logits

    # ---- density

    def log_prob(self, radius: Tensor, angle: Tensor) -> Tensor:
        """Return ln p `(batch,)` over labelled configurations, of ordered radii and angles `(batch, n)`, float64."""
        s, t = self.order.cube(radius, angle)
        placed = self.placed(radius, angle, slice(0, None), self.inputs.weight.dtype)
        logits, h = self.radial_logits(placed, slice(0, None))
        total = log_linear.log_prob(logits, s.T).double().sum(0)
        if self.order.n > 1:
            rest = {k: v[1:] for k, v in placed.items()}
            logits = self.angular_logits(rest, h[1:], radius.T[1:], s.T[1:], slice(1, None))
            total = total + log_linear.log_prob(logits, t.T[1:]).double().sum(0)
        return total + self.order.gas_log_prob(radius)

    @torch.no_grad()
    def sample(self, num: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Draw ordered radii and angles `(num, n)` each, float64, in n sequential steps."""
        n, device = self.order.n, self.inputs.weight.device
        radius = torch.zeros(num, n, dtype=torch.float64, device=device)
        angle = torch.zeros_like(radius)
        for i in range(n):
            rows = slice(i, i + 1)
            placed = self.placed(radius, angle, rows, self.inputs.weight.dtype)
            logits, h = self.radial_logits(placed, rows)
            s, survival = log_linear.sample(logits[0], generator)
            radius[:, i] = self.order.next_radius(i, survival, radius)
            if i > 0:
                logits = self.angular_logits(placed, h, radius[:, i][None], s[None], rows)
                _, survival = log_linear.sample(logits[0], generator)
                angle[:, i] = self.order.next_angle(i, survival, angle[:, i - 1])
        return radius, angle

    def place(self, radius: Tensor, angle: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return configurations `(num, n, 2)` of ordered draws, turned by a uniform angle, rows still in order."""
        turn = torch.rand(len(radius), dtype=torch.float64, device=radius.device, generator=generator)
        return self.order.positions(radius, angle, TWO_PI * turn)
