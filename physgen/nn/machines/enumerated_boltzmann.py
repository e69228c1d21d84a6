"""Independent draws of a restricted Boltzmann machine, by the states of its smaller layer."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.core.enumeration import state_batches
from physgen.nn.machines.restricted_boltzmann import RestrictedBoltzmann


class EnumeratedBoltzmann:
    """ln Z and independent draws of a machine as it is now, from the probability of every state of its smaller layer.

    Args:
        machine: at most 20 units in the smaller layer.

    Raises:
        InputError: more units.
    """

    @torch.no_grad()
    def __init__(self, machine: RestrictedBoltzmann) -> None:
        self.machine = machine
        hidden = machine.enumerable == len(machine.b)
        layer, log = (machine.hidden, machine.log_g) if hidden else (machine.visible, machine.log_f)
        like = machine.weight
        batches = state_batches(machine.enumerable, layer.pair, like.dtype, like.device)
        weights = torch.cat([log(states) for states in batches])
        self.over_hidden, self.values = hidden, layer.pair
        self.log_z = weights.logsumexp(0)
        self.cumulative = torch.softmax(weights.double(), 0).cumsum(0)

    #: standard error of ln Z
    log_z_error = 0.0

    def draw(self, num: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return independent visible units `(num, M)` and their ln p `(num,)`."""
        x = self.draw_units(num, generator)
        return x, self.machine.log_f(x) - self.log_z

    def draw_units(self, num: int, generator: torch.Generator | None) -> Tensor:
        """Return independent visible units `(num, M)`."""
        table, machine = self.cumulative, self.machine
        uniform = torch.rand(num, generator=generator, dtype=table.dtype, device=table.device) * table[-1]
        number = torch.searchsorted(table, uniform, right=True).clamp(max=len(table) - 1)
        bits = (number[:, None] >> torch.arange(machine.enumerable, device=table.device)) & 1
        low, high = self.values
        states = low + (high - low) * bits.to(machine.weight)
        if not self.over_hidden:
            return states
        return machine.visible.draw(machine.visible_field(states), generator)
