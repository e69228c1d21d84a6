"""Configurations of an ensemble by independence Metropolis: draws of the free gas are proposals."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from physgen.models.gibbs_state import GibbsState
from physgen.models.sector_states import Points

#: proposals of a fresh chain before its first configuration
FORGETTING = 20


class EnsembleChain:
    r"""Independent chains whose law is the density $\sum_k p_k |\psi_k(x)|^2$ of a Gibbs state.

    A proposal is a draw of the free gas of a random sector, flowed, whose weight is that density over its own: a move
    costs one evaluation of all states, and forgets all of the past where it is accepted.

    Args:
        state: weights of all states.
        chains: how many.
        generator: source of the draws.
        forgetting: proposals before the first configuration.
    """

    def __init__(
        self, state: GibbsState, chains: int, generator: torch.Generator, forgetting: int = FORGETTING
    ) -> None:
        self.state, self.chains, self.generator = state, chains, generator
        size = state.sectors[0].draws.size
        self.image = torch.zeros(chains, size, dtype=torch.float64, device=generator.device)
        self.weight = torch.zeros(chains, dtype=torch.float64, device=generator.device)
        self.moves = self.accepted = 0
        for _ in range(forgetting):
            drawn = [sector.draws.draw(chains, generator) for sector in state.sectors]
            pairs = list(enumerate(zip(state.sectors, drawn, strict=True)))
            weights = [state.density(s, x) / sector.draws.density(x) for s, (sector, x) in pairs]
            self.move([sector.flow(x)[0] for sector, x in zip(state.sectors, drawn, strict=True)], weights)

    def propose(self) -> list[Points]:
        """Return fresh draws of every sector."""
        return [s.points(s.draws.draw(self.chains, self.generator)) for s in self.state.sectors]

    def move(self, images: Sequence[Tensor], weights: Sequence[Tensor]) -> None:
        """Take over proposals of every sector, flowed vectors `(chains, size)`, by their weights `(chains,)`."""
        device = self.image.device
        places = torch.arange(self.chains, device=device)
        sector = torch.randint(len(images), (self.chains,), generator=self.generator, device=device)
        uniform = torch.rand(self.chains, generator=self.generator, dtype=torch.float64, device=device)
        weight = torch.stack(list(weights))[sector, places]
        taken = uniform * self.weight < weight
        image = torch.stack(list(images))[sector, places]
        self.image = torch.where(taken[:, None], image, self.image)
        self.weight = torch.where(taken, weight, self.weight)
        self.moves, self.accepted = self.moves + self.chains, self.accepted + int(taken.sum())

    def places(self, vectors: Tensor) -> Tensor:
        """Return particles `(chains, n, 2)`: relative vectors with a fresh centre of mass, in oscillator lengths."""
        n = self.state.sectors[0].n
        relative = torch.einsum("kn,bka->bna", vectors.to(self.image), self.image.view(self.chains, n - 1, 2))
        width = math.sqrt(self.state.centre_energy / (2 * n))
        centre = torch.randn(self.chains, 1, 2, generator=self.generator, dtype=torch.float64, device=self.image.device)
        return relative + width * centre
