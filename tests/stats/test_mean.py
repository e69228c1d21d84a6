import copy
import math
import pickle

import pytest
import torch

from physgen.core.errors import InputError
from physgen.stats import BlockedMean, blocked_error, integrated_autocorrelation_time, precision, split_rhat


def metric_of(*values):
    metric = BlockedMean()
    for value in values:
        metric.update(value)
    return metric


def assert_same(result, expected, rtol=1e-12):
    assert set(result) == {"mean", "error", "variance", "tau", "rhat", "count"}
    torch.testing.assert_close(result, expected, rtol=rtol, atol=1e-14)


def test_result_is_that_of_the_functions(ar1):
    series = ar1(200, 5, rho=0.5)
    result, blocked = metric_of(series).compute(), blocked_error(series)
    assert (result["mean"], result["error"], result["variance"]) == (blocked.mean, blocked.error, blocked.variance)
    assert result["tau"] == integrated_autocorrelation_time(series)
    assert result["rhat"] == split_rhat(series)
    assert result["count"] == 1000
    assert all(entry.dtype == torch.float64 and entry.ndim == 0 for entry in result.values())


def test_any_split_into_batches_is_the_same(ar1):
    series = ar1(64, 6, rho=0.5)
    whole = metric_of(series).compute()
    assert_same(metric_of(*series).compute(), whole)
    assert_same(metric_of(series[0], series[1:30], series[30], series[31:]).compute(), whole)


def test_ranks_stand_side_by_side(ar1, synced):
    series = ar1(64, 8, rho=0.5)
    ranks = [metric_of(*series[:, :3]), metric_of(series[:, 3:])]  # other chains, and another number of updates
    metric = synced(*ranks)
    assert_same(metric.compute(), metric_of(series).compute())
    assert metric.series().shape == (64, 3)  # the rank's own again, ready for more


def test_rank_without_values_is_left_out(ar1, synced):
    series = ar1(64, 3)
    assert_same(synced(metric_of(series), BlockedMean()).compute(), metric_of(series).compute())
    with pytest.warns(UserWarning, match="before the ``update``"):
        assert_same(synced(BlockedMean(), metric_of(series)).compute(), metric_of(series).compute())


def test_ranks_of_different_length_are_refused(ar1, synced):
    metric = synced(metric_of(ar1(64, 3)), metric_of(ar1(63, 3)))
    with pytest.raises(InputError, match="same on all ranks"):
        metric.compute()


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_intervals_cover(ar1, rho):
    repeats, steps, chains = 300, 512, 8
    series = ar1(steps, repeats, chains, rho=rho)
    covered = 0
    for i in range(repeats):
        result = metric_of(series[:, i]).compute()
        covered += abs(float(result["mean"])) < 1.96 * float(result["error"])
    assert 0.90 <= covered / repeats <= 0.98


def test_large_offset_does_not_cancel(ar1):
    result = metric_of(*(1e6 + 1e-3 * ar1(500, 4))).compute()
    assert float(result["variance"]) == pytest.approx(1e-6, rel=0.1)
    assert float(result["error"]) == pytest.approx(1e-3 / math.sqrt(2000), rel=0.2)


def test_reused_memory_is_copied(ar1):
    series = ar1(10, 4)
    metric, walkers = BlockedMean(), torch.empty(4, dtype=torch.float64)
    for step in series:
        metric.update(walkers.copy_(step))
    assert torch.equal(metric.series(), series)


def test_forward_is_the_batch_and_keeps_the_run(ar1):
    series = ar1(40, 4)
    metric = BlockedMean()
    assert_same(metric(series[:20]), metric_of(series[:20]).compute())
    assert_same(metric(series[20:]), metric_of(series[20:]).compute())
    assert_same(metric.compute(), metric_of(series).compute())


def test_reset_copy_and_pickle(ar1):
    series = ar1(40, 4)
    metric = metric_of(series)
    for twin in (copy.deepcopy(metric), pickle.loads(pickle.dumps(metric))):
        assert_same(twin.compute(), metric.compute())
    metric.reset()
    metric.update(series[:, :2])  # another number of chains
    assert_same(metric.compute(), metric_of(series[:, :2]).compute())


def test_state_dict_is_empty_and_gradient_is_cut(ar1):
    metric = metric_of(ar1(10, 4).requires_grad_())
    assert metric.state_dict() == {}
    assert not metric.compute()["mean"].requires_grad


def test_states_keep_double_precision(ar1):
    series = ar1(10, 4)
    metric = metric_of(series)
    model = torch.nn.Sequential(metric).to(torch.bfloat16).half()
    assert torch.equal(metric.series(), series) and model[0].dtype == torch.float64
    metric.update(series[0].float())
    assert metric.series().dtype == torch.float64


def test_states_narrow_where_there_is_no_double(ar1, monkeypatch):
    monkeypatch.setattr(precision, "NARROW_DEVICES", {"meta"})  # stands for mps
    metric = metric_of(ar1(10, 4)).to("meta")
    assert metric.dtype == torch.float32 and metric.values[0].dtype == torch.float32
    assert metric.values[0].device.type == "meta"


def test_wrong_use(ar1):
    metric = BlockedMean()
    with pytest.raises(InputError, match="updated before compute"), pytest.warns(UserWarning):
        metric.compute()
    for bad in (torch.tensor(1.0), torch.zeros(0), torch.zeros(2, 2, 2)):
        with pytest.raises(InputError, match="values must be"):
            metric.update(bad)
    metric.update(torch.zeros(4))
    with pytest.raises(InputError, match="of 4 chains"):
        metric.update(torch.zeros(5))
