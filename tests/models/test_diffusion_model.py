"""Diffusion of particles: densities against integrals, weights of paths against Z, training against exact values."""

import math

import numpy as np
import pytest
import torch

from physgen.core.errors import InputError
from physgen.models import DiffusionModel, Model
from physgen.samplers import MALA
from physgen.systems import ClassicalDot, Ising2D, QuarticWell

PAIR = ClassicalDot(2, beta=2.0)


def small(system=PAIR, **arguments):
    torch.manual_seed(1)
    sizes = {"hidden": 8, "layers": 1, "batch_size": 64, "steps_per_epoch": 50}
    if arguments.get("objective") != "log_variance" and "data_file" not in arguments:
        sizes |= {"data": MALA(walkers=200, steps=20, warm_up_steps=100), "data_size": 4000}
    return DiffusionModel(system, **{**sizes, **arguments})


def moved(**arguments):
    model = small(**arguments).double()
    torch.manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model.eval()


@pytest.mark.parametrize("objective", ["score_matching", "log_variance"])
def test_weights_of_paths_are_unbiased_for_any_field(objective):
    model = moved(objective=objective, rungs=16)
    with torch.no_grad():
        model.ladder.widen.add_(0.5)
    x, log_prob = model.sample(8000, 3)
    exact = {r.quantity: r.value for r in PAIR.references()}
    weight = (-2 * (PAIR.energy(x) - exact["free_energy"]) - log_prob).exp()
    assert abs(weight.mean() - 1) < 4 * weight.std() / 8000**0.5 < 0.1
    energy = (weight * PAIR.energy(x)).mean()
    assert abs(energy - exact["energy"]) < 4 * (weight * PAIR.energy(x)).std() / 8000**0.5


def test_the_probability_flow_of_a_gaussian_gives_its_density():
    """Without a field the denoiser is that of a Gaussian, and the flow from the top of the ladder ends in it."""
    model = small(objective="log_variance", steps=20).double()
    x = PAIR.initial(20, torch.Generator().manual_seed(1), dtype=torch.float64)
    width = model.scale * math.sqrt(1 + model.ladder.narrowest**2)
    centre = x.mean(1, keepdim=True)
    square = (x - centre).square().sum((1, 2)) / width**2 + 2 * centre.square().sum((1, 2)) / (2 * PAIR.centre_width**2)
    expected = -0.5 * square - 2 * math.log(2 * math.pi) - 2 * math.log(width * PAIR.centre_width * 2**0.5)
    with torch.no_grad():
        torch.testing.assert_close(model.log_prob(x), expected, rtol=0, atol=1e-4)


def test_a_flow_learns_two_charges_from_samples(trainer):
    model = small(hidden=12, steps=3, learning_rate=5e-3, steps_per_epoch=200)
    trainer("32-true").fit(model)
    found = model.observe(samples=1000, seed=1)
    assert 0 <= found["kl"].value + 3 * found["kl"].error < 0.15
    assert model.result.diagnostics["ess"] > 0.8
    assert abs(model.result.diagnostics["step_halving"]) < 0.01
    assert model.result.guarantee == "checked" and model.result.is_bound and model.result.alarms == []
    exact = next(r.value for r in PAIR.references() if r.quantity == "free_energy")
    assert abs(found["free_energy_importance"].value - exact) < 3 * found["free_energy_importance"].error


def test_paths_learn_two_charges_without_data(trainer):
    model = small(objective="log_variance", steps=2, rungs=10, learning_rate=1e-2, steps_per_epoch=80)
    before = model.observe(samples=1000, seed=1)["kl"].value
    trainer("32-true").fit(model)
    after = model.observe(samples=1000, seed=1)
    assert after["kl"].value < 0.5 < before
    assert model.result.guarantee == "bound" and "trained on no data (reverse KL)" not in model.result.notes
    assert any("log-variance" in note for note in model.result.notes)


def test_a_denoiser_learns_two_charges_from_samples(trainer):
    model = small(objective="score_matching", steps=2, rungs=16, learning_rate=1e-2, steps_per_epoch=150)
    before = model.observe(samples=1000, seed=1)["kl"].value
    trainer("32-true").fit(model)
    assert model.observe(samples=1000, seed=1)["kl"].value < 0.5 * before


@pytest.mark.parametrize("objective", ["flow_matching", "log_variance"])
def test_resumed_training_goes_on_bit_for_bit(objective, trainer, tmp_path):
    whole, part = (small(objective=objective, steps_per_epoch=4) for _ in range(2))
    torch.manual_seed(5)
    trainer("32-true", epochs=2).fit(whole)
    torch.manual_seed(5)
    first = trainer("32-true", epochs=2, max_steps=4)
    first.fit(part)
    first.save_checkpoint(tmp_path / "half.ckpt")
    again = small(objective=objective, steps_per_epoch=4)
    torch.manual_seed(5)
    trainer("32-true", epochs=2).fit(again, ckpt_path=tmp_path / "half.ckpt")
    pairs = zip(again.parameters(), whole.parameters(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert type(Model.load_from_checkpoint(tmp_path / "half.ckpt")) is DiffusionModel


def test_p_is_invariant_under_the_symmetries(generator):
    model = moved(system=ClassicalDot(3, beta=2.0))
    x, log_prob = model.sample(20, 1)
    turn = torch.linalg.qr(torch.randn(2, 2, generator=generator, dtype=torch.float64))[0]
    torch.testing.assert_close(model.log_prob((x @ turn)[:, [2, 0, 1]]).detach(), log_prob)


def test_a_map_that_folds_is_no_bound():
    model = moved(steps=1)
    model.velocity = lambda x, time: 8.0 * torch.sin(4.0 * x)  # far too stiff for a step
    model.observe(samples=1000, seed=1)
    assert model.result.guarantee == "violated" and not model.result.is_bound
    assert model.result.notes[0].startswith("NOT A BOUND")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"objective": "flow"}, "^objective must be one of"),
        ({"hidden": 0}, "^hidden must be"),
        ({"layers": 2.5}, "^layers must be"),
        ({"steps": 0}, "^steps must be"),
        ({"objective": "log_variance", "rungs": 1}, "^rungs must be"),
        ({"rungs": 8}, "^rungs has no effect with objective flow_matching"),
        ({"anneal_from": 0.5}, "^anneal_from has no effect with objective flow_matching"),
        ({"objective": "log_variance", "data_size": 9}, "^data_size has no effect with objective log_variance"),
        ({"system": Ising2D(4)}, "^space of system must be Free"),
        ({"system": QuarticWell()}, "^system must be symmetric under"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(InputError, match=words) as refusal:
        DiffusionModel(**{"system": PAIR, **arguments})
    assert "\n" not in str(refusal.value)


def test_samples_of_a_file(trainer, tmp_path):
    x = PAIR.initial(300, torch.Generator().manual_seed(1)).numpy()
    np.savez(tmp_path / "x.npz", x=x)
    model = small(data_file=str(tmp_path / "x.npz"), steps_per_epoch=2)
    trainer("32-true").fit(model)
    assert torch.equal(model.pool[0], torch.from_numpy(x))
    with pytest.raises(InputError, match="must be real of shape"):
        DiffusionModel(ClassicalDot(3), data_file=str(tmp_path / "x.npz"))
