"""Base of normalised densities: draws with their log-density, and the gradient of the free energy."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import Any, ClassVar

import torch
from rich.progress import track
from torch import Tensor

from physgen.core.errors import InputError, check, check_choice, check_integer, check_number, check_positive
from physgen.core.quantity import FREE_ENERGY
from physgen.core.random_streams import DATA
from physgen.core.registry import REBUILDING
from physgen.models.base import Model
from physgen.models.contact import divergent_terms
from physgen.objectives.forward_kl import forward_kl
from physgen.objectives.reverse_kl import GRADIENTS, reverse_kl
from physgen.observables import Findings, Observable
from physgen.observables.free_energy import FreeEnergy
from physgen.observables.reweighting import Reweighting
from physgen.runs.result import reference_for, reweighted_alarms
from physgen.runs.samples_file import load_samples
from physgen.samplers import MALA, Sampler, Wolff
from physgen.samplers.base import check_moves
from physgen.systems import ClassicalSystem, Drawn, System


class BoltzmannDensity:
    """ln exp(-beta H), the log-density that Monte Carlo samples of a classical system follow."""

    def __init__(self, system: ClassicalSystem) -> None:
        self.system = system

    def __call__(self, x: Tensor) -> Tensor:
        """Return -beta H `(batch,)` of `x` `(batch, n, dim)`."""
        return -self.system.beta * self.system.energy(x)

    @property
    def bonds(self) -> Tensor | None:
        """beta J of neighbours on a lattice, where the system says them, for samplers of spins."""
        return getattr(self.system, "bonds", None)


class DensityModel(Model):
    r"""A normalised density p that draws its own samples; its training minimises the free energy (reverse KL).

    F_theta = <H> + <ln p>/beta >= F = -ln Z/beta,   KL(p || exp(-beta H)/Z) = beta (F_theta - F)

    The bound holds only for a normalised p; `guarantee` says how that is known: `exact` (by construction) or
    `checked` (watched while drawing; a violation turns the printed F into "not a bound").

    Args:
        system: a classical system.
        batch_size: draws of one iteration on this rank.
        gradient: estimator of the gradient, `reparameterised`, `path` or `score`.
        learning_rate: largest step of Adam; it rises over 50 iterations and falls as a cosine to a hundredth.
        clip_norm: largest norm of a gradient, in nats; None for no limit.
        anneal_from: fraction of beta that the training starts at; 1 for no annealing. It rises geometrically.
        anneal_fraction: part of the iterations over which beta rises.
        advantage_clip: limit of the score-function gradient's advantage, see `reverse_kl`.
        forward_fraction: part of the iterations, the first ones, that are trained by maximum likelihood on Monte Carlo
            samples (forward KL); 0 for a training without any data, which is the default.
        data: sampler of those Monte Carlo samples, MALA chains unless given.
        data_size: how many of them are drawn before the training, on every rank.
        data_file: npz file of samples to take instead, as `python -m physgen reference --samples` writes it.
        reverse_learning_rate: largest step after the forward part, `learning_rate` unless given.
        steps_per_epoch: iterations between two checkpoints.
    """

    abstract = True
    headline = FREE_ENERGY
    evaluation_without_effect: ClassVar[dict[str, str]] = dict.fromkeys(
        ("thin", "warm_up"), "its draws are independent"
    )
    guarantee = "exact"
    #: whether draws can be differentiated through
    reparameterised = True
    #: whether p(x) > 0 for any x, as maximum likelihood needs
    full_support = True

    def __init__(
        self,
        system: System,
        batch_size: int = 512,
        gradient: str = "reparameterised",
        learning_rate: float = 1e-3,
        clip_norm: float | None = 100.0,
        anneal_from: float = 1.0,
        anneal_fraction: float = 0.5,
        advantage_clip: float | None = None,
        forward_fraction: float = 0.0,
        data: Sampler | None = None,
        data_size: int = 100_000,
        data_file: str | None = None,
        reverse_learning_rate: float | None = None,
        steps_per_epoch: int = 50,
    ) -> None:
        super().__init__(system, steps_per_epoch)
        if not isinstance(self.system, ClassicalSystem):
            raise InputError(f"system must be a classical system for {type(self).__name__}, got {self.system!r}")
        self.batch_size = check_integer("batch_size", batch_size, 2)
        self.gradient = check_choice("gradient", gradient, GRADIENTS if self.reparameterised else ("score",))
        self.learning_rate = check_positive("learning_rate", learning_rate)
        self.clip_norm = None if clip_norm is None else check_positive("clip_norm", clip_norm)
        self.anneal_from = check_positive("anneal_from", anneal_from)
        self.anneal_fraction = check_positive("anneal_fraction", anneal_fraction)
        check(anneal_from <= 1, "anneal_from", anneal_from, "a number in (0, 1]")
        check(anneal_fraction <= 1, "anneal_fraction", anneal_fraction, "a number in (0, 1]")
        self.advantage_clip = None if advantage_clip is None else check_positive("advantage_clip", advantage_clip)
        check_number("forward_fraction", forward_fraction, 0, 1, "a number in [0, 1]")
        if forward_fraction > 0 and not self.full_support:
            raise InputError(f"forward_fraction must be 0 for {type(self).__name__}, whose p(x) may be 0 at a sample")
        self.forward_fraction = float(forward_fraction)
        self.data = Sampler.of(self.usual_data() if data is None else data, "data")
        self.init_args["data"] = None if data is None else self.data
        if self.forward_fraction > 0 and data_file is None:
            check_moves("data", self.data, self.system)
        self.data_size = check_integer("data_size", data_size, 1)
        self.data_file = data_file
        if data_file is not None and not REBUILDING.get():
            load_samples(
                data_file, self.system, "data_file"
            )  # a file that does not fit is refused before the training starts
        #: samples of this rank `(data_size, n, dim)`, from the first iteration that needs them
        self.pool: list[Tensor] = []
        late = learning_rate if reverse_learning_rate is None else reverse_learning_rate
        check_positive("reverse_learning_rate", late)
        self.late_rate = reverse_learning_rate
        self.boltzmann = BoltzmannDensity(self.system)
        self.scale = self.system.spread

    def usual_data(self) -> Sampler:
        """Return the sampler of Monte Carlo samples where none is given: clusters of spins on a lattice, else MALA."""
        if self.system.space.continuous:
            return MALA(walkers=4096, steps=40, warm_up_steps=400)
        return Wolff(walkers=1024, steps=10)

    def without_effect(self) -> dict[str, str]:
        """Return what a training without samples, or on nothing else, and the chosen gradient do not ask for."""
        ignored: dict[str, str] = {}
        if self.forward_fraction == 0:
            names = ("data_file", "data", "data_size", "reverse_learning_rate")
            ignored |= dict.fromkeys(names, "without forward_fraction > 0")
        elif self.data_file is not None:
            ignored |= dict.fromkeys(("data", "data_size"), "beside data_file")
        if self.forward_fraction == 1:
            names = ("gradient", "anneal_from", "anneal_fraction", "advantage_clip", "reverse_learning_rate")
            return ignored | dict.fromkeys(names, "with forward_fraction 1")
        if self.anneal_from == 1:
            ignored["anneal_fraction"] = "without anneal_from < 1"
        if self.gradient != "score":
            ignored["advantage_clip"] = f"with gradient {self.gradient}"
        return ignored

    # ---- the density protocol

    @abstractmethod
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw configurations `(num_samples, n, dim)` and their ln p `(num_samples,)`, without gradients."""

    @abstractmethod
    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of any configurations `(batch, n, dim)`."""

    def draw_batch(self, num_samples: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return what `sample` gives of one batch, in one part: what the model watches is then of all of it."""
        return self.sample.at_once(self, num_samples, generator)

    def draw_fixed(self, num_samples: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return draws, held fixed, and a ln p(x) that is differentiable in the parameters."""
        x, _ = self.draw_batch(num_samples, generator)
        return x, self.log_prob(x)

    # ---- training

    def log_prob_of_samples(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of Monte Carlo samples, differentiable, as maximum likelihood trains it."""
        return self.log_prob(x)

    def draw_pool(self) -> Tensor:
        """Return Monte Carlo samples `(data_size, n, dim)`, float32, that depend on seed and rank alone.

        So a resumed training draws them again, and checkpoints stay small.
        """
        if self.data_file is not None:
            return load_samples(self.data_file, self.system, "data_file").to(self.device)
        return self.monte_carlo_samples(self.data_size, self.new_stream(DATA))

    def monte_carlo_samples(self, num: int, generator: torch.Generator) -> Tensor:
        """Return samples of the system `(num, *shape)`, float32: its own independent draws where it has them."""
        if hasattr(self.system, "draw"):
            return self.system.draw(num, generator, self.device).float()
        sampler = Sampler.of(self.data.spec())
        x = self.system.initial(sampler.walkers, generator, dtype=torch.float64, device=self.device)
        sampler.start(x, generator, 0.1 * self.system.thermal_width, space=self.system.space)
        sampler.warm_up(self.boltzmann)
        rounds = math.ceil(num / sampler.walkers)
        trainer = self._trainer
        shown = trainer is not None and trainer.progress_bar_callback is not None and trainer.is_global_zero
        bar = track(range(rounds), "Monte Carlo samples", transient=True, disable=not shown)
        return torch.cat([sampler.sample(self.boltzmann).float() for _ in bar])[:num]

    def make_optimizer(self) -> torch.optim.Optimizer:
        """Return the optimiser of all parameters."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate, betas=(0.9, 0.99))

    def configure_optimizers(self) -> dict[str, Any]:
        """Return the optimiser, with a warm-up and a cosine decay over each part of the training."""
        optimizer = self.make_optimizer()
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, self.rate)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def rate(self, step: int) -> float:
        """Return the learning rate of an iteration as a fraction of `learning_rate`."""
        total, early = self.total_steps(), self.forward_steps()
        late = step >= early
        done, length = (step - early, total - early) if late else (step, early)
        cosine = 0.5 * (1 + math.cos(math.pi * min(done / max(length, 1), 1.0)))
        change = self.late_rate / self.learning_rate if late and self.late_rate is not None else 1.0
        return change * min(1.0, (done + 1) / 50) * (0.01 + 0.99 * cosine)

    def forward_steps(self) -> int:
        """Return how many iterations, the first ones, are trained on Monte Carlo samples."""
        return round(self.forward_fraction * self.total_steps())

    def total_steps(self) -> int:
        """Return the iterations that the schedules of learning rate and beta are made for.

        Those of `max_epochs` where they are limited: `max_steps` and `max_time` stop a training, which goes on later,
        and must not bend its schedules.
        """
        steps = self.trainer.estimated_stepping_batches
        if (self.trainer.max_epochs or -1) > 0:
            steps = math.ceil(self.trainer.num_training_batches / self.trainer.accumulate_grad_batches)
            return steps * self.trainer.max_epochs
        return int(steps) if math.isfinite(steps) else 10_000

    def beta_now(self) -> float:
        """Return the annealed inverse temperature of this iteration."""
        early = self.forward_steps()
        length = self.anneal_fraction * (self.total_steps() - early)
        progress = min(1.0, (self.global_step - early) / max(length, 1.0))
        return self.system.beta * self.anneal_from ** (1 - progress)

    def training_step(self, batch: int, batch_idx: int) -> Tensor:
        """Return the loss of this iteration: forward KL on Monte Carlo samples first, then reverse KL on own draws."""
        forward = self.global_step < self.forward_steps()
        self.part = "forward" if forward else "reverse"
        if not self.weights_are_finite():
            # nothing can be drawn; the other ranks, which can, must meet this one all the same
            self.step_is_sound(torch.full((self.batch_size,), math.nan, device=self.device))
            return self.no_loss()
        return self.forward_step() if forward else self.reverse_step()

    def forward_step(self) -> Tensor:
        """Take a batch of the Monte Carlo samples and return minus its log-likelihood."""
        if not self.pool:
            self.pool.append(self.draw_pool())
        x = self.pool[0]
        rows = torch.randint(len(x), (self.batch_size,), generator=self.generator, device=self.device)
        loss, values = self.loss_of_samples(self.reflected(x[rows]))
        if not self.step_is_sound(values):
            return self.no_loss()
        self.record(
            {
                "negative_log_likelihood": values.mean(),
                "nonfinite": self.step.lost,
                "learning_rate": self.trainer.optimizers[0].param_groups[0]["lr"],
            }
        )
        return loss

    def loss_of_samples(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of a batch of samples, and the values `(batch,)` in nats that say whether it is sound."""
        values = forward_kl(self, x)
        return values.mean(), values

    def reflected(self, x: Tensor) -> Tensor:
        """Return samples, or images of them under a symmetry of the system that the training should see too."""
        return x

    def no_loss(self) -> Tensor:
        """Return a loss without gradient, on every rank alike; the guard undoes what momentum does."""
        return sum(0 * p.sum() for p in self.parameters())

    def reverse_step(self) -> Tensor:
        """Draw a batch and return the surrogate loss whose gradient is that of beta F."""
        beta = self.beta_now()
        self.annealed(beta)
        drawn = reverse_kl(
            self, self.batch_size, beta, self.generator, self.gradient, advantage_clip=self.advantage_clip
        )
        at_target = drawn.energy + drawn.log_prob / self.system.beta
        if not self.step_is_sound(at_target + 0 * drawn.loss.detach()):
            return self.no_loss()
        self.record(
            {
                "free_energy": at_target.mean(),
                "energy": drawn.energy.mean(),
                "spread": drawn.values.std(),
                "nonfinite": self.step.lost,
                "beta": beta,
                "learning_rate": self.trainer.optimizers[0].param_groups[0]["lr"],
                **self.watched(),
            }
        )
        return drawn.loss + self.penalty()

    def penalty(self) -> Tensor | float:
        """Return a cost besides beta F, in nats, of the last draws."""
        return 0.0

    def annealed(self, beta: float) -> None:
        """Take notice of the inverse temperature of this iteration."""

    def watched(self) -> dict[str, Any]:
        """Return what the model watches while it draws, for the records."""
        return {}

    def configure_gradient_clipping(
        self, optimizer: Any, gradient_clip_val: float | None = None, gradient_clip_algorithm: str | None = None
    ) -> None:
        """Limit the norm of the gradient to `clip_norm` and record it; then clip as the trainer was asked to."""
        limit = math.inf if self.clip_norm is None else self.clip_norm
        norm = torch.nn.utils.clip_grad_norm_(self.parameters(), limit)
        self._records["gradient_norm"].append(norm.detach())
        if gradient_clip_val is not None:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    # ---- evaluation

    def start_fresh_draws(self, generator: torch.Generator) -> None:
        """Take the source of independent draws.

        Raises:
            InputError: weights that are not finite, of which nothing can be drawn.
        """
        check(self.weights_are_finite(), "weights", f"NaN or infinity in {type(self).__name__}", "finite numbers")
        self.draws = generator

    def fresh_view(self) -> Drawn:
        """Draw a batch."""
        return Drawn(self.system, *self.draw_batch(self.evaluation.batch, self.draws))

    def draws_to_keep(self) -> dict[str, Tensor]:
        """Return configurations with ln p and the importance weight exp(-beta H)/p, not normalised, as a logarithm."""
        at = self.fresh_view()
        return {"x": at.x, "log_prob": at.log_prob, "log_weight": at.log_weight}

    def headline_observables(self) -> list[Observable]:
        """Return the free energy and the terms of the energy."""
        known = reference_for(self.system.references(), "free_energy")
        exact = None if known is None else (known.value, known.error)

        def divergent(energies: Tensor) -> list[str]:
            return divergent_terms(self, self.measurements.kept[-1], energies)

        return [FreeEnergy(self.system.beta, self.system.virial, divergent, exact)]

    def last_observables(self) -> list[Observable]:
        """Return the reweighted values of all others."""
        known = reference_for(self.system.references(), "free_energy")
        exact = None if known is None else known.value
        return [Reweighting("free_energy", self.system.beta, self.draws, self.evaluation.repeats, exact)]

    def finish(self, found: Findings) -> None:
        """Say how normalisation is known and what was learned from; look for reweighted values that cannot be right."""
        trained = "no data (reverse KL)"
        if self.forward_fraction == 1:
            trained = "Monte Carlo samples (forward KL)"
        elif self.forward_fraction > 0:
            trained = "Monte Carlo samples (forward KL), then its own draws (reverse KL)"
        at = 1 if "nonfinite" in found.diagnostics else 0
        found.notes[at:at] = [f"guarantee: {self.guarantee}", f"trained on {trained}"]
        found.alarms += reweighted_alarms(found.estimates, self.system.references())
