"""Maximum likelihood of an energy model: the positive phase on data, the negative phase on the model's own draws."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.nn.machines.restricted_boltzmann import RestrictedBoltzmann
from physgen.objectives.forward_kl import ForwardKL

NEGATIVES = ("pcd", "cd", "pt", "exact")
#: temperatures of the ladder of parallel tempering
RUNGS = 8


class NegativePhase:
    r"""Where draws of the machine come from, in the gradient of the log-likelihood of data x of p = f/Z,

    $$\nabla \langle \ln p \rangle_{data} = \langle \nabla \ln f \rangle_{data} - \langle \nabla \ln f \rangle_{p} .$$

    The second term is the gradient of ln Z, a mean of gradients over the machine's own draws.

    Sources: G. E. Hinton, "Training Products of Experts by Minimizing Contrastive Divergence",
    doi:10.1162/089976602760128018; T. Tieleman, "Training restricted Boltzmann machines using approximations to the
    likelihood gradient", doi:10.1145/1390156.1390290; A. Fischer and C. Igel, "Training restricted Boltzmann machines:
    An introduction", doi:10.1016/j.patcog.2013.05.025.
    """

    def start(self, chains: Tensor) -> None:
        """Take first guesses `(chains, M)`, where chains are kept."""

    def state(self) -> dict[str, Tensor]:
        """Return the chains that go on from step to step."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` gave."""

    def log_z_term(self, machine: RestrictedBoltzmann, data: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return a number whose gradient is that of ln Z, of visible units `(batch, M)` of the data.

        Here ln Z itself, a sum over all states of the smaller layer.
        """
        return machine.log_z()


class ContrastiveNegative(NegativePhase):
    """Chains of a few sweeps that begin at the data (CD-k): no draws of p, and so no gradient of a likelihood.

    Args:
        sweeps: k.
    """

    def __init__(self, sweeps: int) -> None:
        self.sweeps = sweeps

    def log_z_term(self, machine: RestrictedBoltzmann, data: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return the mean of ln f over the ends of the chains."""
        with torch.no_grad():
            x = self.draw(machine, data, generator)
        return machine.log_f(x).mean()

    def draw(self, machine: RestrictedBoltzmann, data: Tensor, generator: torch.Generator | None) -> Tensor:
        """Return visible units of the negative phase."""
        return machine.sweep(data, generator, self.sweeps)


class PersistentNegative(ContrastiveNegative):
    """Chains that go on from step to step (PCD-k), so that they follow the machine while it changes slowly."""

    def start(self, chains: Tensor) -> None:
        """Take first guesses `(chains, M)`."""
        self.chains = chains

    def state(self) -> dict[str, Tensor]:
        """Return the chains."""
        return {"chains": self.chains}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over the chains."""
        self.chains = state["chains"]

    def draw(self, machine: RestrictedBoltzmann, data: Tensor, generator: torch.Generator | None) -> Tensor:
        """Move the chains and return them."""
        self.chains = machine.sweep(self.chains.to(data), generator, self.sweeps)
        return self.chains


class TemperedNegative(PersistentNegative):
    """Persistent chains at a ladder of couplings, from independent units to the machine, that exchange neighbours.

    Source: G. Desjardins et al., "Parallel Tempering for Training of Restricted Boltzmann Machines", AISTATS 2010.
    """

    def start(self, chains: Tensor) -> None:
        """Take the first guesses at every rung `(rungs, chains, M)`."""
        self.chains = chains.expand(RUNGS, *chains.shape).clone()

    def draw(self, machine: RestrictedBoltzmann, data: Tensor, generator: torch.Generator | None) -> Tensor:
        """Move all rungs, exchange neighbours, and return the chains of the machine itself."""
        x = self.chains.to(data)
        rungs = torch.linspace(0, 1, RUNGS, dtype=x.dtype, device=x.device)[:, None, None]
        x = machine.sweep(x, generator, self.sweeps, rungs)
        for first in (0, 1):
            low, high = slice(first, RUNGS - 1, 2), slice(first + 1, RUNGS, 2)
            below, above = rungs[low], rungs[high]
            gain = machine.log_f(x[high], below) + machine.log_f(x[low], above)
            gain = gain - machine.log_f(x[low], below) - machine.log_f(x[high], above)
            uniform = torch.rand(gain.shape, generator=generator, dtype=x.dtype, device=x.device)
            taken = (uniform.log() < gain)[..., None]
            x[low], x[high] = torch.where(taken, x[high], x[low]), torch.where(taken, x[low], x[high])
        self.chains = x
        return x[-1]


def negative_phase(name: str, sweeps: int) -> NegativePhase:
    """Return the negative phase of a name in `NEGATIVES`."""
    if name == "exact":
        return NegativePhase()
    kinds = {"cd": ContrastiveNegative, "pcd": PersistentNegative, "pt": TemperedNegative}
    return kinds[name](sweeps)


class ContrastiveDivergence(ForwardKL):
    """Maximum likelihood of a machine whose ln Z has a gradient by draws: those of its negative phase, `model.phase`.

    Its loss is a surrogate: the gradient is that of minus the log-likelihood, the value is not.
    """

    def loss(self, model: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the surrogate and values `(batch,)` that say whether it is sound."""
        x = x.flatten(1).to(model.net.weight)
        log_f = model.net.log_f(x)
        log_z = model.phase.log_z_term(model.net, x, model.generator)
        return log_z - log_f.mean(), (log_z - log_f).detach()
