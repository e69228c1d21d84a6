"""Base of wavefunctions of nuclei: vectors of spin-isospin components."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from physgen.core.errors import check
from physgen.core.full_precision import full_precision
from physgen.models.wavefunction import WavefunctionModel
from physgen.nn.correlators.spin_correlation import SpinCorrelation
from physgen.nn.derivatives import chunk_size
from physgen.nn.sample_gradients import SampleGradients
from physgen.objectives.component_energy import component_values
from physgen.samplers import Metropolis, Sampler
from physgen.spaces.relative import Relative
from physgen.systems import LightNucleus, System


class NuclearWavefunction(WavefunctionModel):
    r"""A wavefunction of nucleons whose spins and isospins are summed over exactly, without the centre of mass.

    `log_psi(x)` gives the direction $\Psi/|\Psi|$ `(batch, components)` in the basis of the system and $\ln|\Psi|$;
    walkers follow $|\Psi|^2 = \sum_c \Psi_c^2$. Subclasses set `net`.

    Args:
        system: a `LightNucleus`.
        sampler: walkers; a Metropolis sampler of 256 that move 10 times unless given.
        optimizer: `spring`, `sr` or `minsr`, see `WavefunctionModel`.
        learning_rate: step in units of 1 / 20 MeV.
        decay: iterations after which the learning rate has halved.
        damping: shift of the quantum geometric tensor.
        momentum: SPRING's mu in [0, 1).
        norm_limit: largest squared norm of a step.
        clip: limit of the residuals in mean absolute deviations, or None.
        steps_per_epoch: iterations between two checkpoints.

    Raises:
        InputError: another system, or an argument out of its range.
    """

    abstract = True
    system: LightNucleus
    spaces = (Relative,)
    antisymmetric = True
    net: SpinCorrelation
    _slopes: SampleGradients | None = None

    def __init__(
        self,
        system: System,
        sampler: Sampler | None = None,
        optimizer: str = "spring",
        learning_rate: float = 0.1,
        decay: float = 150.0,
        damping: float = 1e-3,
        momentum: float = 0.95,
        norm_limit: float = 5e-2,
        clip: float | None = 5.0,
        steps_per_epoch: int = 50,
    ) -> None:
        sampler = Metropolis(walkers=256) if sampler is None else sampler
        options: dict[str, Any] = {"learning_rate": learning_rate, "decay": decay, "damping": damping}
        options |= {"momentum": momentum, "norm_limit": norm_limit, "clip": clip, "steps_per_epoch": steps_per_epoch}
        super().__init__(system, sampler, optimizer, **options)
        name = type(self.system).__name__
        check(isinstance(self.system, LightNucleus), "system", name, f"a LightNucleus for {type(self).__name__}")
        self.check_sampler()
        self._chunk: dict[torch.dtype, int] = {}

    @full_precision
    def component_derivatives(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        r"""Return $\Psi$, its gradients and its Laplacian, all divided by $|\Psi|$, of `x` `(batch, A - 1, 3)`.

        `(batch, components)`, `(rows, batch, components)` and `(batch, components)`, see `SpinCorrelation`; in chunks
        of bounded memory.
        """
        size = self._chunk.get(x.dtype)
        if size is None:
            size = self._chunk[x.dtype] = chunk_size(self._probe, x, keeps_graph=False)
        parts = [self.net.component_derivatives(part) for part in x.split(size)]
        direction, rows, laplacian = zip(*parts, strict=True)
        return torch.cat(direction), torch.cat(rows, 1), torch.cat(laplacian)

    @full_precision
    def kept_component_jacobian(self, x: Tensor) -> Tensor:
        r"""Return $\partial \Psi_c / |\Psi|$ `(batch, components, P)`, overwritten by the next call."""
        if self._slopes is None or self._slopes.net is not self.net:
            self._slopes = SampleGradients(self.net, component_values)
        return self._slopes(x, keep=True)

    def _probe(self, x: Tensor) -> tuple[Tensor, Tensor]:
        _, rows, laplacian = self.net.component_derivatives(x)
        return rows, laplacian
