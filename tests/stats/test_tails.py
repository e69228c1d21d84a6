import math

import pytest
import torch

from physgen.stats import tails


def test_a_known_outlier():
    """99 values of +-1 and one of 1001: it is clipped to five deviations, and moves the mean by what is cut off."""
    values = torch.tensor([1.0, -1.0] * 49 + [1.0, 1001.0], dtype=torch.float64)
    off = values - values.median()
    edge = 5 * off.abs().mean().item()
    found = tails(values)
    assert found["tail_fraction"] == pytest.approx(0.01)
    assert found["tail_shift"] == pytest.approx((edge - off.max().item()) / 100)
    assert found["tail_largest"] == pytest.approx(((1001 - values.mean()) / values.std()).item())


def test_normal_numbers_have_light_tails(generator):
    """Five mean absolute deviations of a normal number are 3.99 standard deviations."""
    values = torch.randn(400_000, generator=generator, dtype=torch.float64)
    expected = math.erfc(5 * math.sqrt(2 / math.pi) / math.sqrt(2))
    found = tails(values)
    assert found["tail_fraction"] == pytest.approx(expected, abs=4 * math.sqrt(expected / 400_000))
    assert abs(found["tail_shift"]) < 1e-4 and 4 < found["tail_largest"] < 6.5


def test_degenerate_samples():
    for values in ([], [2.0], [3.0] * 10, [math.nan, math.inf, 1.0]):
        found = tails(torch.tensor(values, dtype=torch.float64))
        assert found == {"tail_fraction": 0.0, "tail_shift": 0.0, "tail_largest": 0.0}
