"""Annealed importance sampling on densities that are far from perfect: Z is right, and more draws count."""

import pytest
import torch

from physgen.cli.completion import with_bridges
from physgen.core.errors import InputError
from physgen.models import AutoregressiveLattice, ClusterAutoregressive, FieldCouplingFlow, InvertibleMLPFlow
from physgen.runs.evaluation import Evaluation
from physgen.systems import ClassicalDot, DoubleWellCluster, Ising2D, ScalarPhi4


def untrained(system, kind, **arguments):
    torch.manual_seed(1)
    return kind(system, **arguments)


@pytest.mark.parametrize(
    ("model", "bridges"),
    [
        (untrained(ScalarPhi4(2), FieldCouplingFlow, layers=2, channels=2), 16),
        (untrained(ClassicalDot(2, beta=2.0), InvertibleMLPFlow, hidden=[8], layers=2), 12),
    ],
    ids=["phi4", "dot"],
)
def test_z_and_energies_are_right_and_more_draws_count(model, bridges):
    result = model.evaluate(Evaluation(samples=3000, batch=1000, anneal=bridges, seed=2))
    exact = {r.quantity: r.value for r in model.system.references() if r.exact}
    for name in ("free_energy", "energy"):
        found = result.estimates[f"{name}_annealed"]
        assert abs(found.value - exact[name]) < 4 * found.error < 0.5, name
    before, after = (1 / result.diagnostics[name] - 1 for name in ("ess", "annealed_ess"))  # variances of the weights
    assert after < 0.6 * before
    assert 0.3 < result.diagnostics["annealed_acceptance"] < 1
    assert any(note.startswith(f"annealed by {bridges} bridging temperatures") for note in result.notes)


def test_draws_of_the_evaluation_stay_the_same():
    model = untrained(ScalarPhi4(2), FieldCouplingFlow, layers=2, channels=2)
    plain, bridged = (model.evaluate(Evaluation(samples=400, batch=200, anneal=n)) for n in (0, 2))
    assert plain.estimates["free_energy"] == bridged.estimates["free_energy"]
    assert plain.estimates["free_energy_importance"] == bridged.estimates["free_energy_importance"]


def test_a_density_that_is_not_normalised_is_an_alarm():
    """An overconfident ln p, too low by 0.2: the reweighted F of DW4 cannot be right."""
    model = ClusterAutoregressive(DoubleWellCluster(3), knots=64, hidden=4)
    model.log_volume += 0.2
    result = model.evaluate(Evaluation(samples=2000, batch=500))
    said = result.alarm() or ""
    assert "ALARM" in said and "free_energy_importance" in said


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: Evaluation(anneal=-1), "evaluation.anneal must be an integer from 0"),
        (lambda: Evaluation(anneal=2.5), "evaluation.anneal must be"),
        (
            lambda: AutoregressiveLattice(Ising2D(3, beta=0.2), width=4).evaluate(
                Evaluation(samples=20, batch=10, anneal=3)
            ),
            "evaluation.anneal must be 0 where configurations are whole numbers",
        ),
    ],
)
def test_bad_bridges_are_refused_in_one_line(make, name):
    with pytest.raises(InputError, match=name) as refusal:
        make()
    assert "\n" not in str(refusal.value)


def test_the_short_name_of_the_option():
    assert with_bridges(["x", "--anneal", "3"]) == ["x", "--evaluation.anneal", "3"]
    assert with_bridges(["--anneal=3", "--annealing"]) == ["--evaluation.anneal=3", "--annealing"]
