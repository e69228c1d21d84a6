"""Quantum particles at T > 0: a Gibbs state of orthonormal flowed states."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import check, check_integer, check_positive
from physgen.models.ensemble_sector import SectorEnsemble
from physgen.models.flow_newton import FlowStep, flow_step
from physgen.models.gibbs_model import GibbsModel
from physgen.models.own_optimizers import step_schedules, the_optimizer
from physgen.nn.flows.pair_gradient_flow import PairGradientFlow
from physgen.nn.oscillator.jacobi_vectors import jacobi_vectors
from physgen.nn.oscillator.symmetric_states import lowest_quanta
from physgen.optim.metric_newton import MetricNewton
from physgen.systems import System, ThermalQuantumDot

#: exchange symmetry of space wavefunctions, copies by the spins, and total spin, by species and number of particles
SECTORS = {"polarised": ((-1, 1),), "bosons": ((1, 1),), "electrons": ((1, 1), (-1, 3))}
#: particles of each species, at most
MOST = {"polarised": 4, "bosons": 4, "electrons": 2}
#: products of oscillator functions that a core may need
MOST_PRODUCTS = 6000
#: part of the step of the flow that is taken in the second half of its iterations
LATE = 0.3


class QuantumEnsemble(GibbsModel):
    r"""The Gibbs state of identical particles in a trap at T > 0, by orthonormal states and their probabilities.

    $\rho = \sum_k p_k |\psi_k\rangle\langle\psi_k|$, and all states share one map of relative vectors,
    $\psi_k(x) = |J|^{-1/2} \sum_j U_{jk} \Phi_j(\xi(x))$ with all
    oscillator states $\Phi_j$ of the right exchange symmetry up to `quanta` above the lowest. So they are orthonormal
    whatever the map and the rotation U are, and

    $$F = \sum_k p_k \left( \langle \psi_k | H | \psi_k \rangle + \frac{\ln p_k}{\beta} \right)$$

    is an upper bound of the free energy (Gibbs). States beyond the core keep the oscillator's form; the sum over all of
    them is known in closed form. The centre of mass, independent in a harmonic trap, is exact.

    The first `flow_steps` iterations move the map by Newton steps in a small core, whose cusps only the map can make;
    all later ones measure H in the whole core, and U diagonalises it within blocks of equal angular momentum and
    reflection (Ritz). Draws come from the exact thermal density of free particles, at every draw all states are
    measured, and the estimator of F has no variance for exact states.

    Electrons of both spins are two sectors: singlets with even space functions, and triplets, three of each odd one.

    Args:
        system: a `ThermalQuantumDot` of 2 to 4 bosons or electrons of one spin, or of 2 electrons.
        quanta: of the core above its lowest state; by temperature and number of particles unless given.
        flow_quanta: of the small core.
        pair_terms: numbers of the map's radial function of pairs.
        place_terms: those of distances from the centre of mass, without effect on two particles.
        batch_size: draws of one iteration in each sector.
        flow_steps: iterations that move the map.
        learning_rate: part of a Newton step that is taken, 0.3 of it in the second half of them.
        norm_limit: longest step, as the change of the states.
        levels: lowest levels that are measured, each of m and -m counted alone.
        steps_per_epoch: iterations between two checkpoints.

    Raises:
        InputError: an argument out of its range, another system, or a core of too many states.

    Source: H. Xie, L. Zhang and L. Wang, Ab-initio study of interacting fermions at finite temperature with neural
    canonical transformation, arXiv:2105.08644, flow one Slater determinant a state, without U and the tail.
    """

    def __init__(
        self,
        system: System,
        quanta: int | None = None,
        flow_quanta: int = 4,
        pair_terms: int = 6,
        place_terms: int = 4,
        batch_size: int = 2000,
        flow_steps: int = 10,
        learning_rate: float = 1.0,
        norm_limit: float = 0.15,
        levels: int = 6,
        steps_per_epoch: int = 10,
    ) -> None:
        super().__init__(system, steps_per_epoch)
        dot, kind = self.system, type(self.system).__name__
        check(isinstance(dot, ThermalQuantumDot), "system", kind, "a ThermalQuantumDot for QuantumEnsemble")
        allowed = f"an integer from 2 to {MOST[dot.species]} for QuantumEnsemble of {dot.species}"
        check(2 <= dot.n <= MOST[dot.species], "n of the system", dot.n, allowed)
        self.flow_quanta = check_integer("flow_quanta", flow_quanta, 0)
        found = usual_quanta(dot) if quanta is None else check_integer("quanta", quanta, self.flow_quanta)
        self.quanta = max(found, self.flow_quanta)
        check_products(dot, self.quanta)
        pair_terms, place_terms = (
            check_integer("pair_terms", pair_terms, 2),
            check_integer("place_terms", place_terms, 0),
        )
        self.batch_size = check_integer("batch_size", batch_size, 2)
        self.flow_steps = check_integer("flow_steps", flow_steps, 0)
        self.learning_rate = check_positive("learning_rate", learning_rate)
        self.norm_limit = check_positive("norm_limit", norm_limit)
        self.copies = [copies for _, copies in SECTORS[dot.species]]
        self.register_buffer("vectors", torch.as_tensor(jacobi_vectors(dot.n)), False)
        self.sectors = torch.nn.ModuleList(
            SectorEnsemble(
                dot.n,
                sign,
                dot.reduced_beta,
                self.quanta,
                PairGradientFlow(dot.n, pair_terms, place_terms),
                self.potential,
            )
            for sign, _ in SECTORS[dot.species]
        )
        states = sum(sector.count for sector in self.ensembles)
        self.levels = check_integer("levels", levels, 0)
        check(
            self.levels <= states, "levels", levels, f"at most {states}, the states of a core of {self.quanta} quanta"
        )
        self.automatic_optimization = False

    def without_effect(self) -> dict[str, str]:
        """Return what two particles, and a training without steps of the map, do not ask for."""
        if self.flow_steps == 0:
            names = ("flow_quanta", "pair_terms", "place_terms", "learning_rate", "norm_limit")
            return dict.fromkeys(names, "with flow_steps 0")
        return {"place_terms": "on two particles"} if self.system.n == 2 else {}

    # ---- training

    def configure_optimizers(self) -> Any:
        """Return Newton steps of every sector, shorter in the second half of them."""
        groups = [{"params": list(sector.flow.parameters())} for sector in self.ensembles]
        optimizer = MetricNewton(groups, self.learning_rate, norm_limit=self.norm_limit)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1.0 if 2 * t < self.flow_steps else LATE)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_fit_start(self) -> None:
        """Refuse optimisers that know no metric of states.

        Raises:
            InputError: another optimiser than the model's own.
        """
        kinds = [type(optimizer).__name__ for optimizer in self.trainer.optimizers]
        check(kinds == ["MetricNewton"], "optimizer", kinds, "left out: QuantumEnsemble takes Newton steps of its own")
        super().on_fit_start()

    def training_step(self, batch: int, batch_idx: int) -> Tensor | None:
        """Move the map, or measure H in the whole core and rotate; return the free energy of these weights."""
        optimizer = the_optimizer(self)
        solver, generator = optimizer.optimizer, self.draws_of_training()
        steps: list[FlowStep] = []
        for sector in self.ensembles:
            if self.iteration <= self.flow_steps:
                sector.forget()
                at = sector.points(sector.draws.draw(self.batch_size, generator))
                steps.append(flow_step(sector, at, self.flow_quanta))
            else:
                with torch.no_grad():
                    sector.accumulate(self.batch_size, generator)
        state = self.gibbs()
        free = self.system.omega * torch.tensor([state.free_energy], dtype=torch.float64, device=self.device)
        values = torch.cat([step.values for step in steps]) if steps else free
        if not self.step_is_sound(values):
            return None

        rate = optimizer.param_groups[0]["lr"]
        take: Any = optimizer.step
        take(closure=lambda: [(step.gradient, step.curvature, step.metric) for step in steps])
        step_schedules(self, "step")
        report = solver.report if isinstance(solver, MetricNewton) else {}
        shown = {self.name_of(level): self.in_units(level.energy) for level in state.levels(self.levels)}
        shown |= {"free_energy": float(free), "tail_weight": sum(state.tails), "learning_rate": rate}
        self.record({**shown, **report})
        return free[0]

    def on_train_epoch_end(self) -> None:
        """Make the means known, and let schedules that follow epochs move on."""
        super().on_train_epoch_end()
        step_schedules(self, "epoch")


def usual_quanta(dot: ThermalQuantumDot) -> int:
    """Return quanta of a core beyond which little weight is left and radial functions change little."""
    base, heat, most = {2: (8, 16, 44), 3: (6, 8, 12), 4: (3, 4, 5)}[dot.n]
    return min(base + math.ceil(heat / dot.reduced_beta), most)


def check_products(dot: ThermalQuantumDot, quanta: int) -> None:
    """Raise `InputError` where a core needs more products of oscillator functions than can be multiplied."""
    size = 2 * (dot.n - 1)
    highest = max(lowest_quanta(dot.n, sign) for sign, _ in SECTORS[dot.species]) + quanta
    products = math.comb(highest + size, size)
    allowed = f"such that a core has at most {MOST_PRODUCTS} products of oscillator functions"
    check(products <= MOST_PRODUCTS, "quanta", quanta, f"{allowed}, not {products}")
