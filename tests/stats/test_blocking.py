import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.stats import blocked_error, split_rhat


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(32768,), (4096, 8), (333, 100)])
def test_error_of_ar1(ar1, rho, shape):
    result = blocked_error(ar1(*shape, rho=rho))
    exact = math.sqrt((1 + rho) / (1 - rho) / math.prod(shape))
    assert float(result.error) == pytest.approx(exact, rel=0.25)
    assert abs(float(result.mean)) < 4 * exact
    assert float(result.variance) == pytest.approx(1.0, rel=0.15)


def test_error_is_unbiased_over_repeats(ar1):
    rho, steps, chains, repeats = 0.9, 1024, 8, 60
    series = ar1(steps, repeats, chains, rho=rho)
    results = [blocked_error(series[:, i]) for i in range(repeats)]
    exact = math.sqrt((1 + rho) / (1 - rho) / (steps * chains))
    assert float(torch.stack([r.error for r in results]).square().mean().sqrt()) == pytest.approx(exact, rel=0.1)
    assert sum(r.converged for r in results) > 0.9 * repeats


def test_criterion_picks_the_block_size(ar1):
    white = blocked_error(ar1(4096, 2))
    slow = blocked_error(ar1(4096, 2, rho=0.9))
    assert white.converged and slow.converged
    assert 16 <= white.block_size <= 64  # B^3 > 2 * 8192
    assert slow.block_size >= 128  # B^3 > 2 * 8192 * 19^2


def test_unmixed_chains_have_the_error_of_their_means(ar1):
    series = ar1(4096, 8, rho=0.5) + torch.linspace(-3, 3, 8, dtype=torch.float64)
    result = blocked_error(series)
    assert not result.converged
    assert result.block_size == 4096
    assert float(result.error) == pytest.approx(float(series.mean(0).std()) / math.sqrt(8), rel=1e-12)


def test_slightly_unmixed_chains_are_not_underestimated(ar1):
    # R-hat is below 1.1, yet the error is twelve times that of mixed chains.
    series = ar1(4096, 16) + 0.2 * ar1(1, 16)
    result = blocked_error(series)
    assert split_rhat(series) < 1.1 and not result.converged
    assert float(result.error) == pytest.approx(float(series.mean(0).std()) / 4, rel=1e-12)


def test_short_single_chain_says_so(ar1):
    series = ar1(64, rho=0.95)
    result = blocked_error(series)
    assert not result.converged
    assert result.error >= series.std() / 8


def test_one_step_of_independent_chains(ar1):
    series = ar1(1, 5000)
    result = blocked_error(series)
    assert result.converged and result.block_size == 1
    assert float(result.error) == pytest.approx(float(series.std()) / math.sqrt(5000), rel=1e-12)


@pytest.mark.parametrize("shape", [(2,), (1, 9), (17,), (17, 9), (1024, 2)])
def test_constant_series_has_no_error(shape):
    result = blocked_error(torch.full(shape, 0.1, dtype=torch.float64))
    assert (result.mean, result.error, result.variance, result.converged) == (0.1, 0, 0, True)


def test_one_value_has_an_unknown_error():
    result = blocked_error(torch.tensor([3.0]))
    assert result.mean == 3 and result.error.isnan() and result.variance.isnan() and not result.converged


def test_large_offset_does_not_cancel(ar1):
    noise = ar1(1000, 4)
    plain, shifted = blocked_error(noise), blocked_error(1e6 + 1e-3 * noise)
    assert float(shifted.variance) == pytest.approx(1e-6 * float(plain.variance), rel=1e-6)
    assert float(shifted.error) == pytest.approx(1e-3 * float(plain.error), rel=1e-6)


def test_single_precision_input_is_widened(ar1):
    series = ar1(100, 3).float()
    assert float(blocked_error(series).mean) == pytest.approx(float(series.double().mean()), rel=1e-13)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_diverged_values_show(ar1, bad):
    series = ar1(64, 4)
    series[10, 2] = bad
    result = blocked_error(series)
    assert result.error.isnan() and not result.converged and not result.mean.isfinite()


def test_wrong_shape():
    with pytest.raises(InputError, match="series"):
        blocked_error(torch.zeros(2, 3, 4))
