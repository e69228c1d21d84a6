"""How bound particles are together far apart: a decay of pairs with a power in front."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.nn.forward_laplacian import Jet, Values, apply

#: decay in 1/fm and length in fm to start with
DECAY, LENGTH = 0.25, 0.6


class PairTail(nn.Module):
    r"""$-a \sqrt{q + b^2} - \tfrac{c}{2} \ln(1 + q/b^2)$ of squared distances q, smooth where particles meet.

    With c = 1 it falls as $e^{-a r}/r$, the tail of two particles. All three are trained, a and b through softplus.

    Args:
        pairs: number of pairs, of which each has a share of the power: c = 1 of one pair, 1/2 of several to start with.
    """

    def __init__(self, pairs: int) -> None:
        super().__init__()
        start = torch.tensor([DECAY, LENGTH]).expm1().log()
        self.shape = nn.Parameter(torch.cat([start, torch.tensor([1.0 if pairs == 1 else 0.5])]))

    def forward(self, squares: Values) -> Values:
        """Return the functions `(*)` of squared distances `(*)`."""
        (decay, length), power = nn.functional.softplus(self.shape[:2]), self.shape[2]
        q, b = squares.value if isinstance(squares, Jet) else squares, length.square()
        root = torch.sqrt(q + b)
        value: Tensor = -decay * root - 0.5 * power * torch.log1p(q / b)
        if not isinstance(squares, Jet):
            return value
        slope = -0.5 * (decay / root + power / (q + b))
        return apply(squares, value, slope, 0.25 * decay / root**3 + 0.5 * power / (q + b).square())
