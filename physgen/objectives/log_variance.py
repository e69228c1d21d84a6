"""The log-variance divergence of paths: a diffusion learns from the Hamiltonian alone."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from physgen.objectives.base import Step
from physgen.objectives.reverse_kl import ReverseKL
from physgen.objectives.typical import typical_of


def log_variance(log_ratio: Tensor, limit: float = 6.0) -> Tensor:
    r"""Return the variance of $\ln w$ over paths, held fixed, with residuals limited in robust standard deviations.

    $\ln w = -\beta H(x) + \ln r(\text{path} | x) - \ln q(\text{path})$ is the same for all paths where q is the law of
    Gibbs samples with noise. The gradient needs neither that of H nor a derivative along the path.

    Source: L. Richter and J. Berner, "Improved sampling via learned diffusions", arXiv:2307.01198.

    Args:
        log_ratio: ln w `(batch,)`, differentiable.
        limit: largest residual from the median, in units of 1.4826 times the median absolute residual.
    """
    residual = log_ratio - log_ratio.detach().median()
    most = limit * (1.4826 * residual.detach().abs().median() + 1e-3)
    return residual.clamp(-most, most).var()


class LogVariance(ReverseKL):
    """The log-variance of a model's own paths, held fixed, with an annealed temperature.

    Args:
        anneal_from: fraction of beta that the training starts at; it rises geometrically.
        anneal_fraction: part of the iterations over which it rises.
    """

    def __init__(self, anneal_from: float = 1.0, anneal_fraction: float = 1.0) -> None:
        super().__init__("score", None, anneal_from, anneal_fraction)

    def step(self, model: Any, batch: tuple[Tensor, Tensor, Tensor | None]) -> Step:
        """Return the step of paths: their ends and ln q - ln r, differentiable in the parameters."""
        x, log_prob, _ = batch
        beta, energy = self.beta(model), model.system.energy(x)
        at_target = energy + log_prob.detach() / model.system.beta
        records = {
            "free_energy": at_target.mean(),
            "energy": energy.mean(),
            "spread": (beta * energy + log_prob.detach()).std(),
            "beta": beta,
        }
        return Step(typical_of(at_target), lambda: log_variance(-beta * energy - log_prob), records=records)
