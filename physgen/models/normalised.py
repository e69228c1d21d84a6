"""What a normalised density gives: draws with ln p, ln p of any configurations, draws that gradients follow."""

from __future__ import annotations

from abc import abstractmethod

import torch

from physgen.core.shapes import Latent, Points, Values
from physgen.models.base import Model


class NormalisedModel(Model):
    """A density p that draws and knows ln p; one that is `reparameterised` gives draws that gradients follow too."""

    abstract = True
    #: whether draws can be differentiated through
    reparameterised = True

    @abstractmethod
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Points, Values]:
        """Draw configurations `(num_samples, n, dim)` and their ln p `(num_samples,)`, without gradients."""

    @abstractmethod
    def log_prob(self, x: Points) -> Values:
        """Return ln p `(batch,)` of any configurations `(batch, n, dim)`."""

    def latent(self, num_samples: int, generator: torch.Generator | None) -> Latent:
        """Draw latent variables, one row a draw."""
        raise NotImplementedError(f"{type(self).__name__} has no latent variables")

    def draw(self, z: Latent) -> tuple[Points, Values]:
        """Return x and ln p(x), both differentiable in the parameters, of latent z."""
        raise NotImplementedError(f"{type(self).__name__} has no latent variables")

    def draw_with_score(self, z: Latent) -> tuple[Points, Values, Points]:
        """Return x, differentiable, with ln p(x) and d ln p/dx at fixed parameters, both held fixed."""
        raise NotImplementedError(f"{type(self).__name__} has no latent variables")
