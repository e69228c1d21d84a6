"""Diffusion Monte Carlo in a periodic cube: plane waves that are exact, and a pair whose energy a mesh gives."""

import numpy as np
import pytest
import torch
from scipy.sparse.linalg import LinearOperator, eigsh

from physgen.core.errors import InputError
from physgen.dmc.fixed_node import DiffusionSettings, FixedNode
from physgen.models import SlaterJastrow
from physgen.samplers import MALA
from physgen.systems import ElectronGas, FermiGas, NeutronMatter


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(0)


def exact_pair(gas, points=24):
    """Energy of two particles by their distance on a mesh, the kinetic energy by Fourier's transform."""
    axis = np.arange(points) * gas.side / points
    r = torch.tensor(np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), -1)).reshape(-1, 1, 3)
    potential = gas.potential(torch.cat([r, 0 * r], 1)).numpy().reshape(points, points, points)
    k = 2 * np.pi * np.fft.fftfreq(points, gas.side / points)
    square = k[:, None, None] ** 2 + k[:, None] ** 2 + k**2

    def applied(u):
        u = u.reshape(potential.shape)
        return (np.fft.ifftn(square * np.fft.fftn(u)).real + potential * u).ravel()

    operator = LinearOperator((points**3, points**3), matvec=applied)
    return float(eigsh(operator, k=1, which="SA", tol=1e-8, v0=np.ones(points**3))[0][0])


def test_two_particles_have_their_energy(generator):
    gas = FermiGas(2, 0.8, -0.5)
    guide = SlaterJastrow(gas).double()
    sampler = guide.fresh_sampler(200)
    guide.start_sampler(sampler, generator, 100)
    settings = DiffusionSettings(walkers=200, time_steps=[0.1, 0.2, 0.3], time=20.0, warm_up=2.0, memory=1.0)
    run = FixedNode(guide, gas, sampler.x, generator, settings)
    found, _, _ = run.run({})
    assert abs(found["energy_dmc"].value - exact_pair(gas)) < 4 * found["energy_dmc"].error < 0.4
    assert set(found) == {"energy_dmc", "kinetic_mixed", "two_body_mixed"}, "no place of a cube is its centre"
    for population in run.populations:
        assert population.state["x"].min() >= 0 and population.state["x"].max() < gas.side


def test_plane_waves_of_free_particles_are_exact(plane_waves, generator):
    class Free(ElectronGas):
        abstract = True

        def terms(self, x):
            return {"coulomb": 0 * x[..., 0, 0]}

    gas = Free(14)
    guide = plane_waves(gas)
    x = guide.walkers(MALA(walkers=20), generator)
    settings = DiffusionSettings(walkers=20, time_steps=[0.02, 0.03, 0.04], time=2.0, warm_up=0.1, memory=0.1)
    found, diagnostics, _ = FixedNode(guide, gas, x, generator, settings).run({})
    assert found["energy_dmc"].value == pytest.approx(gas.free_kinetic, rel=1e-9)
    assert 0.5 < diagnostics["dmc_acceptance"] < 1, "moves across nodes are rejected"


def test_neutrons_are_refused(generator):
    model = SlaterJastrow(NeutronMatter(2))
    with pytest.raises(InputError, match="dmc: interaction must be a function of positions, not one that exchanges"):
        FixedNode(model, model.system, torch.zeros(100, 2, 3), generator, DiffusionSettings())
