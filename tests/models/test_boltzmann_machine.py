"""Boltzmann machines that learn from samples, against sums over all states."""

import math

import numpy as np
import pytest
import torch

from physgen.core.enumeration import every_state
from physgen.core.errors import InputError
from physgen.models import BoltzmannMachine
from physgen.objectives.contrastive_divergence import negative_phase
from physgen.samplers import MALA, SpinFlip
from physgen.systems import BarsAndStripes, ClassicalDot, Ising2D
from physgen.systems.kaufman import kaufman


def small(system=None, leave_out=(), **arguments):
    torch.manual_seed(1)
    system = Ising2D(3, beta=0.3) if system is None else system
    sizes = {"hidden": 6, "chains": 64, "batch_size": 64, "data_size": 4000, "steps_per_epoch": 100}
    if system.space.continuous:
        sizes["data"] = MALA(walkers=400, steps=20, warm_up_steps=100)
    chosen = {**sizes, **arguments}
    return BoltzmannMachine(system, **{k: v for k, v in chosen.items() if k not in leave_out})


@pytest.mark.parametrize("negative", ["pcd", "cd", "pt", "exact"])
def test_every_negative_phase_learns_the_ising_model(negative, trainer):
    idle = {"pcd": (), "pt": (), "cd": ("chains",), "exact": ("chains",)}[negative]
    model = small(hidden=12, negative=negative, steps_per_epoch=200, learning_rate=0.3, leave_out=idle)
    trainer("32-true").fit(model)
    model = model.double()
    x = every_state(9, (-1.0, 1.0)).view(-1, 3, 3)
    log_p = (-0.3 * model.system.energy(x)).log_softmax(0)
    with torch.no_grad():
        log_q = model.log_prob(x)
        assert torch.equal(model.log_prob(-x), log_q)  # spins without biases
    divergence = (log_p.exp() * (log_p - log_q)).sum().item()
    assert abs(log_q.logsumexp(0)) < 1e-9 and 0 < divergence < 0.05
    found = model.observe(samples=4000, seed=2)
    assert abs(found["forward_kl"].value - divergence) < 4 * found["forward_kl"].error
    assert abs(found["kl"].value - (log_q.exp() * (log_q - log_p)).sum().item()) < 4 * found["kl"].error
    assert model.result.alarms == []


@pytest.mark.parametrize("name", ["pcd", "pt"])
def test_persistent_chains_settle_in_the_law_of_the_machine(name, agrees, generator):
    model = small(hidden=4).double()
    with torch.no_grad():
        model.net.weight.normal_(0, 0.4, generator=generator)
    phase = negative_phase(name, 5)
    x = every_state(9, (-1.0, 1.0))
    p = model.log_prob(x.view(-1, 3, 3)).exp().detach()
    phase.start(model.net.draw_independent(4000, generator))
    with torch.no_grad():
        for _ in range(10):
            drawn = phase.draw(model.net, x, generator)
    first, second = torch.triu_indices(9, 9, 1)
    agrees(drawn[:, first] * drawn[:, second], p @ (x[:, first] * x[:, second]))


def test_draws_are_independent_draws_of_p(agrees, generator):
    for system in (Ising2D(3), BarsAndStripes(3), BarsAndStripes(5)):
        model = small(system, hidden=5 if system.n > 9 else 12).double()
        with torch.no_grad():
            model.net.weight.normal_(0, 0.5, generator=generator)
            model.net.b.normal_(0, 0.5, generator=generator)
        x, log_prob = model.sample(20_000, generator)
        assert torch.allclose(model.log_prob(x), log_prob)
        h = every_state(len(model.net.b), model.net.hidden.values)
        means = (model.net.log_g(h).softmax(0) @ model.net.visible.mean(model.net.visible_field(h))).detach()
        agrees(x.flatten(1), means)


def test_gaussian_units_learn_particles(trainer):
    model = small(ClassicalDot(2, beta=2.0), learning_rate=0.02)
    trainer("32-true").fit(model)
    found = model.observe(samples=4000, seed=2)
    first = small(ClassicalDot(2, beta=2.0)).observe(samples=4000, seed=2)
    assert found["log_likelihood"].value > first["log_likelihood"].value + 0.05
    assert found["forward_kl"].value > 0


def test_resumed_chains_go_on_bit_for_bit(trainer, tmp_path):
    whole, part = small(steps_per_epoch=4), small(steps_per_epoch=4)
    trainer("32-true", epochs=2).fit(whole)
    first = trainer("32-true", epochs=2, max_steps=4)
    first.fit(part)
    first.save_checkpoint(tmp_path / "half.ckpt")
    again = small(steps_per_epoch=4)
    trainer("32-true", epochs=2).fit(again, ckpt_path=tmp_path / "half.ckpt")
    assert torch.equal(again.net.weight, whole.net.weight) and torch.equal(again.phase.chains, whole.phase.chains)


