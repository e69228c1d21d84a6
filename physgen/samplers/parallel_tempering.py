"""Parallel tempering: replicas at higher temperature lead the walkers over barriers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check, check_integer, check_positive
from physgen.samplers.base import EXCHANGE_EVERY, LogDensity, Sampler, exchanged_places
from physgen.samplers.replica_exchange import ReplicaExchange


class ParallelTempering(Sampler):
    r"""Replica exchange between the powers p^b of one density, b falling from 1 to `hottest`.

    The powers fall geometrically to `hottest`; each replica moves by Hamiltonian Monte Carlo with a width of its own
    and neighbours swap configurations, see `ReplicaExchange`. Walkers are those of replica 0, distributed as p. The
    density must stay normalisable at the power `hottest`.

    Source: K. Hukushima, K. Nemoto, "Exchange Monte Carlo method and application to spin glass simulations",
    arXiv:cond-mat/9512035.

    Args:
        walkers: number of chains on this rank, in each replica.
        steps: moves of every walker between two samples.
        warm_up_steps: moves before the first sample of a run.
        target_acceptance: acceptance of trajectories that the warm-up steers each width to, in (0, 1).
        replicas: number of powers, at least 2.
        hottest: smallest power, in (0, 1).
        leaps: leapfrog steps of a trajectory.

    Raises:
        InputError: an argument out of its range.
    """

    continuous = True

    def __init__(
        self,
        walkers: int = 512,
        steps: int = 2,
        warm_up_steps: int = 200,
        target_acceptance: float = 0.8,
        replicas: int = 6,
        hottest: float = 0.2,
        leaps: int = 5,
    ) -> None:
        super().__init__(walkers, steps, warm_up_steps, target_acceptance)
        self.replicas = check_integer("sampler.replicas", replicas, 2)
        self.hottest = check_positive("sampler.hottest", hottest)
        check(hottest < 1, "sampler.hottest", hottest, "a number in (0, 1)")
        self.leaps = check_integer("sampler.leaps", leaps, 1)
        self.all: Tensor | None = None
        self.widths: Tensor | None = None
        #: mean acceptance of the swaps between neighbours in the last run
        self.swap_acceptance = float("nan")

    def start(
        self,
        x: Tensor,
        generator: torch.Generator,
        width: float = 1.0,
        kinds: tuple[int, int] | None = None,
        space: Any = None,
    ) -> None:
        """Take walkers `x` `(walkers, n, dim)` and kinds for all replicas, a generator, a first width for replica 0."""
        super().start(x, generator, width, kinds, space)
        self.all = x.detach().expand(self.replicas, *x.shape).clone()
        self.widths = width * self.powers(x) ** -0.5

    def powers(self, like: Tensor) -> Tensor:
        """Return b_k `(replicas,)`, of the dtype and device of `like`."""
        exponent = torch.linspace(0, 1, self.replicas, dtype=torch.float64)
        return (self.hottest**exponent).to(like)

    def evaluate(self, log_density: LogDensity, x: Tensor) -> ReplicaExchange:
        """Return the chains of all replicas at `x` `(replicas, walkers, n, dim)`."""
        assert self.widths is not None and self.generator is not None  # the sampler was started
        return ReplicaExchange(Tempered(log_density, self.powers(x)), x, self.widths, self.generator, self.leaps)

    def move(self, log_density: LogDensity, state: ReplicaExchange) -> tuple[ReplicaExchange, Tensor]:
        """Move all replicas once; return the chains and the acceptance in replica 0."""
        state.move()
        return state, state.acceptance[0]

    def _run(self, log_density: LogDensity, steps: int, adapt: bool) -> Tensor:
        if self.x is None or self.all is None:
            raise InputError("sampler must be started with walkers and a generator before it draws")
        chains, total, swaps, exchanged = self.evaluate(log_density, self.all), 0.0, [], []
        for step in range(1, steps + 1):
            chains.move(self.target_acceptance if adapt else None)
            total += float(chains.acceptance[0])
            swaps.append(chains.swapped)
            if self.kinds and (step % EXCHANGE_EVERY == 0 or step == steps):
                images = exchanged_places(chains.x.flatten(0, 1), self.kinds, self.generator)
                exchanged.append(chains.propose(images.view_as(chains.x))[0])
        self.all, self.widths = self.rested(chains.x), chains.widths
        self.x, self.width = self.all[0], float(self.widths[0])
        if steps:
            self.acceptance, self.swap_acceptance = total / steps, float(torch.stack(swaps).nanmean())
        if exchanged:
            self.exchange_acceptance = float(torch.stack(exchanged).mean())
        return self.x

    def state_dict(self) -> dict[str, Any]:
        """Return walkers of all replicas, generator state and widths, as tensors."""
        state = super().state_dict()
        if self.all is None or self.widths is None:
            return {}
        return {**state, "all": self.all.clone(), "widths": self.widths.clone()}

    def load_state_dict(self, state: dict[str, Any], device: torch.device | str = "cpu") -> None:
        """Take over what `state_dict` gave."""
        super().load_state_dict(state, device)
        self.all, self.widths = state["all"].to(device).clone(), state["widths"].to(device).clone()


class Tempered:
    """The powers `coefficients` `(replicas,)` of one log-density, as a ladder with that one feature."""

    def __init__(self, log_density: LogDensity, powers: Tensor) -> None:
        self.log_density, self.coefficients = log_density, powers[:, None]

    def evaluate(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return ln p `(1, replicas, walkers)` and its gradient times the powers, like `x`."""
        flat = x.flatten(0, 1)
        if hasattr(self.log_density, "with_gradient"):
            value, gradient = self.log_density.with_gradient(flat)
        else:
            with torch.enable_grad():
                leaf = flat.detach().requires_grad_(True)
                value = self.log_density(leaf)
                (gradient,) = torch.autograd.grad(value.sum(), leaf)
        value, gradient = value.detach().view(x.shape[:2]), gradient.detach().view(x.shape)
        return value[None], self.coefficients[..., None, None] * gradient
