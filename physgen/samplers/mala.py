"""Metropolis-adjusted Langevin sampling with a limited drift."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.samplers.base import LogDensity, Sampler, accept


class MALA(Sampler):
    r"""Metropolis-adjusted Langevin algorithm whose drift is limited per particle.

    x' = x + t v(x) + sqrt(2t) xi with t = w^2/2 and, for g = grad ln p of one particle,
    v = g (sqrt(1 + 2 a t g^2) - 1) / (a t g^2), a = 1/4: v -> g for small t g^2, and the drift t v grows only as
    sqrt(t) where g diverges (at nodes and cusps), so that no step overshoots. Detailed balance is exact: the same v
    enters the proposal density of the way back.

    The first quarter of a warm-up goes without the drift, as a random walk: where all particles of a first guess have
    large gradients, next to a node, the drift overshoots and a walker would stay, while a random walk always takes the
    way up.

    A log-density with a method `with_gradient(x) -> (ln p, grad ln p)` is asked for both; any other is differentiated
    by autograd.

    Sources: Roberts and Tweedie, "Exponential convergence of Langevin distributions and their discrete
    approximations", doi:10.2307/3318418; the limited drift of Umrigar, Nightingale and Runge, "A diffusion Monte Carlo
    algorithm with very small time-step errors", doi:10.1063/1.465195.

    Args:
        walkers: number of chains on this rank.
        steps: moves of every walker between two samples.
        warm_up_steps: moves before the first sample of a run.
        target_acceptance: acceptance that the warm-up steers the step width to, in (0, 1).
    """

    continuous = True

    def __init__(
        self, walkers: int = 512, steps: int = 5, warm_up_steps: int = 200, target_acceptance: float = 0.6
    ) -> None:
        super().__init__(walkers, steps, warm_up_steps, target_acceptance)
        self._drifting = True

    def warm_up(self, log_density: LogDensity, steps: int | None = None) -> Tensor:
        """Move `steps` times while the width adapts, the first quarter as a random walk; return the walkers."""
        steps = self.warm_up_steps if steps is None else steps
        self._drifting = False
        try:
            super().warm_up(log_density, steps // 4)
        finally:
            self._drifting = True
        return super().warm_up(log_density, steps - steps // 4)

    def evaluate(self, log_density: LogDensity, x: Tensor) -> dict[str, Tensor]:
        """Return positions, log-density and the gradient of the log-density at `x`."""
        if not self._drifting:
            return {"x": x, "log_density": log_density(x), "gradient": torch.zeros_like(x)}
        if hasattr(log_density, "with_gradient"):
            value, gradient = log_density.with_gradient(x)
        else:
            with torch.inference_mode(False), torch.enable_grad():  # a trainer evaluates in inference mode
                leaf = x.detach().clone().requires_grad_(True)
                value = log_density(leaf)
                (gradient,) = torch.autograd.grad(value.sum(), leaf)
        return {"x": x, "log_density": value.detach(), "gradient": gradient.detach()}

    def drift(self, gradient: Tensor) -> Tensor:
        """Return t v(x), the limited drift step."""
        t, a = 0.5 * self.width**2, 0.25
        scaled = a * t * gradient.square().sum(-1, keepdim=True)
        # (sqrt(1+2s)-1)/s written without the cancellation at s -> 0
        return t * gradient * 2 / (torch.sqrt(1 + 2 * scaled) + 1)

    def move(self, log_density: LogDensity, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        """Propose and accept or reject one move of every walker."""
        noise = self.normal(state["x"])
        there = state["x"] + self.drift(state["gradient"]) + self.width * noise
        proposal = self.evaluate(log_density, there)
        back = (state["x"] - there - self.drift(proposal["gradient"])) / self.width
        log_ratio = (
            proposal["log_density"] - state["log_density"] + 0.5 * (noise.square() - back.square()).sum((-1, -2))
        )
        return accept(state, proposal, log_ratio, self.uniform_log(log_ratio))
