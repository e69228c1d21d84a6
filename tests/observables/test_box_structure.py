"""What is measured in a periodic cube, against plane waves in closed form and a pair whose state is known."""

import math

import pytest
import torch

from physgen.observables.base import as_arrays
from physgen.observables.box_structure import BoxStructure, shells_of
from physgen.observables.measurements import Measurements
from physgen.observables.momentum_distribution import MomentumDistribution
from physgen.observables.pair_condensate import FAR, PairCondensate
from physgen.observables.per_particle import PerParticle
from physgen.observables.spin_channels import SpinChannels
from physgen.samplers import MALA
from physgen.stats.estimate import Estimate
from physgen.systems import At, ElectronGas, FermiGas, NeutronMatter


@pytest.fixture(autouse=True)
def double(float64):
    pass


def measured(psi, observables, generator, walkers=300, steps=10, moves=5):
    """Measure observables of plane waves, or of any psi with `walkers` and `density`."""
    sampler = MALA(walkers=walkers)
    psi.walkers(sampler, generator)
    found = Measurements(observables)
    with torch.no_grad():
        for _ in range(steps):
            found.add(At(psi, sampler.sample(psi.density, moves)))
    return found


def slater_square(waves, side, edges):
    """Means over shells of $\\ell^2(r)$ of the cube, by Simpson's rule in the bins."""
    apart = (waves[:, None] - waves).norm(dim=-1).flatten() * 2 * math.pi / side
    r = torch.stack([edges[:-1], (edges[:-1] + edges[1:]) / 2, edges[1:]])
    values = torch.sinc(apart * r[..., None] / math.pi).sum(-1) / len(waves) ** 2
    weights = torch.tensor([1.0, 4.0, 1.0])[:, None] * r.square()
    return (weights * values).sum(0) / weights.sum(0)


def within(values, errors, exact, sigmas=4.5):
    off = (values - exact).abs()
    assert (off <= sigmas * errors + 1e-12).all(), f"off by {(off / errors).max():.1f} sigma"


def test_structure_of_the_free_gas(plane_waves, generator):
    gas = ElectronGas(14)
    structure = BoxStructure(gas.space, bins=20)
    found = measured(plane_waves(gas), [], generator, walkers=400, steps=15)
    arrays = structure.histograms(found.x)
    square = slater_square(gas.waves, gas.side, arrays["distance_edges"])
    assert arrays["distance_edges"][-1] == gas.side / 2
    for name, exact in {"g_parallel": 1 - square, "g_antiparallel": 1 + 0 * square, "g_of_r": 1 - square / 2}.items():
        # next to r = 0 few pairs are met, or none
        within(arrays[name][2:], arrays[f"{name}_error"][2:], exact[2:])
    assert arrays["g_antiparallel_error"][5:].max() < 0.05
    # S(k) = share of the sea that k leads out of
    waves, shells = shells_of(3)
    sea = {tuple(wave) for wave in gas.waves.tolist()}
    exact = [sum(tuple((wave + k).tolist()) not in sea for wave in gas.waves) / 7 for k in waves]
    exact = torch.stack([torch.tensor(exact)[shells == s].mean() for s in shells.unique()])
    within(arrays["structure_factor"], arrays["structure_factor_error"], exact)
    assert arrays["structure_factor_error"].max() < 0.02
    torch.testing.assert_close(arrays["structure_momenta"][:2], 2 * math.pi / gas.side * torch.tensor([1.0, 2**0.5]))


@pytest.mark.parametrize("gas", [ElectronGas(14), ElectronGas(7, polarised=True)], ids=lambda gas: gas.label)
def test_plane_waves_are_occupied_once_or_not_at_all(gas, plane_waves, generator, agrees):
    momenta = MomentumDistribution(gas.space, gas.fermi_momentum, forwards=gas.n)
    measured(plane_waves(gas), [momenta], generator)
    arrays = momenta.histograms(torch.zeros(1, 1, gas.n, 3))
    chains, states = momenta.occupations.mean(), arrays["momentum_states"].double()
    step = (arrays["momenta"] < 1.01 * gas.smallest_momentum).double()
    assert chains.shape == (300, len(states)) and states[:3].tolist() == [1, 6, 12] and step.sum() == 2
    agrees(chains, step)
    assert arrays["momentum_distribution_error"].max() < 0.05
    agrees(chains @ states, torch.tensor([7.0]))
    kinetic = 0.5 * len(gas.spins) * chains @ (states * arrays["momenta"].square())
    agrees(kinetic, torch.tensor([gas.free_kinetic]))


def test_singlets_and_triplets_of_the_free_gas(plane_waves, generator):
    matter = NeutronMatter(14)
    channels, structure = SpinChannels(matter, bins=20), BoxStructure(matter.space, bins=20)
    found = measured(plane_waves(matter), [channels], generator, walkers=300, steps=12)
    arrays = channels.histograms(found.x)
    square = slater_square(matter.waves, matter.side, arrays["channel_edges"])
    for name, exact in {"g_singlet": (1 + square) / 4, "g_triplet": 3 * (1 - square) / 4}.items():
        within(arrays[name][1:], arrays[f"{name}_error"][1:], exact[1:])
    assert arrays["g_singlet_error"][5:].max() < 0.02
    every = structure.histograms(found.x)["g_of_r"]
    torch.testing.assert_close(arrays["g_singlet"] + arrays["g_triplet"], every)


