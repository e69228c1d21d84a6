import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.stats import deviation, with_error


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (3.00012, 0.00021, "3.0001(2)"),
        (162.4838, 0.0031, "162.484(3)"),
        (20.159, 0.11, "20.16(11)"),
        (1234.4, 12.3, "1234(12)"),
        (1234.4, 42.0, "1230(40)"),
        (1234.4, 123.0, "1230(120)"),
        (20.159, 1.46, "20.2(1.5)"),
        (20.159, 2.4, "20(2)"),
        (1.0, 0.0096, "1.000(10)"),
        (1.0, 0.0196, "1.000(20)"),
        (1.0, 0.3, "1.0(3)"),
        (1.0, 0.1, "1.00(10)"),
        (19.97, 0.96, "20.0(1.0)"),
        (-3.00012, 0.00021, "-3.0001(2)"),
        (-0.0001, 0.02, "0.00(2)"),
        (0.0, 0.5, "0.0(5)"),
        (0.02, 5.0, "0(5)"),
        (1.234e-7, 4e-9, "1.23(4)e-07"),
        (2e-9, 3.4e-7, "0(3)e-07"),
        (-1.2345e20, 2e17, "-1.234(2)e+20"),
        (3.0, 0.0, "3.0000"),
        (0.0, 0.0, "0.0000"),
        (1.5e-7, 0.0, "1.5000e-07"),
        (3.0, 1e-30, "3.0000"),
        (3.0, math.nan, "3.0000(nan)"),
        (3.0, math.inf, "3.0000(inf)"),
        (math.nan, 0.1, "nan"),
        (-math.inf, math.nan, "-inf"),
    ],
)
def test_notation(value, error, text):
    assert with_error(value, error) == text


def test_digits_and_tensors():
    assert with_error(3.00012, 0.00021, digits=2) == "3.00012(21)"
    assert with_error(torch.tensor(3.00012, dtype=torch.float64), torch.tensor(0.00021)) == "3.0001(2)"


def test_wrong_input():
    with pytest.raises(InputError, match="error"):
        with_error(1.0, -0.1)
    with pytest.raises(InputError, match="digits"):
        with_error(1.0, 0.1, digits=0)
    with pytest.raises(InputError, match="reference_error"):
        deviation(1.0, 0.1, 1.0, -0.1)


def test_deviation():
    assert deviation(3.5, 0.3, 3.0, 0.4) == pytest.approx(1.0)
    assert deviation(2.0, 0.5, 3.0, 0.0) == -2.0
    assert deviation(3.0, 0.0, 3.0, 0.0) == 0.0
    assert deviation(3.1, 0.0, 3.0, 0.0) == math.inf
    assert deviation(2.9, 0.0, 3.0) == -math.inf
    assert deviation(2.0, math.inf, 3.0) == 0.0
    assert deviation(-math.inf, 0.1, 3.0) == -math.inf
    assert math.isnan(deviation(2.0, math.nan, 3.0)) and math.isnan(deviation(math.nan, math.inf, 3.0))
