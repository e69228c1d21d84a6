"""A restricted Boltzmann machine: its marginal, its conditionals and its partition function."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from physgen.core.enumeration import check_enumerable, state_batches
from physgen.core.errors import InputError
from physgen.nn.machines.boltzmann_units import BinaryUnits


class RestrictedBoltzmann(nn.Module):
    r"""Visible units x and hidden units h that couple to each other alone, p(x, h) = exp(-E(x, h))/Z.

    $$E(x, h) = \text{base}(x) - \frac{a \cdot x}{s^2} - b \cdot h - \frac{x W h}{s^2} + \frac{|a|^2}{2 s^2}$$

    where s = 1, base = 0 and the last term is absent for units of two values; for Gaussian ones base = |x|^2/(2 s^2),
    so that E = |x - a|^2/(2 s^2) - b.h - x W h/s^2. The marginal f(x) = sum_h exp(-E) is a product over hidden units,

    ln f(x) = a.x/s^2 - base(x) - |a|^2/(2 s^2) + sum_j K(b_j + (x W)_j/s^2),

    K(u) = ln(1 + e^u) for units 0 and 1, ln 2 cosh u for units -1 and +1.

    `tempered` t in [0, 1], or a tensor of them that broadcasts over units, multiplies b and W: from independent visible
    units at t = 0 to the machine at t = 1.

    Sources: P. Smolensky, "Information processing in dynamical systems: foundations of harmony theory" (1986);
    G. E. Hinton, "A Practical Guide to Training Restricted Boltzmann Machines", doi:10.1007/978-3-642-35289-8_32.

    Args:
        visible: kind of the visible units.
        hidden: kind of the hidden units, of two values.
        num_visible: M.
        num_hidden: N.
        biases: whether there are fields a and b; spins without them have p(-x) = p(x) exactly.
        scale: standard deviation of the weights to start with.
    """

    def __init__(
        self,
        visible: BinaryUnits,
        hidden: BinaryUnits,
        num_visible: int,
        num_hidden: int,
        biases: bool = True,
        scale: float = 0.1,
    ) -> None:
        super().__init__()
        self.visible, self.hidden = visible, hidden
        self.weight = nn.Parameter(scale * torch.randn(num_visible, num_hidden))
        self.a = nn.Parameter(torch.zeros(num_visible), requires_grad=biases)
        self.b = nn.Parameter(torch.zeros(num_hidden), requires_grad=biases)

    # ---- fields and conditionals

    def hidden_field(self, x: Tensor, tempered: float | Tensor = 1.0) -> Tensor:
        """Return the fields `(batch, N)` on hidden units, given visible ones `(batch, M)`."""
        return tempered * (self.b + (x @ self.weight) * self.visible.precision)

    def visible_field(self, h: Tensor, tempered: float | Tensor = 1.0) -> Tensor:
        """Return the fields `(batch, M)` on visible units, given hidden ones `(batch, N)`."""
        return (self.a + tempered * (h @ self.weight.mT)) * self.visible.precision

    def sweep(
        self, x: Tensor, generator: torch.Generator | None, steps: int = 1, tempered: float | Tensor = 1.0
    ) -> Tensor:
        """Draw h ~ p(h|x), then x ~ p(x|h), `steps` times; return visible units `(batch, M)`."""
        for _ in range(steps):
            h = self.hidden.draw(self.hidden_field(x, tempered), generator)
            x = self.visible.draw(self.visible_field(h, tempered), generator)
        return x

    def draw_independent(self, num: int, generator: torch.Generator | None) -> Tensor:
        """Draw visible units `(num, M)` of the machine at `tempered` 0, where they are independent."""
        return self.visible.draw((self.a * self.visible.precision).expand(num, -1), generator)

    # ---- densities

    def log_f(self, x: Tensor, tempered: float | Tensor = 1.0) -> Tensor:
        """Return ln f `(batch,)` of visible units `(batch, M)`; p = f/Z."""
        linear = (x @ self.a) * self.visible.precision - self.visible.base(x) - self.offset()
        return linear + self.hidden.cumulant(self.hidden_field(x, tempered)).sum(-1)

    def offset(self) -> Tensor | float:
        """Return |a|^2/(2 s^2) for Gaussian visible units, 0 for others."""
        return 0.0 if self.visible.values is not None else self.visible.base(self.a)

    def log_g(self, h: Tensor) -> Tensor:
        """Return the ln of the other marginal, the sum of exp(-E) over x, `(batch,)` of hidden units `(batch, N)`."""
        return h @ self.b + self.visible.cumulant(self.visible_field(h)).sum(-1) - self.offset()

    def independent_log_z(self) -> Tensor:
        """Return ln Z at `tempered` 0."""
        visible = self.visible.cumulant(self.a * self.visible.precision).sum() - self.offset()
        return visible + self.hidden.cumulant(torch.zeros_like(self.b)).sum()

    @property
    def enumerable(self) -> int:
        """Units of the smaller layer, among those of two values, over whose states Z is a sum."""
        visible, hidden = self.weight.shape
        return hidden if self.visible.values is None else min(visible, hidden)

    def log_z(self) -> Tensor:
        """Return ln Z, exact and differentiable, as a sum over all states of the smaller layer.

        Raises:
            InputError: the smaller layer has more than 20 units.
        """
        units = self.enumerable
        try:
            check_enumerable("units of the smaller layer", units)
        except InputError as error:
            raise InputError(f"{error}; take annealed importance sampling") from None
        over_hidden = units == len(self.b)
        values, log = (self.hidden.pair, self.log_g) if over_hidden else (self.visible.pair, self.log_f)
        batches = state_batches(units, values, self.weight.dtype, self.weight.device)
        return torch.stack([log(states).logsumexp(0) for states in batches]).logsumexp(0)
