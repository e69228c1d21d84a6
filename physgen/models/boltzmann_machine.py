"""Restricted Boltzmann machines trained by maximum likelihood."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor

from physgen.core.enumeration import MOST_UNITS
from physgen.core.errors import InputError, check, check_choice, check_integer
from physgen.core.quantity import LOG_LIKELIHOOD
from physgen.models.density import DensityModel
from physgen.models.partitioned_machine import PartitionedMachine
from physgen.nn.machines.boltzmann_units import LAYERS
from physgen.nn.machines.restricted_boltzmann import RestrictedBoltzmann
from physgen.objectives import ContrastiveDivergence, Objective
from physgen.objectives.contrastive_divergence import NEGATIVES, negative_phase
from physgen.observables import Observable
from physgen.observables.likelihood import Likelihood
from physgen.samplers import Sampler
from physgen.spaces import Space
from physgen.systems import System

OPTIMIZERS: dict[str, Callable[..., torch.optim.Optimizer]] = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
#: hidden units where none are asked for: of Gaussian visible units their states are listed
USUAL, USUAL_BESIDE_GAUSSIAN = 32, 16


class BoltzmannMachine(PartitionedMachine):
    r"""A restricted Boltzmann machine p(x) = sum_h exp(-E(x, h))/Z that learns from samples.

    Visible units are spins on a lattice of spins, 0 and 1 on a lattice of these, and Gaussian for particles; hidden
    units are spins beside spins and 0 and 1 otherwise. The training follows the gradient of the log-likelihood,
    <grad ln f>_data - <grad ln f>_p, with the second mean from one of these negative phases:

    * `pcd`: chains that go on from step to step; they travel in checkpoints;
    * `cd`: chains of a few sweeps from the data, which can diverge while reconstructions look fine;
    * `pt`: persistent chains at eight couplings that exchange neighbours;
    * `exact`: a sum over the states of the smaller layer.

    The headline is `log_likelihood`, the mean of ln p over fresh samples, which the entropy bounds from above: never an
    error of reconstruction.

    Where the smaller layer has at most 20 units (of Gaussian visible units: the hidden one), ln Z is a sum over its
    states and draws are independent, so that p is normalised exactly. Else ln Z comes from annealed importance sampling
    from both ends, with its error (guarantee `estimate`), and draws are the ends of annealed paths and carry the
    logarithm of q(path)/r(path|x) where others have ln p: F, KL and ESS are those of paths, and E[w] = Z exactly.

    Sources: G. E. Hinton, "A Practical Guide to Training Restricted Boltzmann Machines",
    doi:10.1007/978-3-642-35289-8_32; R. M. Neal, "Annealed Importance Sampling", arXiv:physics/9803008.

    Args:
        system: gives the samples, by its own draws or by Monte Carlo.
        hidden: hidden units; None for 32, or 16 beside Gaussian visible units.
        biases: whether there are fields on units; without them spins have p(-x) = p(x) exactly. None for what the
            visible units need: no for spins, else yes.
        negative: `pcd`, `cd`, `pt` or `exact`.
        sweeps: Gibbs sweeps of a chain in a step.
        chains: persistent chains on this rank.
        temperatures: steps of the annealed path of a draw, and a fifth of those of ln Z, of a machine too large to
            enumerate.
        optimizer: `sgd` or `adam`.
        batch_size: samples of one iteration on this rank.
        learning_rate: largest step; it falls as a cosine to a hundredth.
        clip_norm: largest norm of a gradient; None for no limit.
        data: sampler of the Monte Carlo samples where the system draws none itself.
        data_size: how many samples are drawn before the training, on every rank.
        data_file: npz file of samples to take instead.
        steps_per_epoch: iterations between two checkpoints.

    Raises:
        InputError: an argument out of its range or without an effect, or `exact` with a smaller layer of more than 20
            units.
    """

    reparameterised = False
    headline = LOG_LIKELIHOOD
    evaluation_without_effect: ClassVar[dict[str, str]] = {
        **DensityModel.evaluation_without_effect,
        "until_error": "its log-likelihood is that of evaluation.samples samples",
    }

    def __init__(
        self,
        system: System,
        hidden: int | None = None,
        biases: bool | None = None,
        negative: str = "pcd",
        sweeps: int = 5,
        chains: int = 512,
        temperatures: int = 200,
        optimizer: str = "sgd",
        batch_size: int = 256,
        learning_rate: float = 0.1,
        clip_norm: float | None = None,
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
        check(biases is None or isinstance(biases, bool), "biases", biases, "true, false or null")
        kind = kind_of_units(self.system.space)
        first, second = LAYERS[kind]
        biased = kind != "spin" if biases is None else biases
        usual = USUAL_BESIDE_GAUSSIAN if kind == "gaussian" else USUAL
        units = usual if hidden is None else check_integer("hidden", hidden, 1)
        self.net = RestrictedBoltzmann(first(), second(), self.system.space.size, units, biased)
        self.negative = check_choice("negative", negative, NEGATIVES)
        if negative == "exact" and not self.enumerable:
            states = self.net.enumerable
            raise InputError(
                f"hidden must be at most {MOST_UNITS} with negative exact and a larger visible layer: ln Z would be a "
                f"sum of 2^{states} = {2.0**states:.3g} states, got {units}; take pcd, cd or pt"
            )
        self.phase = negative_phase(negative, check_integer("sweeps", sweeps, 1))
        self.chains = check_integer("chains", chains, 2)
        self.temperatures = check_integer("temperatures", temperatures, 2)
        self.optimizer = check_choice("optimizer", optimizer, OPTIMIZERS)

    def without_effect(self) -> dict[str, str]:
        """Return what the chosen negative phase and source of samples do not ask for."""
        ignored = {"sweeps": "with negative exact", "chains": "with negative exact"} if self.negative == "exact" else {}
        if self.negative == "cd":
            ignored = {"chains": "with negative cd"}
        if self.enumerable:
            ignored["temperatures"] = f"where the smaller layer has at most {MOST_UNITS} units"
        if self.data_file is not None:
            ignored |= dict.fromkeys(("data", "data_size"), "beside data_file")
        return ignored

    # ---- training

    def make_optimizer(self) -> torch.optim.Optimizer:
        """Return the optimiser of all parameters."""
        return OPTIMIZERS[self.optimizer](self.parameters(), lr=self.learning_rate)

    def start_training(self) -> None:
        """Begin the chains of the negative phase at independent units."""
        with torch.no_grad():
            self.phase.start(self.net.draw_independent(self.chains, self.generator))

    def training_state(self) -> dict[str, Tensor]:
        """Return the chains of this rank."""
        return self.phase.state()

    def restore_training(self, state: dict[str, Tensor]) -> None:
        """Take over the chains of this rank."""
        self.phase.restore({k: v.to(self.device) for k, v in state.items()})

    def make_objective(self) -> Objective:
        """Return maximum likelihood by the negative phase."""
        return ContrastiveDivergence()

    # ---- evaluation

    def headline_observables(self) -> list[Observable]:
        """Return the log-likelihood of fresh samples, then the free energy of draws."""
        exact = next((r.value for r in self.references() if r.quantity == "free_energy" and r.exact), None)
        return [Likelihood(self, exact), *super().headline_observables()]


def kind_of_units(space: Space) -> str:
    """Return the kind of the visible units that the configurations of a space are."""
    if space.continuous:
        return "gaussian"
    kinds: dict[Any, str] = {units.values: name for name, (units, _) in LAYERS.items() if units.values is not None}
    values = getattr(space, "values", None)
    check(
        values in kinds,
        "system",
        f"sites that hold {values}",
        f"one whose sites hold {' or '.join(map(str, kinds))}",
    )
    return kinds[values]
