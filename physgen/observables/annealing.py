"""Annealed importance sampling on top of a normalised density: an unbiased Z from a model that is not perfect."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor

from physgen.observables.base import Findings, Observable
from physgen.samplers import MALA
from physgen.samplers.annealed_importance import annealed_importance
from physgen.stats import ImportanceWeights
from physgen.stats.estimate import Estimate

#: effective samples below which a value carries no error bar, and why
FEWEST_EFFECTIVE, TOO_FEW = 100, "too few effective samples"
#: paths of the pilot that fixes the widths of the moves, and moves between two looks at an acceptance there
PILOT, LOOKS = 128, 4
#: energy, in units of the temperature, above which a configuration has no weight in any case
HIGHEST = 1e30
#: power of k/K that a bridging temperature is: they are closer to each other next to the model
POWER = 2


class Annealing(Observable):
    r"""`free_energy_annealed` and every term of the energy by paths from a density q to $e^{-\beta H}$.

    Draws of q go through $f_t = q^{1-t} e^{-t \beta H}$, t = (k/K)^2, with MALA moves at each; the mean of their
    weights is Z for any q that is positive where the system is, any K and any moves. Widths of the moves are fixed by a
    pilot of other draws. `annealed_ess` stands beside `ess`, the effective share of draws without any bridge.

    Source: R. M. Neal, "Annealed Importance Sampling", arXiv:physics/9803008.

    Args:
        model: q, with `system`, `log_prob` and `draw_batch`.
        bridges: K, steps between q and the system.
        generator: source of the moves and of the pilot's draws.
        moves: MALA moves at every step.
    """

    def __init__(self, model: Any, bridges: int, generator: torch.Generator, moves: int = 1) -> None:
        self.model, self.bridges, self.generator, self.moves = model, bridges, generator, moves
        self.shares = (torch.arange(bridges + 1, dtype=torch.float64) / bridges) ** POWER
        self.widths: dict[float, float] = {}
        self.log_weights: list[Tensor] = []
        self.terms: dict[str, list[Tensor]] = {}
        self.accepted: list[float] = []

    def log_density(self, x: Tensor, share: float) -> Tensor:
        """Return ln f_t `(batch,)` of `x` `(batch, *shape)`."""
        system = self.model.system
        target: Tensor = -(system.beta * system.energy(x)).nan_to_num(HIGHEST, HIGHEST).clamp_max(HIGHEST)
        if share == 1:
            return target
        own: Tensor = self.model.log_prob(x)
        return own if share == 0 else (1 - share) * own + share * target

    def sampler(self, x: Tensor, width: float) -> MALA:
        """Return a sampler that stands at `x`."""
        made = MALA(walkers=len(x), steps=self.moves)
        made.start(x, self.generator, width, space=self.model.system.space)
        return made

    def move(self, x: Tensor, share: float) -> Tensor:
        """Return `x` after moves that leave f_t as it is."""
        sampler = self.sampler(x, self.widths[share])
        moved = sampler.sample(lambda y: self.log_density(y, share))
        self.accepted.append(sampler.acceptance)
        return moved

    def pilot(self) -> None:
        """Fix the widths at all steps, by paths that are not measured."""
        x, _ = self.model.draw_batch(PILOT, self.generator)
        width = 0.3 * self.model.system.thermal_width
        for share in self.shares[1:].tolist():
            sampler = self.sampler(x, width)
            x = sampler._run(partial(self.log_density, share=share), LOOKS, adapt=True)
            width = self.widths[share] = sampler.width

    def measure(self, at: Any) -> dict[str, Tensor]:
        """Carry the draws to the system; keep weights and energies at the ends of their paths."""
        if not self.widths:
            self.pilot()
        x, log_weight = annealed_importance(self.log_density, self.move, at.x, self.shares)
        # the path begins at ln q of the draws themselves
        self.log_weights.append(log_weight.nan_to_num(-torch.inf, -torch.inf))
        terms = self.model.system.terms(x)
        for name, value in {"energy": torch.stack(list(terms.values())).sum(0), **terms}.items():
            self.terms.setdefault(name, []).append(value)
        return {}

    def finish(self, found: Findings) -> None:
        """Add F, the energies and the effective share of draws after annealing."""
        beta, log_weight = self.model.system.beta, torch.cat(self.log_weights)
        held = {name: torch.cat(values) for name, values in self.terms.items()}
        weights = ImportanceWeights(list(held)).to(log_weight.device)
        weights.update(log_weight, **held)
        computed = weights.compute()
        free, error = weights.free_energy(beta)
        values = {"free_energy": (float(free), float(error))}
        values |= {name: (float(computed[name]), float(computed[f"{name}_error"])) for name in held}
        enough = float(computed["ess"]) * len(log_weight) >= FEWEST_EFFECTIVE
        for name, (value, off) in values.items():
            estimate = Estimate(value, off)
            found.estimates[f"{name}_annealed"] = estimate if enough else estimate.without_error(TOO_FEW)
        found.diagnostics["annealed_ess"] = float(computed["ess"])
        found.diagnostics["annealed_log_z"] = float(computed["log_z"])
        found.diagnostics["annealed_acceptance"] = sum(self.accepted) / len(self.accepted)
        found.notes.append(
            f"annealed by {self.bridges} bridging temperatures: effective share of draws {float(computed['ess']):.3g}"
        )
