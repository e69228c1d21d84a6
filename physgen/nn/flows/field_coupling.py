"""Coupling layers of a scalar field on a torus, odd in the field and symmetric as the square."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

#: largest logarithm of a scale, and of a power, of one layer
STEEPEST = 1.5
#: most sites for which a convolution is a product with its dense matrix, which is several times faster on few channels
DENSE = 100


class SquareConvolution(nn.Module):
    """Convolution on a torus whose weights are the same for all turns and reflections of a displacement.

    Args:
        size: sites along a side.
        inputs: channels that come in.
        outputs: channels that go out.
        reach: largest displacement along an axis.
        gain: size of the first weights.
    """

    kinds: Tensor
    #: by kind, how often it leads from a site to another, of lattices of few sites
    steps: Tensor | None

    def __init__(self, size: int, inputs: int, outputs: int, reach: int, gain: float = 1.0) -> None:
        super().__init__()
        self.reach = reach
        away = torch.arange(-reach, reach + 1).abs()
        near, far = torch.minimum(away[:, None], away), torch.maximum(away[:, None], away)
        kinds = far * (far + 1) // 2 + near
        self.register_buffer("kinds", kinds, persistent=False)
        count = int(kinds.max()) + 1
        self.register_buffer("steps", steps(size, kinds, count) if size**2 <= DENSE else None, persistent=False)
        self.weight = nn.Parameter(gain * torch.randn(outputs, inputs, count) / (inputs * kinds.numel()) ** 0.5)

    def forward(self, x: Tensor) -> Tensor:
        """Return `(batch, outputs, L, L)` of fields `(batch, inputs, L, L)`."""
        if self.steps is None:
            return conv2d(pad(x, [self.reach] * 4, mode="circular"), self.weight[..., self.kinds])
        outputs, inputs, count = self.weight.shape
        sites = x.shape[-1] ** 2
        matrix = (self.weight.view(-1, count) @ self.steps.to(self.weight)).view(outputs, inputs, sites, sites)
        matrix = matrix.transpose(1, 2).reshape(outputs * sites, inputs * sites)
        return (x.flatten(1) @ matrix.mT).view(-1, outputs, *x.shape[2:])


def steps(size: int, kinds: Tensor, count: int) -> Tensor:
    """Return how many displacements of each kind lead to a site from another one, `(count, L^4)`."""
    reach = len(kinds) // 2
    row, column = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    found = torch.zeros(count, size**2, size**2, dtype=torch.get_default_dtype())
    here = torch.arange(size**2)
    for down in range(-reach, reach + 1):
        for right in range(-reach, reach + 1):
            there = ((row + down) % size * size + (column + right) % size).flatten()
            found[kinds[down + reach, right + reach], here, there] += 1
    return found.flatten(1)


class FieldCoupling(nn.Module):
    r"""Sites of one colour of a checkerboard move as those of the other colour say.

    $$y = e^{s} \sinh(e^{q} \operatorname{arsinh} x) + t, \qquad
      \ln \Big| \frac{\partial y}{\partial x} \Big| = s + q + \ln \cosh(e^{q} \operatorname{arsinh} x)
        - \tfrac12 \ln (1 + x^2)$$

    Shifts t are odd in the field that stays, logarithms s of scales and q of powers even, so that the layer commutes
    with a change of sign; with turns, reflections and shifts by two sites too. It is a bijection with a closed inverse
    for any weights.

    Source: L. Dinh, J. Sohl-Dickstein and S. Bengio, "Density estimation using Real NVP", arXiv:1605.08803; M. C. Jones
    and A. Pewsey, "Sinh-arcsinh distributions", doi:10.1093/biomet/asp053.

    Args:
        size: sites along a side.
        colour: 0 or 1, of the sites that move.
        channels: hidden functions of a site.
        reach: largest displacement along an axis that the first convolution sees.
    """

    moves: Tensor

    def __init__(self, size: int, colour: int, channels: int, reach: int) -> None:
        super().__init__()
        site = torch.arange(size)
        moves = ((site[:, None] + site) % 2 == colour).to(torch.get_default_dtype())
        self.register_buffer("moves", moves, persistent=False)
        self.see = SquareConvolution(size, 1, channels, min(reach, size // 2), 2.0)
        self.shift = SquareConvolution(size, 2 * channels, 1, 1, 0.0)
        self.bend = SquareConvolution(size, channels, 2, 1, 0.0)
        self.level = nn.Parameter(torch.zeros(2))

    def conditions(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return t, s and q `(batch, L, L)` of the sites that move, from those of `x` that stay."""
        seen = self.see((x * (1 - self.moves))[:, None])
        odd = seen.tanh()
        shift = self.shift(torch.cat([seen, odd], 1))[:, 0]
        bend = STEEPEST * torch.tanh((self.bend(odd.square()) + self.level[:, None, None]) / STEEPEST)
        return self.moves * shift, self.moves * bend[:, 0], self.moves * bend[:, 1]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return fields `(batch, L, L)` after the layer and ln |det| `(batch,)`."""
        shift, scale, power = self.conditions(x)
        bent = power.exp() * x.asinh()
        y = torch.where(self.moves > 0, scale.exp() * bent.sinh() + shift, x)
        return y, self.log_slope(x, bent, scale, power)

    def inverse(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return fields `(batch, L, L)` before the layer and ln |det| of the layer `(batch,)`."""
        shift, scale, power = self.conditions(y)
        bent = ((y - shift) * torch.exp(-scale)).asinh()
        x = torch.where(self.moves > 0, (torch.exp(-power) * bent).sinh(), y)
        return x, self.log_slope(x, bent, scale, power)

    def log_slope(self, x: Tensor, bent: Tensor, scale: Tensor, power: Tensor) -> Tensor:
        """Return the sum of the logarithms of dy/dx over the sites that move."""
        log = scale + power + bent.cosh().log() - 0.5 * x.square().log1p()
        return (self.moves * log).sum((-1, -2))
