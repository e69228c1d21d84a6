import math

import pytest
import torch

from physgen.core.errors import InputError
from physgen.stats import autocorrelation as module
from physgen.stats import autocovariance, integrated_autocorrelation_time, split_rhat


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(20000,), (2500, 80)])
def test_tau_of_ar1(ar1, rho, shape):
    tau, exact = integrated_autocorrelation_time(ar1(*shape, rho=rho)), (1 + rho) / (1 - rho)
    assert float(tau) == pytest.approx(exact, rel=3 * math.sqrt((20 * exact + 2) / math.prod(shape)))
    assert tau >= 1


def test_autocovariance_is_the_direct_sum(ar1, monkeypatch):
    series = ar1(37, 5, rho=0.5) + 100.0
    deviation = series - series.mean()
    direct = torch.stack([(deviation[: 37 - t] * deviation[t:]).sum() / deviation.numel() for t in range(37)])
    torch.testing.assert_close(autocovariance(series), direct, rtol=1e-12, atol=1e-13)
    monkeypatch.setattr(module, "CHUNK_ENTRIES", 300)  # two chains at a time
    torch.testing.assert_close(autocovariance(series), direct, rtol=1e-12, atol=1e-13)


def test_tau_ignores_offset_and_scale(ar1):
    series = ar1(500, 4, rho=0.5)
    tau = integrated_autocorrelation_time(series)
    assert float(integrated_autocorrelation_time(1e6 + 1e-3 * series)) == pytest.approx(float(tau), rel=1e-5)


def test_tau_of_frozen_chains_is_the_run(ar1):
    frozen = ar1(1, 50).expand(64, 50)
    assert float(integrated_autocorrelation_time(frozen)) == pytest.approx(64.0)


@pytest.mark.parametrize("shape", [(1,), (1, 7), (2, 1), (100,), (100, 3)])
def test_constant_series(shape):
    series = torch.full(shape, 0.1, dtype=torch.float64)
    assert integrated_autocorrelation_time(series) == 1
    assert split_rhat(series) == 1


def test_antithetic_chain_is_clamped(ar1):
    assert integrated_autocorrelation_time(ar1(2000, rho=-0.9)) == 1


@pytest.mark.parametrize("shape", [(4000,), (1001, 4)])
def test_rhat_near_one_when_mixed(ar1, shape):
    assert float(split_rhat(ar1(*shape, rho=0.5))) == pytest.approx(1.0, abs=0.01)


def test_rhat_flags_disagreement_and_drift(ar1):
    series = ar1(500, 4)
    assert split_rhat(series + torch.tensor([0.0, 0.0, 0.0, 3.0])) > 1.3
    assert split_rhat(series[:, 0] + torch.linspace(0, 5, 500)) > 1.3
    assert split_rhat(torch.tensor([[0.0, 1.0]] * 10)) == math.inf


def test_rhat_by_hand():
    # Halves (0, 2), (4, 6), (1, 1), (3, 5): W = (2 + 2 + 0 + 2)/4, V = var(1, 5, 1, 4) = 4.25; h = 2.
    series = torch.tensor([[0.0, 1.0], [2.0, 1.0], [4.0, 3.0], [6.0, 5.0]])
    assert float(split_rhat(series)) == pytest.approx(math.sqrt(0.5 + 4.25 / 1.5), rel=1e-12)


def test_rhat_of_few_steps_is_unknown(ar1):
    assert split_rhat(ar1(3, 8)).isnan()


@pytest.mark.parametrize("bad", [torch.zeros(0), torch.zeros(2, 2, 2), torch.tensor(1.0), torch.zeros(3, 0)])
def test_wrong_shapes(bad):
    for function in (autocovariance, integrated_autocorrelation_time, split_rhat):
        with pytest.raises(InputError, match="series"):
            function(bad)


def test_wrong_types():
    with pytest.raises(InputError, match="real"):
        split_rhat(torch.zeros(8, dtype=torch.complex128))
    with pytest.raises(InputError, match="tensor"):
        split_rhat([1.0, 2.0])
