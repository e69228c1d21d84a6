"""A training that continues lowers what its checkpoint was trained by."""

import pytest

from physgen.core.errors import InputError
from physgen.models import SlaterJastrow
from physgen.models.followed_objective import FollowedObjective
from physgen.objectives import EnergyAndSpin, VariationalEnergy
from physgen.systems import QuantumDot


def test_another_objective_than_that_of_the_checkpoint_is_refused():
    model = SlaterJastrow(QuantumDot(6))
    assert isinstance(model.objective, VariationalEnergy)
    checkpoint = {"state_dict": model.state_dict(), "pytorch-lightning_version": "2.6.0"}
    model.on_save_checkpoint(checkpoint)
    assert checkpoint["objective"] == "VariationalEnergy"
    other = SlaterJastrow(QuantumDot(6))
    other.objective = EnergyAndSpin(5.0, 1.0)
    other.on_load_checkpoint(checkpoint)
    with pytest.raises(InputError, match="^objective must be VariationalEnergy, as in .* got 'EnergyAndS"):
        FollowedObjective.on_fit_start(other)


def test_only_objectives_are_taken():
    with pytest.raises(InputError, match="^objective must be an Objective"):
        SlaterJastrow(QuantumDot(6)).objective = "energy"
