"""Independence Metropolis: a chain for the target out of draws of a model."""

from __future__ import annotations

import torch
from torch import Tensor


def independence_metropolis(log_weight: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, float]:
    r"""Turn independent draws with weights w = target/model into Markov chains of the target.

    The next draw y replaces the state x with probability min(1, w(y)/w(x)). Chains start at their first draw, which
    follows the model: leave out the beginning.

    Source: Hastings, "Monte Carlo sampling methods using Markov chains and their applications", doi:10.2307/2334940.

    Args:
        log_weight: ln w of the draws `(steps, chains)`, one chain a column; -inf is never accepted.
        generator: source of the acceptances.

    Returns:
        The step whose draw is the state, `(steps, chains)` integers, and the mean acceptance.
    """
    steps, chains = log_weight.shape
    uniform = torch.rand(steps, chains, generator=generator, dtype=torch.float64, device=log_weight.device).log()
    state = torch.zeros(chains, dtype=torch.long, device=log_weight.device)
    current = log_weight[0].clone()
    states, accepted = [state], 0.0
    for step in range(1, steps):
        taken = uniform[step] < log_weight[step] - current
        # from a state of weight zero every draw of positive weight is taken
        taken = taken | (torch.isneginf(current) & ~torch.isneginf(log_weight[step]))
        state = torch.where(taken, step, state)
        current = torch.where(taken, log_weight[step], current)
        states.append(state)
        accepted += float(taken.double().mean())
    return torch.stack(states), accepted / max(steps - 1, 1)
