"""Diffusion Monte Carlo of states whose energy is known, and the control of its biases."""

import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.dmc.fixed_node import DiffusionSettings, FixedNode, weighted_mean
from physgen.dmc.guide import check_guide, guide_of
from physgen.dmc.walkers import Diffusion
from physgen.models import GaussianBinaryRBM, RBMSlater, SlaterJastrow
from physgen.runs.result import Estimate, Result
from physgen.runs.zero_variance import zero_variance
from physgen.samplers import MALA
from physgen.systems import ClassicalDot, QuantumDot, TautState
from physgen.zoo.pretrained import load_pretrained


class _Gaussian:
    """psi = exp(-a |x|^2/2) of one particle or more, positive."""

    antisymmetric = False

    def __init__(self, alpha):
        self.alpha = alpha

    def log_psi(self, x):
        square = x.square().sum((-1, -2))
        return torch.ones_like(square), -0.5 * self.alpha * square

    def derivatives(self, x):
        return -self.alpha * x, torch.full((len(x),), -self.alpha * x[0].numel(), dtype=x.dtype)

    def draw(self, walkers, n, dim, generator):
        return torch.randn(walkers, n, dim, generator=generator, dtype=torch.float64) / math.sqrt(2 * self.alpha)


class _Odd(TautState):
    antisymmetric = True


def close(estimate, exact, least=0.0, sigmas=4):
    assert estimate.error > 0 and abs(estimate.value - exact) < sigmas * estimate.error + least, (estimate, exact)


def small(**settings):
    return DiffusionSettings(**{"walkers": 100, "time_steps": [0.05, 0.1, 0.2], "time": 10.0, **settings})


@pytest.mark.parametrize("omega", [1.0, 0.25])
def test_a_wrong_width_gives_the_exact_energy_and_better_observables(omega, generator):
    dot, guide = QuantumDot(1, omega=omega), _Gaussian(0.7 * omega)
    x = guide.draw(400, 1, 2, generator)
    variational = {"square_radius": Estimate(1 / (0.7 * omega), 0.0), "trap": Estimate(omega / 1.4, 0.0)}
    found, diagnostics, notes = FixedNode(guide, dot, x, generator, small(walkers=400, time=30.0)).run(variational)
    close(found["energy_dmc"], omega)
    assert found["energy_dmc"].error < 0.01 * omega and notes == []
    # the ground state has <r^2> = 1/omega; 2 mixed - variational is off by the square of the guide's error
    mixed = 2 / (1.7 * omega)
    close(found["square_radius_mixed"], mixed)
    close(found["square_radius_dmc"], 2 * mixed - 1 / (0.7 * omega))
    assert found["square_radius_dmc"].error == pytest.approx(2 * found["square_radius_mixed"].error)
    close(found["trap_mixed"], omega**2 * mixed / 2)
    assert set(found) == {"energy_dmc", "square_radius_mixed", "square_radius_dmc", "trap_mixed", "trap_dmc",
                          "kinetic_mixed", "coulomb_mixed"}  # fmt: skip
    assert diagnostics["dmc_time"] == pytest.approx(30.0) and diagnostics["dmc_acceptance"] > 0.9


@pytest.mark.parametrize(("state", "dim", "degree"), [("singlet", 2, 1), ("singlet", 3, 2), ("triplet", 2, 1)])
def test_an_exact_guide_has_no_variance_and_no_bias(state, dim, degree, generator):
    exact = _Odd(dim, state, degree)
    x = exact.system.initial(50, generator, torch.float64)
    run = FixedNode(exact, exact.system, x, generator, small(walkers=50))
    found, diagnostics, _ = run.run({})
    assert found["energy_dmc"].value == pytest.approx(exact.energy, rel=1e-9)
    assert found["energy_dmc"].error < 1e-9 and abs(diagnostics["dmc_population_bias"]) < 1e-9
    assert all(row["energy"] == pytest.approx(exact.energy, rel=1e-9) for row in run.record()["energies"])


def test_right_nodes_of_a_wrong_guide_give_the_exact_energy(generator):
    """Three free electrons of one spin: the nodes of the shells are exact, the width of the guide is not."""
    dot = QuantumDot(3, n_up=3, coupling=0.0)
    model = SlaterJastrow(dot, sampler=MALA(walkers=200, warm_up_steps=100)).double()
    with torch.no_grad():
        model.net.envelope.log_alpha.fill_(math.log(0.75))
    x = model.sample(200, generator)
    found, _, _ = FixedNode(model, dot, x, generator, small(walkers=200)).run({})
    close(found["energy_dmc"], 5.0)
    guess = model.local_energy(x)["total"]
    assert found["energy_dmc"].error < 0.03 and guess.mean() > 5 + 5 * found["energy_dmc"].error


def test_two_electrons_by_a_trained_guide(generator):
    model = load_pretrained("quantum-dot-2d-n2-omega1/rbm-jastrow").double()
    x = model.sample(200, generator)
    found, _, _ = FixedNode(model, model.system, x, generator, small(walkers=200)).run({})
    close(found["energy_dmc"], 3.0)
    assert found["energy_dmc"].error < 2e-3


