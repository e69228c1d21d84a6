"""Diffusion of particles: flow matching and denoising from samples, or paths that learn from the Hamiltonian."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import InputError, check_choice, check_integer
from physgen.models.density import DensityModel
from physgen.models.numpy_edge import gives_arrays
from physgen.nn.flows.equivariant_field import EquivariantField
from physgen.nn.flows.noise_ladder import NoiseLadder
from physgen.nn.flows.runge_kutta_map import RungeKuttaMap
from physgen.objectives import FlowMatching, LogVariance, Objective, ScoreMatching
from physgen.observables import Findings
from physgen.runs.result import Result
from physgen.samplers import Sampler
from physgen.spaces import Free
from physgen.systems import System

OBJECTIVES = ("flow_matching", "score_matching", "log_variance")
#: unit of the time that a field sees of a flow from 0 to 1
CLOCK = 3.0
#: noises of the ladder: the narrowest in widths of one particle in the trap, the widest in widths of the cloud
NARROWEST, WIDEST = 0.1, 3.0
#: draws of which the density is found with twice the steps
COMPARED = 64


class DiffusionModel(DensityModel):
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
        for name, value in {"hidden": hidden, "layers": layers, "steps": steps}.items():
            check_integer(name, value, 1)
        check_integer("rungs", rungs, 2)
        lacking = {"permutation", "rotation"} - set(self.system.symmetries)
        if lacking:
            what = "rotations" if "rotation" in lacking else "permutations"
            raise InputError(
                f"system must be symmetric under {what} for DiffusionModel, got {type(self.system).__name__}"
            )
        n, dim = self.system.n, self.system.dim
        self.steps = steps
        #: width of a coordinate of the centre of mass, None where it moves with the particles
        self.centre_width: float | None = getattr(self.system, "centre_width", None) if n > 1 else None
        centred = self.centre_width is not None
        self.net = EquivariantField(n, dim, hidden, layers, centred)
        self._directions = directions(n, dim, centred)
        self.ladder: NoiseLadder | None = None
        if objective != "flow_matching":
            narrowest = NARROWEST * self.system.thermal_width / self.scale
            self.ladder = NoiseLadder(self.net, self._directions, narrowest, WIDEST, rungs)
        self._signs: Tensor | None = None

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

    # ---- density

    @property
    def basis(self) -> Tensor:
        """Orthonormal directions `(D, n, dim)` that particles move in, in the precision of the weights."""
        return self._directions.to(next(self.parameters()))

    def map(self, steps: int | None = None) -> RungeKuttaMap:
        """Return the map from the Gaussian to particles, in units of the cloud, in `steps` or the model's own."""
        size = self.system.n**2 * self.net.push.in_features
        count = self.steps if steps is None else steps
        if self.ladder is None:
            return RungeKuttaMap(self.velocity, self.basis, 0.0, 1.0, count, size)
        ends = math.log(self.ladder.widest), math.log(self.ladder.narrowest)
        return RungeKuttaMap(self.ladder.velocity, self.basis, *ends, count, size)

    def velocity(self, x: Tensor, time: Tensor) -> Tensor:
        """Return the velocity of a flow, in units of the cloud."""
        velocity: Tensor = self.net(x, CLOCK * time)
        return velocity

    def centre(self, num: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Draw centres of mass `(num, 1, dim)` and their ln p `(num,)`, by those of the trap; 0 where they move too."""
        like, dim = next(self.parameters()), self.system.dim
        if self.centre_width is None:
            return like.new_zeros(num, 1, dim), like.new_zeros(num)
        normal = torch.randn(num, 1, dim, generator=generator, dtype=like.dtype, device=like.device)
        return self.centre_width * normal, self.log_centre(self.centre_width * normal)

    def log_centre(self, centre: Tensor) -> Tensor:
        """Return ln p of centres `(batch, 1, dim)` along normalised directions of all particles."""
        width: float = (self.centre_width or 1.0) * self.system.n**0.5
        square = self.system.n * centre.square().sum((1, 2)) / width**2
        return -0.5 * square - 0.5 * self.system.dim * math.log(2 * math.pi * width**2)

    @property
    def log_unit(self) -> float:
        """ln of the volume of the unit that particles are measured in."""
        return len(self._directions) * math.log(self.scale)

    @gives_arrays
    @torch.no_grad()
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Draw configurations `(num_samples, n, dim)` and their ln p, on a ladder ln q - ln r of their paths."""
        x, log_prob = self.drawn(num_samples, generator)
        return x, log_prob

    def drawn(self, num: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return draws, held fixed, and ln p, that of paths differentiable in the parameters."""
        centre, log_centre = self.centre(num, generator)
        if self.ladder is None:
            z = self.noise(num, generator)
            log = -0.5 * (z.square().sum((1, 2)) + len(self._directions) * math.log(2 * math.pi))
            y, log_det, self._signs = self.map().forward(z)
            log = log - log_det
        else:
            y, log = self.ladder.paths(num, next(self.parameters()), generator)
        return centre + self.scale * y, log_centre + log - self.log_unit

    def log_prob(self, x: Tensor) -> Tensor:
        """Return ln p `(batch,)` of configurations `(batch, n, dim)` by the flow back to the Gaussian, differentiable.

        NaN where it does not come back.
        """
        return self.log_prob_in(x, self.steps)

    def log_prob_in(self, x: Tensor, steps: int) -> Tensor:
        """Return ln p `(batch,)` with another number of Runge-Kutta steps."""
        centre = x.mean(1, keepdim=True)
        log = torch.zeros_like(x[:, 0, 0])
        if self.centre_width is not None:
            x, log = x - centre, self.log_centre(centre)
        z, log_det = self.map(steps).inverse(x / self.scale)
        width = 1.0 if self.ladder is None else self.ladder.base_width
        gauss = -0.5 * z.square().sum((1, 2)) / width**2 - 0.5 * len(self._directions) * math.log(
            2 * math.pi * width**2
        )
        return log + gauss - log_det - self.log_unit

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

    def units(self, x: Tensor) -> Tensor:
        """Return samples in units of the cloud, from their centre of mass where it is drawn apart."""
        y = x.to(next(self.parameters())) / self.scale
        return y if self.centre_width is None else y - y.mean(1, keepdim=True)

    def noise(self, num: int, generator: torch.Generator | None) -> Tensor:
        """Draw the Gaussian that a flow begins at, `(num, n, dim)` in units of the cloud."""
        like = next(self.parameters())
        size = (num, len(self._directions))
        normal = torch.randn(size, generator=generator, dtype=like.dtype, device=like.device)
        return torch.einsum("bt,tnd->bnd", normal, self.basis)

    def draw_fixed(self, num_samples: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return ends of paths, held fixed, and ln q - ln r, differentiable in the parameters."""
        return self.drawn(num_samples, generator)

    def make_optimizer(self) -> torch.optim.Optimizer:
        """Return Adam; the variances of a ladder, one number a rung, take larger steps."""
        if self.ladder is None:
            return super().make_optimizer()
        field: dict[str, Any] = {"params": list(self.net.parameters())}
        own = [field, {"params": [self.ladder.widen], "lr": 10 * self.learning_rate}]
        return torch.optim.Adam(own, lr=self.learning_rate, betas=(0.9, 0.99))

    def on_train_epoch_end(self) -> None:
        """Record the free energy of a few draws where the training draws none."""
        if self.forward_fraction == 1:
            with torch.no_grad():
                x, log_prob = self.draw_batch(min(self.batch_size, COMPARED), self.aside())
            self.record({"free_energy": (self.system.energy(x) + log_prob / self.system.beta).mean()})
        super().on_train_epoch_end()

    # ---- evaluation

    def start_fresh_draws(self, generator: torch.Generator) -> None:
        """Take the source of independent draws, and count signs of determinants."""
        super().start_fresh_draws(generator)
        self._folded = 0

    def measure(self, step: int) -> None:
        """Measure a batch, and count what determinants are not positive."""
        super().measure(step)
        if self._signs is not None:
            self._folded += int((self._signs <= 0).sum())

    def finish(self, found: Findings) -> None:
        """Say what paths learned from, and how far ln p rests on the number of steps."""
        super().finish(found)
        if self.learns_by == "log_variance":
            said = "trained on no data (log-variance of paths)"
            found.notes[:] = [said if note.startswith("trained on ") else note for note in found.notes]
        x = self.measurements.kept[-1][:COMPARED]
        with torch.no_grad():
            once, twice = self.log_prob_in(x, self.steps), self.log_prob_in(x, 2 * self.steps)
        found.diagnostics["step_halving"] = float((once - twice).nanmean())
        off = (once - twice).abs()
        found.diagnostics["step_halving_largest"] = float(off.nan_to_num(0.0).max())

    def summary(self) -> Result:
        """Return the result with the verdict on the signs of the determinants."""
        result = super().summary()
        if self._folded:
            result.guarantee = "violated"
            result.notes.insert(
                0,
                f"NOT A BOUND: det dx/dz is not positive in {self._folded} draws, the map folds, p is not normalised",
            )
        return result


def directions(n: int, dim: int, centred: bool) -> Tensor:
    """Return orthonormal directions `(D, n, dim)` of particles, float64, if `centred` at rest on the whole."""
    first = torch.cat([torch.ones(n, 1, dtype=torch.float64), torch.eye(n, dtype=torch.float64)[:, : n - 1]], 1)
    among = torch.linalg.qr(first)[0][:, 1:] if centred else torch.eye(n, dtype=torch.float64)
    axes = torch.eye(dim, dtype=torch.float64)
    return torch.einsum("nk,cd->kcnd", among, axes).flatten(0, 1)
