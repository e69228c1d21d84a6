"""ln Z and draws of a restricted Boltzmann machine too large to enumerate, along annealed paths."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.nn.machines.restricted_boltzmann import RestrictedBoltzmann
from physgen.samplers.annealed_importance import annealed_importance
from physgen.stats.bridge import bridge

#: paths in each direction by which ln Z is found, and how many times more steps they have than those of draws
PATHS, LONGER = 200, 5


class AnnealedBoltzmann:
    r"""ln Z of a machine as it is now, and draws of it that carry the weight of their path.

    Paths lead from independent visible units at t = 0 to the machine at t = 1, a Gibbs sweep at every step. Those
    forward bound ln Z from below, those back from draws of the machine from above, in the mean; Bennett's acceptance
    ratio takes both. The error is its own, or half of the gap between the two means of weights where that is more.

    A path ends at x with the weight w, and ln f(x) - ln Z_0 - ln w is the logarithm of q(path)/r(path|x), where r are
    the same moves back: E[f_target(x) r/q] = Z_target exactly, for any number of steps.

    Sources: R. M. Neal, "Annealed Importance Sampling", arXiv:physics/9803008; R. Salakhutdinov and I. Murray, "On the
    quantitative analysis of deep belief networks", doi:10.1145/1390156.1390266.

    Args:
        machine: whose weights are as they are now.
        steps: of the path of a draw; those of ln Z take five times as many.
        paths: in each direction, for ln Z.
        generator: source of the paths of ln Z.
    """

    def __init__(
        self, machine: RestrictedBoltzmann, steps: int, generator: torch.Generator, paths: int = PATHS
    ) -> None:
        self.machine, self.steps = machine, steps
        #: hidden fields at t = 1 of the configurations that they were found for
        self._fields: tuple[Tensor, Tensor] | None = None
        with torch.no_grad():
            self.measure(paths, generator)

    def measure(self, paths: int, generator: torch.Generator) -> None:
        """Find ln Z from both ends."""
        machine, steps = self.machine, LONGER * self.steps
        first = float(machine.independent_log_z())
        x, forward = self.path(machine.draw_independent(paths, generator), steps, generator)
        rows = torch.multinomial(forward.softmax(0), paths, replacement=True, generator=generator)
        x = machine.sweep(x[rows], generator, self.steps)
        #: draws of the machine, all but independent of each other
        self.settled = x
        _, back = self.path(x, steps, generator, backward=True)
        forward, backward = first + forward, first - back
        found = bridge(forward, backward)
        #: means of weights from either end: ln Z lies between them but for their noise
        self.forward, self.reverse = float(log_mean(forward)), -float(log_mean(-backward))
        self.log_z = torch.tensor(found.log_z, dtype=machine.weight.dtype, device=x.device)
        self.log_z_error = max(found.error, 0.5 * abs(self.forward - self.reverse))
        self.overlap = found.overlap

    # ---- paths

    def field(self, x: Tensor) -> Tensor:
        """Return the hidden fields of configurations at t = 1, found once."""
        if self._fields is None or self._fields[0] is not x:
            self._fields = (x, self.machine.hidden_field(x))
        return self._fields[1]

    def log_density(self, x: Tensor, t: float) -> Tensor:
        """Return what of ln f_t `(batch,)` depends on t."""
        return self.machine.hidden.cumulant(t * self.field(x)).sum(-1)

    def path(
        self, x: Tensor, steps: int, generator: torch.Generator | None, backward: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return the ends of paths that begin at `x` and the logarithms of their weights."""

        def move(x: Tensor, t: float) -> Tensor:
            h = self.machine.hidden.draw(t * self.field(x), generator)
            return self.machine.visible.draw(self.machine.visible_field(h, t), generator)

        times = torch.linspace(0, 1, steps + 1, dtype=torch.float64)
        end, log_weight = annealed_importance(self.log_density, move, x, times.flip(0) if backward else times)
        self._fields = None
        return end, log_weight

    def draw(self, num: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return ends `(num, M)` of fresh paths and ln q(path) - ln r(path|x) `(num,)`."""
        machine = self.machine
        x, log_weight = self.path(machine.draw_independent(num, generator), self.steps, generator)
        return x, machine.log_f(x) - machine.independent_log_z() - log_weight.to(x)


def log_mean(values: Tensor) -> Tensor:
    """Return ln of the mean of exp(values)."""
    return values.logsumexp(0) - torch.tensor(float(len(values))).log()
