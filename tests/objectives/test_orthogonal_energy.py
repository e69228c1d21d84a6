"""The energy orthogonal to a lower state: its gradient where sums are exact, and the excited state of an oscillator."""

import math
import types

import pytest
import torch
from torch import nn

from physgen.core.errors import InputError
from physgen.models import NuclearCorrelator
from physgen.nn.sample_gradients import SampleGradients
from physgen.objectives.component_energy import component_values
from physgen.objectives.lower_state import LowerState
from physgen.objectives.orthogonal_energy import OrthogonalEnergy
from physgen.samplers import Metropolis
from physgen.systems import LightNucleus
from physgen.systems.nuclear_forces import HBAR2_OVER_MASS

COUNTS, OTHER = torch.tensor([1, 2, 3, 5]), torch.tensor([4, 1, 1, 2])
#: hbar omega in MeV
QUANTUM = 20.0


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(12)


class Table(nn.Module):
    """Psi of four points and three components, |Psi|^2 in ratio of the counts at the start."""

    def __init__(self, counts):
        super().__init__()
        start = torch.randn(4, 3)
        self.values = nn.Parameter(start / start.norm(dim=1, keepdim=True))
        self.scale = nn.Parameter(counts.to(start).log() / 2)

    def forward(self, x):
        here = x[:, 0, 0].long()
        norm = self.values[here].norm(dim=-1)
        return self.values[here] / norm.unsqueeze(-1), norm.log() + self.scale[here]

    log_psi = forward

    def vector(self):
        direction, log = self(torch.arange(4.0)[:, None, None])
        return (direction * log.exp().unsqueeze(-1)).flatten()


class Finite(Table):
    """A model of a Hamiltonian of twelve states."""

    lost_limit = 0.0

    def __init__(self, counts):
        super().__init__(counts)
        h = torch.randn(12, 12)
        self.h = h + h.T
        self.system = types.SimpleNamespace(images=self.images, energy_scale=4.0)

    @property
    def net(self):
        return self

    def images(self, direction, laplacian, x):
        psi = self.vector().detach()
        image = (self.h @ psi).view(4, 3) / psi.view(4, 3).norm(dim=1, keepdim=True)
        return {"all": image[x[:, 0, 0].long()]}

    def component_derivatives(self, x):
        return self(x)[0].detach(), None, None

    def local_energy(self, x):
        direction, image = self(x)[0].detach(), self.images(None, None, x)["all"]
        return {"total": (direction * image).sum(-1)}

    def kept_component_jacobian(self, x):
        return SampleGradients(self, component_values)(x)


def points(counts):
    return torch.repeat_interleave(torch.arange(4.0), counts)[:, None, None]


def test_gradient_is_that_of_energy_and_overlap():
    model, lower = Finite(COUNTS), Table(OTHER)
    objective = OrthogonalEnergy(None, LowerState(lower.log_psi, points(OTHER)), 1.7)
    step = objective.step(model, points(COUNTS))
    rows, residuals = step.rows()
    psi, phi = model.vector(), lower.vector().detach()
    overlap = (phi @ psi) ** 2 / ((phi @ phi) * (psi @ psi))
    energy = (psi @ model.h @ psi) / (psi @ psi)
    (energy / 4.0 + 1.7 * overlap).backward()
    exact = torch.cat([p.grad.flatten() for p in model.parameters()])
    torch.testing.assert_close(2 * residuals @ rows, exact, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(step.records["overlap_square"], overlap.detach())
    torch.testing.assert_close(step.records["energy"], energy.detach())  # without the penalty
    with pytest.raises(InputError, match="overlap_penalty must be"):
        OrthogonalEnergy(None, objective.state, 0.0)


class Oscillator(LightNucleus):
    """Two nucleons in a harmonic force: energies (2 k + 3/2) hbar omega of states without angular momentum."""

    abstract = True

    def images(self, direction, laplacian, x):
        squares = x.square().sum((-1, -2)).unsqueeze(-1)
        trap = 0.5 * QUANTUM**2 / HBAR2_OVER_MASS * squares * direction
        return {"kinetic": -0.5 * HBAR2_OVER_MASS * laplacian, "trap": trap}


def ground(x):
    """Return the exact ground state."""
    return torch.ones(len(x), 1).to(x), -0.5 * QUANTUM / HBAR2_OVER_MASS * x.square().sum((-1, -2))


def test_first_excited_state_of_an_oscillator():
    """7/2 hbar omega above the ground state's 3/2, by the network of nuclei, which gets a node."""
    system = Oscillator("2H", "model_o")
    sampler, fast = Metropolis(256, steps=5), {"learning_rate": 0.2, "norm_limit": 0.2}
    model = NuclearCorrelator(system, width=12, layers=1, sampler=sampler, **fast)
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(512, 1, 3, generator=generator) * math.sqrt(0.5 * HBAR2_OVER_MASS / QUANTUM)
    state = LowerState(ground, x)
    objective = OrthogonalEnergy(model.clip, state, 3.0)
    model.start_sampler(model.sampler, generator)
    chosen = model.configure_optimizers()
    optimizer, schedule = chosen["optimizer"], chosen["lr_scheduler"]["scheduler"]
    for _ in range(100):
        optimizer.step(closure=objective.step(model, model.sampler.sample(model.born)).rows)
        schedule.step()
    energy = model.observe(20_000, batch=500, thin=10, warm_up=300)["energy"]
    with torch.no_grad():
        overlap = state.overlap(model.log_psi, model.sampler.sample(model.born, 50)).square()
    assert abs(energy.value - 3.5 * QUANTUM) < 4 * energy.error + 0.01 * QUANTUM, energy
    assert overlap < 5e-3
