"""What every sampler shares: walkers, a generator of its own, and a step width that adapts in warm-up only."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check, check_integer, check_positive
from physgen.core.full_precision import full_precision
from physgen.core.registry import Registered
from physgen.core.shapes import Points

LogDensity = Callable[[Tensor], Tensor]
#: moves of all particles between two exchanges of particles of different kinds
EXCHANGE_EVERY = 5


class Sampler(Registered, ABC):
    """Markov chains of many walkers at once for any log-density `(batch, n, dim) -> (batch,)`.

    Life of a sampler: `start` gives it walkers and a generator, `warm_up` moves them while the step width adapts
    towards the target acceptance, `sample` moves them with a frozen width. The global random state is never touched;
    `state_dict` and `load_state_dict` round-trip walkers, width and generator bit for bit.

    Args:
        walkers: number of chains on this rank.
        steps: moves of every walker between two samples.
        warm_up_steps: moves before the first sample of a run.
        target_acceptance: acceptance that the warm-up steers the step width to, in (0, 1).
    """

    abstract = True
    #: False for a sampler that accepts every move, and has no width to adapt
    adapts = True
    #: whether it moves particles through space, which no configuration of whole numbers takes
    continuous = False

    def __init__(
        self, walkers: int = 512, steps: int = 5, warm_up_steps: int = 200, target_acceptance: float = 0.5
    ) -> None:
        self.walkers = check_integer("sampler.walkers", walkers, 2)
        self.steps = check_integer("sampler.steps", steps, 1)
        self.warm_up_steps = check_integer("sampler.warm_up_steps", warm_up_steps, 0)
        self.target_acceptance = check_positive("sampler.target_acceptance", target_acceptance)
        check(target_acceptance < 1, "sampler.target_acceptance", target_acceptance, "a number in (0, 1)")
        self.x: Tensor | None = None
        self.generator: torch.Generator | None = None
        self.width = 1.0
        self.acceptance = float("nan")
        self.kinds: tuple[int, int] | None = None
        self.space: Any = None
        #: share of the exchanges in the last run that were accepted
        self.exchange_acceptance = float("nan")

    def start(
        self,
        x: Tensor,
        generator: torch.Generator,
        width: float = 1.0,
        kinds: tuple[int, int] | None = None,
        space: Any = None,
    ) -> None:
        """Take walkers `x` `(walkers, n, dim)`, the generator that all later draws come from and a first width.

        Args:
            x: walkers.
            generator: source of all later draws.
            width: first step width.
            kinds: numbers of particles of two kinds, the first kind first, that exchange places now and then; None
                for no exchanges.
            space: where walkers move: `wrap` gives their standard coordinates, which they take where a run ends, and
                `widest` the widest step that is of use, both as of a space with periodic walls. Proposals go straight
                through the walls, and so does the way back that MALA asks for. None for a space without walls.

        Raises:
            InputError: `x` has another number of walkers, or holds non-finite numbers.
        """
        if x.ndim < 2 or len(x) != self.walkers or not bool(x.isfinite().all()):
            shape = f"({self.walkers}, ...)"
            raise InputError(f"walkers must be finite, of shape {shape}, got {tuple(x.shape)}")
        self.x, self.generator, self.width, self.kinds = x.detach().clone(), generator, float(width), kinds
        self.space = space

    @abstractmethod
    def move(self, log_density: LogDensity, state: Any) -> tuple[Any, Tensor]:
        """Propose and accept or reject one move of every walker; return the new state and the acceptance."""

    def evaluate(self, log_density: LogDensity, x: Tensor) -> Any:
        """Return what a move needs to know at `x`: the positions and their log-density."""
        return {"x": x, "log_density": log_density(x)}

    @full_precision
    @torch.no_grad()
    def warm_up(self, log_density: LogDensity, steps: int | None = None) -> Points:
        """Move `steps` times while the width adapts by `width *= exp((acceptance - target)/2)`; return the walkers."""
        return self._run(log_density, self.warm_up_steps if steps is None else steps, adapt=self.adapts)

    @full_precision
    @torch.no_grad()
    def sample(self, log_density: LogDensity, steps: int | None = None) -> Points:
        """Move `steps` times with the frozen width; return the walkers `(walkers, n, dim)`."""
        return self._run(log_density, self.steps if steps is None else steps, adapt=False)

    def _run(self, log_density: LogDensity, steps: int, adapt: bool) -> Tensor:
        if self.x is None:
            raise InputError("sampler must be started with walkers and a generator before it draws")
        # the log-density may have changed since the last call (a trained model): evaluate it anew
        state, total, exchanged = self.evaluate(log_density, self.x), self.x.new_zeros(()), []
        for step in range(1, steps + 1):
            state, acceptance = self.move(log_density, state)
            total = total + acceptance
            if self.kinds and (step % EXCHANGE_EVERY == 0 or step == steps):
                state, taken = self.exchange(log_density, state)
                exchanged.append(taken)
            if adapt:
                width = self.width * float(torch.exp(0.5 * (acceptance - self.target_acceptance)))
                self.width = width if self.space is None else min(width, self.space.widest)
        self.x = self.rested(state["x"])
        if steps:
            self.acceptance = float(total) / steps
        if exchanged:
            self.exchange_acceptance = float(torch.stack(exchanged).mean())
        return self.x

    def rested(self, x: Tensor) -> Tensor:
        """Return walkers `(*, n, dim)` by their standard coordinates."""
        return x if self.space is None else self.space.wrap(x)

    def exchange(self, log_density: LogDensity, state: dict[str, Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        """Propose `exchanged_places` in every walker; accept by p(x')/p(x)."""
        assert self.kinds is not None  # who calls has asked
        proposal = self.evaluate(log_density, exchanged_places(state["x"], self.kinds, self.generator))
        log_ratio = proposal["log_density"] - state["log_density"]
        return accept(state, proposal, log_ratio, self.uniform_log(log_ratio))

    def uniform_log(self, like: Tensor) -> Tensor:
        """Return log of uniform numbers, to compare log acceptance ratios with."""
        return torch.rand(like.shape, generator=self.generator, dtype=like.dtype, device=like.device).log()

    def normal(self, like: Tensor) -> Tensor:
        """Return standard normal numbers of the shape, dtype and device of `like`, 0 for rows that stay."""
        noise = torch.randn(like.shape, generator=self.generator, dtype=like.dtype, device=like.device)
        if self.space is not None and self.space.still:
            noise[..., -self.space.still :, :] = 0
        return noise

    def state_dict(self) -> dict[str, Any]:
        """Return walkers, generator state and width, as tensors."""
        if self.x is None or self.generator is None:
            return {}
        width = torch.tensor(self.width, dtype=torch.float64)
        return {"x": self.x.clone(), "generator": self.generator.get_state(), "width": width}

    def load_state_dict(self, state: dict[str, Any], device: torch.device | str = "cpu") -> None:
        """Take over what `state_dict` gave."""
        generator = torch.Generator(device)
        # set_state segfaults on a row view of a stacked tensor, hence the clone
        generator.set_state(state["generator"].clone().cpu())
        self.start(state["x"].to(device), generator, float(state["width"]), self.kinds, self.space)


def check_moves(name: str, sampler: Sampler, system: Any) -> None:
    """Raise `InputError` where `sampler`, the argument `name`, would move whole numbers of `system` through space."""
    allowed = f"one of your own that moves between whole numbers for {type(system).__name__}"
    check(not sampler.continuous or system.continuous, name, type(sampler).__name__, allowed)


def exchanged_places(x: Tensor, kinds: tuple[int, int], generator: torch.Generator | None) -> Tensor:
    """Return `x` `(batch, n, dim)` with one particle of each kind, drawn at random, in each other's place.

    Orders of the kinds in space that only a detour of several particles connects are next to each other so.

    Args:
        x: walkers.
        kinds: numbers of particles of each kind, the first kind first.
        generator: source of the draws.
    """
    first, second = kinds
    swapped = x.clone()
    rows = torch.arange(len(x), device=x.device)
    i = torch.randint(first, (len(x),), generator=generator, device=x.device)
    j = first + torch.randint(second, (len(x),), generator=generator, device=x.device)
    swapped[rows, i], swapped[rows, j] = x[rows, j], x[rows, i]
    return swapped


def accept(
    state: dict[str, Tensor], proposal: dict[str, Tensor], log_ratio: Tensor, log_u: Tensor
) -> tuple[dict[str, Tensor], Tensor]:
    """Return state where `log_u < log_ratio` took the proposal, and the mean acceptance.

    A proposal of log-density NaN or -inf (a node, two particles on one spot) is rejected, never kept.
    """
    taken = log_u < log_ratio  # never true for NaN, nor for -inf even where the uniform number is 0
    new = {k: torch.where(taken.view(-1, *[1] * (v.ndim - 1)), proposal[k], v) for k, v in state.items()}
    return new, taken.to(log_u.dtype).mean()
