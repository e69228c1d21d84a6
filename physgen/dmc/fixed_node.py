"""Fixed-node diffusion Monte Carlo of a quantum system with any wavefunction as guide."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check, check_integer, check_positive
from physgen.dmc.guide import check_guide, guide_of
from physgen.dmc.walkers import Diffusion
from physgen.runs.result import Estimate
from physgen.stats import blocked_error
from physgen.stats.extrapolation import Extrapolation, extrapolate
from physgen.systems import QuantumSystem
from physgen.systems.base import Wavefunction

#: relative error of sums in float64; an exact guide has no other
ROUNDING = 1e-14
#: chi^2 per degree of freedom above which time-step errors are not linear
CROOKED = 6.0
#: steps below which no error can be blocked
FEWEST_STEPS = 50

Progress = Callable[[float, str], None]


@dataclass
class DiffusionSettings:
    """Size of a diffusion Monte Carlo calculation; times in the inverse of the system's energy scale.

    Args:
        enabled: whether it follows the evaluation.
        walkers: size of the population, which stays constant.
        time_steps: at least three; the estimates are straight lines through them at zero.
        time: imaginary time that is measured at each time step; and in every further round with `until_error`.
        warm_up: imaginary time before anything is measured.
        memory: imaginary time over which mean weights are multiplied up, against the bias of the constant population.
        until_error: further rounds until the error of `energy_dmc` is at most this, in the system's energy unit.
        max_time: where `until_error` gives up, at each time step.
        seed: seed of all draws.

    Raises:
        InputError: an argument out of its range.
    """

    enabled: bool = False
    walkers: int = 1_000
    time_steps: list[float] = field(default_factory=lambda: [0.03, 0.06, 0.12])
    time: float = 60.0
    warm_up: float = 10.0
    memory: float = 5.0
    until_error: float | None = None
    max_time: float = 3_000.0
    seed: int = 1

    def __post_init__(self) -> None:
        for name, least in (("walkers", 2), ("seed", 0)):
            check_integer(f"dmc.{name}", getattr(self, name), least)
        check(isinstance(self.time_steps, (list, tuple)), "dmc.time_steps", self.time_steps, "a list of numbers")
        for step in self.time_steps:
            check_positive("dmc.time_steps", step)
        enough = len(set(self.time_steps)) == len(self.time_steps) >= 3
        check(enough, "dmc.time_steps", self.time_steps, "at least 3 different numbers, to extrapolate to zero")
        for name in ("time", "max_time", "warm_up", "memory"):
            check_positive(f"dmc.{name}", getattr(self, name))
        most = FEWEST_STEPS * max(self.time_steps)
        check(self.time >= most, "dmc.time", self.time, f"at least {FEWEST_STEPS} of the largest time step, {most:g}")
        check(self.max_time >= self.time, "dmc.max_time", self.max_time, f"at least dmc.time = {self.time:g}")
        most = max(self.time, DiffusionSettings.max_time)
        if self.until_error is not None:
            check_positive("dmc.until_error", self.until_error)
        elif self.max_time != most:
            raise InputError(f"dmc.max_time {self.max_time:g} has no effect without dmc.until_error")


def weighted_mean(series: Tensor, log_growth: Tensor, memory: int) -> Estimate:
    r"""Return $\sum_t \Pi_t A_t/\sum_t \Pi_t$ with its blocked error, $\Pi_t = \prod_{s = t - m + 1}^t \bar w_s$.

    The error of the ratio is that of the mean of $\Pi_t (A_t - \bar A)/\bar\Pi$.

    Args:
        series: A `(steps,)`.
        log_growth: ln of the mean weights, `(m + steps,)`, those of the m steps before the first A included.
        memory: m; 0 leaves the bias of the constant population in.
    """
    total = torch.cat([log_growth.new_zeros(1), log_growth.cumsum(0)])
    window = (total[memory:] - total[: len(total) - memory])[-len(series) :]
    weight = torch.exp(window - window.mean())
    weight = weight / weight.mean()
    mean = (weight * series).mean()
    error = float(blocked_error(weight * (series - mean)).error)
    return Estimate(float(mean), max(error, ROUNDING * abs(float(mean))))


class FixedNode:
    r"""Diffusion Monte Carlo at several time steps, and estimates at time step zero.

    `energy_dmc` is the lowest energy with the nodes of the guide: exact for a guide without nodes, else an upper
    bound. Any other observable A has a mixed estimate <phi|A|psi_T>/<phi|psi_T>, `A_mixed`, whose error is linear in
    the guide's, and the extrapolated 2 mixed - variational, `A_dmc`, whose error is quadratic.

    Sources: as of `Diffusion`; Foulkes, Mitas, Needs and Rajagopal, "Quantum Monte Carlo simulations of solids",
    doi:10.1103/RevModPhys.73.33.

    Args:
        wavefunction: the guide, in float64.
        system: the quantum system.
        x: walkers `(settings.walkers, n, dim)` drawn from |psi|^2.
        generator: source of all draws.
        settings: size of the calculation.
        progress: told the share that is done, in [0, 1], and what is being done.
    """

    def __init__(
        self,
        wavefunction: Wavefunction,
        system: QuantumSystem,
        x: Tensor,
        generator: torch.Generator,
        settings: DiffusionSettings,
        progress: Progress | None = None,
    ) -> None:
        check_guide(wavefunction, system)
        self.settings, self.progress = settings, progress or (lambda share, text: None)
        guide, unit = guide_of(wavefunction, system), system.energy_scale
        self.time_steps = [step / unit for step in settings.time_steps]
        self.populations = [Diffusion(guide, x, generator, step, system.space.wrap) for step in self.time_steps]
        self.memories = [math.ceil(settings.memory / step) for step in settings.time_steps]
        self.growths: list[list[float]] = [[] for _ in self.time_steps]
        self.series: list[list[dict[str, float]]] = [[] for _ in self.time_steps]
        self.seconds = 0.0

    def run(self, variational: Mapping[str, Estimate]) -> tuple[dict[str, Estimate], dict[str, float], list[str]]:
        """Return estimates, diagnostics and notes; `variational` are the estimates of the guide for 2 mixed - them."""
        settings, started = self.settings, time.process_time()
        for k, population in enumerate(self.populations):
            self.progress(0.1 * k / len(self.populations), f"dmc: warm-up, time step {settings.time_steps[k]:g}")
            population.warm_up(math.ceil(settings.warm_up / settings.time_steps[k]))
            self.growths[k] = [population.step()["log_growth"] for _ in range(self.memories[k])]
        wanted, done, error = settings.until_error, 0.0, math.inf
        while True:
            for k in range(len(self.populations)):
                self.measure(k, done, error)
            done, error = done + settings.time, self.fit("energy").error
            reached = wanted is None or error <= wanted
            if reached or done + settings.time > settings.max_time:
                break
        self.seconds = time.process_time() - started
        return self.estimates(variational), self.diagnostics(), self.notes(reached)

    def measure(self, k: int, done: float, error: float) -> None:
        """Measure one round at the time step of number `k`; `done` and `error` are those of the rounds before."""
        settings, step = self.settings, self.settings.time_steps[k]
        wanted, steps = settings.until_error, math.ceil(settings.time / step)
        # equal imaginary times cost 1/time step
        costs = [1 / other for other in settings.time_steps]
        words = f"dmc: time step {step:g}"
        if wanted is not None and math.isfinite(error):
            words += f", error {error:.2g}, wanted {wanted:.2g}"
        for i in range(steps):
            if i % 10 == 0:
                share = (sum(costs[:k]) + costs[k] * i / steps) / sum(costs)
                if wanted is not None:
                    expected = min(settings.max_time, max(done * (error / wanted) ** 2, 1) if done else math.inf)
                    share = min((done + settings.time * share) / expected, 1.0)
                self.progress(0.1 + 0.9 * share, words)
            found = self.populations[k].step()
            self.growths[k].append(found.pop("log_growth"))
            self.series[k].append(found)

    def at(self, k: int, name: str, memory: int | None = None) -> Estimate:
        """Return the mixed estimate of `name` at the time step of number `k`."""
        series = torch.tensor([found[name] for found in self.series[k]], dtype=torch.float64)
        growth = torch.tensor(self.growths[k], dtype=torch.float64)
        return weighted_mean(series, growth, self.memories[k] if memory is None else memory)

    def fit(self, name: str, memory: int | None = None) -> Extrapolation:
        """Return the straight line through the mixed estimates of `name` at time step zero."""
        found = [self.at(k, name, memory) for k in range(len(self.populations))]
        return extrapolate(self.time_steps, [e.value for e in found], [e.error for e in found])

    def estimates(self, variational: Mapping[str, Estimate]) -> dict[str, Estimate]:
        """Return `energy_dmc`, and of every other observable the mixed and the extrapolated estimate."""
        found = {}
        for name in self.series[0][0]:
            line = self.fit(name)
            if name == "energy":
                found["energy_dmc"] = Estimate(line.value, line.error)
                continue
            found[f"{name}_mixed"] = Estimate(line.value, line.error)
            if name in variational:
                guess = variational[name]
                error = math.hypot(2 * line.error, guess.error)
                found[f"{name}_dmc"] = Estimate(2 * line.value - guess.value, error)
        return found

    def diagnostics(self) -> dict[str, float]:
        """Return what shows the biases: of the time step and of the population."""
        line, settings = self.fit("energy"), self.settings
        smallest = min(range(len(self.time_steps)), key=self.time_steps.__getitem__)
        return {
            "dmc_slope": line.slope,
            "dmc_chi_square": line.chi_square,
            "dmc_population_bias": self.fit("energy", 0).value - line.value,
            "dmc_acceptance": self.populations[smallest].acceptance,
            "dmc_time": len(self.series[0]) * settings.time_steps[0],
            "dmc_walkers": float(self.settings.walkers),
            "dmc_cpu_seconds": round(self.seconds, 1),
        }

    def notes(self, reached: bool) -> list[str]:
        """Return in words what a reader must know."""
        notes = []
        if self.fit("energy").chi_square > CROOKED:
            notes.append("dmc: the energies lie on no straight line in the time step; take smaller --dmc.time_steps")
        if not reached:
            notes.append(f"dmc: stopped at max_time = {self.settings.max_time:g} before until_error was reached")
        return notes

    def record(self) -> dict[str, Any]:
        """Return settings and the energy at every time step, for the provenance."""
        energies = [self.at(k, "energy") for k in range(len(self.populations))]
        rows = zip(self.time_steps, energies, strict=True)
        steps = [{"time_step": t, "energy": e.value, "error": e.error} for t, e in rows]
        return {**dataclasses.asdict(self.settings), "energies": steps, "cpu_seconds": round(self.seconds, 1)}
