"""Diffusion of particles: flow matching and denoising from samples, or paths that learn from the Hamiltonian."""

from __future__ import annotations

from typing import Any

import torch

from physgen.core.errors import InputError, check_choice, check_integer, check_integers
from physgen.models.stepped_flow import SteppedFlow
from physgen.nn.flows.equivariant_field import EquivariantField
from physgen.nn.flows.noise_ladder import NoiseLadder
from physgen.objectives import FlowMatching, LogVariance, Objective, ScoreMatching
from physgen.samplers import Sampler
from physgen.spaces import Free
from physgen.systems import System

OBJECTIVES = ("flow_matching", "score_matching", "log_variance")
#: noises of the ladder: the narrowest in widths of one particle in the trap, the widest in widths of the cloud
NARROWEST, WIDEST = 0.1, 3.0


class DiffusionModel(SteppedFlow):
    r"""A Gaussian cloud that a field, equivariant under permutations and rotations, turns into the Gibbs law.

    The objective says what the field is and what it learns from:

    * `flow_matching`: a velocity that learns from samples, straight from the cloud to them; draws follow
      dx/dt = v(x, t) in `steps` Runge-Kutta steps, and ln p is the change of variables of these steps themselves;
    * `score_matching`: a denoiser that learns from samples; draws go down a ladder of `rungs` noises;
    * `log_variance`: the same without data, by the variance of ln w over its own paths.

    On a ladder the weights are those of whole paths, $w = e^{-\beta H(x)}\, r(\text{path}|x) / q(\text{path})$:
    E[w] = Z exactly and <H> - <ln w + beta H>/beta is an upper bound of F, above that of the density of the draws
    (guarantee `bound`), while `log_prob` follows the probability flow and is an estimate. The steps of a flow are
    watched: a determinant of both signs turns the printed F into "not a bound" (`checked`). How much ln p changes with
    twice the steps is measured as `step_halving`.

    The centre of mass of charges in a trap is Gaussian and independent, and drawn exactly.

    Sources: Y. Lipman et al., "Flow Matching for Generative Modeling", arXiv:2210.02747; Y. Song et al., "Score-Based
    Generative Modeling through Stochastic Differential Equations", arXiv:2011.13456; L. Richter and J. Berner,
    "Improved sampling via learned diffusions", arXiv:2307.01198.

    Args:
        system: a classical system of identical particles, symmetric under rotations.
        objective: `flow_matching`, `score_matching` or `log_variance`.
        hidden: features of a particle and of a message.
        layers: exchanges of messages.
        steps: Runge-Kutta steps of ln p.
        rungs: noises of the ladder.
        batch_size: samples, or paths, of one iteration on this rank.
        learning_rate: largest step of Adam.
        clip_norm: largest norm of a gradient.
        anneal_from: fraction of beta that a training without data starts at.
        anneal_fraction: part of the iterations over which beta rises.
        data: sampler of the Monte Carlo samples, MALA chains unless given.
        data_size: how many of them are drawn before the training, on every rank.
        data_file: npz file of samples to take instead.
        steps_per_epoch: iterations between two checkpoints.

    Raises:
        InputError: an argument out of its range or without an effect, or a system without these symmetries.
    """

    spaces = (Free,)
    reparameterised = False

    def __init__(
        self,
        system: System,
        objective: str = "flow_matching",
        hidden: int = 32,
        layers: int = 2,
        steps: int = 6,
        rungs: int = 32,
        batch_size: int = 256,
        learning_rate: float = 2e-3,
        clip_norm: float | None = 5.0,
        anneal_from: float = 0.05,
        anneal_fraction: float = 0.5,
        data: Sampler | None = None,
        data_size: int = 100_000,
        data_file: str | None = None,
        steps_per_epoch: int = 50,
    ) -> None:
        self.learns_by = check_choice("objective", objective, OBJECTIVES)
        super().__init__(
            system,
            batch_size=batch_size,
            gradient="score",
            learning_rate=learning_rate,
            clip_norm=clip_norm,
            anneal_from=anneal_from,
            anneal_fraction=anneal_fraction,
            forward_fraction=0.0 if objective == "log_variance" else 1.0,
            data=data,
            data_size=data_size,
            data_file=data_file,
            steps_per_epoch=steps_per_epoch,
        )
        check_integers(1, hidden=hidden, layers=layers, steps=steps)
        check_integer("rungs", rungs, 2)
        lacking = {"permutation", "rotation"} - set(self.system.symmetries)
        if lacking:
            what = "rotations" if "rotation" in lacking else "permutations"
            raise InputError(
                f"system must be symmetric under {what} for DiffusionModel, got {type(self.system).__name__}"
            )
        n, dim = self.system.n, self.system.dim
        self.steps = steps
        self.measure_from_centre()
        self.net = EquivariantField(n, dim, hidden, layers, self.centre_width is not None)
        self.ladder = None
        if objective != "flow_matching":
            narrowest = NARROWEST * self.system.thermal_width / self.scale
            self.ladder = NoiseLadder(self.net, self._directions, narrowest, WIDEST, rungs)
        self._signs = None

    @property
    def guarantee(self) -> str:  # type: ignore[override]
        """`checked` for a flow, whose determinants are watched; `bound` for paths."""
        return "checked" if self.ladder is None else "bound"

    def without_effect(self) -> dict[str, str]:
        """Return what the other objectives ask for."""
        beside = f"with objective {self.learns_by}"
        if self.learns_by == "log_variance":
            return dict.fromkeys(("data", "data_size", "data_file"), beside)
        ignored = dict.fromkeys(("anneal_from", "anneal_fraction"), beside)
        if self.learns_by == "flow_matching":
            ignored["rungs"] = beside
        if self.data_file is not None:
            ignored |= dict.fromkeys(("data", "data_size"), "beside data_file")
        return ignored

    # ---- training

    def take_data(self, source: Any) -> None:
        """Learn from the batches of a data module or loader.

        Raises:
            InputError: the model learns from the Hamiltonian.
        """
        if self.learns_by == "log_variance":
            raise InputError("data must be left out: objective log_variance learns from the Hamiltonian alone")
        super().take_data(source)

    def make_objective(self) -> Objective:
        """Return what the constructor's `objective` names."""
        if self.learns_by == "log_variance":
            return LogVariance(self.anneal_from, self.anneal_fraction)
        return FlowMatching() if self.learns_by == "flow_matching" else ScoreMatching()

    def make_optimizer(self) -> torch.optim.Optimizer:
        """Return Adam; the variances of a ladder, one number a rung, take larger steps."""
        if self.ladder is None:
            return super().make_optimizer()
        field: dict[str, Any] = {"params": list(self.net.parameters())}
        own = [field, {"params": [self.ladder.widen], "lr": 10 * self.learning_rate}]
        return torch.optim.Adam(own, lr=self.learning_rate, betas=(0.9, 0.99))
