"""Base of wavefunctions: walkers, local energy, and the gradient of the variational energy."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from torch import nn

from physgen.core.errors import InputError, check, check_positive
from physgen.core.quantity import ENERGY
from physgen.models.born_density import BornDensity
from physgen.models.log_derivatives import LogDerivatives
from physgen.models.natural_gradient import NaturalGradientModel
from physgen.models.numpy_edge import Configurations
from physgen.models.particles import ParticleModel
from physgen.objectives import Objective, VariationalEnergy
from physgen.samplers import Gibbs, Metropolis, Sampler
from physgen.samplers.base import check_moves
from physgen.samplers.gibbs import require_conditionals
from physgen.systems import QuantumSystem, System


class WavefunctionModel(NaturalGradientModel, LogDerivatives, ParticleModel):
    r"""A wavefunction psi whose walkers follow |psi|^2 and whose training minimises <H> (variational Monte Carlo).

    E = < E_L >,  E_L = H psi / psi,  dE/d theta = 2 < (E_L - E) d ln|psi|/d theta >

    The network sees coordinates in units of the system's `length` and energies in units of its `energy_scale`, so one
    set of hyperparameters serves every frequency. Subclasses set `net`: a module with `forward(x) -> (sign, ln|psi|)`
    that is vmap-safe and, if it can, `derivatives(x) -> (gradient, laplacian)` of ln|psi| in closed form.

    Args:
        system: a quantum system.
        sampler: walkers; a Metropolis sampler of 512 unless given.
        optimizer: `sr` (stochastic reconfiguration with momentum, in the smaller of parameter and sample space),
            `minsr` (in sample space, no momentum), `spring` (in sample space, with momentum) or `adam`.
        learning_rate: step in units of the inverse energy scale, or of Adam.
        decay: iterations after which the learning rate has halved, as 1/(1 + t/decay).
        damping: shift of the quantum geometric tensor (all but adam).
        momentum: SPRING's mu in [0, 1) (sr, spring).
        norm_limit: largest squared norm of a step (all but adam).
        clip: local energies weigh at most this many mean absolute deviations about the median in the gradient; None
            for no limit. Reported energies are never clipped.
        steps_per_epoch: iterations between two checkpoints; the step width adapts anew at each.
    """

    abstract = True
    system: QuantumSystem
    headline = ENERGY
    lost_limit = 0.02
    evaluation_without_effect: ClassVar[dict[str, str]] = {
        "repeats": "the error is over independent chains",
        "anneal": "its density is not normalised",
    }
    #: whether the sampler can be Gibbs
    has_conditionals = False
    #: sampler that is taken without being told
    default_sampler: type[Sampler] = Metropolis
    net: nn.Module

    def __init__(
        self,
        system: System,
        sampler: Sampler | None = None,
        optimizer: str = "sr",
        learning_rate: float = 0.05,
        decay: float = 200.0,
        damping: float = 1e-3,
        momentum: float = 0.9,
        norm_limit: float = 2e-2,
        clip: float | None = 5.0,
        steps_per_epoch: int = 50,
    ) -> None:
        super().__init__(system, steps_per_epoch)
        if not isinstance(self.system, QuantumSystem):
            raise InputError(f"system must be a quantum system for {type(self).__name__}, got {self.system!r}")
        one = f"None for {type(self).__name__}, a wavefunction of one state; QuantumEnsemble has all at a temperature"
        check(self.system.beta is None, "beta of the system", self.system.beta, one)
        self.sampler = self.default_sampler() if sampler is None else Sampler.of(sampler)
        self.init_args["sampler"] = self.sampler
        check_moves("sampler", self.sampler, self.system)
        self.set_optimizer(optimizer, learning_rate, decay, damping, momentum, norm_limit)
        self.clip = None if clip is None else check_positive("clip", clip)
        self.length = self.system.length
        self.born = BornDensity(self)

    def check_sampler(self) -> None:
        """Raise `InputError` before any training when the sampler cannot draw from |psi|^2; subclasses call it."""
        if isinstance(self.sampler, Gibbs):
            require_conditionals(self.born)

    def make_objective(self) -> Objective:
        """Return the variational energy."""
        return VariationalEnergy(self.clip)

    # ---- the wavefunction protocol

    def log_psi(
        self, x: Annotated[Configurations, "batch *shape"]
    ) -> tuple[Annotated[Configurations, "batch *components"], Annotated[Configurations, "batch *components"]]:
        """Return sign and ln|psi|, `(batch,)` each, of configurations `(batch, n, dim)`."""
        found: tuple[Configurations, Configurations] = self.net(x / self.length)
        return found

    forward = log_psi

    def local_energy(
        self, x: Annotated[Configurations, "batch *shape"]
    ) -> dict[str, Annotated[Configurations, "batch *components"]]:
        """Return the terms of the local energy and `total`, `(batch,)` each, at `x` `(batch, n, dim)`."""
        local_energy: Any = self.system.local_energy  # of tensors: at the edge arrays were made tensors
        found: dict[str, Configurations] = local_energy(self, x)
        return found
