"""The density that walkers of a wavefunction follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from physgen.core.errors import check, check_real
from physgen.nn.derivatives import PROBE, Derivatives, chunk_size

if TYPE_CHECKING:
    from physgen.models.wavefunction import WavefunctionModel


class BornDensity:
    """ln |psi|^2 of a wavefunction, the log-density that walkers follow.

    It is evaluated for so many walkers at once that the largest tensors stay near the core.
    """

    def __init__(self, model: WavefunctionModel) -> None:
        self.model = model
        self._sizes: dict[tuple[Any, ...], int] = {}

    def __call__(self, x: Tensor) -> Tensor:
        """Return ln |psi|^2 `(batch,)` of `x` `(batch, n, dim)`."""
        if torch.is_grad_enabled():  # whoever differentiates decides how much there is at once
            return self.value(x)
        parts = self.parts(x, lambda few: (self.value(few), few), False)
        return self.value(x) if len(parts) == 1 else torch.cat([self.value(part) for part in parts])

    def value(self, x: Tensor) -> Tensor:
        """Return ln |psi|^2 `(batch,)` of all of `x` at once."""
        sign, log_psi = self.model.log_psi(x)
        check_real(type(self.model).__name__, sign, log_psi)
        return 2 * log_psi

    def with_gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return ln |psi|^2 `(batch,)` and its gradient `(batch, n, dim)` at `x` `(batch, n, dim)`."""
        with torch.inference_mode(False), torch.enable_grad():  # a trainer evaluates in inference mode
            found = [self.differentiated(part) for part in self.parts(x, self.differentiated, True)]
        value, gradient = zip(*found, strict=True)
        return (value[0], gradient[0]) if len(found) == 1 else (torch.cat(value), torch.cat(gradient))

    def differentiated(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return ln |psi|^2 and its gradient of all of `x` at once."""
        leaf = x.detach().clone().requires_grad_(True)
        value = self.value(leaf)
        (gradient,) = torch.autograd.grad(value.sum(), leaf)
        return value.detach(), gradient

    def parts(self, x: Tensor, evaluate: Derivatives, graph: bool) -> tuple[Tensor, ...]:
        """Return `x` in parts for `evaluate`, judged by what it allocates for a few of them."""
        key = (x.dtype, x.device, x.shape[1:], min(len(x), PROBE), graph)
        if key not in self._sizes:
            bounds = (True, False) if graph else (False,)
            size = min(chunk_size(evaluate, x, keeps_graph) for keeps_graph in bounds)
            self._sizes[key] = size + size // 2  # twelve electrons, 512 walkers at once, are faster than in two parts
        return x.tensor_split(max(1, -(-len(x) // self._sizes[key])))

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
