"""Reference Monte Carlo of a classical system: energies, free energy, structure and samples, each with its error."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from physgen.monte_carlo.bridging import EVERY, Bridging, Density
from physgen.monte_carlo.ladders import TemperatureLadder, ladder_of
from physgen.monte_carlo.record import ReferenceRecord
from physgen.monte_carlo.settings import ROUND, Settings
from physgen.monte_carlo.suitability import check_suitable
from physgen.monte_carlo.summary import means, record_of
from physgen.samplers import ReplicaExchange
from physgen.spaces import Free
from physgen.stats import integrated_autocorrelation_time
from physgen.systems import ClassicalSystem

TARGET_ACCEPTANCE = 0.85
# Numbers of configurations kept for the structure; beyond, every second one goes.
KEPT = 2**24

Progress = Callable[[float, str], None]


@dataclass
class Seen:
    """Configurations of the chains, as observables look at them.

    Args:
        x: `(walkers, *shape)`.
    """

    x: Tensor


class MonteCarlo:
    r"""Replica exchange chains of a classical system, stopped where F (or the energy) is known well enough.

    Interacting charges run in a `CouplingLadder`, other particles in free space in a `TemperatureLadder`, fields and
    clusters without a centre of mass in a `MixingLadder`. Replica k = 0 is the
    system itself. The virial V, whose mean is zero, is a control variate: each mean is that of A - a V with a
    = cov(A, V) / var(V), which takes the breathing of the cloud out of the noise (a from the pilot for F, from all
    moves for the energies). Errors are blocked over moves and ladders; the error of F adds the difference of both
    quadrature rules in quadrature.

    Source: J. G. Kirkwood, "Statistical Mechanics of Fluid Mixtures", doi:10.1063/1.1749657; R. Assaraf and
    M. Caffarel, "Zero-Variance Principle for Monte Carlo Algorithms", arXiv:physics/9911022.

    Args:
        system: any classical system.
        settings: error, seed, number of walkers, ...
        progress: told the share that is done, in [0, 1], and what is being done.
        density: a normalised density of the system; F then comes from `bridge` between its draws and the chains, and
            that by integration over couplings stands beside it as `free_energy_integration`.

    Raises:
        InputError: the density is one of another system.
    """

    def __init__(
        self,
        system: ClassicalSystem,
        settings: Settings,
        progress: Progress | None = None,
        density: Density | None = None,
    ) -> None:
        check_suitable(system)
        self.system, self.settings = system, settings
        self.progress = progress or (lambda share, text: None)
        self.progress(0.0, "first guesses")
        self.ladder = ladder_of(system)
        #: the ladder whose replicas F is integrated over
        self.coupled = None if isinstance(self.ladder, TemperatureLadder) else self.ladder
        self.bridging = None if density is None else Bridging(system, density, settings.seed)
        self.aim = "free_energy" if self.coupled or density is not None else "energy"
        generator = torch.Generator().manual_seed(settings.seed)
        replicas = len(self.ladder.scale)
        x = system.initial(replicas * settings.walkers, generator, torch.float64)
        x = x.view(replicas, settings.walkers, *system.shape)
        widths = torch.full((replicas,), 0.3 * system.thermal_width, dtype=torch.float64)
        self.chains = ReplicaExchange(self.ladder, x, widths, generator)
        self.series: dict[str, list[Tensor]] = {}
        self.kept: list[Tensor] = []
        self.drawn: list[Tensor] = []
        self.stride, self.keep_every, self.moves = 1, 1, 0
        self.accepted: list[Tensor] = []
        self.swapped: list[Tensor] = []
        self.control: Tensor | None = None
        self.integrands: list[Tensor] = []

    def run(self) -> tuple[ReferenceRecord, Tensor | None]:
        """Return the record, and the samples `(N, n, dim)` where they were asked for."""
        started, settings = time.process_time(), self.settings
        for i in range(settings.warm_up):
            # the last third equilibrates with widths that no longer move
            self.chains.move(TARGET_ACCEPTANCE if i < 2 * settings.warm_up // 3 else None)
            self.progress(0.1 * i / settings.warm_up, "warm-up")
        self.pilot()
        wanted = math.ceil(settings.samples / settings.walkers)
        while True:
            for _ in range(ROUND):
                self.step()
                if self.moves % self.stride == 0 and len(self.drawn) < wanted:
                    self.drawn.append(self.chains.x[0].float())
            worst = means(self).estimates[self.aim].error
            share = min(min(settings.error / max(worst, 1e-30), 1.0) ** 2, len(self.drawn) / wanted if wanted else 1.0)
            self.progress(0.1 + 0.85 * min(share, 1.0), f"{self.moves} moves, error {worst:.2g}")
            if share >= 1 and self.moves >= 2 * ROUND:
                break
            if self.moves >= settings.most_moves and len(self.drawn) >= wanted:
                break
        self.progress(0.95, "structure")
        record = record_of(self, worst)
        record.provenance["cpu_seconds"] = round(time.process_time() - started, 2)
        samples = torch.cat(self.drawn)[: settings.samples] if wanted else None
        return record, samples

    def pilot(self) -> None:
        """Fix the control variates of F and the stride of samples, from moves that are not measured."""
        features, energies = [], []
        for _ in range(ROUND):
            self.chains.move()
            features.append(self.chains.features)
            energies.append(self.observe()["energy"])
        self.stride = math.ceil(2 * float(integrated_autocorrelation_time(torch.stack(energies))))
        if self.coupled is None:
            return
        held = torch.stack(features)
        found = self.coupled.virial(held)
        if found is None:
            return
        integrand = self.coupled.integrand(held).movedim(1, 0).flatten(1)
        virial = found.movedim(1, 0).flatten(1)
        centred = virial - virial.mean(1, keepdim=True)
        self.control = (integrand * centred).mean(1) / centred.square().mean(1)

    def observe(self) -> dict[str, Tensor]:
        """Return what is measured of replica 0 at each move, `(walkers,)` each."""
        x, system = self.chains.x[0], self.system
        terms = system.terms(x)
        values = {"energy": torch.stack(list(terms.values())).sum(0), **terms}
        virial = system.virial(terms)
        if virial is not None:
            values["virial"] = virial
        if isinstance(system.space, Free):
            values["r2"] = x.square().sum(-1).mean(-1)
            values["centre2"] = x.mean(1).square().sum(-1)
        else:
            for observable in (*system.space.observables(), *system.observables()):
                values.update(observable.measure(Seen(x)))
        return values

    def step(self) -> None:
        """Move once and measure."""
        self.chains.move()
        values = self.observe()
        if self.coupled is not None:
            integrand, virial = self.coupled.integrand(self.chains.features), self.coupled.virial(self.chains.features)
            if self.control is not None and virial is not None:
                integrand = integrand - self.control[:, None] * virial
            values["fine"], values["coarse"] = self.coupled.weights @ integrand
            self.integrands.append(integrand.mean(1))
        for name, value in values.items():
            self.series.setdefault(name, []).append(value)
        self.accepted.append(self.chains.acceptance)
        self.swapped.append(self.chains.swapped)
        if self.bridging is not None and self.moves % EVERY == 0:
            self.bridging.step(self.chains.x[0])
        if self.moves % self.keep_every == 0:
            self.kept.append(self.chains.x[0].float())
            if len(self.kept) * self.kept[0].numel() > KEPT:
                self.kept, self.keep_every = self.kept[::2], 2 * self.keep_every
        self.moves += 1
