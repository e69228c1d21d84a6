"""psi where configurations stand is found once; elsewhere, and by any other name, the wavefunction is asked."""

import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.dmc.guide import check_guide, guide_of
from physgen.models import GaussianBinaryRBM, SlaterJastrow
from physgen.runs.evaluation import Evaluation
from physgen.systems import At, QuantumDot, QuantumSystem
from physgen.systems.references import closed_form


class _Exchange(QuantumDot):
    """A dot whose electrons of opposite spin may change places, as neutrons do: it asks for psi elsewhere."""

    def local_energy(self, wavefunction, x):
        found = super().local_energy(wavefunction, x)
        sign, log = wavefunction.log_psi(x)
        swapped = x[:, [self.n_up, *range(1, self.n_up), 0, *range(self.n_up + 1, self.n)]]
        there_sign, there = wavefunction.log_psi(swapped)
        found["exchange"] = sign * there_sign * torch.exp(there - log)
        return {**found, "total": found["total"] + found["exchange"]}


class _Shifted(GaussianBinaryRBM):
    """A model with a local energy of its own, by way of its base and by way of a helper."""

    shift = 100.0
    asked = 0

    def derivatives(self, x):
        _Shifted.asked += 1
        return super().derivatives(x)

    def helper(self, x):
        return self.derivatives(x)[0].sum((-1, -2))

    def local_energy(self, x):
        found = super().local_energy(x)
        self.seen = len(x)
        slope = self.helper(x)
        return {**found, "total": found["total"] + self.shift + slope - slope}


@pytest.fixture
def x():
    return QuantumDot(6).initial(20, torch.Generator().manual_seed(1), torch.float64)


def test_a_hamiltonian_that_asks_for_psi_elsewhere_gets_it_from_model_guide_and_evaluation_alike(x):
    torch.manual_seed(0)
    model = SlaterJastrow(_Exchange(6)).double()
    with torch.no_grad():
        right = model.local_energy(x)
        guide = guide_of(model, model.system)(x)
    assert float((right["exchange"] - 1).abs().min()) > 1e-3, "the exchange is no identity"
    assert torch.equal(right["exchange"], guide["exchange"]) and torch.equal(right["total"], guide["energy"])
    found = model.evaluate(Evaluation(samples=40, batch=20, thin=1, warm_up=1)).estimates["exchange"].value
    with torch.no_grad():
        here = [model.double().local_energy(kept)["exchange"].mean() for kept in model.evaluated]
    assert found == pytest.approx(float(sum(here)) / len(here))


def test_psi_and_derivatives_are_found_once_and_only_there(x):
    calls = []

    class Wave:
        def log_psi(self, x):
            calls.append("psi")
            return torch.ones(len(x)), x.sum((-1, -2))

        def derivatives(self, x):
            calls.append("derivatives")
            return torch.ones_like(x), torch.zeros(len(x))

    at = At(Wave(), x)
    assert not calls
    assert at.log_psi(x) is at.log_psi(x) and at.derivatives(x) is at.derivatives(x) and len(calls) == 2
    assert torch.equal(at.log_psi(-x)[1], -at.log_psi(x)[1]) and len(calls) == 3
    with pytest.raises(AttributeError):
        at.nothing  # noqa: B018


def test_a_models_own_local_energy_is_taken_everywhere_and_derivatives_are_found_once():
    model = _Shifted(QuantumDot(2), hidden=2, jastrow=True)
    x = model.sample(50, torch.Generator().manual_seed(1))
    _Shifted.asked = 0
    with torch.no_grad():
        found = guide_of(model, model.system)(x)
        assert _Shifted.asked == 1 and model.seen == 50
        torch.testing.assert_close(found["energy"], model.local_energy(x)["total"])
    before = _Shifted.asked
    value = model.observe(samples=200, batch=100, warm_up=20)["energy"].value
    assert value > 90 and _Shifted.asked == before + 2, "two batches"


