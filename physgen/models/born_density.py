"""The density that walkers of a wavefunction follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from physgen.core.errors import check, check_real

if TYPE_CHECKING:
    from physgen.models.wavefunction import WavefunctionModel


class BornDensity:
    """ln |psi|^2 of a wavefunction, the log-density that walkers follow."""

    def __init__(self, model: WavefunctionModel) -> None:
        self.model = model

    def __call__(self, x: Tensor) -> Tensor:
        """Return ln |psi|^2 `(batch,)` of `x` `(batch, n, dim)`."""
        sign, log_psi = self.model.log_psi(x)
        check_real(type(self.model).__name__, sign, log_psi)
        return 2 * log_psi

    @property
    def has_conditionals(self) -> bool:
        """Whether |psi|^2 is the marginal of a Boltzmann machine that gives p(h|x) and p(x|h)."""
        return self.model.has_conditionals

    @property
    def machine(self) -> Any:
        """The network of a model with conditionals, which gives `draw_hidden` and `draw_visible`."""
        return self.model.net

    def draw_hidden(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Draw hidden units from p(h|x)."""
        hidden: Tensor = self.machine.draw_hidden(x / self.model.length, generator)
        return hidden

    def draw_visible(self, hidden: Tensor, generator: torch.Generator) -> Tensor:
        """Draw configurations from p(x|h)."""
        x: Tensor = self.machine.draw_visible(hidden, generator)
        return self.model.length * x


class HasLogPsi(Protocol):
    """A wavefunction that gives sign and ln|psi|."""

    def log_psi(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return sign and ln|psi| of configurations."""


def check_signs(model: HasLogPsi, x: Tensor) -> None:
    """Raise `InputError` where the sign of psi at `x` `(batch, n, dim)` is neither -1, 0 nor 1; NaN passes.

    Of a psi with components the sign is a direction `(batch, components)` of length 1.
    """
    with torch.no_grad():
        sign, log_psi = model.log_psi(x[:16])
    check_real(type(model).__name__, sign, log_psi)
    if sign.ndim > 1:
        length = sign.norm(dim=-1)
        sound = length.isnan() | ((length - 1).abs() < 1e-3)
        check(bool(sound.all()), "direction of psi", float(length[~sound][:1].sum()), "of length 1 in log_psi")
        return
    known = sign.isnan() | (sign == 0) | (sign.abs() == 1)
    allowed = f"-1, 0 or 1 from log_psi of {type(model).__name__}"
    check(bool(known.all()), "sign of psi", float(sign[~known][:1].sum()), allowed)
