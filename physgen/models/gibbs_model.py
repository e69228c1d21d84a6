"""Models whose state is a Gibbs state of known wavefunctions: their draws, densities and evaluation."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from physgen.core.errors import check
from physgen.core.quantity import FREE_ENERGY
from physgen.models.base import Model
from physgen.models.ensemble_chain import EnsembleChain
from physgen.models.ensemble_sector import SectorEnsemble
from physgen.models.gibbs_state import GibbsState, Level, Sums, sums
from physgen.nn.flows.pulled_back import preimage
from physgen.observables import Findings, Observable
from physgen.observables.ensemble_energies import EnsembleEnergies
from physgen.runs.result import Result, reference_for
from physgen.systems import ThermalQuantumDot


class EnsembleView(NamedTuple):
    """One batch of fresh draws: configurations of the ensemble, and samples of what it knows of its states."""

    system: ThermalQuantumDot
    x: Tensor
    sums: Sums
    more: dict[str, Tensor]


class GibbsModel(Model):
    """A Gibbs state of the states of several sectors, each of one exchange symmetry.

    Subclasses set `sectors`, `copies`, `vectors`, `quanta` and `levels`.
    """

    abstract = True
    system: ThermalQuantumDot
    headline = FREE_ENERGY
    guarantee = "checked"
    evaluation_without_effect: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("thin", "warm_up"), "every draw is a proposal of an independence chain"),
        **dict.fromkeys(("anneal", "repeats"), "it has no importance weights"),
    }
    sectors: torch.nn.ModuleList
    #: states of the spins of each sector
    copies: list[int]
    #: matrix of relative vectors
    vectors: Tensor
    quanta: int
    levels: int

    @property
    def ensembles(self) -> list[SectorEnsemble]:
        """The sectors."""
        return [sector for sector in self.sectors if isinstance(sector, SectorEnsemble)]

    def potential(self, image: Tensor) -> Tensor:
        """Return the potential energy over omega `(batch,)` of relative vectors `(batch, size)`, centre at rest."""
        places = torch.einsum("kn,bka->bna", self.vectors.to(image), image.view(len(image), -1, 2))
        return self.system.potential(places * self.system.length) / self.system.omega

    def gibbs(self) -> GibbsState:
        """Return the weights of all states as they are."""
        return GibbsState(self.ensembles, self.copies, self.system.reduced_beta)

    # ---- draws and densities

    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw configurations `(num_samples, n, 2)` of the ensemble, each from a fresh chain, and their ln p."""
        assert generator is not None  # `gives_arrays` makes one
        with torch.no_grad():
            chain = EnsembleChain(self.gibbs(), num_samples, generator)
            x = (chain.places(self.vectors) * self.system.length).to(next(self.parameters()))
            return x, self.log_prob(x)

    def log_prob(self, x: Tensor) -> Tensor:
        r"""Return the logarithm of $\sum_k p_k |\psi_k(x)|^2$, spins summed over, `(batch,)` at `x` `(batch, n, 2)`."""
        state, places = self.gibbs(), x.double() / self.system.length
        image = torch.einsum("kn,bna->bka", self.vectors.to(places), places).flatten(1)
        parts = []
        for s, sector in enumerate(state.sectors):
            vectors = preimage(sector.flow, image)
            volume = torch.linalg.slogdet(sector.flow.forward(vectors)[1])[1]
            parts.append(state.density(s, vectors).clamp_min(1e-300).log() - volume)
        width = state.centre_energy / 2
        centre = places.sum(1) / self.system.n**0.5
        gaussian = -centre.square().sum(-1) / (2 * width) - math.log(2 * math.pi * width)
        log_prob = torch.stack(parts).logsumexp(0) + gaussian - 2 * self.system.n * math.log(self.system.length)
        found: Tensor = log_prob.to(x)
        return found

    # ---- evaluation

    def start_fresh_draws(self, generator: torch.Generator) -> None:
        """Let fresh chains forget where they began."""
        check(self.weights_are_finite(), "weights", f"NaN or infinity in {type(self).__name__}", "finite numbers")
        self.state = self.gibbs()
        self.measured_levels = self.state.levels(self.levels)
        self.chain = EnsembleChain(self.state, self.evaluation.batch, generator)
        self.least_jacobian, self.folded = math.inf, 0

    def fresh_view(self) -> EnsembleView:
        """Draw a batch of the free gas, measure all states there, and let the chains take it as proposals."""
        points = self.chain.propose()
        for at in points:
            least = torch.linalg.eigvalsh(at.jacobian)[:, 0]
            self.least_jacobian = min(self.least_jacobian, float(least.min()))
            self.folded += int((least <= 0).sum())
        found = sums(self.state, points, self.measured_levels)
        self.chain.move([at.image for at in points], found.norm)
        x = self.chain.places(self.vectors) * self.system.length
        return EnsembleView(self.system, x, found, self.more(found))

    def more(self, found: Sums) -> dict[str, Tensor]:
        """Return samples of the angular momentum, of the spin and of the levels, the lowest first."""
        values = {"angular_momentum_square": found.momentum + self.state.centre_momentum}
        if len(self.copies) > 1:
            values["spin_square"] = 2 * found.shares[1]  # triplets have S (S + 1) = 2, singlets 0
        for level, energy in zip(self.measured_levels, found.levels, strict=True):
            values.setdefault(self.name_of(level), self.in_units(energy))
        return values

    def in_units(self, energy: Any) -> Any:
        """Return a level of the relative motion in the system's units, the centre of mass in its ground state."""
        return self.system.omega * (energy + 1)

    def name_of(self, level: Level) -> str:
        """Return the name of a level by its quantum numbers, such as `level_m1_s1_n0`."""
        spin = f"_s{level.sector}" if len(self.copies) > 1 else ""
        return f"level_m{level.m}{spin}_n{level.place}"

    def draws_to_keep(self) -> dict[str, Tensor]:
        """Return configurations of the ensemble and their ln p."""
        x = self.fresh_view().x
        return {"x": x, "log_prob": self.log_prob(x), "weight": torch.ones(len(x), dtype=x.dtype, device=x.device)}

    def headline_observables(self) -> list[Observable]:
        """Return the thermodynamics."""
        known = reference_for(self.references(), "free_energy")
        exact = known.value if known is not None and known.exact else None
        return [EnsembleEnergies(self.system.beta, self.system.omega, exact)]

    def finish(self, found: Findings) -> None:
        """Add how many states there are, what the others weigh, and whether the map was one-to-one."""
        tail = sum(self.state.tails)
        found.diagnostics |= {
            "states": float(sum(c * s.count for c, s in zip(self.copies, self.ensembles, strict=True))),
            "tail_weight": tail,
            "least_jacobian": self.least_jacobian,
            "acceptance": self.chain.accepted / self.chain.moves,
        }
        what = f"{tail:.1e} of the trace, summed in closed form" if tail else "nothing of the trace in float64"
        found.notes.append(f"states beyond the core of {self.quanta} quanta weigh {what}: F bounds the whole one")

    def summary(self) -> Result:
        """Return the result with the verdict on the map."""
        result = super().summary()
        if self.folded:
            result.guarantee = "violated"
            folded = f"NOT A BOUND: the Jacobian of the map is not positive at {self.folded} draws, states overlap"
            result.notes.insert(0, folded)
        return result