def test_the_memory_of_weights_removes_the_bias_of_a_small_population(generator):
    dot, guide = QuantumDot(1), _Gaussian(0.4)
    found = {}
    for walkers, steps in ((3, 6000), (600, 1000)):
        population = Diffusion(guide_of(guide, dot), guide.draw(walkers, 1, 2, generator), generator, 0.1)
        population.warm_up(200)
        # both populations move by one law
        population.reference, population.effective = 1.0, 0.99
        steps = [population.step() for _ in range(steps + 50)]
        growth = torch.tensor([s["log_growth"] for s in steps], dtype=torch.float64)
        energy = torch.tensor([s["energy"] for s in steps[50:]], dtype=torch.float64)
        found[walkers] = {memory: weighted_mean(energy, growth, memory) for memory in (0, 50)}
    large = found[600][50]
    biased, corrected = found[3][0], found[3][50]
    assert biased.value - large.value > 4 * math.hypot(biased.error, large.error)
    assert abs(corrected.value - large.value) < 4 * math.hypot(corrected.error, large.error)
    assert abs(found[600][0].value - large.value) < (biased.value - large.value) / 10


def test_weighted_mean_by_hand():
    series = torch.tensor([1.0, 2.0, 4.0], dtype=torch.float64)
    growth = torch.tensor([0.0, 0.3, -0.2, 0.1, 0.5], dtype=torch.float64)
    weights = torch.tensor([0.3 - 0.2, -0.2 + 0.1, 0.1 + 0.5], dtype=torch.float64).exp()
    assert weighted_mean(series, growth, 2).value == pytest.approx(float((weights * series).sum() / weights.sum()))
    assert weighted_mean(series, growth, 0).value == pytest.approx(7 / 3)


def test_until_error_and_its_cap(generator):
    dot, guide = QuantumDot(1), _Gaussian(0.8)
    told = []
    for error, rounds in ((1e3, 1), (1e-9, 3)):
        settings = small(time=10.0, max_time=35.0, until_error=error)
        run = FixedNode(guide, dot, guide.draw(100, 1, 2, generator), generator, settings,
                        lambda share, text: told.append(share))  # fmt: skip
        _, diagnostics, notes = run.run({})
        assert diagnostics["dmc_time"] == pytest.approx(10.0 * rounds)
        assert any("max_time" in note for note in notes) == (error < 1)
    assert 0 <= min(told) and max(told) <= 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("walkers", 1), ("walkers", 2.5), ("seed", -1), ("time", 0), ("time", 1.0), ("memory", -1), ("warm_up", 0),
     ("time_steps", [0.1, 0.2]), ("time_steps", [0.1, 0.2, 0.2]), ("time_steps", [0.1, 0.2, 0.0]),
     ("time_steps", [0.1, -0.2, 0.3]), ("time_steps", 0.1), ("until_error", 0), ("max_time", 5.0)],
)  # fmt: skip
def test_bad_settings(name, value):
    with pytest.raises(InputError, match=rf"^dmc\.{name} must be") as refusal:
        DiffusionSettings(**{name: value})
    assert "\n" not in str(refusal.value)


def test_guides_that_are_none():
    with pytest.raises(InputError, match="needs an antisymmetric guide for n_up = 3 of n = 6 electrons, got RBMSlater"):
        check_guide(RBMSlater(QuantumDot(6), symmetric=False), QuantumDot(6))
    with pytest.raises(InputError, match="got GaussianBinaryRBM, which is not antisymmetric"):
        check_guide(GaussianBinaryRBM(QuantumDot(2, n_up=0)), QuantumDot(2, n_up=0))
    with pytest.raises(InputError, match="got object, a density"):
        check_guide(object(), ClassicalDot(2))
    check_guide(RBMSlater(QuantumDot(6)), QuantumDot(6))
    check_guide(GaussianBinaryRBM(QuantumDot(2)), QuantumDot(2))


def evaluated(energy, error, variance, system="quantum-dot-2d-n1-omega1"):
    diagnostics = {} if variance is None else {"variance": variance}
    return Result("energy", {"energy": Estimate(energy, error)}, diagnostics, provenance={"system": system})


def test_zero_variance_of_gaussians():
    """E = (a + 1/a)/2 and variance ((1 - a^2)/(2 a))^2 of a Gaussian in the plane; E - 1 = variance/2 near a = 1."""
    results = [evaluated((a + 1 / a) / 2, 1e-4, ((1 - a * a) / (2 * a)) ** 2) for a in (0.9, 0.93, 0.97)]
    found = zero_variance(results)
    assert found.value == pytest.approx(1, abs=1e-5) and found.slope == pytest.approx(0.5, abs=0.01)
    assert min(r.headline.value for r in results) - 1 > 20 * abs(found.value - 1) and 0 < found.error < 1e-3


@pytest.mark.parametrize(
    "results",
    [
        [evaluated(1, 0.1, 1.0)],
        [evaluated(1, 0.1, 1.0), evaluated(1, 0.1, None)],
        [evaluated(1, 0.1, 1.0), evaluated(1, 0.1, 2.0, "quantum-dot-2d-n2-omega1")],
    ],
)
def test_zero_variance_needs_variances_of_one_system(results):
    with pytest.raises(InputError, match="^results must "):
        zero_variance(results)
