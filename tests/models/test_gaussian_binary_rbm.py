import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import GaussianBinaryRBM
from physgen.observables.exchange_defect import ExchangeDefect
from physgen.runs.evaluation import Evaluation
from physgen.samplers import MALA, Gibbs, Metropolis
from physgen.systems import At, QuantumDot


@pytest.fixture(autouse=True)
def double(float64):
    torch.manual_seed(6)


def empty(system, **arguments):
    """No hidden unit is coupled and a = 0: at s^2 = c the ground state of the oscillator, in units of its length."""
    model = GaussianBinaryRBM(system, hidden=2, **arguments)
    with torch.no_grad():
        for name, parameter in model.net.machine.named_parameters():
            if name != "log_sigma":
                parameter.zero_()
    return model


@pytest.mark.parametrize("form", ["marginal", "sqrt"])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize(("n", "dim", "omega"), [(1, 2, 1.0), (2, 3, 0.28), (5, 2, 3.0)])
def test_empty_machine_is_the_exact_oscillator(form, symmetric, n, dim, omega, generator):
    dot = QuantumDot(n, dim, omega, coupling=0)
    model = empty(dot, form=form, symmetric=symmetric)
    local = model.local_energy(dot.initial(50, generator))
    torch.testing.assert_close(local["total"], torch.full((50,), n * dim * omega / 2), rtol=1e-13, atol=1e-13)
    assert local["kinetic"].std() > 0.01  # the terms are not constant, their sum is


def test_another_width_is_the_squeezed_oscillator(generator):
    """s^2 = c/alpha is exp(-alpha omega r^2/2): E_L = N d alpha omega/2 + omega^2 (1 - alpha^2) r^2/2."""
    dot, alpha = QuantumDot(3, omega=0.5, coupling=0), 0.7
    model = empty(dot)
    with torch.no_grad():
        model.net.machine.log_sigma.sub_(0.5 * math.log(alpha))
    x = dot.initial(50, generator)
    expected = 3 * alpha * 0.5 + 0.5**2 * (1 - alpha**2) / 2 * x.square().sum((1, 2))
    torch.testing.assert_close(model.local_energy(x)["total"], expected)


def test_units_of_length_and_energy(generator):
    """One set of weights serves every frequency: psi(x; omega) = psi(sqrt(omega) x; 1), without repulsion E ~ omega."""
    models = []
    for omega in (1.0, 0.09):
        torch.manual_seed(6)
        models.append(GaussianBinaryRBM(QuantumDot(2, omega=omega, coupling=0)))
    x = torch.randn(9, 2, 2, generator=generator)
    torch.testing.assert_close(models[1].log_psi(x / 0.3)[1], models[0].log_psi(x)[1])
    torch.testing.assert_close(models[1].local_energy(x / 0.3)["total"], 0.09 * models[0].local_energy(x)["total"])


@pytest.mark.parametrize("omega", [1.0, 0.25])
@pytest.mark.parametrize("dim", [2, 3])
@pytest.mark.parametrize("n_up", [1, 2])
def test_jastrow_factor_cancels_the_repulsion(omega, dim, n_up, generator):
    """In the units of the system too: the local energy stays finite where two electrons of unlike spin meet."""
    dot = QuantumDot(2, dim, omega, coupling=0.8)
    with_cusp = GaussianBinaryRBM(dot, hidden=2, jastrow=True)
    without = GaussianBinaryRBM(dot, hidden=2)
    x = torch.randn(1, 2, dim, generator=generator).repeat(3, 1, 1)
    x[:, 1] = x[:, 0]
    x[:, 1, 0] += torch.tensor([1e-3, 1e-4, 1e-5])
    energy = with_cusp.local_energy(x)["total"]
    torch.testing.assert_close(energy, energy[2].expand(3), rtol=0, atol=0.05)
    assert without.local_energy(x)["total"][2] > 1e4


def swap_defect(model, x):
    (observable,) = [o for o in model.observables() if isinstance(o, ExchangeDefect)]
    return observable.measure(At(model, x))["exchange_defect"]


@pytest.mark.parametrize("jastrow", [False, True])
def test_exchange_defect(jastrow, generator):
    dot = QuantumDot(3)
    x = dot.initial(50, generator)
    tied = GaussianBinaryRBM(dot, jastrow=jastrow)
    assert swap_defect(tied, x).abs().max() < 1e-13
    free = GaussianBinaryRBM(dot, symmetric=False, jastrow=jastrow)
    assert swap_defect(free, x).abs().mean() > 1e-3
    swapped = x[:, [1, 0, 2]]
    expected = 1 - torch.exp(free.log_psi(swapped)[1] - free.log_psi(x)[1])
    torch.testing.assert_close(swap_defect(free, x), expected)
    assert not GaussianBinaryRBM(QuantumDot(1)).observables()


