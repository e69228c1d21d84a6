"""What a particle that is placed next sees of those placed before it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Self

import torch
from torch import Tensor, nn

from physgen.nn.autoregressive.particle_order import ParticleOrder


class PlacedParticles(nn.Module):
    r"""The particles before each position in the frame of the last one, and the potential that they make ahead.

    Geometry is float64 when the networks change precision.

    Args:
        order: the order, with its gas.
        softening: of the potential, in units of length.
        radii_ahead: radii of the grid ahead, 0 for none.
        angles_ahead: angles of the grid ahead.
    """

    slot: Tensor
    filled: Tensor
    power: Tensor

    def __init__(self, order: ParticleOrder, softening: float, radii_ahead: int, angles_ahead: int) -> None:
        super().__init__()
        n = order.n
        self.order, self.softening = order, softening
        self.radii_ahead, self.angles_ahead = radii_ahead, angles_ahead
        # slot k of position i holds particle i - 1 - k, the most recent first
        slot = torch.arange(n)[:, None] - 1 - torch.arange(max(n - 1, 1))[None, : n - 1]
        self.register_buffer("slot", slot.clamp_min(0), persistent=False)
        self.register_buffer("filled", slot >= 0, persistent=False)
        self.register_buffer("power", torch.arange(n, 0, -1, dtype=torch.float64), persistent=False)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        # geometry stays float64 when the networks change precision; not by super(): torch gives it no types
        nn.Module._apply(self, fn, recurse)
        self.power = self.power.double()
        return self

    def placed(self, radius: Tensor, angle: Tensor, rows: slice, dtype: torch.dtype) -> dict[str, Tensor]:
        """Return the placed particles of every position in the frame of the last one, `(positions, batch, n - 1)`.

        Args:
            radius: ordered radii `(batch, n)`.
            angle: their angles `(batch, n)`.
            rows: positions.
            dtype: of what is returned.
        """
        length = self.order.scale
        slot, filled = self.slot[rows], self.filled[rows][:, None].to(dtype)
        position = torch.arange(self.order.n, device=radius.device)[rows]
        previous = angle[:, (position - 1).clamp_min(0)].T
        r = radius[:, slot].transpose(0, 1).to(dtype) * filled
        turn = (angle[:, slot].transpose(0, 1) - previous[..., None]).to(dtype)
        free = self.order.free_angle(previous)
        inner = (radius[:, :1] / length).T.to(dtype).expand(len(position), -1) * (position > 0)[:, None].to(dtype)
        count = position[:, None].to(dtype)
        x, y = r * turn.cos(), r * turn.sin()
        each = (free / self.power[rows][:, None]).to(dtype)
        sums = torch.stack(
            [
                free.to(dtype) / math.pi - 1.0,
                torch.log(each + 1e-3) + 1.0,
                2.0 * inner - 0.5,
                (r.square().sum(-1) / length**2 - 0.6 * count) * 0.5,
                x.sum(-1) / length * 0.3,
                y.sum(-1) / length * 0.3,
            ],
            -1,
        )
        features = torch.cat([x / length, y / length, (r / length - 0.8) * filled, sums], -1)
        return {"x": x, "y": y, "square": r.square(), "filled": filled, "previous": previous, "features": features}

    def potential(self, placed: dict[str, Tensor], px: Tensor, py: Tensor) -> Tensor:
        """Return the softened repulsion of the placed particles at points `(positions, batch, k)`."""
        floor = self.softening**2
        norm = px.square() + py.square() + floor
        total = torch.zeros_like(px)
        x, y, square = 2.0 * placed["x"], 2.0 * placed["y"], placed["square"]
        for k in range(self.order.n - 1):
            # later positions have more filled slots; small tensors, slot by slot, stay in the cache
            used = placed["filled"][:, 0, k] > 0
            if not bool(used.any()):
                break
            row = slice(int(used.to(torch.uint8).argmax()), None)
            d2 = norm[row] + square[row, :, k, None]
            d2 = d2.addcmul_(px[row], x[row, :, k, None], value=-1.0).addcmul_(py[row], y[row, :, k, None], value=-1.0)
            # of the rounded sum of squares, which is at least softening^2 but for cancellation
            total[row] += d2.clamp_min_(0.25 * floor).rsqrt_()
        return total

    def ahead(self, placed: dict[str, Tensor], rows: slice) -> Tensor:
        """Return the potential on the grid ahead, `(positions, batch, radii * angles)`."""
        device = placed["previous"].device
        angles = torch.arange(self.angles_ahead, dtype=torch.float64, device=device)
        survival = 1.0 - (angles + 0.5) / self.angles_ahead
        gap = self.order.gaps(placed["previous"], self.power[rows], survival).to(placed["x"].dtype)
        s = (torch.arange(self.radii_ahead, dtype=torch.float64, device=device) + 0.5) / self.radii_ahead * 0.8
        r = (self.order.scale * (-torch.log1p(-s)).sqrt()).to(gap.dtype)
        return self.potential(placed, (gap.cos()[..., None] * r).flatten(-2), (gap.sin()[..., None] * r).flatten(-2))
