"""Walkers of fixed-node diffusion Monte Carlo: drift, diffusion, rejection and reconfiguration."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from physgen.core.errors import check, check_positive

#: what a guide gives at `x` `(batch, n, dim)`: `sign`, `log_psi`, `gradient` of ln|psi|, `energy`, and observables
Guide = Callable[[Tensor], dict[str, Tensor]]
#: entries of a guide's answer that are not averaged
KEPT_FOR_MOVES = ("x", "sign", "log_psi", "drift", "ratio")


def limited(gradient: Tensor, time_step: float) -> Tensor:
    r"""Return the drift $\bar v = v\,(\sqrt{1 + 2 v^2 \tau} - 1)/(v^2 \tau)$ of each particle, `(batch, n, dim)`.

    It is v far from nodes; near one, where v = 1/distance, it is the mean velocity over the time step.
    """
    scaled = time_step * gradient.square().sum(-1, keepdim=True)
    # written without the cancellation at v -> 0
    return gradient * 2 / (torch.sqrt(1 + 2 * scaled) + 1)


class Diffusion:
    r"""A population of constant size that follows psi_T phi, phi the ground state within the nodes of the guide psi_T.

    One step of time tau: $x' = x + \tau \bar v(x) + \sqrt\tau\,\xi$ with the limited drift, accepted with the
    Metropolis probability of |psi_T|^2 and never across a node; then the weight $w = e^{\tau' [S(x) + S(x')]/2}$,
    $S = (E_0 - E_L)\,|\bar v|/|v|$, with tau' = tau times the accepted share of the squared diffusion; then stochastic
    reconfiguration: walkers are drawn anew in proportion to w by a comb, so that their number stays. What this changes,
    the mean weight, is kept in `log_growth` for the estimators to undo: the product of the mean weights over a memory
    of a few times the longest correlation removes the bias of the constant population.

    All walkers move at once, every particle of a walker at once. `warm_up` measures E_0 and tau'/tau, both are frozen
    from then on.

    Sources: Umrigar, Nightingale and Runge, "A diffusion Monte Carlo algorithm with very small time-step errors",
    doi:10.1063/1.465195; Calandra Buonaura and Sorella, "Numerical study of the two-dimensional Heisenberg model using
    a Green function Monte Carlo technique with a fixed number of walkers", doi:10.1103/PhysRevB.57.11446; Assaraf,
    Caffarel and Khelif, "Diffusion Monte Carlo methods with a fixed number of walkers", doi:10.1103/PhysRevE.61.4566.

    Args:
        guide: gives sign, ln|psi|, its gradient, local energy and observables.
        x: first walkers `(walkers, n, dim)`, drawn from |psi|^2.
        generator: source of all draws.
        time_step: tau, in the inverse unit of the energies.
        wrap: gives the standard coordinates of walkers, as a space with periodic walls does, after every step.

    Attributes:
        reference: E_0.
        effective: tau'/tau.
        acceptance: share of the last move that was accepted.

    Raises:
        InputError: a time step that is not above zero, or walkers of another shape.
    """

    def __init__(
        self,
        guide: Guide,
        x: Tensor,
        generator: torch.Generator,
        time_step: float,
        wrap: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        self.time_step = check_positive("time_step", time_step)
        check(x.ndim == 3 and len(x) >= 2, "walkers", tuple(x.shape), "of shape (walkers, n, dim), walkers >= 2")
        self.guide, self.generator, self.wrap = guide, generator, wrap
        self.state = self.evaluate(x)
        self.reference = float(self.state["energy"].mean())
        self.effective, self.acceptance = 1.0, float("nan")

    @torch.no_grad()
    def evaluate(self, x: Tensor) -> dict[str, Tensor]:
        """Return all that is known at `x`: the guide's answer, the limited drift and its ratio to the drift."""
        known = self.guide(x)
        gradient = known.pop("gradient")
        drift = limited(gradient, self.time_step)
        fast, slow = (v.square().sum((-1, -2)) for v in (gradient, drift))
        ratio = torch.where(fast > 0, (slow / fast).sqrt(), torch.ones_like(fast))
        return {"x": x, **known, "drift": drift, "ratio": ratio}

    @torch.no_grad()
    def warm_up(self, steps: int) -> None:
        """Take `steps` steps while E_0 and tau'/tau follow the population, over its second half by their means."""
        energies, shares = [], []
        for step in range(steps):
            found = self.step()
            energies.append(found["energy"])
            shares.append(self.share)
            start = len(energies) // 2
            if step % 10 == 9 or step == steps - 1:
                self.reference = sum(energies[start:]) / len(energies[start:])
                self.effective = sum(shares[start:]) / len(shares[start:])

    @torch.no_grad()
    def step(self) -> dict[str, float]:
        """Take one step; return the weighted means over the walkers and `log_growth`, ln of the mean weight."""
        before = self.growth()
        self.move()
        weight = torch.exp(0.5 * self.time_step * self.effective * (before + self.growth()))
        total = float(weight.sum())
        share = weight / total
        averaged = {k: v for k, v in self.state.items() if k not in KEPT_FOR_MOVES}
        means = torch.stack(list(averaged.values())) @ share
        found = dict(zip(averaged, means.tolist(), strict=True))
        found["log_growth"] = float(torch.tensor(total / len(weight), dtype=torch.float64).log())
        self.reconfigure(share)
        return found

    def growth(self) -> Tensor:
        """Return S `(batch,)`, the limited rate at which the weight of a walker grows."""
        return (self.reference - self.state["energy"]) * self.state["ratio"]

    def move(self) -> None:
        """Propose one move of every walker; accept or reject it, never across a node."""
        state, root = self.state, self.time_step**0.5
        noise = self.drawn(torch.randn, state["x"].shape)
        there = state["x"] + self.time_step * state["drift"] + root * noise
        proposal = self.evaluate(there)
        back = (state["x"] - there - self.time_step * proposal["drift"]) / root
        log_ratio = 2 * (proposal["log_psi"] - state["log_psi"])
        log_ratio = log_ratio + 0.5 * (noise.square() - back.square()).sum((-1, -2))
        sound = (proposal["sign"] == state["sign"]) & proposal["energy"].isfinite()
        # a node (sign 0, ln|psi| = -inf) and two particles on one spot give NaN or -inf, which is never accepted
        taken = sound & (self.drawn(torch.rand, log_ratio.shape).log() < log_ratio)
        chance = torch.where(sound, log_ratio.clamp_max(0).exp(), torch.zeros_like(log_ratio)).nan_to_num(0.0)
        squares = noise.square().sum((-1, -2))
        self.share = float((chance * squares).sum() / squares.sum())
        self.acceptance = float(taken.double().mean())
        self.state = {k: torch.where(taken.view(-1, *[1] * (v.ndim - 1)), proposal[k], v) for k, v in state.items()}

    def reconfigure(self, share: Tensor) -> None:
        """Draw the walkers anew in proportion to `share` `(batch,)`, by a comb of equal teeth at a random place."""
        walkers = len(share)
        teeth = (torch.arange(walkers, device=share.device) + self.drawn(torch.rand, (1,))) / walkers
        chosen = torch.searchsorted(share.cumsum(0), teeth).clamp_max(walkers - 1)
        self.state = {k: v[chosen] for k, v in self.state.items()}
        if self.wrap is not None:
            self.state["x"] = self.wrap(self.state["x"])

    def drawn(self, kind: Callable[..., Tensor], shape: tuple[int, ...]) -> Tensor:
        """Return random numbers of the walkers' dtype and device."""
        x = self.state["x"]
        return kind(shape, generator=self.generator, dtype=x.dtype, device=x.device)