def test_exchange_defect_by_quadrature(generator, agrees):
    """Two particles each in a Gaussian of its own place: 1 - <psi|P_12|psi> = 1 - exp(-|a_1 - a_2|^2/(2 s^2))."""
    dot = QuantumDot(2, coupling=0)
    model = empty(dot, symmetric=False)
    with torch.no_grad():
        model.net.machine.a.copy_(torch.tensor([0.4, 0.0, -0.3, 0.2]))
    x = model.sample(4000, generator)
    overlap = math.exp(-0.5 * (0.7**2 + 0.2**2))
    agrees(swap_defect(model, x), 1 - overlap)


@pytest.mark.parametrize("sampler", [Metropolis(), MALA(), Gibbs()], ids=lambda s: type(s).__name__)
def test_draws_follow_the_square_of_psi(sampler, generator, agrees):
    """|psi|^2 of the empty machine is a Gaussian of variance 1/(2 omega) about the origin."""
    model = empty(QuantumDot(2, omega=0.25), form="sqrt", sampler=sampler)
    x = model.sample(3000, generator).flatten(1)
    assert len(model.sampler.state_dict()) == 0  # the walkers of the training are not touched
    agrees(torch.cat([x, x.square(), x**4], 1), [0.0] * 4 + [2.0] * 4 + [12.0] * 4)


def notes(system, **arguments):
    return " ".join(GaussianBinaryRBM(system, **arguments).notes)


def test_notes_say_what_psi_lacks():
    assert "not symmetric" in notes(QuantumDot(2), symmetric=False) and "not symmetric" not in notes(QuantumDot(2))
    assert "bosonic" in notes(QuantumDot(6)) and "bosonic" not in notes(QuantumDot(2))
    assert "no cusp" in notes(QuantumDot(2)) and "no cusp" not in notes(QuantumDot(2), jastrow=True)
    assert "no cusp" not in notes(QuantumDot(2, coupling=0)) and "no cusp" not in notes(QuantumDot(2, dim=3))
    assert notes(QuantumDot(1)) == ""


def test_evaluation_of_the_exact_state(trainer):
    dot = QuantumDot(2, omega=0.5, coupling=0)
    model = empty(dot, symmetric=True)
    model.evaluation = Evaluation(samples=1000, batch=200, thin=2, warm_up=50)
    trainer().test(model, verbose=False)
    result = model.result
    assert result.headline.value == pytest.approx(1.0, abs=1e-12) and result.headline.error < 1e-12
    assert result.reference.value == 1.0 and result.reference.exact
    assert result.diagnostics["variance"] < 1e-24 and result.diagnostics["v_score"] < 1e-24
    for name in ("kinetic", "trap"):
        assert result.estimates[name].value == pytest.approx(0.5, abs=5 * result.estimates[name].error)
    assert result.estimates["virial"].value == pytest.approx(0, abs=5 * result.estimates["virial"].error)


@pytest.mark.parametrize("precision", ["64-true", "32-true"])
def test_mala_evaluates_though_trainers_are_in_inference_mode(precision, trainer):
    model = GaussianBinaryRBM(QuantumDot(2), sampler=MALA(walkers=20, warm_up_steps=5), steps_per_epoch=2)
    if precision == "32-true":
        model.float()
    model.evaluation = Evaluation(samples=100, batch=50, thin=1, warm_up=5)
    trainer(precision).fit(model)
    trainer(precision).test(model, verbose=False)
    assert 2.5 < model.result.headline.value < 4.5


@pytest.mark.slow
def test_training_lowers_the_energy_to_that_of_two_electrons(trainer):
    """A Jastrow factor with the exact cusp brings the energy from 3.3 to within some 0.03 of the exact 3."""
    torch.manual_seed(1)
    dot = QuantumDot(2)
    model = GaussianBinaryRBM(
        dot, hidden=2, jastrow=True, symmetric=True, sampler=Metropolis(walkers=300), steps_per_epoch=80
    )
    model.evaluation = Evaluation(samples=20_000, batch=1000, thin=10, warm_up=200)
    trainer().fit(model)
    trainer().test(model, verbose=False)
    assert model.result.alarm() is None and model.result.headline.error < 0.01
    assert 3 - 3 * model.result.headline.error < model.result.headline.value < 3.03


def test_an_angular_momentum_is_refused_where_no_orbital_has_it():
    with pytest.raises(InputError, match="^angular_momentum of the system must be none .* got 0"):
        GaussianBinaryRBM(QuantumDot(7, angular_momentum=0))
