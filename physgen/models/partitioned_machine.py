"""Machines with a partition function: ln Z and draws by a sum over states, or by annealed paths."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.enumeration import MOST_UNITS
from physgen.core.random_streams import DATA
from physgen.models.annealed_boltzmann import AnnealedBoltzmann
from physgen.models.density import DensityModel
from physgen.models.numpy_edge import gives_arrays
from physgen.nn.machines.enumerated_boltzmann import EnumeratedBoltzmann
from physgen.nn.machines.restricted_boltzmann import RestrictedBoltzmann
from physgen.observables import Findings
from physgen.stats.estimate import Estimate

#: how many times fewer steps the paths of records have than those of results
SHORTER = 10


class PartitionedMachine(DensityModel):
    """A density f/Z of visible units whose ln Z is exact where the smaller layer is small, else annealed.

    Of a file of samples a tenth is kept for the evaluation.
    """

    abstract = True
    net: RestrictedBoltzmann
    #: steps of the annealed path of a draw, and a fifth of those of ln Z
    temperatures: int
    #: what ln Z and draws come from, with the weights that it was made for
    _states: tuple[Any, EnumeratedBoltzmann | AnnealedBoltzmann] | None = None

    @property
    def enumerable(self) -> bool:
        """Whether ln Z is a sum over the states of the smaller layer."""
        return bool(self.net.enumerable <= MOST_UNITS)

    @property
    def guarantee(self) -> str:  # type: ignore[override]
        """`exact` where ln Z is a sum, else `estimate`."""
        return "exact" if self.enumerable else "estimate"

    # ---- density

    def states(self) -> EnumeratedBoltzmann | AnnealedBoltzmann:
        """Return what ln Z and draws come from, as the weights are now."""
        now = [(p.data_ptr(), p._version, p.dtype) for p in self.parameters()]
        if self._states is None or self._states[0] != now:
            self._states = (now, EnumeratedBoltzmann(self.net) if self.enumerable else self.annealed_states())
        return self._states[1]

    def annealed_states(self, share: int = 1) -> AnnealedBoltzmann:
        """Return ln Z by annealed importance sampling, the same at every call, with a share of the steps."""
        steps = max(2, self.temperatures // share)
        return AnnealedBoltzmann(self.net, steps, torch.Generator(self.device).manual_seed(0))

    @gives_arrays
    @torch.no_grad()
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw configurations `(num_samples, *shape)` and their ln p, or that of their paths, `(num_samples,)`."""
        x, log_prob = self.states().draw(num_samples, generator)
        return x.view(-1, *self.system.shape), log_prob

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of configurations `(batch, *shape)`, differentiable."""
        return self.net.log_f(x.flatten(1)) - self.log_z()

    def log_z(self) -> Tensor:
        """Return ln Z, differentiable: exact, or an estimate whose gradient is a mean over draws."""
        states = self.states()
        if not torch.is_grad_enabled():
            return states.log_z
        if isinstance(states, EnumeratedBoltzmann):
            return self.net.log_z()
        slope = self.net.log_f(states.settled).mean()
        return states.log_z + slope - slope.detach()

    @property
    def log_z_error(self) -> float:
        """Standard error of ln Z, 0 where it is a sum."""
        return self.states().log_z_error

    # ---- samples

    def draw_pool(self) -> Tensor:
        """Return samples to train on: of a file nine tenths, the rest is for the evaluation."""
        x = super().draw_pool()
        return x if self.data_file is None else x[: -held_out(x)]

    def fresh_samples(self) -> Tensor:
        """Return samples that the training has not seen, in the precision of the weights."""
        if self.unseen is not None:
            return self.unseen.to(self.net.weight)
        if self.data_file is not None:
            x = super().draw_pool()
            return x[-held_out(x) :].to(self.net.weight)
        generator = self.new_stream(DATA, self.evaluation.seed)
        return self.monte_carlo_samples(self.evaluation.samples, generator).to(self.net.weight)

    # ---- records and results

    def on_train_epoch_end(self) -> None:
        """Record the log-likelihood of samples and the free energy of draws; of large machines by short paths."""
        with torch.no_grad():
            states = self.states() if self.enumerable else self.annealed_states(SHORTER)
            x, log_prob = states.draw(self.batch_size, self.aside())
            known = self.pool[0] if self.given is None else self.given
            seen = self.net.log_f(known[: self.batch_size].to(x).flatten(1)) - states.log_z
        free = self.system.energy(x.view(-1, *self.system.shape)) + log_prob / self.system.beta
        self.record({"log_likelihood": seen.mean(), "free_energy": free.mean()})
        super().on_train_epoch_end()

    def finish(self, found: Findings) -> None:
        """Say where ln Z and draws come from."""
        super().finish(found)
        states = self.states()
        if isinstance(states, AnnealedBoltzmann):
            found.estimates["log_z_machine"] = Estimate(float(states.log_z), states.log_z_error)
            names = {"log_z_forward": states.forward, "log_z_reverse": states.reverse, "path_overlap": states.overlap}
            found.diagnostics |= names
            found.notes.append(
                f"2^{self.net.enumerable} states are not listed: ln Z of the machine is an estimate by annealed "
                f"importance sampling, between {states.forward:.6g} and {states.reverse:.6g} from either end; draws "
                "are ends of annealed paths, whose F, KL and weights are those of paths"
            )


def held_out(x: Tensor) -> int:
    """Return how many samples of a file are kept out of the training."""
    return max(1, len(x) // 10)