def test_a_complex_psi_is_refused_wherever_it_is_asked_for():
    class _Ring(QuantumSystem):
        n = dim = n_up = 1

        def terms(self, x):
            return {"trap": x[..., 0, 0].square()}

    class Wave:
        def log_psi(self, x):
            return torch.polar(torch.ones(len(x)), 2 * x[:, 0, 0]), torch.zeros(len(x))

        def derivatives(self, x):
            return torch.zeros_like(x), torch.zeros(len(x))

    class Net(torch.nn.Linear):
        def forward(self, x):
            return torch.polar(torch.ones_like(x[:, 0, 0]), x.sum((-1, -2))), -x.square().sum((-1, -2))

    with pytest.raises(InputError, match="psi must be real, got a complex one of Wave"):
        _Ring().local_energy(Wave(), torch.rand(4, 1, 1))
    model = GaussianBinaryRBM(QuantumDot(2))
    model.net = Net(1, 1)
    x = torch.rand(4, 2, 2)
    for ask in (model.derivatives, model.local_energy, model.born, lambda x: model.observe(samples=10)):
        with pytest.raises(InputError, match="psi must be real"):
            ask(x)


def test_a_sign_that_is_none_is_refused():
    class Net(torch.nn.Linear):
        def forward(self, x):
            return x.sum((-1, -2)).cos(), -x.square().sum((-1, -2))

    model = GaussianBinaryRBM(QuantumDot(2))
    model.net = Net(1, 1)
    with pytest.raises(InputError, match="sign of psi must be -1, 0 or 1"):
        model.sample(4)


class _Chain(QuantumSystem):
    """Spins in a row, whole numbers."""

    def __init__(self, sites: int = 4) -> None:
        self.sites = sites
        self.n, self.dim, self.n_up = sites, 1, sites

    def terms(self, x):
        return {"bonds": -(x[..., 0] * x[..., 0].roll(1, -1)).sum(-1)}

    def initial(self, num, generator=None, dtype=None, device=None):
        drawn = torch.randint(0, 2, (num, self.n, 1), generator=generator).to(dtype or torch.get_default_dtype())
        return 2 * drawn - 1

    def references(self):
        from physgen.systems import Reference

        return [Reference("energy", 0.0, 0.0, "exact", "made up", True)]


class _Bosons(QuantumDot):
    statistics = "bosons"

    def references(self):
        return closed_form({"energy": self.n * self.dim * self.omega / 2}, "all in the lowest level")


def test_whole_numbers_are_told_from_particles_in_space():
    assert not _Chain().continuous and QuantumDot(3).continuous and _Bosons(3).continuous
    with pytest.raises(InputError, match="sampler must be one of your own .* got 'Metropolis'"):
        GaussianBinaryRBM(_Chain())


def test_notes_about_fermions_go_to_fermions():
    def summary(system):
        model = GaussianBinaryRBM(system, hidden=1, jastrow=False)
        model.evaluate(Evaluation(samples=20, batch=10, warm_up=2, thin=1))
        return model.result

    dot = summary(QuantumDot(4, coupling=0.0, dim=2))
    assert not dot.reference.exact and any("fermions" in note for note in dot.notes)
    bosons = summary(_Bosons(4, coupling=0.0, dim=2))
    assert bosons.reference.exact and not any("fermions" in note for note in bosons.notes)


def test_diffusion_takes_the_guides_that_its_system_allows():
    check_guide(GaussianBinaryRBM(_Bosons(4)), _Bosons(4))
    with pytest.raises(InputError, match="antisymmetric guide for n_up = 2 of n = 4 electrons"):
        check_guide(GaussianBinaryRBM(QuantumDot(4)), QuantumDot(4))
    with pytest.raises(InputError, match="whole numbers"):
        check_guide(SlaterJastrow(QuantumDot(6)), _Chain())

    class _Unsaid(QuantumDot):
        statistics = None

    with pytest.raises(InputError, match="statistics = 'bosons'"):
        check_guide(GaussianBinaryRBM(_Unsaid(4)), _Unsaid(4))
    assert math.isfinite(_Unsaid(4).spread)
