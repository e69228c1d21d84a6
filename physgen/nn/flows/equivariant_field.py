"""A vector field of particles that turns and permutes with them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

#: frequencies at which a field sees the time
FREQUENCIES = (0.5, 1.0, 2.0, 4.0)
#: softening of distances, so that a field is smooth where particles meet
SOFT_RADIUS, SOFT_DISTANCE, SOFT_INVERSE, SOFT_UNIT = 1e-3, 1e-2, 0.05, 0.1


class EquivariantField(nn.Module):
    r"""A velocity for every particle, $v(R x, t) = R\, v(x, t)$ for rotations and reflections, and permuted with them.

    $v_i = \sum_j w_{ij} (x_i - x_j)/\sqrt{r_{ij}^2 + \epsilon} + p_i x_i$

    w and p are functions of radii, distances and time, by particles that exchange messages; they are zero to start
    with. Of a `centred` field the mean velocity is taken off, so that the centre of mass stays.

    Source: the layers of V. G. Satorras, E. Hoogeboom and M. Welling, "E(n) Equivariant Graph Neural Networks",
    arXiv:2102.09844.

    Args:
        n: particles.
        dim: dimensions.
        hidden: features of a particle and of a message.
        layers: exchanges of messages.
        centred: whether the centre of mass stays, and x is measured from it.
    """

    frequencies: Tensor
    others: Tensor

    def __init__(self, n: int, dim: int, hidden: int, layers: int, centred: bool) -> None:
        super().__init__()
        self.centred = centred
        #: squared distance of neighbours, in units of the cloud, relative to that of six particles in the plane
        self.near = (6 / max(n, 2)) ** (2 / dim)
        times = 2 * len(FREQUENCIES)
        self.embed = nn.Sequential(nn.Linear(2 + times, hidden), nn.SiLU(), nn.Linear(hidden, hidden))
        self.receive = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers))
        self.send = nn.ModuleList(nn.Linear(hidden, hidden, bias=False) for _ in range(layers))
        self.apart = nn.ModuleList(nn.Linear(3, hidden, bias=False) for _ in range(layers))
        self.when = nn.ModuleList(nn.Linear(times, hidden, bias=False) for _ in range(layers))
        self.message = nn.ModuleList(nn.Linear(hidden, hidden) for _ in range(layers))
        self.update = nn.ModuleList(
            nn.Sequential(nn.Linear(2 * hidden, hidden), nn.SiLU(), nn.Linear(hidden, hidden)) for _ in range(layers)
        )
        inner, pull = nn.Linear(hidden, hidden), nn.Linear(hidden, 1)
        self.pull = nn.Sequential(inner, nn.SiLU(), pull)
        self.push = nn.Linear(hidden, 1)
        for head in (pull, self.push):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        self.register_buffer("frequencies", torch.tensor(FREQUENCIES), persistent=False)
        self.register_buffer("others", 1 - torch.eye(n), persistent=False)

    def forward(self, x: Tensor, time: Tensor) -> Tensor:
        """Return velocities `(batch, n, dim)` of particles `(batch, n, dim)`, in units of the cloud, at `(batch,)`."""
        phase = time[:, None] * self.frequencies
        clock = torch.cat([phase.sin(), phase.cos()], 1)
        square = x.square().sum(-1)
        radii = torch.stack([square, (square + SOFT_RADIUS).sqrt()], -1)
        h = self.embed(torch.cat([radii, clock[:, None].expand(-1, x.shape[1], -1)], -1))
        apart = x[:, :, None] - x[:, None]
        distance = apart.square().sum(-1)
        pairs = torch.stack(
            [
                distance,
                (distance + SOFT_DISTANCE * self.near).sqrt(),
                self.near / (distance + SOFT_INVERSE * self.near),
            ],
            -1,
        )
        others, m = self.others[..., None], None
        layers = zip(self.receive, self.send, self.apart, self.when, self.message, self.update, strict=True)
        for receive, send, far, when, message, update in layers:
            receiver = receive(h) + when(clock)[:, None]
            m = silu(message(silu(receiver[:, :, None] + send(h)[:, None] + far(pairs))))
            h = h + update(torch.cat([h, (m * others).sum(2)], -1))
        weight = self.pull(m)[..., 0] * self.others * (distance + SOFT_UNIT * self.near).rsqrt()
        velocity: Tensor = weight.sum(2, keepdim=True) * x - weight @ x + self.push(h) * x
        return velocity - velocity.mean(1, keepdim=True) if self.centred else velocity
