"""Models that draw by walkers: their life in training, checkpoints and evaluation."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import check
from physgen.models.base import Model
from physgen.models.born_density import BornDensity, check_signs
from physgen.models.numpy_edge import Configurations, gives_arrays
from physgen.samplers import Sampler
from physgen.systems import At, QuantumSystem


class WalkedModel(Model):
    """A wavefunction whose walkers follow |psi|^2: those of the training live in checkpoints, others are fresh."""

    abstract = True
    system: QuantumSystem
    sampler: Sampler
    born: BornDensity
    #: the system's length, in units of which the network sees coordinates
    length: float
    #: numbers of particles of two kinds that exchange places in a walk
    exchanged_kinds: Any

    @abstractmethod
    def log_psi(self, x: Configurations) -> tuple[Configurations, Configurations]:
        """Return sign and ln|psi|, `(batch,)` each, of configurations `(batch, n, dim)`."""

    # ---- fresh draws

    @gives_arrays
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw configurations `(num_samples, n, dim)` from |psi|^2, each from a fresh chain of its own."""
        assert generator is not None  # `gives_arrays` makes one
        sampler = self.fresh_sampler(max(num_samples, 2))
        self.start_sampler(sampler, generator)
        return sampler.sample(self.born, 10 * sampler.steps)[:num_samples]

    def fresh_sampler(self, walkers: int) -> Sampler:
        """Return a sampler like the model's own, without walkers yet."""
        spec = self.sampler.spec()
        return Sampler.of({**spec, "init_args": {**spec["init_args"], "walkers": walkers}})

    def start_sampler(self, sampler: Sampler, generator: torch.Generator, warm_up: int | None = None) -> None:
        """Give walkers to `sampler` from the system's first guess, and warm them up."""
        dtype = next(self.parameters()).dtype
        x = self.system.initial(sampler.walkers, generator, dtype=dtype, device=self.device)
        check_signs(self, x)
        width = 0.5 * self.length / self.system.space.size**0.5
        sampler.start(x, generator, width, self.exchanged_kinds, self.system.space)
        sampler.warm_up(self.born, warm_up)

    # ---- walkers of the training

    def training_batch(self) -> Tensor:
        """Move the walkers on and return them `(walkers, *shape)`."""
        return self.sampler.sample(self.born)

    def start_training(self) -> None:
        """Warm up the walkers."""
        self.start_sampler(self.sampler, self.draws_of_training())

    def training_state(self) -> dict[str, Tensor]:
        """Return walkers and step width."""
        state = self.sampler.state_dict()
        return {"x": state["x"], "width": state["width"]}

    def restore_training(self, state: dict[str, Tensor]) -> None:
        """Take over walkers and step width.

        Raises:
            InputError: walkers of another system, or a width that is no finite number > 0.
        """
        shape, width = self.system.shape, float(state["width"])
        check(state["x"].shape[1:] == shape, "walkers of the checkpoint", tuple(state["x"].shape), f"(.., {shape})")
        check(math.isfinite(width) and width > 0, "width of the checkpoint", width, "a finite number > 0")
        x = state["x"].to(next(self.parameters()))
        self.sampler.start(x, self.draws_of_training(), width, self.exchanged_kinds, self.system.space)

    def redistribute_training(self, states: dict[str, Tensor]) -> None:
        """Deal the pooled walkers of another number of ranks, and warm them up."""
        x = self.dealt(states["x"], self.sampler.walkers)
        width = float(states["width"].mean())
        self.sampler.start(x, self.draws_of_training(), width, self.exchanged_kinds, self.system.space)
        self.sampler.warm_up(self.born)

    def on_train_epoch_start(self) -> None:
        """Let the step width follow the wavefunction, in a short warm-up."""
        self.sampler.warm_up(self.born, 20)

    # ---- walkers of an evaluation

    def start_fresh_draws(self, generator: torch.Generator) -> None:
        """Warm up fresh walkers; their step width is frozen from then on."""
        self.fresh = self.fresh_sampler(self.evaluation.batch)
        self.start_sampler(self.fresh, generator, self.evaluation.warm_up)
        self.acceptances: list[float] = []

    def fresh_view(self) -> At:
        """Move the walkers on, and return the view of psi where they stand."""
        x = self.fresh.sample(self.born, self.evaluation.thin)
        self.acceptances.append(self.fresh.acceptance)
        return At(self, x)

    def draws_to_keep(self) -> dict[str, Tensor]:
        """Return configurations from |psi|^2 with ln|psi| and the sign of psi."""
        x = self.fresh.sample(self.born, self.evaluation.thin)
        sign, log_psi = self.log_psi(x)
        return {"x": x, "log_psi": log_psi, "sign": sign, "weight": torch.ones_like(log_psi)}
