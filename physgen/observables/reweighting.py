"""What importance weights make of draws of a normalised density."""

from __future__ import annotations

import math
import statistics
from typing import Any

import torch
from torch import Tensor

from physgen.core.ranks import summed
from physgen.observables.base import Findings, Observable
from physgen.stats import ImportanceWeights, blocked_error, importance_estimates, independence_metropolis
from physgen.stats.estimate import Estimate

#: effective samples below which a reweighted value carries no error bar
FEWEST_EFFECTIVE = 100
#: effective moves of an independence Metropolis chain below which it still remembers where it began
FEWEST_PER_CHAIN = 10
#: endings of the names of reweighted values
REWEIGHTED = ("_importance", "_metropolis", "_annealed")
#: why a value carries no error bar
TOO_FEW = "too few effective samples"


class Reweighting(Observable):
    r"""Every quantity reweighted to $e^{-\beta H}/Z$, $F$ from the mean weight, and the effective sample size.

    Weights $w = e^{-\beta H}/p$ give `<name>_importance`; chains of independence Metropolis moves, their first fifth
    left out, `<name>_metropolis`.

    Args:
        headline: quantity that is no mean of configurations, here the free energy.
        beta: inverse temperature.
        generator: source of the chains' draws.
        parts: disjoint parts of the draws over which ESS and KL are told apart.
        exact: the free energy where it is known, for the KL of the parts.
    """

    def __init__(
        self, headline: str, beta: float, generator: torch.Generator, parts: int, exact: float | None = None
    ) -> None:
        self.headline, self.beta, self.generator, self.parts, self.exact = headline, beta, generator, parts, exact
        self.log_weights: list[Tensor] = []
        self.lost = 0

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Keep the logarithm of the weights, those of draws that are not finite as zero weights."""
        log_weight = at.log_weight
        bad = log_weight.isnan() | (log_weight == math.inf)
        self.lost += int(bad.sum())
        self.log_weights.append(log_weight.masked_fill(bad, -math.inf))
        return {}

    def finish(self, found: Findings) -> None:
        """Add reweighted values, ESS, ln Z and the acceptance of the chains; leave out errors that mean nothing."""
        names = [name for name in found.measured if name != self.headline]
        weights = ImportanceWeights(names).to(self.log_weights[0].device)
        series = {name: found.measured[name].series() for name in names}
        for step, log_weight in enumerate(self.log_weights):
            weights.update(log_weight, **{name: values[step] for name, values in series.items()})
        computed = weights.compute()
        free, error = weights.free_energy(self.beta)
        found.estimates[f"{self.headline}_importance"] = Estimate(float(free), float(error))
        for name in names:
            found.estimates[f"{name}_importance"] = Estimate(float(computed[name]), float(computed[f"{name}_error"]))
        kept = ("ess", "largest_weight", "log_z", "log_z_error")
        found.diagnostics |= {name: float(computed[name]) for name in kept} | self.spread_over_parts()
        chained, found.diagnostics["metropolis_acceptance"] = self.metropolis(series)
        found.estimates.update(chained)
        self.leave_out_errors(found, chained)

    def leave_out_errors(self, found: Findings, chained: dict[str, Estimate]) -> None:
        """Take the error bars off values that too few draws carry, and say so."""
        samples = float(found.means[self.headline]["count"])
        effective = found.diagnostics["ess"] * samples
        lost = int(summed(torch.tensor([self.lost], device=self.log_weights[0].device))[0])
        if lost:
            found.diagnostics["nonfinite"] = lost / samples
            found.notes.insert(0, f"{lost} of {samples:.0f} draws are not finite: they get no weight")
        if effective < FEWEST_EFFECTIVE or lost:
            why = "draws that are not finite" if lost else TOO_FEW
            for name in [name for name in found.estimates if name.endswith(REWEIGHTED)]:
                found.estimates[name] = found.estimates[name].without_error(why)
        if found.diagnostics["ess"] * len(self.log_weights) < FEWEST_PER_CHAIN:
            found.estimates.update({name: found.estimates[name].without_error(TOO_FEW) for name in chained})
        if effective < FEWEST_EFFECTIVE:
            found.notes.append(
                f"fewer than {FEWEST_EFFECTIVE} effective samples: reweighted results carry no error bar"
            )

    def spread_over_parts(self) -> dict[str, float]:
        """Return median and extremes of the ESS, and of the KL where F is known, over parts of the draws."""
        draws = torch.cat(self.log_weights)
        values: dict[str, list[float]] = {"ess": [], "kl": []}
        for part in draws.chunk(self.parts):
            values["ess"].append(float(importance_estimates(part)["ess"]))
            if self.exact is not None:
                values["kl"].append(-float(part.mean()) - self.beta * self.exact)
        spread = {}
        for name, held in values.items():
            if len(held) > 1:
                spread[f"{name}_median"] = statistics.median(held)
                spread[f"{name}_lowest"], spread[f"{name}_highest"] = min(held), max(held)
        return spread

    def metropolis(self, series: dict[str, Tensor]) -> tuple[dict[str, Estimate], float]:
        """Return means along independence Metropolis chains and their acceptance."""
        states, acceptance = independence_metropolis(torch.stack(self.log_weights), self.generator)
        start = len(states) // 5
        estimates = {}
        for name, values in series.items():
            chain = blocked_error(values.to(states.device).gather(0, states)[start:])
            estimates[f"{name}_metropolis"] = Estimate(float(chain.mean), float(chain.error))
        return estimates, acceptance
