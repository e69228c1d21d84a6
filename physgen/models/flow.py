"""Base of normalizing flows: a density carried from a Gaussian by a map."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor
from torch.func import jacfwd, vmap

from physgen.core.errors import check_choice
from physgen.models.density import DensityModel
from physgen.models.numpy_edge import gives_arrays
from physgen.nn.solve import solve
from physgen.spaces import Free, Space


class FlowModel(DensityModel):
    r"""A density carried by a map f from a Gaussian: x = c f(z), z ~ N(0, 1).

    ln p(x) = ln N(z) - ln |det df/dz| - D ln c, for D numbers of a configuration and c the spread of the system's
    first guess.

    Subclasses define `transform` and `log_prob`, and start where `first_guess` says.
    """

    abstract = True
    spaces: ClassVar[tuple[type[Space], ...]] = (Free,)

    @property
    def size(self) -> int:
        """D, the number of coordinates."""
        return self.system.space.size

    def first_guess(self, start: str) -> tuple[float, Tensor]:
        """Return gain and centre `(D,)` of a first map z -> gain z + centre.

        Args:
            start: `cloud`, every particle spread over the whole cloud, or `places`, every particle about a place of its
                own, as wide as it is alone at this temperature: particles that start apart need not untangle, but the
                map then stays in one permutation sector. The places are a minimum of H, found from a random start.

        Raises:
            InputError: another `start`.
        """
        if check_choice("start", start, ("cloud", "places")) == "cloud":
            return 1.0, torch.zeros(self.size)
        return min(1.0, self.system.thermal_width / self.scale), self.places().flatten() / self.scale

    def places(self) -> Tensor:
        """Return a configuration `(n, dim)` at a minimum of H, by L-BFGS from a random one."""
        x = self.system.initial(1, dtype=torch.float64).requires_grad_(True)
        search = torch.optim.LBFGS([x], max_iter=500, line_search_fn="strong_wolfe", tolerance_change=1e-9)

        def energy() -> Tensor:
            search.zero_grad()
            value = self.system.energy(x).sum()
            value.backward()
            return value

        with torch.enable_grad():
            search.step(energy)
        return x.detach()[0].to(torch.get_default_dtype())

    def latent(self, num_samples: int, generator: torch.Generator | None) -> Tensor:
        """Draw z `(num_samples, D)` from the Gaussian."""
        like = next(self.parameters())
        return torch.randn(num_samples, self.size, generator=generator, dtype=like.dtype, device=like.device)

    def log_latent(self, z: Tensor) -> Tensor:
        """Return ln N(z) - D ln c `(batch,)`."""
        return -0.5 * z.square().sum(-1) - self.size * (0.5 * math.log(2 * math.pi) + math.log(self.scale))

    @abstractmethod
    def transform(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(z) `(batch, D)` and ln |det df/dz| `(batch,)`."""

    def jacobian(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return f(z) and the transposed Jacobian `(batch, D, D)`, by forward-mode differentiation here."""
        full = vmap(jacfwd(lambda one: self.transform(one[None])[0][0]))(z)
        return self.transform(z)[0], full.mT

    def transform_and_jacobian(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return f(z), ln |det df/dz| and the transposed Jacobian, held fixed; one pass where a model has one."""
        y, log_det = self.transform(z)
        return y, log_det, self.jacobian(z.detach())[1].detach()

    def shaped(self, y: Tensor) -> Tensor:
        """Return configurations `(batch, n, dim)` of f(z) `(batch, D)`."""
        return self.scale * y.view(-1, *self.system.shape)

    def draw(self, z: Tensor) -> tuple[Tensor, Tensor]:
        """Return x and ln p(x), both differentiable in the parameters, of latent z."""
        y, log_det = self.transform(z)
        return self.shaped(y), self.log_latent(z) - log_det

    @gives_arrays
    @torch.no_grad()
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw configurations `(num_samples, n, dim)` and their ln p `(num_samples,)`."""
        return self.draw(self.latent(num_samples, generator))

    def draw_with_score(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return x, differentiable, with ln p(x) and d ln p/dx at fixed parameters, both held fixed.

        J^T (d ln p/dx) = d [ln N(z) - ln |det J(z)|] / dz: one linear solve instead of an inverse map.
        """
        leaf = z.detach().requires_grad_(True)
        with torch.enable_grad():
            y, log_det, transposed = self.transform_and_jacobian(leaf)
            log_prob = self.log_latent(leaf) - log_det
            (slope,) = torch.autograd.grad(log_prob.sum(), leaf, retain_graph=True)
        score = solve(transposed, slope.detach().unsqueeze(-1))[..., 0] / self.scale
        x = self.shaped(y)
        return x, log_prob.detach(), score.view_as(x)

    def draw_fixed(self, num_samples: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return draws, held fixed, and a ln p(x) whose gradient is that at fixed x.

        The latent of a fixed x moves with the parameters: one Newton step z - J^-1 (f(z) - x), whose value is z,
        carries that motion to first order.
        """
        z = self.latent(num_samples, generator)
        y, transposed = self.jacobian(z)
        shift = solve(transposed.detach().mT, (y - y.detach()).unsqueeze(-1))[..., 0]
        moved = z - shift
        log_det = self.transform(moved)[1]
        return self.shaped(y).detach(), self.log_latent(moved) - log_det
