"""A cloud carried by a field in Runge-Kutta steps: its draws, its density by these steps, and how both are watched."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from physgen.models.centred_cloud import CentredCloud
from physgen.models.numpy_edge import gives_arrays
from physgen.nn.flows.equivariant_field import EquivariantField
from physgen.nn.flows.noise_ladder import NoiseLadder
from physgen.nn.flows.runge_kutta_map import RungeKuttaMap
from physgen.observables import Findings
from physgen.runs.result import Result

#: unit of the time that a field sees of a flow from 0 to 1
CLOCK = 3.0
#: draws of which the density is found with twice the steps
COMPARED = 64


class SteppedFlow(CentredCloud):
    """A Gaussian cloud that follows a velocity, or comes down a ladder of noises; subclasses set what is annotated."""

    abstract = True
    net: EquivariantField
    #: noises of a ladder, None of a flow
    ladder: NoiseLadder | None
    #: Runge-Kutta steps of ln p
    steps: int
    #: what the field learns by
    learns_by: str
    #: signs of the determinants of the last draws
    _signs: Tensor | None

    def map(self, steps: int | None = None) -> RungeKuttaMap:
        """Return the map from the Gaussian to particles, in units of the cloud, in `steps` or the model's own."""
        size = self.system.n**2 * self.net.push.in_features
        count = self.steps if steps is None else steps
        if self.ladder is None:
            return RungeKuttaMap(self.velocity, self.basis, 0.0, 1.0, count, size)
        ends = math.log(self.ladder.widest), math.log(self.ladder.narrowest)
        return RungeKuttaMap(self.ladder.velocity, self.basis, *ends, count, size)

    def velocity(self, x: Tensor, time: Tensor) -> Tensor:
        """Return the velocity of a flow, in units of the cloud."""
        velocity: Tensor = self.net(x, CLOCK * time)
        return velocity

    @gives_arrays
    @torch.no_grad()
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw configurations `(num_samples, n, dim)` and their ln p, on a ladder ln q - ln r of their paths."""
        x, log_prob = self.drawn(num_samples, generator)
        return x, log_prob

    def drawn(self, num: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return draws, held fixed, and ln p, that of paths differentiable in the parameters."""
        centre, log_centre = self.centre(num, generator)
        if self.ladder is None:
            z = self.noise(num, generator)
            log = -0.5 * (z.square().sum((1, 2)) + len(self._directions) * math.log(2 * math.pi))
            y, log_det, self._signs = self.map().forward(z)
            log = log - log_det
        else:
            y, log = self.ladder.paths(num, next(self.parameters()), generator)
        return centre + self.scale * y, log_centre + log - self.log_unit

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of configurations `(batch, n, dim)` by the flow back to the Gaussian, differentiable.

        NaN where it does not come back.
        """
        return self.log_prob_in(x, self.steps)

    def log_prob_in(self, x: Tensor, steps: int) -> Tensor:
        """Return ln p `(batch,)` with another number of Runge-Kutta steps."""
        centre = x.mean(1, keepdim=True)
        log = torch.zeros_like(x[:, 0, 0])
        if self.centre_width is not None:
            x, log = x - centre, self.log_centre(centre)
        z, log_det = self.map(steps).inverse(x / self.scale)
        width = 1.0 if self.ladder is None else self.ladder.base_width
        gauss = -0.5 * z.square().sum((1, 2)) / width**2 - 0.5 * len(self._directions) * math.log(
            2 * math.pi * width**2
        )
        return log + gauss - log_det - self.log_unit

    def draw_fixed(self, num_samples: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return ends of paths, held fixed, and ln q - ln r, differentiable in the parameters."""
        return self.drawn(num_samples, generator)

    # ---- what is watched

    def on_train_epoch_end(self) -> None:
        """Record the free energy of a few draws where the training draws none."""
        if self.forward_fraction == 1:
            with torch.no_grad():
                x, log_prob = self.draw_batch(min(self.batch_size, COMPARED), self.aside())
            self.record({"free_energy": (self.system.energy(x) + log_prob / self.system.beta).mean()})
        super().on_train_epoch_end()

    def start_fresh_draws(self, generator: torch.Generator) -> None:
        """Take the source of independent draws, and count signs of determinants."""
        super().start_fresh_draws(generator)
        self._folded = 0

    def measure(self, step: int) -> None:
        """Measure a batch, and count what determinants are not positive."""
        super().measure(step)
        if self._signs is not None:
            self._folded += int((self._signs <= 0).sum())

    def finish(self, found: Findings) -> None:
        """Say what paths learned from, and how far ln p rests on the number of steps."""
        super().finish(found)
        if self.learns_by == "log_variance":
            said = "trained on no data (log-variance of paths)"
            found.notes[:] = [said if note.startswith("trained on ") else note for note in found.notes]
        x = self.measurements.kept[-1][:COMPARED]
        with torch.no_grad():
            once, twice = self.log_prob_in(x, self.steps), self.log_prob_in(x, 2 * self.steps)
        found.diagnostics["step_halving"] = float((once - twice).nanmean())
        off = (once - twice).abs()
        found.diagnostics["step_halving_largest"] = float(off.nan_to_num(0.0).max())

    def summary(self) -> Result:
        """Return the result with the verdict on the signs of the determinants."""
        result = super().summary()
        if self._folded:
            result.guarantee = "violated"
            result.notes.insert(
                0,
                f"NOT A BOUND: det dx/dz is not positive in {self._folded} draws, the map folds, p is not normalised",
            )
        return result