def test_a_tenth_of_a_file_is_kept_for_the_evaluation(trainer, tmp_path):
    system = BarsAndStripes(3)
    x = system.draw(500, torch.Generator().manual_seed(1))
    np.savez(tmp_path / "patterns.npz", x=x.numpy())
    model = small(system, data_file=str(tmp_path / "patterns.npz"), data_size=100_000, steps_per_epoch=4)
    trainer("32-true").fit(model)
    assert torch.equal(model.pool[0], x[:450]) and torch.equal(model.fresh_samples(), x[450:])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"negative": "gibbs"}, "^negative must be one of"),
        ({"hidden": 0}, "^hidden must be"),
        ({"sweeps": 0}, "^sweeps must be"),
        ({"chains": 1}, "^chains must be"),
        ({"optimizer": "lbfgs"}, "^optimizer must be one of"),
        ({"biases": "no"}, "^biases must be"),
        ({"negative": "exact", "sweeps": 2}, "^sweeps has no effect with negative exact"),
        ({"negative": "cd", "chains": 9}, "^chains has no effect with negative cd"),
        (
            {"system": Ising2D(5), "hidden": 21, "negative": "exact"},
            r"^hidden must be at most 20 .* 2\^21 = 2.1e\+06 states, got 21; take pcd",
        ),
        ({"system": Ising2D(5), "hidden": 21, "temperatures": 1}, "^temperatures must be"),
        ({"temperatures": 9}, "^temperatures has no effect where the smaller layer has at most 20 units"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(InputError, match=words):
        BoltzmannMachine(**{"system": Ising2D(3), **arguments})


def one_hidden_spin_a_bond(size, beta):
    """The machine that is the Ising model on a torus, and ln A of a bond: 2 cosh(w (s + s')) = A exp(beta s s')."""
    width = 0.5 * math.acosh(math.exp(2 * beta))
    model = BoltzmannMachine(Ising2D(size, beta=beta), hidden=2 * size**2, temperatures=100).double()
    site = torch.arange(size**2).view(size, size)
    ends = torch.cat([torch.stack([site, site.roll(-1, axis)], -1).view(-1, 2) for axis in (0, 1)])
    with torch.no_grad():
        model.net.weight.zero_()
        model.net.weight[ends.flatten(), torch.arange(len(ends)).repeat_interleave(2)] = width
    return model, math.log(2 * math.cosh(2 * width)) - beta


def test_ln_z_of_layers_too_large_to_enumerate():
    """100 visible and 200 hidden units, against Kaufman's formula."""
    model, constant = one_hidden_spin_a_bond(10, 0.3)
    states = model.annealed_states()
    exact = kaufman(10, 10, 0.3).log_z + 200 * constant
    assert abs(float(states.log_z) - exact) < 3 * states.log_z_error < 0.5


def test_a_machine_too_large_to_enumerate_is_measured_with_the_error_of_its_ln_z():
    model, constant = one_hidden_spin_a_bond(5, 0.3)
    assert model.guarantee == "estimate" and not model.enumerable
    found = model.observe(samples=4000, seed=2)
    known = {r.quantity: r.value for r in model.system.references()}
    bound = found["log_likelihood"]
    assert abs(bound.value - known["log_likelihood"]) < 4 * bound.error and model.log_z_error < bound.error
    assert abs(found["forward_kl"].value) < 4 * model.log_z_error  # p is exact: only ln Z is uncertain
    exact = kaufman(5, 5, 0.3).log_z + 50 * constant
    assert abs(found["log_z_machine"].value - exact) < 4 * found["log_z_machine"].error
    # weights of whole paths are those of the target, for any number of steps
    assert abs(found["free_energy_importance"].value - known["free_energy"]) < 4 * found["free_energy_importance"].error
    assert found["free_energy"].value > known["free_energy"]
    assert not model.result.is_bound and model.result.alarm() is None
    assert any("2^25 states are not listed" in note for note in model.result.notes)


def test_the_gradient_of_an_estimated_ln_z_is_a_mean_over_draws(monkeypatch, generator):
    """Of a machine that can be enumerated too."""
    model = small(hidden=6).double()
    with torch.no_grad():
        model.net.weight.normal_(0, 0.3, generator=generator)
    (exact,) = torch.autograd.grad(model.log_z(), model.net.weight)
    exact_z = float(model.states().log_z)
    monkeypatch.setattr("physgen.models.partitioned_machine.MOST_UNITS", 2)
    monkeypatch.setattr("physgen.models.annealed_boltzmann.AnnealedBoltzmann.__init__.__defaults__", (4000,))
    model._states, model.temperatures = None, 20
    found = model.log_z()
    (slope,) = torch.autograd.grad(found, model.net.weight)
    assert abs(float(found.detach()) - exact_z) < 4 * model.log_z_error < 0.1
    assert (slope - exact).abs().max() < 5 / 4000**0.5


def test_what_is_measured_does_not_depend_on_the_error_that_is_asked_for(caplog):
    model = small(data_size=64)
    model.observe(samples=1000, seed=1, until_error=1e-9)
    assert model.result.quantity == "log_likelihood" and model.result.diagnostics["samples"] == 1000
    assert "evaluation.until_error has no effect on BoltzmannMachine" in caplog.text
    assert not any("until_error" in note for note in model.result.notes)


def test_the_usual_number_of_hidden_units_fits_the_visible_ones():
    assert len(BoltzmannMachine(Ising2D(5)).net.b) == 32
    assert len(BoltzmannMachine(ClassicalDot(2)).net.b) == 16
    assert BoltzmannMachine(ClassicalDot(2)).enumerable


def test_data_that_no_unit_can_hold_is_refused(tmp_path):
    np.savez(tmp_path / "bits.npz", x=np.random.default_rng(0).integers(2, size=(32, 3, 3)).astype(np.float32))
    with pytest.raises(InputError, match="must be one of -1, 1, got 0"):
        BoltzmannMachine(Ising2D(3), data_file=str(tmp_path / "bits.npz"))
    with pytest.raises(InputError, match="x in data_file .* must be real of shape"):
        BoltzmannMachine(Ising2D(4), data_file=str(tmp_path / "bits.npz"))
    assert BoltzmannMachine(BarsAndStripes(3), data=SpinFlip()).data.spec() == SpinFlip().spec()
