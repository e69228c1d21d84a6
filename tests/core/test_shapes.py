"""Shapes that annotations name: what differs from them is found."""

import pytest
import torch

from physgen.models import AutoregressiveMLP
from physgen.models.normalised import NormalisedModel
from physgen.spaces import Space
from physgen.systems import ClassicalDot, QuantumDot


def test_a_result_of_another_shape_is_found(shaped):
    class Summed(AutoregressiveMLP):
        def log_prob(self, x):
            return super().log_prob(x).sum()

    model = Summed(ClassicalDot(2, beta=2.0), hidden=4).double()
    x = torch.zeros(3, 2, 2, dtype=torch.float64)
    with pytest.raises(AssertionError, match="result of Summed.log_prob"):
        shaped(NormalisedModel, model, "log_prob", x)
    assert shaped(NormalisedModel, AutoregressiveMLP(model.system, hidden=4).double(), "log_prob", x).shape == (3,)


def test_axes_of_one_name_are_equal_within_a_call(shaped):
    space = QuantumDot(3).space

    class Cut(type(space)):
        def displacements(self, x):
            return super().displacements(x)[:, :2]

    x = torch.randn(4, 3, 2)
    assert shaped(Space, space, "displacements", x).shape == (4, 3, 3, 2)
    space.__class__ = Cut
    with pytest.raises(AssertionError, match="result of Cut.displacements"):
        shaped(Space, space, "displacements", x)
    with pytest.raises(AssertionError, match="x of Cut"):
        shaped(Space, space, "distances", x[0])
