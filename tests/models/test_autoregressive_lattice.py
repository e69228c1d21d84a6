"""Autoregressive density of spins against sums over all states."""

import pytest
import torch

from physgen.core.enumeration import every_state
from physgen.core.errors import InputError
from physgen.models import AutoregressiveLattice, GroupAverage
from physgen.systems import ClassicalDot, Ising2D, SpinGlass


def exact(system):
    x = every_state(system.n, (-1.0, 1.0)).view(-1, *system.shape)
    return x, (-system.beta * system.energy(x)).log_softmax(0)


@pytest.mark.parametrize("system", [Ising2D(3), SpinGlass(3, boundary="open", beta=2.0)], ids=lambda s: s.label)
def test_training_without_data_finds_the_law(system, trainer):
    torch.manual_seed(1)
    model = AutoregressiveLattice(system, width=8, batch_size=128, steps_per_epoch=300, learning_rate=2e-2)
    trainer("32-true").fit(model)
    model = model.double()
    x, log_p = exact(system)
    with torch.no_grad():
        log_q = model.log_prob(x)
    assert abs(log_q.logsumexp(0)) < 1e-10
    assert 0 <= (log_q.exp() * (log_q - log_p)).sum() < 0.01
    found = model.observe(samples=3000, seed=2)
    free, reference = found["free_energy"], model.result.reference
    assert free.value > reference.value - 3 * free.error and model.result.alarms == []
    assert abs(found["free_energy_importance"].value - reference.value) < 4 * found["free_energy_importance"].error
    assert model.result.diagnostics["ess"] > 0.97


def test_without_coupling_or_training_every_spin_is_a_fair_coin():
    model = AutoregressiveLattice(Ising2D(3, beta=1e-6), width=4).double()
    x, log_p = exact(model.system)
    with torch.no_grad():
        assert torch.allclose(model.log_prob(x), log_p, atol=1e-4)


def test_the_hamiltonians_term_follows_beta_and_travels_in_checkpoints(trainer, tmp_path):
    model = AutoregressiveLattice(Ising2D(3), width=4, batch_size=8, steps_per_epoch=10, anneal_fraction=1.0)
    run = trainer("32-true")
    run.fit(model)
    assert 0.1 < model.net.share < 0.9
    run.save_checkpoint(tmp_path / "model.ckpt")
    again = AutoregressiveLattice.load_from_checkpoint(tmp_path / "model.ckpt")
    assert again.net.share == model.net.share


def test_systems_without_spins_are_refused():
    with pytest.raises(InputError, match="^space of system must be Lattice for AutoregressiveLattice"):
        AutoregressiveLattice(ClassicalDot(2))


@pytest.mark.parametrize(("group", "size"), [("square", 8), ("translation", 9), ("torus", 72)])
def test_averages_over_symmetries_of_the_lattice_are_exact(group, size, generator, agrees):
    system = Ising2D(3, beta=0.3)
    inner = AutoregressiveLattice(system, width=4)
    with torch.no_grad():
        for parameter in inner.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=generator))
    model = GroupAverage(system, group, inner).double()
    x, _ = exact(system)
    with torch.no_grad():
        log_q = model.log_prob(x)
        elements = system.space.group(group)
        assert len(elements.unique(dim=0)) == size and torch.equal(elements[0], torch.arange(9))
        for image in system.space.images(x, elements)[:9]:
            assert torch.allclose(model.log_prob(image), log_q) and torch.equal(system.energy(image), system.energy(x))
    assert abs(log_q.logsumexp(0)) < 1e-10
    drawn, log_prob = model.sample(200_000 // size, generator)
    assert torch.allclose(model.log_prob(drawn), log_prob)
    pair = drawn.flatten(1)[:, :1] * drawn.flatten(1)[:, 1:]
    agrees(pair, log_q.exp() @ (x.flatten(1)[:, :1] * x.flatten(1)[:, 1:]))


def test_groups_that_are_no_symmetry_are_refused():
    with pytest.raises(InputError, match="^group must be a symmetry of the system"):
        GroupAverage(SpinGlass(3), "square", AutoregressiveLattice(SpinGlass(3)))
    with pytest.raises(InputError, match="^group must be square on a lattice with edges"):
        GroupAverage(Ising2D(3, boundary="open"), "torus")
    with pytest.raises(InputError, match="^group must be one of square, translation, torus"):
        GroupAverage(Ising2D(3), "C4v")
