"""Base of normalised densities: draws with their log-density, and the gradient of the free energy."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from physgen.core.errors import InputError, check, check_choice, check_integer, check_positive
from physgen.core.quantity import FREE_ENERGY
from physgen.models.counted import CountedModel
from physgen.models.data_trained import DataTrainedModel
from physgen.models.first_order import FirstOrderModel
from physgen.models.weighted import WeightedModel
from physgen.objectives import ForwardKL, Objective, ReverseKL
from physgen.objectives.reverse_kl import GRADIENTS
from physgen.samplers import Sampler
from physgen.systems import ClassicalSystem, System

#: first part of a training that learns from samples before it learns from own draws
ON_SAMPLES = ForwardKL()


class DensityModel(CountedModel, FirstOrderModel, DataTrainedModel, WeightedModel):
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
    system: ClassicalSystem
    headline = FREE_ENERGY
    evaluation_without_effect: ClassVar[dict[str, str]] = dict.fromkeys(
        ("thin", "warm_up"), "its draws are independent"
    )
    guarantee = "exact"

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
        self.set_optimizer(learning_rate, clip_norm, reverse_learning_rate)
        self.anneal_from = check_positive("anneal_from", anneal_from)
        self.anneal_fraction = check_positive("anneal_fraction", anneal_fraction)
        check(anneal_from <= 1, "anneal_from", anneal_from, "a number in (0, 1]")
        check(anneal_fraction <= 1, "anneal_fraction", anneal_fraction, "a number in (0, 1]")
        self.advantage_clip = None if advantage_clip is None else check_positive("advantage_clip", advantage_clip)
        self.set_data(forward_fraction, data, data_size, data_file)
        self.scale = self.system.spread

    def without_effect(self) -> dict[str, str]:
        """Return what a training without samples, or on nothing else, and the chosen gradient do not ask for."""
        ignored: dict[str, str] = {}
        if self.forward_fraction == 0:
            on_samples = ("data_file", "data", "data_size", "reverse_learning_rate")
            ignored |= dict.fromkeys(on_samples, "without forward_fraction > 0")
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

    def draw_fixed(self, num_samples: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return draws, held fixed, and a ln p(x) that is differentiable in the parameters."""
        x, _ = self.draw_batch(num_samples, generator)
        return x, self.log_prob(x)

    # ---- training

    def make_objective(self) -> Objective:
        """Return the divergence from the target: forward on samples alone, else reverse on own draws."""
        if self.forward_fraction == 1:
            return ForwardKL()
        return ReverseKL(self.gradient, self.advantage_clip, self.anneal_from, self.anneal_fraction)

    def objective_now(self) -> Objective:
        """Return the objective of this iteration: on samples first, where both are asked for."""
        if 0 < self.forward_fraction < 1 and self.global_step < self.schedule.forward_steps():
            return ON_SAMPLES
        return self.objective

    def training_batch(self) -> tuple[Tensor, Tensor]:
        """Return own draws, held fixed, and their ln p, differentiable in the parameters."""
        return self.draw_fixed(self.batch_size, self.generator)

    def penalty(self) -> Tensor | float:
        """Return a cost besides beta F, in nats, of the last draws."""
        return 0.0

    def annealed(self, beta: float) -> None:
        """Take notice of the inverse temperature of this iteration."""

    def watched(self) -> dict[str, Any]:
        """Return what the model watches while it draws, for the records."""
        return {}
