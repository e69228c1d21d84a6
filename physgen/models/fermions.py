"""What the antisymmetric wavefunctions share: shells, cusps, and the settings that were measured for them."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from physgen.core.errors import check, check_integer, check_number
from physgen.models.places import Trap, place_of
from physgen.models.wavefunction import WavefunctionModel
from physgen.nn.determinants.factor import Factor
from physgen.nn.determinants.shell_filling import ShellFilling
from physgen.objectives import EnergyAndSpin, Objective
from physgen.observables import Observable
from physgen.samplers import MALA, Sampler
from physgen.spaces import Free, Space
from physgen.systems import System

JASTROWS = Trap.jastrows


class FermionModel(WavefunctionModel):
    """A wavefunction of fermions of spin 1/2, antisymmetric under exchange within each spin, with the exact cusps.

    Subclasses set `net` from `self.jastrow_factor()` and shells that the particles of each spin fill. The defaults of
    the training are SPRING with a learning rate of 0.05 that halves after 100 iterations, on 512 walkers that take 5
    Langevin steps an iteration.

    Args:
        system: a quantum system whose particles fill shells in each spin; in a trap the last may stay open.
        sampler: walkers; MALA of 512 unless given.
        decay: iterations after which the learning rate has halved.
        momentum: SPRING's mu.
        spin_penalty: what one unit of <S^2> adds to the energy that is minimised, in units of the energy scale; more
            than 0 drives psi to the lowest state of the lowest total spin. Recorded energies are without it.
        **kwargs: more arguments of the training, see `WavefunctionModel`.

    Raises:
        InputError: shells that must not stay open, with a list of those that are closed, or an argument out of its
            range.
    """

    abstract = True
    spaces: ClassVar[tuple[type[Space], ...]] = (Free,)
    antisymmetric = True
    virial_tolerance = 1e-3
    default_sampler = MALA

    def __init__(
        self,
        system: System,
        sampler: Sampler | None = None,
        decay: float = 100.0,
        momentum: float = 0.95,
        spin_penalty: float = 0.0,
        **kwargs: Any,
    ) -> None:
        super().__init__(system, sampler, decay=decay, momentum=momentum, **kwargs)
        self.spin_penalty = check_number("spin_penalty", spin_penalty, 0, allowed="a number >= 0")
        self.place = place_of(self.system)
        self.place.check_shells()
        both = 0 < self.system.n_up < self.system.n
        check(both or not spin_penalty, "spin_penalty", spin_penalty, "0 where all electrons have one spin")
        known = self.place.penalises_spin
        check(known or not spin_penalty, "spin_penalty", spin_penalty, f"0 for {type(self.system).__name__}")
        self.check_sampler()

    def jastrow_factor(self, kind: str) -> Factor:
        """Return the pair correlation of this system, one of its place's `jastrows`, with fixed cusps."""
        self.note_cusps(self.place.cusped(kind))
        return self.place.jastrow(kind, self.scaled_coupling)

    def make_objective(self) -> Objective:
        """Return the energy, with a penalty on the total spin if one is asked for."""
        return EnergyAndSpin(self.clip, self.spin_penalty) if self.spin_penalty else self.place.objective(self.clip)

    def observables(self) -> list[Observable]:
        """Return what open shells ask for besides."""
        return [*super().observables(), *self.place.observables()]

    @property
    def filling(self) -> ShellFilling:
        """The shells of a trap that the particles fill."""
        assert isinstance(self.place, Trap)
        return self.place.filling

    def exchanged(self, x: Tensor, i: int, j: int) -> Tensor:
        """Return psi(x with i and j exchanged)/psi(x) `(batch,)`, -1 for two electrons of one spin."""
        check_integer("i", i, 0, self.system.n - 1)
        check_integer("j", j, 0, self.system.n - 1)
        check(i != j, "j", j, f"another electron than i = {i}")
        order = list(range(self.system.shape[0]))
        order[i], order[j] = j, i
        (sign, log), (swapped_sign, swapped) = self.log_psi(x), self.log_psi(x[:, order])
        return sign * swapped_sign * torch.exp(swapped - log)
