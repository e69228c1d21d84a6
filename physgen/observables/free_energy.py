"""The free energy of a density and the terms of its energy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from physgen.observables.base import Findings, Observable
from physgen.observables.local_energy import NO_VARIANCE
from physgen.stats.estimate import Estimate


class FreeEnergy(Observable):
    r"""`free_energy` $H + \ln p/\beta$, `energy` with its terms, the virial residual, and `kl` where F is known.

    Args:
        beta: inverse temperature.
        virial: gives the samples `(batch,)` of terms whose mean vanishes in equilibrium, or None.
        divergent: gives the terms of infinite variance from the energies of all draws.
        exact: free energy and its error, where it is known.
    """

    def __init__(
        self,
        beta: float,
        virial: Callable[[Mapping[str, Tensor]], Tensor | None],
        divergent: Callable[[Tensor], list[str]],
        exact: tuple[float, float] | None = None,
    ) -> None:
        self.beta, self.virial, self.divergent, self.exact = beta, virial, divergent, exact

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Return `free_energy`, `energy`, its terms, and `virial` where it is known."""
        values = {"free_energy": at.energy + at.log_prob / self.beta, "energy": at.energy, **at.terms}
        virial = self.virial(at.terms)
        if virial is not None:
            values["virial"] = virial
        return values

    def finish(self, found: Findings) -> None:
        """Add the divergence from equilibrium and the spread of ln p; leave out errors of infinite variance."""
        free = found.estimates["free_energy"]
        if self.exact is not None:
            value, error = self.exact
            off = self.beta * math.hypot(free.error, error)
            found.estimates["kl"] = Estimate(self.beta * (free.value - value), off)
        computed = found.means["free_energy"]
        found.diagnostics["spread"] = self.beta * float(computed["variance"]) ** 0.5
        found.diagnostics["samples"] = float(computed["count"])
        divergent = self.divergent(found.measured["energy"].series().flatten())
        if divergent:
            for name in {"free_energy", "energy", "virial", "kl", *divergent} & found.estimates.keys():
                found.estimates[name] = found.estimates[name].without_error(NO_VARIANCE)
            found.notes.append(
                f"p does not vanish where two particles meet: the variance of F and of {', '.join(divergent)} is "
                "infinite, their means carry no error bar; reweighted values keep theirs"
            )
