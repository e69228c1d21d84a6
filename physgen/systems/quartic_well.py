"""One particle in a plane well with the symmetry of the square."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from physgen.systems.base import ClassicalSystem, label_text
from physgen.systems.coulomb import check_scale
from physgen.systems.references import Reference, closed_form, with_likelihood


class QuarticWell(ClassicalSystem):
    r"""One classical particle in the plane in a quartic well with the symmetry C4v of the square.

    $$V = x^4 + y^4 - x^2 y^2 = r^4 \left( 1 - \tfrac34 \sin^2 2\theta \right), \qquad
      Z = \sqrt{\pi / \beta} \; K(m = \tfrac34)$$

    Units: those of V; configurations are `(batch, 1, 2)`. The one term is `well`. The radial integral of
    $r e^{-\beta a r^4}$ is $\tfrac14 \sqrt{\pi / (\beta a)}$; the angle then gives the complete elliptic integral K.

    Args:
        beta: inverse temperature, per unit of the energy H.

    Raises:
        InputError: `beta` is not a finite number above 0.

    Source: the symmetry example of the talk on generative models; closed forms derived here.
    """

    symmetries = ("C4v",)
    continuous = True
    n = 1
    dim = 2

    def __init__(self, beta: float = 1.0) -> None:
        self.beta = check_scale("beta", beta)

    def terms(self, x: Tensor) -> dict[str, Tensor]:
        """Return `well`, `(*)`, of `x` `(*, 1, 2)`."""
        first, second = x.square().unbind(-1)
        return {"well": (first.square() + second.square() - first * second).sum(-1)}

    @staticmethod
    def group(dtype: torch.dtype | None = None, device: torch.device | str | None = None) -> Tensor:
        """Return the eight matrices `(8, 2, 2)` of C4v: `x @ g.T` of a configuration has the energy of `x`."""
        turn = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=dtype, device=device)
        flip = torch.tensor([[1.0, 0.0], [0.0, -1.0]], dtype=dtype, device=device)
        turns = [torch.linalg.matrix_power(turn, k) for k in range(4)]
        return torch.stack(turns + [t @ flip for t in turns])

    @property
    def spread(self) -> float:
        """Exact standard deviation of a coordinate, sqrt(<r^2> / 2)."""
        return float((self.mean_square_radius() / 2) ** 0.5)

    @property
    def label(self) -> str:
        """Name such as `quartic-well-beta1`."""
        return f"quartic-well-beta{label_text(self.beta)}"

    def partition_function(self) -> float:
        r"""Return $Z = \sqrt{\pi/\beta} \, K(3/4)$, with $K(m) = \pi / (2 \, \mathrm{agm}(1, \sqrt{1-m}))$."""
        mean, root = 1.0, 0.5
        while abs(mean - root) > 1e-15:
            mean, root = (mean + root) / 2, math.sqrt(mean * root)
        return math.sqrt(math.pi / self.beta) * math.pi / (2 * mean)

    def mean_square_radius(self) -> float:
        r"""Return $\langle r^2 \rangle = \pi / (\beta Z)$: the angle integral of $1/a$ is $4 \pi$."""
        return math.pi / (self.beta * self.partition_function())

    def references(self) -> list[Reference]:
        """Return the closed forms of F, of the energy 1 / (2 beta) and of <r^2>."""
        values = {
            "free_energy": -math.log(self.partition_function()) / self.beta,
            "energy": 0.5 / self.beta,
            "well": 0.5 / self.beta,
            "r2": self.mean_square_radius(),
        }
        return with_likelihood(closed_form(values, "physgen: closed form"), self.beta)
