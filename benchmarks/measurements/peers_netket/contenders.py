"""Both libraries behind the same calls: move the walkers, measure local energies, take a step of SPRING."""

from __future__ import annotations

import time

import jax
import jax.numpy as jnp
import netket as nk
import numpy as np
import optax
import torch
from netket.experimental.geometry import FreeSpace
from netket.experimental.hilbert import Particle

import physgen
from benchmarks.measurements.peers_netket.network import JaxBackflow, parameters_of
from physgen.objectives.variational_energy import centred_rows, local_energies
from physgen.samplers import MALA, Metropolis, Sampler
from physgen.stats.autocorrelation import integrated_autocorrelation_time

#: width of a Metropolis move, learning rate (small, so that the wavefunction stays), damping and momentum of both
WIDTH, RATE, DAMPING, MOMENTUM = 0.45, 1e-3, 1e-3, 0.95


def cost_of_sampler(acceptance: float, seconds: float, squares: np.ndarray) -> list[str]:
    """Return the cells of a table from a chain's r^2 `(steps, walkers)` and its CPU seconds."""
    tau = float(integrated_autocorrelation_time(torch.tensor(squares, dtype=torch.float64)))
    each = 1e3 * seconds / len(squares)
    return [f"{acceptance:.2f}", f"{each:.3g}", f"{tau:.3g}", f"{each * tau:.3g}"]


class Physgen:
    """physgen's pretrained network with its own sampler and optimiser."""

    def __init__(self, entry: str, precision: str, walkers: int, moves: int) -> None:
        torch.manual_seed(1)
        torch.set_num_threads(1)
        self.model = physgen.load_pretrained(entry).to(getattr(torch, precision))
        self.model.learning_rate, self.model.damping, self.model.momentum = RATE, DAMPING, MOMENTUM
        self.optimizer = self.model.configure_optimizers()["optimizer"]
        self.sampler = self.started(Metropolis(walkers, moves), WIDTH)

    def started(self, sampler: Sampler, width: float) -> Sampler:
        """Return the sampler with walkers that are warmed up, at a width that does not adapt."""
        generator = torch.Generator().manual_seed(2)
        self.model.start_sampler(sampler, generator, 100)
        sampler.width = width
        sampler.sample(self.model.born, 200)
        return sampler

    def move(self) -> torch.Tensor:
        """Move the walkers."""
        return self.sampler.sample(self.model.born)

    def local_energies(self) -> torch.Tensor:
        """Return local energies `(walkers,)`."""
        return self.model.local_energy(self.sampler.x)["total"]

    def iterate(self) -> None:
        """Take one iteration, as `WavefunctionModel.training_step` does."""
        x = self.move()
        measured = local_energies(self.model, x, self.model.clip)
        self.optimizer.step(lambda: centred_rows(self.model.kept_jacobian(x), measured.weights, in_place=True))

    def metropolis(self, width: float, steps: int) -> list[str]:
        """Measure the Metropolis sampler."""
        return self.chain(Metropolis(self.sampler.walkers, 1), width, steps)

    def mala(self, width: float, steps: int) -> list[str]:
        """Measure the Langevin sampler, which also evaluates the gradient."""
        return self.chain(MALA(self.sampler.walkers, 1), width, steps)

    @torch.no_grad()
    def chain(self, sampler: Sampler, width: float, steps: int) -> list[str]:
        """Record r^2 after each move; states are carried on, so that a move evaluates the wavefunction once."""
        density = self.model.born
        self.started(sampler, width)
        state, squares, accepted = sampler.evaluate(density, sampler.x), [], 0.0
        start = time.process_time()
        for _ in range(steps):
            state, acceptance = sampler.move(density, state)
            squares.append(state["x"].square().sum((-1, -2)))
            accepted += float(acceptance)
        seconds = time.process_time() - start
        return cost_of_sampler(accepted / steps, seconds, torch.stack(squares).numpy())


