import pytest
import torch

from physgen.core.errors import InputError
from physgen.stats import v_score


def test_formula():
    assert float(v_score(-4.0, 0.5, 8)) == pytest.approx(8 * 0.5 / 16)
    energy, variance = torch.tensor([3.0, 4.0]), torch.tensor([0.0, 0.2])
    torch.testing.assert_close(v_score(energy, variance, 2, zero=1.0), torch.tensor([0.0, 0.4 / 9]))


def test_independent_of_shift_and_unit():
    shifted = v_score(10 * (3.0 + 5.0), 100 * 0.1, 6, zero=10 * 5.0)
    assert float(shifted) == pytest.approx(float(v_score(3.0, 0.1, 6)))


def test_edges():
    assert v_score(0.0, 0.1, 2) == torch.inf
    with pytest.raises(InputError, match="n must be"):
        v_score(3.0, 0.1, 0)
