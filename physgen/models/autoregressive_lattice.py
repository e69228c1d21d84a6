"""Autoregressive density of the spins of a lattice."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check, check_choice, check_integer
from physgen.models.density import DensityModel
from physgen.models.numpy_edge import gives_arrays
from physgen.nn.autoregressive.spin_autoregressive import MaskedDense, SiteNetworks, SpinAutoregressive
from physgen.spaces import Lattice
from physgen.systems import System

CONTEXTS = ("boundary", "all", "masked")


class AutoregressiveLattice(DensityModel):
    r"""Spins drawn one after the other, row after row, p(s) = prod_i p(s_i | s_1, ..., s_{i-1}).

    Every conditional is 1/(1 + exp(-l_i)) with a logit of the spins before. Its context is

    * `boundary`: the spins before that the exact conditional depends on, a row or two, seen by a small network a site
      on top of the Hamiltonian's own term 2 beta sum_j J_ij s_j; nothing that is needed is left out;
    * `all`: the same with all spins before;
    * `masked`: one masked network of all spins, as in the talk, without the Hamiltonian's term. It can lose parts of
      the Gibbs law without a sign of it in its own draws: weights show only what is drawn.

    p is normalised by construction and, with `even`, p(-s) = p(s) exactly. Spins cannot be differentiated, so the
    gradient is the score-function one.

    Sources: D. Wu, L. Wang and P. Zhang, "Solving Statistical Mechanics Using Variational Autoregressive Networks",
    arXiv:1809.10606; M. Germain et al., "MADE", arXiv:1502.03509.

    Args:
        system: spins on a lattice that couple to neighbours, such as Ising2D and SpinGlass.
        context: `boundary`, `all` or `masked`.
        width: units of the two hidden layers of every site's network; 0 leaves the Hamiltonian and a linear term.
        channels: hidden units a site of the masked network.
        even: whether p(-s) = p(s).
        batch_size: draws of one iteration on this rank.
        gradient: `score`, the only one.
        learning_rate: largest step of Adam.
        clip_norm: largest norm of a gradient, in nats.
        anneal_from: fraction of beta that the training starts at.
        anneal_fraction: part of the iterations over which beta rises.
        advantage_clip: limit of the advantage in robust standard deviations; None, as many draws may be alike.
        **kwargs: more arguments of the training, see `DensityModel`.

    Raises:
        InputError: an argument out of its range or without an effect, or a system without couplings of spins.
    """

    reparameterised = False
    spaces = (Lattice,)

    def __init__(
        self,
        system: System,
        context: str = "boundary",
        width: int = 48,
        channels: int = 2,
        even: bool = True,
        batch_size: int = 256,
        gradient: str = "score",
        learning_rate: float = 2e-3,
        clip_norm: float | None = 1.0,
        anneal_from: float = 0.1,
        anneal_fraction: float = 0.3,
        advantage_clip: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            system,
            batch_size=batch_size,
            gradient=gradient,
            learning_rate=learning_rate,
            clip_norm=clip_norm,
            anneal_from=anneal_from,
            anneal_fraction=anneal_fraction,
            advantage_clip=advantage_clip,
            **kwargs,
        )
        if not hasattr(self.system, "coupling_matrix"):
            raise InputError(f"system must be spins with couplings, such as Ising2D, got {type(self.system).__name__}")
        self.context = check_choice("context", context, CONTEXTS)
        check_integer("width", width, 0)
        check_integer("channels", channels, 1)
        check(isinstance(even, bool), "even", even, "true or false")
        self.net: SpinAutoregressive
        if context == "masked":
            self.net = MaskedDense(self.system.n, channels, even)
        else:
            self.net = SiteNetworks(self.system.coupling_matrix(), self.system.beta, context, width, even)

    def without_effect(self) -> dict[str, str]:
        """Return the sizes of the other kind of network."""
        idle = "width" if self.context == "masked" else "channels"
        return {**super().without_effect(), idle: f"with context {self.context}"}

    @gives_arrays
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw spins `(num_samples, *shape)` and their ln p `(num_samples,)`."""
        s, log_prob = self.net.sample(num_samples, generator)
        return s.view(-1, *self.system.shape), log_prob

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of spins `(batch, *shape)`, differentiable."""
        return self.net.log_prob(x.flatten(1))

    def annealed(self, beta: float) -> None:
        """Let the Hamiltonian's term in the logits follow the inverse temperature while it rises."""
        if isinstance(self.net, SiteNetworks):
            self.net.share.fill_(beta / self.system.beta)
