"""Densities and pair distributions of a model's own draws, as arrays with errors."""

from __future__ import annotations

from typing import Any, Literal

from physgen.core.errors import InputError, check_choice
from physgen.models.predicted import PredictedModule
from physgen.observables.base import as_arrays
from physgen.observables.profile import Profile, profile

#: fresh draws that are made where none were asked for and nothing was evaluated yet
SAMPLES = 10_000


class ProfiledModule(PredictedModule):
    """A module that says where particles are, as `structure.npz` of a run does."""

    def density(
        self, samples: int | None = None, seed: int = 0, spin: Literal["up", "down"] | None = None, **settings: Any
    ) -> Profile:
        r"""Return particles per area (volume) at the distance r from the centre.

        $n(r) = \langle \sum_i \delta(r - |r_i|) \rangle / (\Omega_d r^{d-1})$, whose integral over space is n.

        Args:
            samples: fresh draws; unless given those of the last evaluation, 10 000 where there was none.
            seed: seed of fresh draws.
            spin: one of two spins alone.
            settings: fields of `Evaluation` for fresh draws.

        Raises:
            InputError: spins on a lattice, a periodic cube, where the density is the same everywhere, or a spin that
                the system does not have.
        """
        if spin is not None:
            check_choice("spin", spin, ("up", "down"))
        return self._profile("radial_density" + (f"_{spin}" if spin else ""), "radius_edges", samples, seed, settings)

    def pair_distribution(
        self,
        samples: int | None = None,
        seed: int = 0,
        spins: Literal["parallel", "antiparallel"] | None = None,
        **settings: Any,
    ) -> Profile:
        r"""Return g(r): pairs at the distance r over those of independent particles of the same density.

        In a trap the independent particles are of two different chains, $n(r_1) n(r_2) (n - 1)/n$, so that a gas
        without correlations has g = 1 everywhere; in a periodic cube they are spread evenly.

        Args:
            samples: fresh draws; unless given those of the last evaluation, 10 000 where there was none.
            seed: seed of fresh draws.
            spins: pairs of equal or of opposite spins alone.
            settings: fields of `Evaluation` for fresh draws.

        Raises:
            InputError: a single particle, spins on a lattice, or pairs that the system does not have.
        """
        if spins is not None:
            check_choice("spins", spins, ("parallel", "antiparallel"))
        return self._profile(f"g_{spins}" if spins else "g_of_r", "distance_edges", samples, seed, settings)

    def _profile(self, name: str, edges: str, samples: int | None, seed: int, settings: dict[str, Any]) -> Profile:
        makers = self.system.space.observables()
        if samples is not None or self.evaluated is None:
            self.observe(samples=SAMPLES if samples is None else samples, seed=seed, **settings)
        assert self.evaluated is not None
        x = self.evaluated.double().cpu()
        for maker in makers:
            arrays = as_arrays(maker.histograms(x))
            if name in arrays:
                return profile(arrays, name, edges)
        raise InputError(f"{name} is not known of {self.system.label}, {type(self.system.space).__name__}")
