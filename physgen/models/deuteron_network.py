"""The deuteron by one hidden layer, without a sample."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.func import functional_call, jacrev

from physgen.core.errors import check, check_choice, check_integer, check_positive
from physgen.core.quantity import ENERGY
from physgen.models.base import Model
from physgen.models.clock import Clock
from physgen.models.numpy_edge import Configurations, gives_arrays
from physgen.models.own_optimizers import the_optimizer
from physgen.nn.correlators.momentum_waves import MomentumWaves
from physgen.observables import Observable
from physgen.observables.momentum_state import MomentumState
from physgen.optim import RayleighGaussNewton
from physgen.spaces.momenta import Momenta
from physgen.systems import Deuteron, System

EXACT = "the state is summed over its mesh, nothing is drawn"


class DeuteronNetwork(Model):
    r"""Waves of the deuteron as functions of its momentum, by one hidden layer that minimises the energy.

    $E = \psi^T H \psi/\psi^T \psi$ is a sum over the mesh, so neither it nor its gradient has noise. Gauss-Newton steps
    for the Rayleigh quotient, see `RayleighGaussNewton`, need about a hundred iterations where RMSprop, the source's
    optimiser, needs 250,000.

    Source: Keeble and Rios, Machine learning the deuteron, arXiv:1911.13092, with `envelope` false and optimizer
    `rmsprop`.

    Args:
        system: a `Deuteron`.
        hidden: units.
        activation: `sigmoid`, `softplus`, `tanh` or `silu`.
        envelope: whether the waves have the pole, the threshold and the decay of a deuteron, see `MomentumWaves`.
        optimizer: `gauss_newton` or `rmsprop`.
        learning_rate: of rmsprop.
        damping: first damping of gauss_newton.
        steps_per_epoch: iterations between two checkpoints.

    Raises:
        InputError: another system, an argument out of its range or without an effect.
    """

    system: Deuteron
    matrix: Tensor
    momenta: Tensor
    root: Tensor
    headline = ENERGY
    spaces = (Momenta,)
    evaluation_without_effect: ClassVar[dict[str, str]] = dict.fromkeys(("thin", "warm_up", "repeats", "anneal"), EXACT)

    def __init__(
        self,
        system: System,
        hidden: int = 10,
        activation: str = "sigmoid",
        envelope: bool = True,
        optimizer: str = "gauss_newton",
        learning_rate: float = 1e-2,
        damping: float = 1.0,
        steps_per_epoch: int = 50,
    ) -> None:
        super().__init__(system, steps_per_epoch)
        name = type(self.system).__name__
        check(isinstance(self.system, Deuteron), "system", name, "a Deuteron for DeuteronNetwork")
        hidden = check_integer("hidden", hidden, 1)
        activation = check_choice("activation", activation, ("sigmoid", "softplus", "tanh", "silu"))
        self.optimizer_name = check_choice("optimizer", optimizer, ("gauss_newton", "rmsprop"))
        self.learning_rate = check_positive("learning_rate", learning_rate)
        self.damping = check_positive("damping", damping)
        self.net = MomentumWaves(self.system.orders, hidden, activation, bool(envelope))
        kinetic, potential = self.system.hamiltonian
        momenta = torch.tensor(self.system.momenta)
        measure = torch.tensor(self.system.weights).sqrt() * momenta
        for name, values in {"matrix": torch.diag(kinetic) + potential, "momenta": momenta, "root": measure}.items():
            self.register_buffer(name, values.to(torch.get_default_dtype()), persistent=False)
        self.automatic_optimization = False

    def without_effect(self) -> dict[str, str]:
        """Return what the optimiser does not ask for."""
        ignored = {"gauss_newton": "learning_rate", "rmsprop": "damping"}[self.optimizer_name]
        return {ignored: f"with optimizer {self.optimizer_name}"}

    def forward(self, x: Configurations) -> Configurations:
        r"""Return $\psi_L$ `(batch, channels)` of momenta `(batch, 1)` in 1/fm, not normalised."""
        waves: Any = self.net(x[:, 0])
        found: Configurations = waves.mT
        return found

    def amplitudes(self, parameters: dict[str, Tensor]) -> Tensor:
        r"""Return $\sqrt{w} k \psi_L(k)$ `(channels points,)` on the mesh."""
        waves: Tensor = functional_call(self.net, parameters, (self.momenta,))
        return (self.root * waves).flatten()

    # ---- training

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return Gauss-Newton steps or RMSprop."""
        if self.optimizer_name == "rmsprop":
            return torch.optim.RMSprop(self.net.parameters(), lr=self.learning_rate, alpha=0.9)
        return RayleighGaussNewton(self.net.parameters(), self.exact_hamiltonian(), self.damping)

    def exact_hamiltonian(self) -> Tensor:
        """Return H `(M, M)` in float64 on the model's device."""
        kinetic, potential = self.system.hamiltonian
        return (torch.diag(kinetic) + potential).to(self.device)

    def training_step(self, batch: int, batch_idx: int) -> Tensor | None:
        """Take one step down the energy; return it as it was before."""
        parameters: dict[str, Tensor] = dict(self.net.named_parameters())
        state = self.amplitudes(parameters)
        energy = state @ self.matrix @ state / (state @ state)
        if not self.step_is_sound(energy.detach()[None]):
            return None
        optimizer = the_optimizer(self)
        solver = optimizer.optimizer
        report: dict[str, Any] = {}
        if isinstance(solver, RayleighGaussNewton):
            optimizer.step(closure=self.closure)
            report = solver.report
        else:
            optimizer.zero_grad()
            self.manual_backward(energy)
            optimizer.step()
        self.record({"energy": energy.detach(), **report})
        return energy.detach()

    def closure(self) -> tuple[Tensor, Callable[[], Tensor]]:
        """Return the amplitudes `(M,)` at the parameters as they are, and what gives their Jacobian `(M, P)`."""
        parameters = {name: p.detach() for name, p in self.net.named_parameters()}

        def jacobian() -> Tensor:
            return torch.cat([part.flatten(1) for part in jacrev(self.amplitudes)(parameters).values()], 1)

        return self.amplitudes(parameters), jacobian

    # ---- draws and evaluation

    @gives_arrays
    def sample(self, num_samples: int, generator: torch.Generator | None = None) -> Tensor:
        r"""Draw momenta `(num_samples, 1)` of the mesh from $\sum_L w k^2 \psi_L^2$."""
        state = self.amplitudes(dict(self.net.named_parameters())).detach().view(len(self.system.orders), -1)
        index = torch.multinomial(state.square().sum(0), num_samples, True, generator=generator)
        return self.momenta[index].unsqueeze(-1)

    def test_dataloader(self) -> Clock:
        """Return the clock of one step: a sum over the mesh has no noise."""
        self.clock = Clock(1)
        return self.clock

    predict_dataloader = test_dataloader

    def headline_observables(self) -> list[Observable]:
        """Return the energy and all that follows from the state."""
        return [MomentumState(self.system, self.net)]

    def start_fresh_draws(self, generator: torch.Generator) -> None:
        """Keep the source of draws."""
        self.draws = generator

    def fresh_view(self) -> Any:
        """Return a view of momenta that are drawn from the state."""
        return types.SimpleNamespace(x=self.sample(self.evaluation.batch, self.draws), system=self.system)

    def draws_to_keep(self) -> dict[str, Tensor]:
        """Return momenta that are drawn from the state."""
        x = self.sample(self.evaluation.samples, self.draws)
        return {"x": x, "weight": torch.ones(len(x), dtype=x.dtype)}
