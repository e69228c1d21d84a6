"""One training loop and one measurement for densities of any library, for benchmarks at equal CPU time.

A density has `system`, `latent`, `draw` and `parameters` as `physgen.objectives.reverse_kl` asks for them, and
`sample(num_samples, generator) -> (x, log_prob)`.
"""

from __future__ import annotations

import math
import resource
import statistics
import time
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from physgen.objectives.reverse_kl import reverse_kl
from physgen.stats import importance_estimates

#: iterations that are timed before a training, to know how many fit
TIMED = 20


@dataclass
class Recipe:
    """How a density is trained.

    Args:
        learning_rate: largest step; it rises over 50 iterations and falls as a cosine to a hundredth.
        gradient: estimator of the gradient, see `reverse_kl`.
        batch: draws of one iteration.
        anneal_from: fraction of beta that the training starts at, from where beta rises geometrically.
        anneal_fraction: part of the iterations over which beta rises.
        clip_norm: largest norm of a gradient, in nats.
        advantage_clip: limit of the score-function gradient's advantage.
    """

    learning_rate: float = 1e-3
    gradient: str = "reparameterised"
    batch: int = 256
    anneal_from: float = 0.1
    anneal_fraction: float = 0.3
    clip_norm: float = 100.0
    advantage_clip: float | None = None


@dataclass
class Training:
    """What a training cost: its iterations, CPU-seconds in all and each in ms, steps left out, growth of the memory."""

    steps: int
    cpu_seconds: float
    step_ms: float
    skipped: int
    memory_mib: float

    def row(self) -> dict[str, Any]:
        """Return the columns of a table."""
        return {
            **asdict(self),
            "cpu_seconds": f"{self.cpu_seconds:.1f}",
            "step_ms": f"{self.step_ms:.2f}",
            "memory_mib": f"{self.memory_mib:.0f}",
        }


def peak_mib() -> float:
    """Return the largest memory that this process has held so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def train(
    model: Any, recipe: Recipe, seconds: float, seed: int, steps: int | None = None, optimizer: Any = None
) -> Training:
    """Train by reverse KL for about `seconds` of CPU time, or exactly `steps` iterations.

    The first iterations are timed, and their number is fixed from that before the schedules begin; given that number,
    a training comes out the same again.
    """
    generator = torch.Generator().manual_seed(seed)
    optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.99))
    rates = [group["lr"] for group in optimizer.param_groups]
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    target, before, skipped = model.system.beta, peak_mib(), 0

    def iterate(step: int, total: int) -> bool:
        progress = min(1.0, step / max(recipe.anneal_fraction * total, 1.0))
        beta = target * recipe.anneal_from ** (1 - progress)
        getattr(model, "annealed", lambda _: None)(beta)
        cosine = 0.5 * (1 + math.cos(math.pi * min(step / total, 1.0)))
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * min(1.0, (step + 1) / 50) * (0.01 + 0.99 * cosine)
        optimizer.zero_grad()
        clip = recipe.advantage_clip
        reverse_kl(model, recipe.batch, beta, generator, recipe.gradient, advantage_clip=clip).loss.backward()
        sound = bool(torch.nn.utils.clip_grad_norm_(parameters, recipe.clip_norm).isfinite())
        if sound:
            optimizer.step()
        getattr(model, "after_step", lambda: None)()
        return sound

    start = time.process_time()
    # the first iteration also allocates; these take the smallest rate of the schedule
    iterate(0, 10**6)
    timed = time.process_time()
    for _ in range(TIMED):
        iterate(0, 10**6)
    now = time.process_time()
    if steps is None:
        steps = max(10, int((seconds - (now - start)) / ((now - timed) / TIMED)))
    for step in range(steps):
        skipped += not iterate(step, steps)
    spent = time.process_time() - start
    return Training(steps, spent, 1e3 * spent / (steps + TIMED + 1), skipped, peak_mib() - before)


@torch.no_grad()
def draw_values(model: Any, samples: int, generator: torch.Generator, batch: int = 1000) -> Tensor:
    """Return beta H + ln p `(samples,)` of fresh draws, float64."""
    parts = []
    for start in range(0, samples, batch):
        x, log_prob = model.sample(min(batch, samples - start), generator)
        parts.append(model.system.beta * model.system.energy(x.double()) + log_prob.double())
    return torch.cat(parts)


def measure(model: Any, exact: float, exact_error: float, sets: int, samples: int, seed: int) -> dict[str, Any]:
    """Return F_theta, KL = beta (F_theta - F), ESS and F by importance sampling from `sets` of `samples` fresh draws.

    Medians and extremes are over the sets, errors over all draws.
    """
    model.double().eval()
    generator = torch.Generator().manual_seed(10_000 + seed)
    values = [draw_values(model, samples, generator) for _ in range(sets)]
    beta, together = model.system.beta, torch.cat(values)
    free, error = float(together.mean()) / beta, float(together.std()) / beta / len(together) ** 0.5
    kl = [float(v.mean()) - beta * exact for v in values]
    ess = [float(importance_estimates(-v)["ess"]) for v in values]
    weights = importance_estimates(-together)
    return {
        "sets": sets,
        "samples": samples,
        "free_energy": f"{free:.5f}",
        "free_energy_error": f"{error:.5f}",
        "kl": f"{beta * (free - exact):.4f}",
        "kl_error": f"{beta * math.hypot(error, exact_error):.4f}",
        "kl_median": f"{statistics.median(kl):.4f}",
        "kl_lowest": f"{min(kl):.4f}",
        "kl_highest": f"{max(kl):.4f}",
        "ess_median": f"{statistics.median(ess):.3g}",
        "ess_lowest": f"{min(ess):.3g}",
        "ess_highest": f"{max(ess):.3g}",
        "ess_draws": f"{float(weights['ess'] * weights['count']):.0f}",
        "free_energy_importance": f"{-float(weights['log_z']) / beta:.5f}",
        "free_energy_importance_error": f"{float(weights['log_z_error']) / beta:.5f}",
    }
