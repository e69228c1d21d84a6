"""Variational autoencoders, which learn from samples by a bound of the likelihood."""

from __future__ import annotations

import torch
from torch import Tensor

from physgen.core.errors import check, check_integers
from physgen.core.random_streams import DATA
from physgen.models.density import DensityModel
from physgen.models.numpy_edge import gives_arrays
from physgen.nn.machines.latent_pair import LatentPair
from physgen.objectives import EvidenceBound, Objective
from physgen.objectives.evidence_bound import bounds, importance_bound
from physgen.observables import Observable
from physgen.observables.evidence_ladder import EvidenceLadder
from physgen.observables.likelihood import Likelihood
from physgen.samplers import Sampler
from physgen.spaces import Free, Lattice
from physgen.systems import System

#: latents of the bounds that an evaluation measures
LADDER = (1, 10, 100)
#: samples at most of which they, and the log-likelihood, are measured
MOST = 10_000


def two_values(system: System) -> tuple[float, float] | None:
    """Return both values that a site of a lattice holds, None for particles; raise `InputError` where it holds more."""
    held = system.space.values if isinstance(system.space, Lattice) else None
    check(held is None or len(held) == 2, "system", f"sites that hold {held}", "one of two values a site")
    return None if held is None else (held[0], held[1])


class VariationalAutoencoder(DensityModel):
    r"""Latent numbers z from a Gaussian and a decoder p(x|z); an encoder r(z|x) finds the latents of a sample.

    ln p(x) = ln of the integral of N(z) p(x|z) is bounded from below, in the mean over z_k ~ r(z|x), by
    $\ln \frac1K \sum_k N(z_k) p(x|z_k)/r(z_k|x)$: the ELBO for K = 1, more with more latents. Spins and 0/1 are drawn
    one by one given z, coordinates of particles are Gaussian given z, without the symmetry of permutations.

    Draws carry ln p(x, z) - ln r(z|x) where other densities have ln p: then E[w] = Z exactly for
    w = e^{-beta H(x)} r(z|x)/p(x, z), and the free energy that is reported lies above that of the marginal, which lies
    above F (guarantee `bound`). `log_prob` is the bound with `latents` fixed draws of the noise.

    Sources: D. P. Kingma and M. Welling, "Auto-Encoding Variational Bayes", arXiv:1312.6114; Y. Burda, R. Grosse and
    R. Salakhutdinov, "Importance Weighted Autoencoders", arXiv:1509.00519.

    Args:
        system: gives the samples, by its own draws or by Monte Carlo.
        latent: number of z.
        hidden: units of the two hidden layers of encoder and decoder.
        importance: latents of every sample in the training; 1 for the ELBO.
        latents: K of `log_prob`.
        even: whether p(-x) = p(x); None for what the system has, yes for spins with a flip symmetry.
        batch_size: samples of one iteration on this rank.
        learning_rate: largest step of Adam.
        clip_norm: largest norm of a gradient, in nats.
        data: sampler of the Monte Carlo samples where the system draws none itself.
        data_size: how many samples are drawn before the training, on every rank.
        data_file: npz file of samples to take instead.
        steps_per_epoch: iterations between two checkpoints.

    Raises:
        InputError: an argument out of its range, a lattice whose sites hold more than two values, or `even` for sites
            of other values than -1 and 1.
    """

    reparameterised = False
    guarantee = "bound"
    spaces = (Free, Lattice)

    def __init__(
        self,
        system: System,
        latent: int = 4,
        hidden: int = 64,
        importance: int = 1,
        latents: int = 100,
        even: bool | None = None,
        batch_size: int = 256,
        learning_rate: float = 2e-3,
        clip_norm: float | None = 5.0,
        data: Sampler | None = None,
        data_size: int = 100_000,
        data_file: str | None = None,
        steps_per_epoch: int = 50,
    ) -> None:
        super().__init__(
            system,
            batch_size=batch_size,
            gradient="score",
            learning_rate=learning_rate,
            clip_norm=clip_norm,
            forward_fraction=1.0,
            data=data,
            data_size=data_size,
            data_file=data_file,
            steps_per_epoch=steps_per_epoch,
        )
        check_integers(1, latent=latent, hidden=hidden, importance=importance, latents=latents)
        check(even is None or isinstance(even, bool), "even", even, "true, false or null")
        values = two_values(self.system)
        flips = values == (-1.0, 1.0)
        check(not even or flips, "even", even, "false where sites hold other values than -1 and 1")
        self.importance, self.latents = importance, latents
        self.even = flips and "spin flip" in self.system.symmetries if even is None else even
        self.net = LatentPair(self.system.space.size, latent, hidden, values, self.even)
        if values is not None:
            self.scale = 1.0

    def without_effect(self) -> dict[str, str]:
        """Return what a file of samples leaves without an effect."""
        return {} if self.data_file is None else dict.fromkeys(("data", "data_size"), "beside data_file")

    # ---- density

    def units(self, x: Tensor) -> Tensor:
        """Return sites `(batch, M)` of configurations, coordinates in units of the cloud."""
        return x.flatten(1).to(next(self.parameters())) / self.scale

    @property
    def log_unit(self) -> float:
        """ln of the volume of the unit that coordinates are measured in."""
        return 0.0 if self.net.values else self.system.space.size * float(torch.tensor(self.scale).double().log())

    @gives_arrays
    @torch.no_grad()
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw configurations `(num_samples, *shape)` and ln p(x, z) - ln r(z|x) of the latents that they came from."""
        x, log = self.net.draw(num_samples, generator)
        return self.scale * x.view(-1, *self.system.shape), log - self.log_unit

    def latent_noise(self, latents: int, rows: int, generator: torch.Generator | None) -> Tensor:
        """Return normal numbers `(latents, rows, d)`."""
        like = next(self.parameters())
        size = (latents, rows, self.net.latent)
        return torch.randn(size, generator=generator, dtype=like.dtype, device=like.device)

    def log_ratio(self, x: Tensor, noise: Tensor) -> Tensor:
        """Return ln p(x, z) - ln r(z|x) `(K, batch)` of configurations and the noise of their latents."""
        return self.net.log_ratio(self.units(x), noise) - self.log_unit

    def log_prob(self, x: Tensor) -> Tensor:
        """Return the bound of ln p `(batch,)` with `latents` fixed draws of the noise, the same for every row."""
        noise = self.latent_noise(self.latents, 1, torch.Generator(x.device).manual_seed(0))
        parts = [importance_bound(self.log_ratio(part, noise)) for part in self.net.in_parts(x, self.latents)]
        return torch.cat(parts)

    def bounds_of_samples(self, x: Tensor) -> dict[int, Tensor]:
        """Return bounds `(batch,)` of ln p of samples by their number of latents, with fresh noise."""
        most = LADDER[-1]
        parts = []
        for part in self.net.in_parts(x, most):
            parts.append(bounds(self.log_ratio(part, self.latent_noise(most, len(part), self.draws)), LADDER))
        return {number: torch.cat([part[number] for part in parts]).double() for number in LADDER}

    # ---- training

    def make_objective(self) -> Objective:
        """Return the bound of the likelihood."""
        return EvidenceBound(self.importance)

    def on_train_epoch_end(self) -> None:
        """Record the free energy of draws, with the weights of their latents."""
        with torch.no_grad():
            x, log = self.draw_batch(self.batch_size, self.aside())
        self.record({"free_energy": (self.system.energy(x) + log / self.system.beta).mean()})
        super().on_train_epoch_end()

    # ---- evaluation

    def fresh_samples(self) -> Tensor:
        """Return samples that the training has not seen."""
        if self.unseen is not None:
            return self.unseen[:MOST].to(next(self.parameters()))
        generator = self.new_stream(DATA, self.evaluation.seed)
        return self.monte_carlo_samples(min(MOST, self.evaluation.samples), generator).to(next(self.parameters()))

    def observables(self) -> list[Observable]:
        """Return bounds of the log-likelihood of fresh samples."""
        exact = next((r.value for r in self.references() if r.quantity == "free_energy" and r.exact), None)
        return [Likelihood(self, exact), EvidenceLadder(self)]
