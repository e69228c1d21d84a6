"""Reverse Kullback-Leibler divergence to exp(-beta H)/Z, and three estimators of its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from physgen.core.quantity import FREE_ENERGY
from physgen.objectives.base import Objective, Step
from physgen.objectives.typical import typical_of

GRADIENTS = ("reparameterised", "path", "score")


@dataclass
class FreeEnergy:
    """A batch of beta F_theta = beta H + ln p, and the surrogate whose gradient is that of its mean.

    Args:
        loss: surrogate to differentiate, in nats.
        values: beta H + ln p, `(batch,)`, in nats, at the inverse temperature of the step.
        energy: H `(batch,)`.
        log_prob: ln p `(batch,)`.
    """

    loss: Tensor
    values: Tensor
    energy: Tensor
    log_prob: Tensor


def reverse_kl(
    model: Any,
    num_samples: int,
    beta: float,
    generator: torch.Generator | None,
    gradient: str,
    advantage_clip: float | None = None,
) -> FreeEnergy:
    r"""Draw a batch from `model` and return beta F = <beta H + ln p> with a surrogate for its gradient.

    KL(p || exp(-beta H)/Z) = beta (F_theta - F) with F_theta = <H> + <ln p>/beta >= F. Estimators of the gradient:

    * `reparameterised`: x = f(z), differentiate beta H(f(z)) + ln p(f(z));
    * `path`: leave out the score d ln p(x)/d theta at fixed x, whose mean vanishes: no noise at p = exp(-beta H)/Z;
    * `score`: < (v - b) d ln p(x)/d theta >, v = beta H + ln p, with the leave-one-out mean as baseline b: for models
      that cannot be differentiated through their draws.

    Sources: Rezende and Mohamed, "Variational Inference with Normalizing Flows", arXiv:1505.05770; Roeder, Wu and
    Duvenaud, "Sticking the Landing", arXiv:1703.09194; Vaitl, Nicoli, Nakajima and Kessel, "Gradients should stay on
    path", arXiv:2207.08219; Wu, Wang and Zhang, "Solving Statistical Mechanics Using Variational Autoregressive
    Networks", arXiv:1809.10606.

    Args:
        model: a density: `draw_fixed` gives draws x, held fixed, with a differentiable ln p(x); reparameterised ones
            also `latent`, `draw` and `draw_with_score`.
        num_samples: batch.
        beta: inverse temperature of this step (an annealed one is smaller than the system's).
        generator: source of all draws.
        gradient: one of `GRADIENTS`.
        advantage_clip: for `score`, the limit of v - b in robust standard deviations about the median, so that one
        pair of
            particles that all but coincide cannot carry a step; None keeps the estimator unbiased.
    """
    return free_energy(model, own_draws(model, num_samples, generator, gradient), beta, gradient, advantage_clip)


def own_draws(
    model: Any, num_samples: int, generator: torch.Generator | None, gradient: str
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return draws x, their ln p and, for `path`, d ln p/dx, differentiable as an estimator of the gradient asks."""
    if gradient == "score":
        return (*model.draw_fixed(num_samples, generator), None)
    z = model.latent(num_samples, generator)
    found: tuple[Tensor, Tensor, Tensor | None]
    found = model.draw_with_score(z) if gradient == "path" else (*model.draw(z), None)
    return found


def free_energy(
    model: Any,
    draws: tuple[Tensor, Tensor, Tensor | None],
    beta: float,
    gradient: str,
    advantage_clip: float | None = None,
) -> FreeEnergy:
    """Return beta F of what `own_draws` gave, see `reverse_kl`."""
    x, log_prob, score = draws
    energy = model.system.energy(x)
    values = (beta * energy + log_prob).detach()
    if score is not None:
        loss = (beta * energy + (score * x).sum((-1, -2))).mean()
    elif gradient == "reparameterised":
        loss = (beta * energy + log_prob).mean()
    else:
        limited = values
        if advantage_clip is not None:
            centre = values.median()
            limit = advantage_clip * 1.4826 * (values - centre).abs().median()
            limited = values.clamp(centre - limit, centre + limit)
        advantage = (limited - limited.mean()) * (len(x) / max(len(x) - 1, 1))
        loss = (advantage * log_prob).mean()
    return FreeEnergy(loss, values, energy.detach(), log_prob.detach())


class ReverseKL(Objective):
    """Free energy of a density's own draws, by one of three estimators of its gradient, with an annealed temperature.

    The model gives its draws, `schedule.own_part()` and `batch_size`; `annealed` tells it the inverse temperature of an
    iteration, `penalty` and `watched` are what it adds to the loss and to the records.

    Args:
        gradient: one of `GRADIENTS`.
        advantage_clip: limit of the score-function gradient's advantage, or None.
        anneal_from: fraction of beta that the training starts at; it rises geometrically.
        anneal_fraction: part of the iterations on own draws over which it rises.
    """

    quantity = FREE_ENERGY
    part = "reverse"

    def __init__(
        self,
        gradient: str,
        advantage_clip: float | None = None,
        anneal_from: float = 1.0,
        anneal_fraction: float = 1.0,
    ) -> None:
        self.gradient, self.advantage_clip = gradient, advantage_clip
        self.anneal_from, self.anneal_fraction = anneal_from, anneal_fraction

    def beta(self, model: Any) -> float:
        """Return the annealed inverse temperature of this iteration."""
        done, length = model.schedule.own_part()
        progress = min(1.0, done / max(self.anneal_fraction * length, 1.0))
        beta: float = model.system.beta * self.anneal_from ** (1 - progress)
        return beta

    def batch(self, model: Any) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return draws of the model at the temperature of this iteration."""
        model.annealed(self.beta(model))
        return own_draws(model, model.batch_size, model.generator, self.gradient)

    def step(self, model: Any, batch: tuple[Tensor, Tensor, Tensor | None]) -> Step:
        """Return the step of own draws, in nats at the temperature of this iteration."""
        beta = self.beta(model)
        drawn = free_energy(model, batch, beta, self.gradient, self.advantage_clip)
        at_target = drawn.energy + drawn.log_prob / model.system.beta
        records = {
            "free_energy": at_target.mean(),
            "energy": drawn.energy.mean(),
            "spread": drawn.values.std(),
            "beta": beta,
            **model.watched(),
        }
        typical = typical_of(at_target + 0 * drawn.loss.detach())
        return Step(typical, lambda: drawn.loss + model.penalty(), records=records)
