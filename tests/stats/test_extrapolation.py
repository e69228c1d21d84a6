import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.stats.extrapolation import extrapolate


@pytest.mark.parametrize("errors", [[0.0] * 4, [0.1, 0.2, 0.3, 0.05]])
@pytest.mark.parametrize("order", [1, 2])
def test_polynomials_are_found(order, errors):
    x = [0.1, 0.2, 0.4, 0.7]
    y = [3 - 2 * v + (5 * v**2 if order == 2 else 0) for v in x]
    found = extrapolate(x, y, errors, order)
    assert found.value == pytest.approx(3, abs=1e-12) and found.slope == pytest.approx(-2, abs=1e-10)
    assert (found.error == 0) == (errors[0] == 0)
    assert math.isnan(found.chi_square) if errors[0] == 0 else found.chi_square < 1e-20


def test_two_points_by_hand():
    found = extrapolate([1.0, 3.0], [10.0, 14.0], [0.2, 0.5])
    # (3 y1 - y2)/2
    assert found.value == pytest.approx(8) and found.error == pytest.approx(math.hypot(1.5 * 0.2, 0.5 * 0.5))
    assert math.isnan(found.chi_square)


def test_the_error_is_the_scatter_and_chi_square_is_one(generator):
    x, errors = [0.02, 0.05, 0.11, 0.2], torch.tensor([0.3, 0.1, 0.2, 0.1], dtype=torch.float64)
    noise = torch.randn(2000, 4, generator=generator, dtype=torch.float64) * errors
    found = [extrapolate(x, [1 + v + float(n) for v, n in zip(x, row, strict=True)], errors.tolist()) for row in noise]
    values = torch.tensor([f.value for f in found], dtype=torch.float64)
    assert float(values.std()) == pytest.approx(found[0].error, rel=4 / math.sqrt(2 * 2000))
    assert float(values.mean()) == pytest.approx(1, abs=4 * found[0].error / math.sqrt(2000))
    assert sum(f.chi_square for f in found) / 2000 == pytest.approx(1, abs=4 / math.sqrt(2000))


@pytest.mark.parametrize(
    "arguments",
    [([1.0], [1.0], [1.0]), ([1.0, 1.0], [1.0, 2.0], [1.0, 1.0]), ([1.0, 2.0], [1.0], [1.0, 1.0]),
     ([1.0, 2.0], [1.0, 2.0], [1.0, 0.0]), ([1.0, 2.0], [1.0, 2.0], [1.0, -1.0]),
     ([1.0, 2.0], [1.0, math.nan], [1.0, 1.0]), ([1.0, 2.0], [1.0, 2.0], [1.0, 1.0], 0)],
)  # fmt: skip
def test_bad_input(arguments):
    with pytest.raises(InputError) as refusal:
        extrapolate(*arguments)
    assert "\n" not in str(refusal.value)
