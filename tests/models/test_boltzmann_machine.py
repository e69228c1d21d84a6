"""Boltzmann machines that learn from samples, against sums over all states."""

import numpy as np
import pytest
import torch

from physgen.core.enumeration import every_state
from physgen.core.errors import InputError
from physgen.models import BoltzmannMachine
from physgen.objectives.contrastive_divergence import negative_phase
from physgen.samplers import MALA, SpinFlip
from physgen.systems import BarsAndStripes, ClassicalDot, Ising2D


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
        ({"system": Ising2D(5), "hidden": 21}, r"^hidden must be at most 20 .* 2\^21 = 2.1e\+06 states, got 21"),
    ],
)
def test_bad_arguments_are_named(arguments, words):
    with pytest.raises(InputError, match=words):
        BoltzmannMachine(**{"system": Ising2D(3), **arguments})


def test_data_that_no_unit_can_hold_is_refused(tmp_path):
    np.savez(tmp_path / "bits.npz", x=np.random.default_rng(0).integers(2, size=(32, 3, 3)).astype(np.float32))
    with pytest.raises(InputError, match="must be one of -1, 1, got 0"):
        BoltzmannMachine(Ising2D(3), data_file=str(tmp_path / "bits.npz"))
    with pytest.raises(InputError, match="x in data_file .* must be real of shape"):
        BoltzmannMachine(Ising2D(4), data_file=str(tmp_path / "bits.npz"))
    assert BoltzmannMachine(BarsAndStripes(3), data=SpinFlip()).data.spec() == SpinFlip().spec()
