"""Reverse Kullback-Leibler divergence to exp(-beta H)/Z, and three estimators of its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

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
    energy_of = model.system.energy
    if gradient == "score":
        x, log_prob = model.draw_fixed(num_samples, generator)
        energy = energy_of(x)
        values = beta * energy + log_prob.detach()
        limited = values
        if advantage_clip is not None:
            centre = values.median()
            limit = advantage_clip * 1.4826 * (values - centre).abs().median()
            limited = values.clamp(centre - limit, centre + limit)
        advantage = (limited - limited.mean()) * (num_samples / max(num_samples - 1, 1))
        return FreeEnergy((advantage * log_prob).mean(), values, energy, log_prob.detach())
    z = model.latent(num_samples, generator)
    if gradient == "path":
        x, log_prob, score = model.draw_with_score(z)
        energy = energy_of(x)
        loss = (beta * energy + (score * x).sum((-1, -2))).mean()
    else:
        x, log_prob = model.draw(z)
        energy = energy_of(x)
        loss = (beta * energy + log_prob).mean()
    values = (beta * energy + log_prob).detach()
    return FreeEnergy(loss, values, energy.detach(), log_prob.detach())