class NetKet:
    """The same network, walkers and settings in NetKet."""

    def __init__(self, ours: Physgen, walkers: int, moves: int) -> None:
        system, x = ours.model.system, ours.sampler.x
        self.walkers = walkers
        dtype = np.dtype(str(x.dtype).removeprefix("torch."))
        n, dim = system.n, system.dim
        first, second = np.triu_indices(n, 1)

        def potential(flat: jax.Array) -> jax.Array:
            r = flat.reshape(n, dim)
            distance = jnp.sqrt(jnp.sum((r[first] - r[second]) ** 2, -1))
            return 0.5 * system.omega**2 * jnp.sum(r * r) + system.coupling * jnp.sum(1 / distance)

        self.hilbert = Particle((system.n_up, n - system.n_up), geometry=FreeSpace(d=dim))
        self.energy = nk.operator.KineticEnergy(self.hilbert, mass=1.0, dtype=dtype)
        self.energy += nk.operator.PotentialEnergy(self.hilbert, potential, dtype=dtype)
        self.network, variables = JaxBackflow.like(ours.model), parameters_of(ours.model)
        sampler = nk.sampler.MetropolisGaussian(
            self.hilbert, sigma=WIDTH, n_chains=walkers, sweep_size=moves, dtype=dtype
        )
        self.state = nk.vqs.MCState(
            sampler, self.network, n_samples=walkers, n_discard_per_chain=0, variables=variables, sampler_seed=3
        )
        self.place(x)
        #: with the Jacobian, and with the kernel by layers
        self.drivers = [
            nk.driver.VMC_SR(
                self.energy, optax.sgd(RATE), diag_shift=DAMPING, momentum=MOMENTUM, use_ntk=True, mode="real",
                variational_state=self.state, on_the_fly=lazy,
            )
            for lazy in (False, True)
        ]  # fmt: skip

    def place(self, x: torch.Tensor) -> None:
        """Give NetKet's chains the walkers `x`."""
        self.state.reset()
        self.state.sampler_state = self.state.sampler_state.replace(σ=jnp.asarray(x.flatten(1).numpy()))

    def move(self) -> jax.Array:
        """Move the walkers."""
        return jax.block_until_ready(self.state.sample())

    def local_energies(self) -> jax.Array:
        """Return local energies of the last samples."""
        return jax.block_until_ready(self.state.local_estimators(self.energy))

    def iterate(self, lazy: bool = False) -> None:
        """Take one iteration, as the driver's `run` does, without its logs."""
        driver = self.drivers[lazy]
        driver.reset_step()
        _, change = driver.compute_loss_and_update()
        driver.update_parameters(change)
        jax.block_until_ready(self.state.parameters)

    def iterate_on_the_fly(self) -> None:
        """Take one iteration with the kernel contracted layer by layer."""
        self.iterate(lazy=True)

    def metropolis(self, width: float, steps: int) -> list[str]:
        """Measure the Metropolis sampler, one compiled loop over all moves."""
        sampler = nk.sampler.MetropolisGaussian(
            self.hilbert, sigma=width, n_chains=self.walkers, sweep_size=1, dtype=self.state.sampler.dtype
        )
        state = sampler.init_state(self.network, self.state.variables, seed=4)
        state = state.replace(σ=self.state.sampler_state.σ)
        for _ in range(2):  # the first call compiles, and warms up
            state = sampler.reset(self.network, self.state.variables, state)
            start = time.process_time()
            x, state = sampler.sample(self.network, self.state.variables, state=state, chain_length=steps)
            x = np.asarray(jax.block_until_ready(x))
            seconds = time.process_time() - start
        return cost_of_sampler(float(state.acceptance), seconds, np.square(x).sum(-1).T)


def agreement(ours: Physgen, theirs: NetKet) -> tuple[float, float]:
    """Return the largest difference of ln|psi| and of local energies, after checking them against 1e-10 and 1e-8."""
    x = ours.sampler.x
    flat = jnp.asarray(x.flatten(1).numpy())
    with torch.no_grad():
        value, energy = ours.model.log_psi(x)[1].numpy(), ours.model.local_energy(x)["total"].numpy()
    psi = float(np.abs(np.asarray(theirs.network.apply(theirs.state.variables, flat)) - value).max())
    kernel = theirs.energy._expect_kernel(theirs.network.apply, theirs.state.variables, flat)
    local = float(np.abs(np.asarray(kernel) - energy).max())
    if not (psi <= 1e-10 and local <= 1e-8):
        raise SystemExit(
            f"the networks differ: ln|psi| by {psi:.1e} (1e-10 allowed), E_L by {local:.1e} (1e-8 allowed)"
        )
    return psi, local
