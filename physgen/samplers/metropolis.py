"""All-particle Metropolis sampling."""

from __future__ import annotations

from torch import Tensor

from physgen.samplers.base import LogDensity, Sampler, accept


class Metropolis(Sampler):
    r"""Random-walk Metropolis that moves all particles of a walker at once by a Gaussian step.

    x' = x + w xi, xi ~ N(0, 1), accepted with probability min(1, p(x')/p(x)).

    Source: Metropolis et al., "Equation of State Calculations by Fast Computing Machines", doi:10.1063/1.1699114.

    Args:
        walkers: number of chains on this rank.
        steps: moves of every walker between two samples.
        warm_up_steps: moves before the first sample of a run.
        target_acceptance: acceptance that the warm-up steers the step width to, in (0, 1).
    """

    continuous = True

    def __init__(
        self, walkers: int = 512, steps: int = 10, warm_up_steps: int = 200, target_acceptance: float = 0.4
    ) -> None:
        super().__init__(walkers, steps, warm_up_steps, target_acceptance)

    def move(self, log_density: LogDensity, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        """Propose and accept or reject one move of every walker."""
        proposal = self.evaluate(log_density, state["x"] + self.width * self.normal(state["x"]))
        log_ratio = proposal["log_density"] - state["log_density"]
        return accept(state, proposal, log_ratio, self.uniform_log(log_ratio))
