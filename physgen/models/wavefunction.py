"""Base of wavefunctions: walkers, local energy, and the gradient of the variational energy."""

from __future__ import annotations

import dataclasses
import logging
import math
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from physgen.core.errors import InputError, check, check_choice, check_number, check_positive, check_real
from physgen.core.quantity import ENERGY
from physgen.models.base import Model
from physgen.models.numpy_edge import Configurations, gives_arrays, takes_arrays
from physgen.nn.derivatives import DerivativeRule
from physgen.objectives.variational_energy import LocalEnergies, centred_rows, energy_loss, local_energies
from physgen.observables import Findings, Observable
from physgen.observables.local_energy import LocalEnergy
from physgen.observables.spin import TotalSpin
from physgen.optim import StochasticReconfiguration
from physgen.samplers import Gibbs, Metropolis, Sampler
from physgen.samplers.base import check_moves
from physgen.samplers.gibbs import require_conditionals
from physgen.systems import At, QuantumSystem, Reference, System
from physgen.systems.singularity import cusp_notes

log = logging.getLogger("physgen")
#: notes about cusps that were said in this process
SAID: set[str] = set()
#: numbers of per-sample gradients that are made at once
JACOBIAN_NUMBERS = 20_000_000


class BornDensity:
    """ln |psi|^2 of a wavefunction, the log-density that walkers follow."""

    def __init__(self, model: WavefunctionModel) -> None:
        self.model = model

    def __call__(self, x: Tensor) -> Tensor:
        """Return ln |psi|^2 `(batch,)` of `x` `(batch, n, dim)`."""
        sign, log_psi = self.model.log_psi(x)
        check_real(type(self.model).__name__, sign, log_psi)
        return 2 * log_psi

    @property
    def has_conditionals(self) -> bool:
        """Whether |psi|^2 is the marginal of a Boltzmann machine that gives p(h|x) and p(x|h)."""
        return self.model.has_conditionals

    def draw_hidden(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Draw hidden units from p(h|x)."""
        return self.model.net.draw_hidden(x / self.model.length, generator)

    def draw_visible(self, hidden: Tensor, generator: torch.Generator) -> Tensor:
        """Draw configurations from p(x|h)."""
        return self.model.length * self.model.net.draw_visible(hidden, generator)


def check_signs(model: WavefunctionModel, x: Tensor) -> None:
    """Raise `InputError` where the sign of psi at `x` `(batch, n, dim)` is neither -1, 0 nor 1; NaN passes.

    Of a psi with components the sign is a direction `(batch, components)` of length 1.
    """
    with torch.no_grad():
        sign, log_psi = model.log_psi(x[:16])
    check_real(type(model).__name__, sign, log_psi)
    if sign.ndim > 1:
        length = sign.norm(dim=-1)
        sound = length.isnan() | ((length - 1).abs() < 1e-3)
        check(bool(sound.all()), "direction of psi", float(length[~sound][:1].sum()), "of length 1 in log_psi")
        return
    known = sign.isnan() | (sign == 0) | (sign.abs() == 1)
    allowed = f"-1, 0 or 1 from log_psi of {type(model).__name__}"
    check(bool(known.all()), "sign of psi", float(sign[~known][:1].sum()), allowed)


class WavefunctionModel(Model):
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
    headline = ENERGY
    lost_limit = 0.02
    evaluation_without_effect: ClassVar[dict[str, str]] = {"repeats": "the error is over independent chains"}
    #: whether psi changes sign under exchange of two particles of one spin
    antisymmetric = False
    #: whether the sampler can be Gibbs
    has_conditionals = False
    #: virial residual, relative to the energy, that is expected of a trained psi beside the statistical error
    virial_tolerance = 5e-3
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
        self.sampler = self.default_sampler() if sampler is None else Sampler.of(sampler)
        self.init_args["sampler"] = self.sampler
        check_moves("sampler", self.sampler, self.system)
        self.optimizer_name = check_choice("optimizer", optimizer, ("sr", "minsr", "spring", "adam"))
        self.learning_rate = check_positive("learning_rate", learning_rate)
        self.decay = check_positive("decay", decay)
        self.damping = check_positive("damping", damping)
        self.momentum = check_number("momentum", momentum, 0, math.nextafter(1, 0), "a number in [0, 1)")
        self.norm_limit = check_positive("norm_limit", norm_limit)
        self.clip = None if clip is None else check_positive("clip", clip)
        self.length = self.system.length
        self.density = BornDensity(self)
        self._rule: DerivativeRule | None = None
        # SR and Adam take turns at one place of the step, so the optimisation is by hand
        self.automatic_optimization = False

    @property
    def spins(self) -> tuple[int, int] | None:
        """Numbers of electrons with spin up and down where psi has a total spin, None where it has not, or only one."""
        n_up = getattr(self.system, "n_up", self.system.n)
        spins = (n_up, self.system.n - n_up)
        fermions = self.system.statistics == "fermions" and (self.antisymmetric or max(spins) <= 1)
        return spins if fermions and min(spins) > 0 else None

    @property
    def exchanged_kinds(self) -> tuple[int, int] | None:
        """Numbers of particles that exchange places in a walk: spins up and down of more than two electrons."""
        return self.spins if self.system.n > 2 else None

    def without_effect(self) -> dict[str, str]:
        """Return what the optimiser does not ask for."""
        ignored = {"adam": ("damping", "momentum", "norm_limit"), "minsr": ("momentum",)}
        return dict.fromkeys(ignored.get(self.optimizer_name, ()), f"with optimizer {self.optimizer_name}")

    def check_sampler(self) -> None:
        """Raise `InputError` before any training when the sampler cannot draw from |psi|^2; subclasses call it."""
        if isinstance(self.sampler, Gibbs):
            require_conditionals(self.density)

    # ---- the wavefunction protocol

    def log_psi(self, x: Configurations) -> tuple[Configurations, Configurations]:
        """Return sign and ln|psi|, `(batch,)` each, of configurations `(batch, n, dim)`."""
        return self.net(x / self.length)

    forward = log_psi

    def derivatives(self, x: Configurations) -> tuple[Configurations, Configurations]:
        """Return gradient `(batch, n, dim)` and Laplacian `(batch,)` of ln|psi|.

        By the network's own rule where it gives one (in closed form, or by the forward Laplacian), else by one backward
        pass for every coordinate; in chunks of bounded memory.
        """
        gradient, laplacian = self.rule(x / self.length)
        return gradient / self.length, laplacian / self.length**2

    @property
    def rule(self) -> DerivativeRule:
        """How the network's derivatives are found."""
        if self._rule is None or self._rule.net is not self.net:
            self._rule = DerivativeRule(self.net)
        return self._rule

    def local_energy(self, x: Configurations) -> dict[str, Configurations]:
        """Return the terms of the local energy and `total`, `(batch,)` each, at `x` `(batch, n, dim)`."""
        return self.system.local_energy(self, x)

    # ---- drawing

    @property
    def scaled_coupling(self) -> float:
        """Strength of the repulsion that the system declares, in units of its length and energy scale."""
        return (self.system.coulomb_coupling or 0.0) / (self.system.energy_scale * self.system.length)

    def note_cusps(self, cusped: bool) -> None:
        """Note, and say once, where psi lacks a cusp that the system's terms ask for; `cusped` if it has a factor."""
        for note in cusp_notes(self.system, cusped):
            self.notes.append(note)
            if note not in SAID:
                SAID.add(note)
                log.warning(note)

    @gives_arrays
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw configurations `(num_samples, n, dim)` from |psi|^2, each from a fresh chain of its own."""
        sampler = self.fresh_sampler(max(num_samples, 2))
        self.start_sampler(sampler, generator)
        return sampler.sample(self.density, 10 * sampler.steps)[:num_samples]

    def fresh_sampler(self, walkers: int) -> Sampler:
        """Return a sampler like the model's own, without walkers yet."""
        spec = self.sampler.spec()
        return Sampler.of({**spec, "init_args": {**spec["init_args"], "walkers": walkers}})

    def start_sampler(self, sampler: Sampler, generator: torch.Generator, warm_up: int | None = None) -> None:
        """Give walkers to `sampler` from the system's first guess, and warm them up."""
        dtype = next(self.parameters()).dtype
        x = self.system.initial(sampler.walkers, generator, dtype=dtype, device=self.device)
        check_signs(self, x)
        width = 0.5 * self.length / self.system.space.size**0.5
        sampler.start(x, generator, width, self.exchanged_kinds, self.system.space)
        sampler.warm_up(self.density, warm_up)

    def on_fit_start(self) -> None:
        """Compare the derivatives that the local energy asks for with autograd, then start or restore the walkers.

        Raises:
            TrainingError: they disagree.
        """
        guesses = torch.Generator(self.device).manual_seed(0)
        dtype = self.configurations_dtype or next(self.parameters()).dtype
        at = At(self, self.system.initial(4, guesses, dtype, self.device))
        with torch.no_grad():
            at.local_energy(at.x)
        if at.known_gradient() is not None:  # a local energy of its own may ask for none
            self.rule.check(at.x / self.length)
        super().on_fit_start()

    def start_training(self) -> None:
        """Warm up the walkers."""
        self.start_sampler(self.sampler, self.generator)

    def training_state(self) -> dict[str, Tensor]:
        """Return walkers and step width."""
        state = self.sampler.state_dict()
        return {"x": state["x"], "width": state["width"]}

    def restore_training(self, state: dict[str, Tensor]) -> None:
        """Take over walkers and step width.

        Raises:
            InputError: walkers of another system, or a width that is no finite number > 0.
        """
        shape, width = self.system.shape, float(state["width"])
        check(state["x"].shape[1:] == shape, "walkers of the checkpoint", tuple(state["x"].shape), f"(.., {shape})")
        check(math.isfinite(width) and width > 0, "width of the checkpoint", width, "a finite number > 0")
        x = state["x"].to(next(self.parameters()))
        self.sampler.start(x, self.generator, width, self.exchanged_kinds, self.system.space)

    def redistribute_training(self, states: dict[str, Tensor]) -> None:
        """Deal the pooled walkers of another number of ranks, and warm them up."""
        x = self.dealt(states["x"], self.sampler.walkers)
        width = float(states["width"].mean())
        self.sampler.start(x, self.generator, width, self.exchanged_kinds, self.system.space)
        self.sampler.warm_up(self.density)

    def on_train_epoch_start(self) -> None:
        """Let the step width follow the wavefunction, in a short warm-up."""
        self.sampler.warm_up(self.density, 20)

    # ---- training

    def configure_optimizers(self) -> dict[str, Any]:
        """Return Adam or stochastic reconfiguration, and the decay of the learning rate."""
        parameters = [p for p in self.parameters() if p.requires_grad]
        if self.optimizer_name == "adam":
            optimizer = torch.optim.Adam(parameters, lr=self.learning_rate)
        else:
            space = "auto" if self.optimizer_name == "sr" else "samples"
            momentum = 0.0 if self.optimizer_name == "minsr" else self.momentum
            optimizer = StochasticReconfiguration(
                parameters, self.learning_rate, self.damping, momentum, self.norm_limit, space
            )
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (1 + t / self.decay))
        return {"optimizer": optimizer, "lr_scheduler": schedule}

    def training_step(self, batch: int, batch_idx: int) -> Tensor | None:
        """Move the walkers, measure their local energies, take one step down the energy; return its mean."""
        x = self.sampler.sample(self.density)
        measured = local_energies(self, x, self.clip)
        terms = measured.terms
        if not self.step_is_sound(measured.typical):
            return None
        if measured.typical.lost > 0:
            # few enough to go on: without weight, at the place of a sound one, and left out of what is recorded
            sound = terms["total"].isfinite()
            x = torch.where(sound.view(-1, *[1] * (x.ndim - 1)), x, x[sound][0])
            terms = {k: v[sound] for k, v in terms.items()}
        energy = terms["total"]
        optimizer, schedule = self.optimizers(), self.lr_schedulers()
        report = self.constrain(x, measured)
        if self.optimizer_name == "adam":
            optimizer.zero_grad()
            self.manual_backward(energy_loss(self.log_psi(x)[1], measured.weights))
            optimizer.step()
        else:
            optimizer.step(closure=lambda: self.rows(x, measured))
            report.update(optimizer.optimizer.report)
        schedule.step()
        self.record(
            {
                **{k: v.mean() for k, v in terms.items() if k != "total"},
                "energy": energy.mean(),
                "variance": energy.var(),
                "acceptance": self.sampler.acceptance,
                "width": self.sampler.width,
                "clipped": measured.clipped,
                "nonfinite": measured.typical.lost,
                "learning_rate": optimizer.param_groups[0]["lr"],
                **report,
            }
        )
        return energy.mean()

    def constrain(self, x: Tensor, measured: LocalEnergies) -> dict[str, Any]:
        """Add to the weights of the gradient what a constraint beside the energy asks for, and return its records."""
        return {}

    def rows(self, x: Tensor, measured: LocalEnergies) -> tuple[Tensor, Tensor]:
        """Return rows `(R, P)` and residuals `(R,)` for stochastic reconfiguration, finished over all ranks.

        Here one row a sample; a psi with components may give one for each of them.
        """
        return centred_rows(self.jacobian(x), measured.weights)

    @takes_arrays
    def jacobian(self, x: Tensor) -> Tensor:
        """Return per-sample gradients of ln|psi| `(batch, P)`, columns in the order of the trained parameters.

        In chunks of walkers, so that what is needed beside the result is bounded.
        """
        trained = {k: p for k, p in self.net.named_parameters() if p.requires_grad}
        rest = {k: p for k, p in self.net.named_parameters() if not p.requires_grad}
        rest.update(self.net.named_buffers())

        def log_abs(parameters: dict[str, Tensor], one: Tensor) -> Tensor:
            return functional_call(self.net, {**parameters, **rest}, (one[None],))[1][0]

        found = []
        size = sum(p.numel() for p in trained.values())
        for part in (x / self.length).split(max(1, JACOBIAN_NUMBERS // max(size, 1))):
            gradients = vmap(grad(log_abs), in_dims=(None, 0))(trained, part)
            found.append(torch.cat([gradients[k].reshape(len(part), -1) for k in trained], dim=1).detach())
        return found[0] if len(found) == 1 else torch.cat(found)

    # ---- evaluation

    def start_fresh_draws(self, generator: torch.Generator) -> None:
        """Warm up fresh walkers; their step width is frozen from then on."""
        self.fresh = self.fresh_sampler(self.evaluation.batch)
        self.start_sampler(self.fresh, generator, self.evaluation.warm_up)
        self.acceptances: list[float] = []

    def fresh_view(self) -> At:
        """Move the walkers on, and return the view of psi where they stand."""
        x = self.fresh.sample(self.density, self.evaluation.thin)
        self.acceptances.append(self.fresh.acceptance)
        return At(self, x)

    def draws_to_keep(self) -> dict[str, Tensor]:
        """Return configurations from |psi|^2 with ln|psi| and the sign of psi."""
        x = self.fresh.sample(self.density, self.evaluation.thin)
        sign, log_psi = self.log_psi(x)
        return {"x": x, "log_psi": log_psi, "sign": sign, "weight": torch.ones_like(log_psi)}

    @property
    def alike(self) -> bool:
        """Whether two particles have the same spin."""
        n_up = getattr(self.system, "n_up", self.system.n)
        return max(n_up, self.system.n - n_up) > 1

    def headline_observables(self) -> list[Observable]:
        """Return the local energy and its terms."""
        return [LocalEnergy(self.system.n, self.virial_tolerance, self.antisymmetric and self.alike)]

    def observables(self) -> list[Observable]:
        """Return the total spin where psi has one."""
        return [] if self.spins is None else [TotalSpin(self.spins, self.system.space.distances)]

    def reference(self, found: Findings) -> Reference | None:
        """Return the reference; that of fermions raises no alarm, since a symmetric psi may lie below it."""
        known = super().reference(found)
        symmetric = self.system.statistics == "fermions" and not self.antisymmetric
        if known is None or not (symmetric and self.alike):
            return known
        found.notes.append("the reference is that of fermions, psi is not antisymmetric: its energy may lie below")
        return dataclasses.replace(known, exact=False)

    def finish(self, found: Findings) -> None:
        """Add the acceptance of the walkers' moves."""
        found.diagnostics["acceptance"] = sum(self.acceptances) / len(self.acceptances)
        if self.exchanged_kinds is not None:
            found.diagnostics["exchange_acceptance"] = self.fresh.exchange_acceptance
