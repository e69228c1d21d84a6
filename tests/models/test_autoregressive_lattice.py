"""Autoregressive density of spins against sums over all states."""

import pytest
import torch

from physgen.core.enumeration import every_state
from physgen.core.errors import InputError
from physgen.models import AutoregressiveLattice
from physgen.systems import ClassicalDot, Ising2D, SpinGlass


def exact(system):
    x = every_state(system.n, (-1.0, 1.0)).view(-1, *system.shape)
    return x, (-system.beta * system.energy(x)).log_softmax(0)


@pytest.mark.parametrize("system", [Ising2D(4), SpinGlass(3, boundary="open", beta=2.0)], ids=lambda s: s.label)
def test_training_without_data_finds_the_law(system, trainer):
    torch.manual_seed(1)
    model = AutoregressiveLattice(system, width=16, batch_size=128, steps_per_epoch=250, learning_rate=1e-2)
    trainer("32-true").fit(model)
    model = model.double()
    x, log_p = exact(system)
    with torch.no_grad():
        log_q = model.log_prob(x)
    assert abs(log_q.logsumexp(0)) < 1e-10
    assert 0 <= (log_q.exp() * (log_q - log_p)).sum() < 0.01
    found = model.observe(samples=4000, seed=2)
    free, reference = found["free_energy"], model.result.reference
    assert free.value > reference.value - 3 * free.error and model.result.alarms == []
    assert abs(found["free_energy_importance"].value - reference.value) < 4 * found["free_energy_importance"].error
    assert model.result.diagnostics["ess"] > 0.97


def test_a_tree_needs_no_training():
    """Two columns with open ends have no loop in their first row: a ladder of two rows is nearly one, a chain is one."""
    glass = SpinGlass(2, boundary="open", beta=1.5)
    matrix = glass.coupling_matrix()
    assert (matrix != 0).sum() == 8
    model = AutoregressiveLattice(Ising2D(4, beta=1e-6)).double()
    x, log_p = exact(model.system)
    with torch.no_grad():
        assert torch.allclose(model.log_prob(x), log_p, atol=1e-4)


def test_the_hamiltonians_term_follows_beta_and_travels_in_checkpoints(trainer, tmp_path):
    model = AutoregressiveLattice(Ising2D(3), width=4, batch_size=8, steps_per_epoch=10, anneal_fraction=1.0)
    run = trainer("32-true")
    run.fit(model)
    assert 0.9 * 0.44 > model.net.beta > 0.1 * 0.44
    run.save_checkpoint(tmp_path / "model.ckpt")
    again = AutoregressiveLattice.load_from_checkpoint(tmp_path / "model.ckpt")
    assert again.net.beta == model.net.beta


def test_systems_without_spins_are_refused():
    with pytest.raises(InputError, match="^space of system must be Lattice for AutoregressiveLattice"):
        AutoregressiveLattice(ClassicalDot(2))