class Pair:
    r"""$\psi = 1 + b \sum_c \cos(2 \pi d_c/L)$ of two particles: all pairs at rest, waves k with $c_k^2$."""

    def __init__(self, gas, b=0.3):
        self.system, self.b = gas, b

    def log_psi(self, x):
        waves = torch.cos(2 * math.pi * (x[:, 0] - x[:, 1]) / self.system.side)
        psi = 1 + self.b * waves.sum(-1)
        return psi.sign(), psi.abs().log()

    def density(self, x):
        return 2 * self.log_psi(x)[1]

    def walkers(self, sampler, generator):
        start = self.system.initial(sampler.walkers, generator, torch.float64)
        sampler.start(start, generator, 0.3 * self.system.side, space=self.system.space)
        sampler.warm_up(self.density, 40)

    def share(self):
        return 1 / (1 + 6 * self.b**2 / 4)

    def condensate(self, s):
        """h(s) of displacements in units of L."""
        one = 1 + self.b**2 / 2 * torch.cos(2 * math.pi * s).sum(-1)
        return 1 - (self.share() * one) ** 2


def test_condensate_and_momenta_of_a_pair(generator, agrees):
    gas = FermiGas(2)
    psi, condensate = Pair(gas), PairCondensate(gas.space, forwards=3, bins=5)
    momenta = MomentumDistribution(gas.space, forwards=2)
    found = measured(psi, [condensate, momenta], generator, walkers=1000, steps=20, moves=3)
    s = torch.rand(400_000, 3, generator=generator) - 0.5
    size, h = s.norm(dim=-1), psi.condensate(s)
    value = found.measured["condensate_fraction"].compute()
    assert abs(float(value["mean"]) - h[size > FAR].mean()) < 4 * float(value["error"]) < 0.1
    arrays = condensate.histograms(found.x)
    edges = arrays["displacement_edges"] / gas.side
    exact = torch.stack([h[(size > a) & (size <= b)].mean() for a, b in zip(edges[:-1], edges[1:], strict=True)])
    within(arrays["pair_condensate"], arrays["pair_condensate_error"] + 1e-3, exact)
    waves = momenta.occupations.mean()[:, :3]
    agrees(waves, psi.share() * torch.tensor([1.0, 0.3**2 / 4, 0.0]))


def test_free_pairs_do_not_condense(plane_waves, generator):
    gas = FermiGas(14)
    condensate = PairCondensate(gas.space, forwards=63)
    found = measured(plane_waves(gas), [condensate], generator, walkers=100, steps=6)
    value = found.measured["condensate_fraction"].compute()
    assert abs(float(value["mean"])) < 4 * float(value["error"]) < 0.5


def test_costly_observables_ask_some_walkers_and_begin_anew(plane_waves, generator):
    gas, asked = FermiGas(14), []

    class Counting(plane_waves):
        def log_psi(self, x):
            asked.append(len(x))
            return super().log_psi(x)

    observables = [MomentumDistribution(gas.space), PairCondensate(gas.space)]
    at = At(Counting(gas), gas.initial(200, generator, torch.float64))
    for _ in range(2):
        found = Measurements(observables)
        before = sum(asked)
        found.add(at)
        assert sum(asked) - before < 10 * 200
        assert observables[0].occupations.steps == observables[1].sums.steps == 1


def test_energies_per_particle():
    class Found:
        estimates = {"energy": Estimate(-28.0, 0.7)}

    PerParticle(14, -14.0, -2.0).finish(Found)
    found = {name: (e.value, e.error) for name, e in Found.estimates.items() if name != "energy"}
    assert found["energy_per_particle"] == pytest.approx((-2.0, 0.05))
    assert found["correlation_per_particle"] == pytest.approx((-1.0, 0.05))
    assert found["correlation_percent"] == pytest.approx((50.0, 2.5))
    Found.estimates = {"energy": Estimate(-28.0, 0.7)}
    PerParticle(14, None).finish(Found)
    assert set(Found.estimates) == {"energy", "energy_per_particle"}


@pytest.mark.parametrize("system", [ElectronGas(7, 1.0, True), NeutronMatter(14), FermiGas(14)], ids=lambda s: s.label)
def test_figures(system, plane_waves, generator):
    observables = [*system.space.observables(), *system.observables()]
    found = measured(plane_waves(system), observables, generator, walkers=20, steps=2)
    names = set()
    for observable in observables:
        arrays = as_arrays(observable.histograms(found.x))
        figures = observable.figures(arrays, found.x, "title")
        names |= figures.keys()
        for figure in figures.values():
            figure.canvas.draw()
    more = {"neutron": {"spin_channels"}, "fermi": {"pair_condensate"}}.get(system.label.split("-")[0], set())
    assert names == {"g_of_r", "structure_factor", "momentum_distribution"} | more
